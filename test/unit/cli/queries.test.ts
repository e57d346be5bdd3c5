import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, linkSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { exampleYaml } from '../../../config/example.ts';
import { generateKeyPair } from '../../../config/key.ts';
import { startServer } from '../../support/api-server.ts';
import { cli } from '../../support/fake-io.ts';
import {
  ADDRESS,
  EMPTY,
  FakeNode,
  OTHER_ADDRESS,
  SEEN,
  storeError,
  TOKEN,
  TXID,
  UNKNOWN,
} from '../../support/fake-modules.ts';
import { tempDir } from '../../support/temp-dir.ts';

async function daemon(t: Parameters<typeof startServer>[0], node = new FakeNode()) {
  const { path } = await startServer(t, {}, node);
  const home = tempDir(t);
  const run = (...argv: string[]) => cli([...argv, '--socket', path], { home });
  return {
    node,
    path,
    home,
    run,
    json: async (...argv: string[]) => JSON.parse((await run(...argv, '--json')).stdout),
  };
}

test('balance for people, as JSON and flat', async (t) => {
  const { run, json } = await daemon(t);
  const human = await run('balance', TOKEN, ADDRESS);
  assert.equal(human.exit, 0);
  assert.match(human.stdout, /184467440737095516\.16 GOLD/);
  assert.match(human.stdout, /sequence 3/);
  assert.match(human.stdout, /warning: 1 transactions wait/);
  const one = await json('balance', TOKEN, ADDRESS);
  assert.deepEqual(
    [one.total, one.symbol, one.decimals, one.sequence],
    ['18446744073709551616', 'GOLD', 2, '3'],
  );
  const two = await json('balance', TOKEN, ADDRESS, OTHER_ADDRESS);
  assert.deepEqual([two.items.length, two.items[1].total], [2, '0']);
  const flat = await run('balance', TOKEN, ADDRESS, '--flat');
  assert.ok(flat.stdout.split('\n').includes('total=18446744073709551616'));
  assert.equal(flat.stderr, '');
});

test('a refusal is one line on stderr, as JSON with the code first, and exit 1', async (t) => {
  const { run } = await daemon(t);
  for (const [token, code] of [
    [UNKNOWN, 'TOKEN_UNKNOWN'],
    [SEEN, 'TOKEN_NOT_FOLLOWED'],
  ] as const) {
    const refused = await run('balance', token, ADDRESS, '--json');
    assert.deepEqual([refused.exit, refused.stdout], [1, '']);
    assert.ok(refused.stderr.startsWith(`{"code":"${code}","message":`), refused.stderr);
    assert.equal(refused.stderr.split('\n').length, 2);
  }
  const human = await run('balance', UNKNOWN, ADDRESS);
  assert.match(human.stderr, /^btcfed: unknown token: .*conf\.yaml.*\n$/);
  const empty = await run('balance', EMPTY, ADDRESS);
  assert.deepEqual([empty.exit, /nothing of this token has arrived yet/.test(empty.stdout)], [0, true]);
  const address = await run('balance', TOKEN, 'nonsense!');
  assert.match(address.stderr, /no address/);
});

test('lists say that they were cut and how to go on; --all goes through the pages', async (t) => {
  const { run, json } = await daemon(t);
  const cut = await run('utxos', TOKEN, ADDRESS, '--limit', '10');
  assert.equal(cut.stdout.trimEnd().split('\n').length, 10);
  const cursor = /there is more: --cursor (\S+)/.exec(cut.stderr)?.[1] ?? '';
  const rest = await json('utxos', TOKEN, ADDRESS, '--limit', '100', '--cursor', cursor);
  assert.deepEqual([rest.items.length, 'cursor' in rest], [15, false]);
  const all = await run('utxos', TOKEN, '--all', '--limit', '10');
  assert.equal(all.stdout.trimEnd().split('\n').length, 25);
  assert.equal(all.stderr.includes('there is more'), false);
  const pages = (await run('utxos', TOKEN, '--all', '--limit', '10', '--json')).stdout.trimEnd().split('\n');
  assert.deepEqual(
    pages.map((line) => (JSON.parse(line) as { items: unknown[] }).items.length),
    [10, 10, 5],
  );
  const none = await run('utxos', TOKEN, OTHER_ADDRESS);
  assert.deepEqual([none.exit, none.stdout, /no coins/.test(none.stderr)], [0, '', true]);
});

