import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Result } from '../../src/api/methods/index.ts';
import { sha256d, u32 } from '../support/corpus/bytes.ts';
import { TestChain } from '../support/corpus/scenario.ts';
import type { TestTx } from '../support/corpus/testtx.ts';
import { Home } from '../support/operator.ts';

// Files that are damaged, or are not what they should be. A wrong file never keeps a right one out.
const cleanup = { after };
const chain = new TestChain('e2e bad files');
const alice = chain.key('alice');
const gold = chain.deployMint(100n, { owner: alice, sym: 'GOLD' });
chain.mine([gold]);
const tokenId = gold.tokenId();
/** Each spends the one before. */
const hops = chain.transferChain(gold.coin(0), [alice, alice, alice, alice, alice, alice]);
const home = new Home(cleanup, { follow: [tokenId] });
let taken = 0;

interface Summary {
  readonly offered: number;
  readonly admitted: number;
  readonly rejected: number;
  readonly byCode: Readonly<Record<string, number>>;
  readonly damaged: readonly { file: string; code: string; message: string; offset?: number }[];
}

before(async () => {
  await home.start();
  await home.json('headers', 'import', home.file('headers.bin', chain.headerBytes()));
  await home.json('import', home.file('gold.beef', chain.beef(gold)));
});

/** The next transaction that the node does not know yet. */
function fresh(): TestTx {
  return hops[taken++] as TestTx;
}

function frame(beef: Uint8Array): Buffer {
  return Buffer.concat([u32(beef.length), beef]);
}

async function imported(...files: string[]): Promise<{ exit: unknown; summary: Summary }> {
  const { exit, stdout, stderr } = await home.cli('import', ...files, '--json');
  assert.match(stderr, /^through the daemon on \S+\n$/);
  return { exit, summary: JSON.parse(stdout) as Summary };
}

async function isAdmitted(txid: string): Promise<boolean> {
  return (await home.json<Result<'tx.get'>>('tx', txid)).status === 'active';
}

test('a framed file that is cut off: the frames before are imported, the offset is named, exit 1', async () => {
  const [first, second] = [fresh(), fresh()];
  const whole = frame(chain.beef(first));
  const cut = frame(chain.beef(second)).subarray(0, 50);
  const file = home.file('cut.bin', Buffer.concat([whole, cut]));
  const { exit, summary } = await imported(file);
  assert.deepEqual([exit, summary.offered, summary.admitted], [1, 1, 1]);
  assert.deepEqual(
    summary.damaged.map((d) => [d.file, d.code, d.offset]),
    [[file, 'FRAME_TRUNCATED', whole.length]],
  );
  assert.ok(await isAdmitted(first.txid));
  const human = await home.cli('import', file);
  assert.equal(human.exit, 1);
  assert.match(
    human.stdout,
    new RegExp(
      `\ndamaged: ${file}: the frame at offset ${whole.length} is cut off: it needs \\d+ bytes, 46 are there\n$`,
    ),
  );
  taken -= 1;
});

test('damage in the middle: what came before is imported, other files are not kept out', async () => {
  const [first, second] = [fresh(), fresh()];
  const whole = frame(chain.beef(first));
  const zero = home.file('zero.bin', Buffer.concat([whole, u32(0), frame(chain.beef(second))]));
  const huge = home.file('huge.bin', Buffer.concat([whole, u32(0xffffffff), Buffer.alloc(100)]));
  const right = home.file('right.beef', chain.beef(second));
  const { exit, summary } = await imported(zero, huge, right);
  assert.deepEqual([exit, summary.offered, summary.admitted], [1, 3, 2]);
  assert.deepEqual(
    summary.damaged.map((d) => [d.file, d.code, d.offset]),
    [
      [zero, 'FRAME_EMPTY', whole.length],
      [huge, 'FRAME_TOO_LONG', whole.length],
    ],
  );
  assert.ok(await isAdmitted(second.txid));
});

