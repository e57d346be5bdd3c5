import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SyncView } from '../../../src/api/modules.ts';
import { startServer } from '../../support/api-server.ts';
import { cli } from '../../support/fake-io.ts';
import { FakeNode } from '../../support/fake-modules.ts';
import { fakePeer, fakePeerId } from '../../support/fake-network.ts';
import { seriesOf } from '../../support/metrics-text.ts';
import { tempDir } from '../../support/temp-dir.ts';

async function daemon(t: Parameters<typeof startServer>[0], node = new FakeNode()) {
  const { path } = await startServer(t, {}, node);
  const home = tempDir(t);
  const run = (...argv: string[]) => cli([...argv, '--socket', path], { home });
  const json = async (...argv: string[]) => JSON.parse((await run(...argv, '--json')).stdout);
  return { node, home, path, run, json };
}

test('peers shows those that are not idle, a line each, and what a peer says of itself is safe on a terminal', async (t) => {
  const { run } = await daemon(t);
  const { exit, stdout, stderr } = await run('peers');
  assert.equal(exit, 0);
  const lines = stdout.trimEnd().split('\n').sort();
  assert.equal(lines.length, 3);
  const line = (n: number) =>
    lines.find((text) => text.startsWith(fakePeerId(n))) ?? assert.fail(`no line of ${n}`);
  assert.match(
    line(1),
    / connected +out +18 ms +2025-07-01T11:59:58\.000Z +operator +btc-federation\/0\.1\.0$/,
  );
  assert.match(line(2), / connected +in +- +- +inbound +evil\\u001b\[2J\\nagent$/);
  assert.match(line(3), / failed \(CONNECTION_REFUSED\) +- +- +- +operator +-$/);
  assert.equal(stderr, '2 connected (1 in, 1 out), 0 connecting, 1 failed, 2 idle, 1 banned\n');
});

test('selections of peers, and levels of detail', async (t) => {
  const { run, json } = await daemon(t);
  const ids = async (...argv: string[]) => {
    const { items } = await json('peers', ...argv);
    return (items as { peerId: string }[]).map(({ peerId }) => peerId).sort();
  };
  const of = (...numbers: number[]) => numbers.map(fakePeerId).sort();
  assert.deepEqual(await ids('--connected'), of(1, 2));
  assert.deepEqual(await ids('--operator'), of(1, 3));
  assert.deepEqual(await ids('--banned'), of(5));
  assert.deepEqual(await ids('--all'), of(1, 2, 3, 4, 5));
  const counts = await run('peers', '--detail', '0');
  assert.equal(counts.stdout, '2 connected (1 in, 1 out), 0 connecting, 1 failed, 2 idle, 1 banned\n');
  const full = await run('peers', '--operator', '--detail', '2');
  assert.match(full.stdout, /\n {2}lastError +CONNECTION_REFUSED\n/);
  assert.match(full.stdout, /\n {2}nextDial +2025-07-01T12:02:00\.000Z\n/);
  assert.match(full.stdout, /\n {2}breaker +open\n/);
  assert.match(full.stdout, /\n {2}protocols +\/btc-federation\/v1, \/ipfs\/ping\/1\.0\.0\n/);
  const both = await run('peers', '--all', '--banned');
  assert.deepEqual([both.exit, /only one of --all, --banned/.test(both.stderr)], [3, true]);
  const wrong = await run('peers', '--detail', '3');
  assert.deepEqual([wrong.exit, /one of 0, 1, 2/.test(wrong.stderr)], [3, true]);
});

test('a list of peers that is cut says so; page after page gives each once, whoever comes or goes between', async (t) => {
  const { node, run, json } = await daemon(t);
  node.network.list = Array.from({ length: 250 }, (_, i) =>
    fakePeer(i, { state: 'connected', direction: 'inbound' }),
  );
  const cut = await run('peers', '--limit', '10');
  assert.match(cut.stderr, /there is more: --cursor \S+\n/);
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await json('peers', '--limit', '40', ...(cursor === undefined ? [] : ['--cursor', cursor]));
    seen.push(...page.items.map(({ peerId }: { peerId: string }) => peerId));
    cursor = page.cursor;
    // One that was seen already goes, and one comes whose place is before where we are.
    node.network.list = node.network.list.filter(({ peerId }) => peerId !== seen[0]);
    node.network.list.push(fakePeer(1_000, { state: 'connected', peerId: '12D3KooW0' }));
  } while (cursor !== undefined);
  assert.equal(seen.length, 250);
  assert.equal(new Set(seen).size, 250);
  const pages = (await run('peers', '--all', '--json')).stdout.trimEnd().split('\n');
  assert.ok(pages.every((line) => Array.isArray(JSON.parse(line).items)));
  const foreign = await run('peers', '--connected', '--cursor', `${fakePeerId(3)}.AAAAAAAA`);
  assert.deepEqual([foreign.exit, /cursor/.test(foreign.stderr)], [1, true]);
});