test('an empty page that is not the last says that there is more, not that there is nothing', async (t) => {
  const node = new FakeNode();
  const entry = { txid: TXID, time: 1_751_371_260, received: 0n, sent: 5n };
  let behind: readonly (typeof entry)[] = [entry];
  const history: typeof node.view.history = (_token, _filter, { cursor }) =>
    Promise.resolve(cursor === undefined ? { items: [], cursor: 'bGF0ZXI' } : { items: behind });
  Object.assign(node.view, { history });
  const { run } = await daemon(t, node);
  const cut = await run('history', TOKEN, '--to', '2025-07-01');
  assert.deepEqual(
    [cut.exit, cut.stdout, /^nothing so far; there is more: --cursor \S+$/m.test(cut.stderr)],
    [0, '', true],
  );
  assert.doesNotMatch(cut.stderr, /no transactions/);
  const all = await run('history', TOKEN, '--all');
  assert.deepEqual([all.stdout.includes(TXID), all.stderr.includes('no transactions')], [true, false]);
  behind = [];
  assert.match((await run('history', TOKEN, '--all')).stderr, /^no transactions$/m);
});

test('history passes its filters on; holders, token, tokens', async (t) => {
  const { run, json } = await daemon(t);
  assert.equal((await json('history', TOKEN, ADDRESS)).items.length, 2);
  assert.equal((await json('history', TOKEN, '--from-height', '101')).items.length, 1);
  const human = await run('history', TOKEN, ADDRESS);
  assert.match(human.stdout, /2025-07-01T12:00:00Z +100:1 +\+184467440737095516\.15 GOLD/);
  assert.match(human.stdout, /unmined +-0\.05 GOLD/);
  const bad = await run('history', TOKEN, '--from', 'yesterday');
  assert.deepEqual([bad.exit, /"yesterday" is no date/.test(bad.stderr)], [3, true]);
  assert.match((await run('holders', TOKEN)).stdout, new RegExp(`${ADDRESS} +184467440737095516\\.15 GOLD`));
  assert.match((await run('token', TOKEN)).stdout, /circulating +184467440737095516\.12 GOLD/);
  assert.equal((await json('tokens')).items.length, 1);
  assert.equal((await json('tokens', '--seen')).items.length, 2);
});

test('status: healthy 0, degraded 1, with the warnings; starting is not healthy', async (t) => {
  const { node, run, json } = await daemon(t);
  const fine = await run('status');
  assert.deepEqual([fine.exit, fine.stderr], [0, '']);
  assert.match(fine.stdout, /running, healthy {2}main {2}pid \d+ {2}up 1m 0s/);
  assert.match(fine.stdout, /tip +120/);
  node.warnings = [
    {
      code: 'HEADERS_STALE',
      title: 'the header tip is old',
      severity: 'warning',
      text: '3h',
      sinceMs: node.nowMs,
    },
  ];
  const degraded = await run('status');
  assert.equal(degraded.exit, 1);
  assert.match(degraded.stdout, /degraded[\s\S]*HEADERS_STALE {2}the header tip is old: 3h/);
  assert.equal((await json('status')).degraded, true);
  node.warnings = [];
  node.state = 'starting';
  assert.equal((await run('status')).exit, 1);
});

test('status --watch goes on until Ctrl-C; on a terminal it redraws', async (t) => {
  const { path, home } = await daemon(t);
  const abort = new AbortController();
  let sleeps = 0;
  const onSleep = () => {
    sleeps += 1;
    if (sleeps === 3) abort.abort();
  };
  const run = await cli(['status', '--watch', '--json', '--socket', path], { home, abort, onSleep });
  assert.deepEqual([run.exit, run.stdout.trimEnd().split('\n').length], [0, 3]);
  const again = new AbortController();
  const tty = await cli(['status', '--watch', '--socket', path], {
    home,
    tty: true,
    abort: again,
    onSleep: () => again.abort(),
  });
  assert.ok(tty.stdout.startsWith('\u001b[H\u001b[2J'));
});

test('colour: only on a terminal, never with NO_COLOR or --json, always on request', async (t) => {
  const { path, home } = await daemon(t);
  const run = (argv: string[], opts: object) => cli(['status', '--socket', path, ...argv], { home, ...opts });
  const colour = (text: string) => text.includes('\u001b[');
  assert.equal(colour((await run([], {})).stdout), false);
  assert.equal(colour((await run([], { tty: true })).stdout), true);
  assert.equal(colour((await run([], { tty: true, env: { NO_COLOR: '1' } })).stdout), false);
  assert.equal(colour((await run(['--color', 'never'], { tty: true })).stdout), false);
  assert.equal(colour((await run(['--color', 'always'], {})).stdout), true);
  assert.equal(colour((await run(['--color', 'always', '--json'], {})).stdout), false);
});