test('what is no file, or no BEEF, is named with its reason; a right file beside it is taken', async () => {
  const folder = home.path('folder');
  mkdirSync(folder);
  const right = home.file('right.hex', chain.beef(fresh()).toString('hex'));
  const files = {
    missing: home.path('missing.bin'),
    folder,
    empty: home.file('empty.bin', ''),
    text: home.file('text.txt', 'This is no transaction.\n'),
    odd: home.file('odd.hex', '0100beef0'),
    digit: home.file('digit.hex', `${'0100beef'.repeat(200)}xy`),
    image: home.file('image.png', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')),
  };
  const { exit, summary } = await imported(...Object.values(files), right);
  assert.deepEqual([exit, summary.offered, summary.admitted, summary.rejected], [1, 1, 1, 0]);
  assert.deepEqual(
    summary.damaged.map((d) => [d.file, d.code, d.message.slice(d.file.length)]).sort(),
    [
      [files.missing, 'FILE_UNREADABLE', ' cannot be read: ENOENT'],
      [files.folder, 'FILE_DAMAGED', ': is no regular file'],
      [files.empty, 'FILE_DAMAGED', ': is empty'],
      [
        files.text,
        'FILE_DAMAGED',
        ': holds neither a BEEF (raw or hex) nor framed BEEFs (u32 LE length + BEEF, repeated)',
      ],
      [files.odd, 'FILE_DAMAGED', ': hex with an odd number of digits (9): one is missing'],
      [files.digit, 'FILE_DAMAGED', ': hex with a character that is no hex digit: "x"'],
      [
        files.image,
        'FILE_DAMAGED',
        ': holds neither a BEEF (raw or hex) nor framed BEEFs (u32 LE length + BEEF, repeated)',
      ],
    ].sort(),
  );
});

test('submit says the same of a single file, and of standard input', async () => {
  for (const [argument, stdin, said] of [
    [home.path('missing.bin'), undefined, `${home.path('missing.bin')} cannot be read: ENOENT`],
    [home.dir, undefined, `${home.dir} cannot be read: EISDIR`],
    ['-', '', 'standard input: is empty'],
    ['-', '0100beef0', 'standard input: hex with an odd number of digits (9): one is missing'],
    [
      '-',
      'zz',
      'standard input: is no BEEF: it begins neither with 0100beef, 0200beef or 01010101 nor with hex digits',
    ],
  ] as const) {
    const run = await home.cliWith(stdin === undefined ? {} : { stdin }, 'submit', argument);
    assert.deepEqual([run.exit, run.stdout, run.stderr], [1, '', `btcfed: ${said}\n`]);
  }
});

test('BEEFs that are wrong inside are rejected one by one, with codes; what is right among them is taken', async () => {
  const tx = fresh();
  const beef = chain.beef(tx);
  const before = await home.json<Result<'token.get'>>('token', tokenId);
  const flipped = (at: number): Buffer => {
    const bytes = Buffer.from(beef);
    bytes[at] = bytes[at]! ^ 1;
    return bytes;
  };
  const frames = [
    beef.subarray(0, -1),
    Buffer.concat([beef, Buffer.of(0)]),
    flipped(60),
    Buffer.from('0100beef', 'hex'),
    Buffer.from('0100beeffdffff', 'hex'),
    Buffer.from('0100beef00feffffff7f', 'hex'),
    Buffer.from('0000beef0000', 'hex'),
    beef,
  ];
  const { exit, summary } = await imported(home.file('mixed.bin', Buffer.concat(frames.map(frame))));
  assert.deepEqual([exit, summary.offered, summary.admitted, summary.rejected], [1, 8, 1, 7]);
  assert.equal(
    Object.values(summary.byCode).reduce((sum, n) => sum + n, 0),
    7,
  );
  for (const code of Object.keys(summary.byCode)) assert.match(code, /^[A-Z][A-Z_]+$/);
  const after = await home.json<Result<'token.get'>>('token', tokenId);
  assert.deepEqual(
    [after.supply, after.coins, after.transactions],
    [before.supply, before.coins, before.transactions + 1],
  );
});

test('a wrong signature and satoshis out of nothing are refused by name; a proof of another block waits near the tip', async () => {
  const tip = hops[taken - 1] as TestTx;
  const [next] = chain.transferChain(tip.coin(0), [alice]) as [TestTx];
  const beef = chain.beef(next);
  const bad = Buffer.from(beef);
  // The script of the last transaction's first input begins with its signature.
  const at = bad.lastIndexOf(next.tx.inputs[0]!.script.subarray(0, 40)) + 12;
  bad[at] = bad[at]! ^ 1;
  const rich = chain.build({
    inputs: [tip.coin(0)],
    outputs: [{ lock: tip.outputs[0]!.lock, satoshis: 1_000_000 }],
    funding: false,
  });
  const elsewhere = new TestChain('e2e bad files, elsewhere');
  const foreign = elsewhere.deployMint(1n, { owner: alice });
  elsewhere.mine([foreign]);
  const summary = async (bytes: Uint8Array) => {
    const { exit, stdout } = await home.cliWith({ stdin: bytes }, 'submit', '-', '--json');
    const { code, status } = JSON.parse(stdout) as { code?: string; status: string };
    return [exit, code ?? status];
  };
  assert.deepEqual(await summary(bad), [1, 'SCRIPT_FAILED']);
  assert.deepEqual(await summary(chain.beef(rich)), [1, 'VALUES_NOT_CONSERVED']);
  assert.deepEqual(await summary(elsewhere.beef(foreign)), [0, 'pending']);
  const { circulating } = (await home.json<Result<'token.get'>>('token', tokenId)).supply;
  assert.equal(circulating, '100');
});

test('header files: cut, empty, without work, of another chain, or no file at all', async () => {
  const bytes = chain.headerBytes();
  const without = Buffer.from(bytes);
  for (let nonce = 0; hasWork(without.subarray(-80)); nonce += 1)
    without.writeUInt32LE(nonce, without.length - 4);
  const last = bytes.length / 80 - 1;
  const third = new TestChain('third');
  third.mineEmpty(1);
  for (const [file, said] of [
    [
      home.file('h1', bytes.subarray(0, -1)),
      new RegExp(
        `not a whole number of 80-byte headers: it ends 79 bytes into the header that begins at byte ${last * 80}\n$`,
      ),
    ],
    [home.file('h2', ''), /the file is empty\n$/],
    [
      home.file('h3', without),
      new RegExp(
        `: header ${last} \\(byte ${last * 80}\\): .*above the target.*; the ${last} headers before it are kept\\n$`,
      ),
    ],
    [home.file('h4', third.headerBytes({ from: 2 })), /: header 0 \(byte 0\): /],
    [home.file('h5', 'not hex at all'), /h5: /],
    [home.path('h6'), /h6: cannot be read: ENOENT/],
    [home.dir, /EISDIR|directory|regular/],
  ] as const) {
    const { exit, stdout, stderr } = await home.cli('headers', 'import', file);
    assert.deepEqual([exit, stdout], [1, ''], file);
    assert.match(stderr.replace(/^through the daemon on \S+\n/, ''), /^btcfed: .*\n$/);
    assert.match(stderr, said);
  }
  const tip = await home.json('headers', 'tip');
  assert.equal(tip['height'], chain.tip.height);
});

test('after all that the daemon is well, and its store is right', async () => {
  const { exit } = await home.cli('status');
  assert.equal(exit, 0);
  const report = await home.json<Result<'store.verify'>>('verify');
  assert.deepEqual([report.problemCount, report.problems], [0, []]);
});

/** At regtest difficulty: every other hash is low enough. */
function hasWork(header: Uint8Array): boolean {
  return (sha256d(header).at(-1) ?? 0) < 0x80;
}