test('without a network peers is refused with its code', async (t) => {
  const node = new FakeNode();
  const { p2p: _network, ...rest } = node.modules;
  const alone = Object.assign(new FakeNode(), { modules: rest });
  const { run } = await daemon(t, alone);
  const { exit, stderr } = await run('peers', '--json');
  assert.equal(exit, 1);
  assert.ok(stderr.startsWith('{"code":"NETWORK_OFF",'), stderr);
});

test('metrics prints the text form alone, with calls counted by method and errors by code', async (t) => {
  const { run, json } = await daemon(t);
  await run('status');
  await run('status');
  await run('rpc', 'token.get', '{"token": "x"}');
  await run('rpc', 'no.such', '{}');
  const { exit, stdout, stderr } = await run('metrics');
  assert.deepEqual([exit, stderr], [0, '']);
  assert.ok(stdout.startsWith('# HELP btcfed_'));
  const series = seriesOf(stdout);
  assert.equal(series.get('btcfed_rpc_seconds_count{method="node.status"}'), 2);
  assert.equal(series.get('btcfed_rpc_seconds_count{method="other"}'), 1);
  assert.equal(series.get('btcfed_rpc_errors_total{code="INVALID_PARAMS"}'), 1);
  assert.equal(series.get('btcfed_rpc_errors_total{code="METHOD_NOT_FOUND"}'), 1);
  const answer = await json('metrics');
  assert.equal(answer.contentType, 'text/plain; version=0.0.4; charset=utf-8');
});