test('an unreachable daemon: exit 2, the socket path, its mode, and what to do', async (t) => {
  const home = tempDir(t);
  const none = await cli(['status'], { home });
  assert.equal(none.exit, 2);
  assert.ok(
    none.stderr.includes(`no daemon reachable on ${join(home, 'btcfed.sock')}: there is no such file`),
  );
  assert.ok(
    none.stderr.includes(`btcfed run --home ${home}`) && none.stderr.includes('systemctl status btcfed'),
  );
  assert.equal(none.stdout, '');
  const path = join(home, 'btcfed.sock');
  const dead = createServer();
  dead.listen(path);
  await once(dead, 'listening');
  chmodSync(path, 0o660);
  // A listener that never accepts and is closed leaves a socket nobody listens on, as kill -9 does.
  linkSync(path, `${path}.kept`);
  dead.close();
  await once(dead, 'close');
  linkSync(`${path}.kept`, path);
  const refused = await cli(['balance', TOKEN, ADDRESS, '--json'], { home });
  assert.equal(refused.exit, 2);
  const error = JSON.parse(refused.stderr) as { code: string; message: string; data: { reason: string } };
  assert.deepEqual([error.code, error.data.reason], ['UNREACHABLE', 'SOCKET_DEAD']);
  assert.match(error.message, /nobody listens there \(mode 0660, owner \d+:\d+\)/);
});

test('the socket is found: --socket, else conf.yaml, else the home directory', async (t) => {
  const { path } = await startServer(t);
  const home = tempDir(t);
  const { privateKey } = generateKeyPair(randomBytes);
  const text = exampleYaml(privateKey).replace(/^( *)socket:.*$/m, `$1socket: ${path}`);
  writeFileSync(join(home, 'conf.yaml'), text, { mode: 0o600 });
  assert.equal((await cli(['headers', 'tip'], { home })).exit, 0);
  writeFileSync(join(home, 'conf.yaml'), 'nonsense: [');
  const broken = await cli(['status'], { home });
  assert.deepEqual([broken.exit, broken.stderr.includes(join(home, 'btcfed.sock'))], [2, true]);
  const byHome = await cli(['status', '--home', '/elsewhere'], { home });
  assert.ok(byHome.stderr.includes('/elsewhere/btcfed.sock'));
});

test('tx, beef and submit', async (t) => {
  const { node, run, json, home, path } = await daemon(t);
  assert.match(
    (await run('tx', TXID)).stdout,
    /status +active[\s\S]*0 +transfer +18446744073709551615 +valid/,
  );
  assert.equal((await json('tx', TXID, '--raw')).raw, '00');
  assert.equal((await run('tx', 'ff'.repeat(32))).exit, 1);
  const beef = Buffer.alloc(1_100_000, 0x61);
  node.beef = beef;
  assert.equal((await run('beef', TXID)).stdout.trim(), beef.toString('hex'));
  const file = join(home, 'x.beef');
  assert.match((await run('beef', TXID, '--out', file)).stdout, /1100000 bytes written to/);
  assert.ok(readFileSync(file).equals(beef));
  assert.equal((await run('beef', TXID, '--out', '/nowhere/x')).exit, 1);

  writeFileSync(file, '0100 beef\n00');
  const sent = await run('submit', file);
  assert.deepEqual([sent.exit, sent.stdout.startsWith(`admitted  ${TXID}`)], [0, true]);
  assert.equal(Buffer.from(node.offered[0] as Uint8Array).toString('hex'), '0100beef00');
  const piped = await cli(['submit', '-', '--socket', path], {
    home,
    stdin: [Buffer.from('0200'), Buffer.from('beef')],
  });
  assert.equal(piped.exit, 0);
  assert.equal(Buffer.from(node.offered[1] as Uint8Array).toString('hex'), '0200beef');
  const large = Buffer.alloc(700_000, 1);
  writeFileSync(file, large);
  node.outcome = () => ({
    status: 'rejected',
    code: 'TOO_DEEP',
    data: { depth: 5, message: 'too deep by far' },
  });
  const rejected = await run('submit', file);
  assert.deepEqual(
    [rejected.exit, rejected.stdout.trim()],
    [1, 'rejected  -  TOO_DEEP  too deep by far  depth=5'],
  );
  assert.ok(
    Buffer.from(node.offered[2] as Uint8Array).equals(large),
    'too large for one request: sent as an import',
  );
  node.outcome = () => ({ status: 'pending', txid: TXID, waitingFor: 'parents', missing: ['a_0', 'b_1'] });
  const pending = await run('submit', file);
  assert.deepEqual([pending.exit, pending.stdout.includes('missing parents: a_0, b_1')], [0, true]);
  writeFileSync(file, 'not hex at all');
  assert.match((await run('submit', file)).stderr, /is no BEEF/);
  assert.match((await run('submit', join(home, 'absent'))).stderr, /cannot be read: ENOENT/);
  writeFileSync(file, '0100bee');
  assert.match((await run('submit', file)).stderr, /odd number of digits \(7\)/);
});

