import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { frameHead } from '../../../src/api/frames.ts';
import type { Outcome } from '../../../src/ingest/outcome.ts';
import { startServer } from '../../support/api-server.ts';
import { cli } from '../../support/fake-io.ts';
import { FakeNode, storeError, TOKEN, TXID } from '../../support/fake-modules.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** Something that begins like a BEEF, and is told from others by its last bytes. */
function beef(n: number, bytes = 64): Buffer {
  const out = Buffer.alloc(bytes, n % 251);
  Buffer.from('0100beef', 'hex').copy(out);
  out.writeUInt32LE(n, bytes - 4);
  return out;
}

function framed(...frames: readonly Uint8Array[]): Buffer {
  return Buffer.concat(frames.flatMap((frame) => [frameHead(frame.length), frame]));
}

function offered(node: FakeNode): number[] {
  return node.offered.map((b) => Buffer.from(b).readUInt32LE(b.length - 4));
}

interface Summary {
  readonly via: string;
  readonly offered: number;
  readonly admitted: number;
  readonly rejected: number;
  readonly byCode: Record<string, number>;
  readonly samples: readonly { file: string; index: number; status: string }[];
  readonly damaged: readonly { file: string; code: string; offset?: number; message: string }[];
  readonly interrupted: boolean;
}

test('raw, hex and framed files, several at once, in order, through a daemon', async (t) => {
  const { path, node } = await startServer(t);
  const home = tempDir(t);
  const file = (name: string, bytes: string | Uint8Array) => {
    writeFileSync(join(home, name), bytes);
    return join(home, name);
  };
  const files = [
    file('raw.beef', beef(1)),
    file(
      'hex.txt',
      `${beef(2)
        .toString('hex')
        .replace(/(.{20})/g, '$1\n')}\n`,
    ),
    file('framed.bin', framed(beef(3), beef(4, 300_000), beef(5, 700_000))),
    file('upper.hex', beef(6).toString('hex').toUpperCase()),
  ];
  const run = await cli(['import', ...files, '--socket', path, '--json'], { home });
  assert.equal(run.exit, 0, run.stderr);
  assert.deepEqual(offered(node), [1, 2, 3, 4, 5, 6]);
  const summary = JSON.parse(run.stdout) as Summary;
  assert.deepEqual([summary.via, summary.offered, summary.admitted, summary.damaged], ['daemon', 6, 6, []]);
  assert.match(run.stderr, /^through the daemon on .*\n$/);
});

test('without a daemon it works on the data directory, says so, and closes it', async (t) => {
  const home = tempDir(t);
  const file = join(home, 'a.bin');
  writeFileSync(file, framed(...Array.from({ length: 3_000 }, (_, i) => beef(i))));
  const local = new FakeNode();
  const run = await cli(['import', file], { home, local });
  assert.equal(run.exit, 0);
  assert.match(run.stderr, /no daemon runs; working on the data directory of/);
  assert.match(run.stdout, /^3000 transactions in 1 file /);
  assert.match(run.stdout, / {2}admitted +3000\n {2}known +0/);
  assert.deepEqual(
    offered(local),
    Array.from({ length: 3_000 }, (_, i) => i),
  );
  assert.deepEqual([run.localOpened, run.localClosed], [1, 1]);
  assert.equal(run.stderr.includes('%'), false, 'no bar without a terminal');
});