test('status tells peer id, where it listens, who is there, and how the last reload went', async (t) => {
  const node = new FakeNode();
  const { node: facts, chain, ...rest } = node.modules;
  const change = { key: 'logging.level', old: 'info', new: 'debug', reload: 'live' as const, secret: false };
  const outcome = {
    number: 1,
    trigger: 'rpc' as const,
    atMs: node.nowMs,
    ms: 3,
    verdict: 'refused' as const,
    digest: undefined,
    changes: [change],
    warnings: [],
    refusal: { code: 'RELOAD_VETOED' as const, lines: ['no'] },
  };
  const modules = {
    ...rest,
    chain: { ...chain, lag: () => 7 },
    node: { facts: () => ({ ...facts.facts(), reload: { state: 'idle' as const, outcomes: [outcome] } }) },
  };
  const { run, json } = await daemon(t, Object.assign(new FakeNode(), { modules }));
  const { stdout } = await run('status');
  assert.match(stdout, new RegExp(`peer id +${fakePeerId(0)}\n`));
  assert.match(stdout, /public key +[A-Za-z0-9+/]{43}=\n/);
  assert.match(stdout, /listens +\/ip4\/127\.0\.0\.1\/tcp\/9000 {2}\/ip6\/::1\/tcp\/9000\n/);
  assert.match(stdout, /announces +\/ip4\/127\.0\.0\.1\/tcp\/9000\n/);
  assert.match(
    stdout,
    /peers +2 of at most 300 \(1 in, 1 out\), 0 being dialled\n +5 known, 2 proved, 2 of the operator, 1 banned\n/,
  );
  // Who is there, the operator's own first, and nothing of it can play with the terminal.
  const shown = stdout.split('\n').filter((line) => line.startsWith('  12D3'));
  assert.deepEqual(
    shown.map((line) => line.trim().split(/ +/)[0]),
    [fakePeerId(1), fakePeerId(2)],
  );
  assert.match(
    shown[0] ?? '',
    / connected +out +18 ms +2025-07-01T11:59:58\.000Z +operator +btc-federation\/0\.1\.0$/,
  );
  assert.match(shown[1] ?? '', / connected +in +- +- +inbound +evil\\u001b\[2J\\nagent$/);
  assert.match(stdout, /reload +refused 2025-07-01T12:00:00\.000Z {2}logging\.level {2}RELOAD_VETOED\n/);
  assert.match(stdout, /7 blocks behind its source\n/);
  const { p2p, reload, tip } = await json('status');
  assert.deepEqual([p2p.inbound, p2p.outbound, p2p.known, p2p.publicKey.length], [1, 1, 5, 44]);
  assert.deepEqual([reload.state, reload.last.verdict, tip.lag], ['idle', 'refused', 7]);
});

test('wait --peers and --synced wait for what they say, and tell what is missing', async (t) => {
  const node = new FakeNode();
  let lag = 3;
  let queued = 5;
  const modules = {
    ...node.modules,
    chain: { ...node.modules.chain, lag: () => lag },
    offers: {
      ...node.modules.offers,
      facts: () => ({ queued, inFlight: 0, admitted: 0, rejectedByCode: {} }),
    },
  };
  const { home, path, run } = await daemon(
    t,
    Object.assign(new FakeNode(), { modules, network: node.network }),
  );
  assert.equal((await run('wait', '--peers', '2')).exit, 0);
  const few = await run('wait', '--peers', '9', '--timeout', '1s');
  assert.deepEqual([few.exit, /connected to 2 of 9 peers/.test(few.stderr)], [1, true]);
  const behind = await run('wait', '--synced', '--timeout', '1s');
  assert.deepEqual([behind.exit, /3 blocks behind/.test(behind.stderr)], [1, true]);
  let sleeps = 0;
  const onSleep = () => {
    sleeps += 1;
    if (sleeps === 2) lag = 0;
    if (sleeps === 4) queued = 0;
  };
  const synced = await cli(['wait', '--synced', '--socket', path], { home, onSleep });
  assert.deepEqual([synced.exit, sleeps], [0, 4]);
});

test('--version names Node.js and libp2p, as text and as JSON', async (t) => {
  const home = tempDir(t);
  const text = await cli(['--version'], { home });
  assert.match(
    text.stdout,
    /^btcfed \d+\.\d+\.\d+ \(commit \w+\), Node\.js v24\.\S+, libp2p \d+\.\d+\.\d+\n$/,
  );
  const facts = JSON.parse((await cli(['--version', '--json'], { home })).stdout);
  assert.deepEqual([facts.node, facts.libp2p], [process.version, '3.3.11']);
});

test('status tells of each token with how many peers it agrees, and who differs where and since when', async (t) => {
  const node = new FakeNode();
  const sinceMs = Date.UTC(2025, 6, 1);
  const view: SyncView = {
    state: 'disputed',
    sinceMs,
    agree: [fakePeerId(1)],
    disagree: [{ peerId: fakePeerId(2), firstHeight: 7, why: 'SCRIPT_FAILED', sinceMs }],
    unknown: [],
  };
  const modules = { ...node.modules, sync: { ...node.modules.sync, status: () => view } };
  const { run } = await daemon(t, Object.assign(new FakeNode(), { modules }));
  const lines = (await run('status')).stdout.split('\n');
  const at = lines.findIndex((line) => line.includes('disputed since'));
  assert.match(lines[at] ?? '', /disputed since 2025-07-01T00:00:00\.000Z by 1; 1 agree$/);
  assert.equal(
    lines[at + 1],
    `    ${fakePeerId(2)} differs from block 7 on since 2025-07-01T00:00:00.000Z: SCRIPT_FAILED`,
  );
});