test('a text of a token or an error cannot play with the terminal', async (t) => {
  const node = new FakeNode();
  node.readFailure = storeError('STORE_ROW_DAMAGED', 'bad \u001b[2J row');
  const { run } = await daemon(t, node);
  const failed = await run('utxos', TOKEN);
  assert.equal(failed.exit, 1);
  assert.equal(failed.stderr.includes('\u001b'), false);
});

test('rpc calls any method, check only asks', async (t) => {
  const { node, run, json } = await daemon(t);
  assert.equal((await json('rpc', 'headers.get', '{"height":120}')).height, 120);
  assert.match((await run('rpc', 'headers.tip')).stdout, /"height": 120/);
  assert.equal((await run('rpc', 'headers.tip', '{bad')).exit, 3);
  assert.match((await run('rpc', 'headers.tp')).stderr, /did you mean "headers.tip"/);
  assert.equal((await run('check', 'tx.submit', '{"beef":"00"}')).exit, 0);
  assert.equal((await run('check', 'tx.submit', '{"beef":"0"}')).exit, 3);
  assert.equal(node.offered.length, 0);
});

test('log level shows and sets, and says when nothing changed', async (t) => {
  const { node, run } = await daemon(t);
  assert.match((await run('log', 'level')).stdout, /store +info/);
  assert.match((await run('log', 'level', 'api', 'debug')).stdout, /^changed\napi +debug\n$/);
  assert.match((await run('log', 'level', 'api', 'debug')).stdout, /^nothing changed\n/);
  assert.equal((await run('log', 'level', 'error')).exit, 0);
  assert.equal(node.levels['store'], 'error');
  assert.equal((await run('log', 'level', 'api', 'loud')).exit, 3);
  assert.match((await run('log', 'level', 'apo')).stderr, /did you mean "api"/);
});

test('wait: 0 when it runs, 2 when nobody comes, 1 when it never gets ready', async (t) => {
  const home = tempDir(t);
  const none = await cli(['wait', '--timeout', '3s'], { home });
  assert.equal(none.exit, 2);
  const node = new FakeNode();
  node.state = 'starting';
  let sleeps = 0;
  const { path: served } = await startServer(t, {}, node);
  const onSleep = () => {
    sleeps += 1;
    if (sleeps === 3) node.state = 'running';
  };
  const ready = await cli(['wait', '--socket', served], { home, onSleep });
  assert.deepEqual([ready.exit, sleeps], [0, 3]);
  node.state = 'starting';
  const never = await cli(['wait', '--socket', served, '--timeout', '1s'], { home });
  assert.deepEqual([never.exit, /still starting/.test(never.stderr)], [1, true]);
});

test("run hands the home over and gives back the daemon's own exit code", async (t) => {
  const home = tempDir(t);
  const homes: string[] = [];
  const runDaemon = async (given: string) => {
    homes.push(given);
    return 70;
  };
  assert.equal((await cli(['run'], { home, runDaemon })).exit, 70);
  assert.equal((await cli(['run', '--home', 'sub'], { home, runDaemon })).exit, 70);
  assert.deepEqual(homes, [home, join(home, 'sub')]);
});

test('numbers out of their range and wrong addresses are usage errors', async (t) => {
  const { path } = await startServer(t);
  const home = tempDir(t);
  for (const line of [
    ['watch', '--count', '0'],
    ['utxos', TOKEN, '--limit', '0'],
    ['utxos', TOKEN, '--limit', '1001'],
    ['history', TOKEN, '--from-height', '4294967296'],
    ['history', TOKEN, '--to-height', '99999999999'],
    ['balance', TOKEN, 'nonsense'],
    ['balance', 'nonsense', ADDRESS],
  ]) {
    const { exit, stderr } = await cli([...line, '--socket', path], { home });
    assert.equal(exit, 3, `${line.join(' ')}: ${stderr}`);
  }
});

test('help of a group names its commands', async (t) => {
  const home = tempDir(t);
  for (const [group, names] of [
    ['config', ['config check', 'config show']],
    ['headers', ['headers import', 'headers tip']],
  ] as const) {
    const { exit, stdout } = await cli([group, '--help'], { home });
    assert.equal(exit, 0);
    for (const name of names) assert.ok(stdout.includes(`  ${name}`), stdout);
    assert.doesNotMatch(stdout, /\bbalance\b/);
  }
});