test('on a terminal there is a bar, on stderr, and it is taken away at the end', async (t) => {
  const home = tempDir(t);
  const file = join(home, 'a.bin');
  writeFileSync(file, framed(...Array.from({ length: 40 }, (_, i) => beef(i, 100_000))));
  const run = await cli(['import', file], { home, tty: true });
  assert.ok(run.stderr.includes('\r\u001b[K['));
  assert.match(run.stderr, /\[#+\.+\] {1}\d+% .* transactions/);
  assert.ok(run.stderr.endsWith('\r\u001b[K'));
  assert.equal(run.stdout.includes('\u001b'), false);
});

const PENDING = 'cd'.repeat(32);

test('what was rejected, pending or in conflict is told with file, number and reason, grouped by code', async (t) => {
  const home = tempDir(t);
  const [first, second] = ['one.bin', 'two.bin'].map((name) => join(home, name)) as [string, string];
  writeFileSync(first, framed(beef(0), beef(1)));
  writeFileSync(second, framed(beef(2), beef(3), beef(4), beef(5)));
  const missing = Array.from({ length: 6 }, (_, i) => `${TXID}_${i}`);
  const outcomes: Outcome[] = [
    { status: 'admitted', txid: TXID, tokens: [TOKEN] },
    { status: 'rejected', txid: TXID, code: 'SCRIPT_FAILED', data: { vin: 0, reason: 'bad \u001b[2J' } },
    { status: 'pending', txid: PENDING, waitingFor: 'history', missing },
    { status: 'rejected', code: 'TRUNCATED', data: {} },
    { status: 'pending', txid: 'ab'.repeat(32), waitingFor: 'header', missing: [], height: 77 },
    { status: 'conflict', txid: TXID, conflictsWith: ['cc'] },
  ];
  const local = new FakeNode();
  local.outcome = (_b, i) => outcomes[i] as Outcome;
  const run = await cli(['import', first, second], { home, local });
  assert.equal(run.exit, 1, 'something was rejected');
  assert.ok(run.stdout.includes(`rejected: SCRIPT_FAILED (1)\n  ${first} #1  ${TXID}  SCRIPT_FAILED  vin=0`));
  assert.ok(run.stdout.includes(`rejected: TRUNCATED (1)\n  ${second} #1  -  TRUNCATED`));
  assert.ok(
    run.stdout.includes(
      `pending: PENDING_HISTORY (1)\n  ${second} #0  ${PENDING}  missing token history: ${TXID}_0, `,
    ),
  );
  assert.ok(run.stdout.includes(`${TXID}_3 and 2 more`));
  assert.ok(run.stdout.includes('waits for the block header at height 77'));
  assert.ok(run.stdout.includes(`conflict: (1)\n  ${second} #3  ${TXID}  conflicts with cc`));
  assert.equal(run.stdout.includes('\u001b'), false);
  local.offered.length = 0;
  const summary = JSON.parse(
    (await cli(['import', first, second, '--json'], { home, local })).stdout,
  ) as Summary;
  assert.deepEqual(summary.byCode, { SCRIPT_FAILED: 1, TRUNCATED: 1, PENDING_HISTORY: 1, PENDING_HEADER: 1 });
  assert.deepEqual(
    summary.samples.map((s) => [s.file, s.index, s.status]),
    [
      [first, 0, 'admitted'],
      [first, 1, 'rejected'],
      [second, 0, 'pending'],
      [second, 1, 'rejected'],
      [second, 2, 'pending'],
      [second, 3, 'conflict'],
    ],
  );
});

test('pending, known and conflicting transactions alone are no failure', async (t) => {
  const home = tempDir(t);
  const file = join(home, 'a.beef');
  writeFileSync(file, beef(1));
  for (const outcome of [
    { status: 'known', txid: TXID },
    { status: 'pending', txid: TXID, waitingFor: 'parents', missing: ['x_0'] },
    { status: 'conflict', txid: TXID, conflictsWith: [] },
  ] as const) {
    const local = new FakeNode();
    local.outcome = () => outcome;
    assert.equal((await cli(['import', file], { home, local })).exit, 0, outcome.status);
  }
});

test('a file that is cut off: what is whole is imported, the rest named with its offset, exit 1', async (t) => {
  const home = tempDir(t);
  const whole = framed(beef(1), beef(2), beef(3));
  const starts = [0, 68, 136];
  for (let cut = 5; cut < whole.length; cut += 13) {
    const file = join(home, 'cut.bin');
    writeFileSync(file, whole.subarray(0, cut));
    const local = new FakeNode();
    const run = await cli(['import', file, '--json'], { home, local });
    const summary = run.stdout === '' ? undefined : (JSON.parse(run.stdout) as Summary);
    const complete = starts.filter((start) => start + 68 <= cut).length;
    if (complete * 68 === cut) {
      assert.equal(run.exit, 0);
      continue;
    }
    assert.equal(run.exit, 1, `cut at ${cut}`);
    assert.equal(summary?.offered, complete, `cut at ${cut}`);
    const damage = summary?.damaged[0];
    if (cut >= 8)
      assert.deepEqual(
        [damage?.code, damage?.offset],
        ['FRAME_TRUNCATED', starts[complete]],
        `cut at ${cut}`,
      );
    else assert.equal(damage?.code, 'FILE_DAMAGED');
  }
});

test('damage in the middle: good frames before it are imported, and other files are not kept out', async (t) => {
  const home = tempDir(t);
  const bad = join(home, 'bad.bin');
  const good = join(home, 'good.beef');
  writeFileSync(bad, Buffer.concat([framed(beef(1)), frameHead(0xffff_fff0), framed(beef(2))]));
  writeFileSync(good, beef(3));
  const none = join(home, 'none.bin');
  const text = join(home, 'text.txt');
  writeFileSync(text, 'hello, this is no BEEF');
  const empty = join(home, 'empty');
  writeFileSync(empty, '');
  const odd = join(home, 'odd.hex');
  writeFileSync(odd, '0100beef0');
  const local = new FakeNode();
  const run = await cli(['import', bad, none, text, empty, odd, home, good, '--json'], { home, local });
  assert.equal(run.exit, 1);
  assert.deepEqual(offered(local), [1, 3]);
  const { damaged } = JSON.parse(run.stdout) as Summary;
  assert.deepEqual(
    damaged.map((d) => [d.file, d.code]).sort(),
    [
      [bad, 'FRAME_TOO_LONG'],
      [none, 'FILE_UNREADABLE'],
      [text, 'FILE_DAMAGED'],
      [empty, 'FILE_DAMAGED'],
      [odd, 'FILE_DAMAGED'],
      [home, 'FILE_DAMAGED'],
    ].sort(),
  );
  assert.equal(damaged.find((d) => d.file === bad)?.offset, 68);
});

test('a framed file whose BEEFs are damaged, but whose lengths add up, goes to the index to be judged', async (t) => {
  const home = tempDir(t);
  const file = join(home, 'a.bin');
  writeFileSync(file, framed(Buffer.from('garbage'), beef(1)));
  const local = new FakeNode();
  assert.equal((await cli(['import', file], { home, local })).exit, 0);
  assert.equal(local.offered.length, 2);
});

test('Ctrl-C ends the reading, not what is on its way: the totals are told, exit 1', async (t) => {
  const home = tempDir(t);
  const file = join(home, 'a.bin');
  writeFileSync(file, framed(...Array.from({ length: 100 }, (_, i) => beef(i, 50_000))));
  const abort = new AbortController();
  const local = new FakeNode();
  local.outcome = (_b, i) => {
    if (i === 20) abort.abort();
    return { status: 'admitted', txid: TXID, tokens: [] };
  };
  const run = await cli(['import', file, '--json'], { home, local, abort });
  const summary = JSON.parse(run.stdout) as Summary;
  assert.deepEqual([run.exit, summary.interrupted], [1, true]);
  assert.ok(summary.offered > 20 && summary.offered < 100, String(summary.offered));
  assert.equal(summary.admitted, summary.offered, 'every BEEF that was sent has its outcome');
  assert.equal(run.localClosed, 1);
});

test('a store that cannot be written ends the import with its code, and the data directory is closed', async (t) => {
  const home = tempDir(t);
  const file = join(home, 'a.bin');
  writeFileSync(file, framed(beef(1), beef(2)));
  const local = new FakeNode();
  local.outcome = () => {
    throw storeError('STORE_WRITE_FAILED', 'disk full');
  };
  const run = await cli(['import', file, '--json'], { home, local });
  assert.deepEqual([run.exit, run.stdout, run.localClosed], [1, '', 1]);
  assert.ok(run.stderr.includes('"code":"STORE_WRITE_FAILED"'));
});
