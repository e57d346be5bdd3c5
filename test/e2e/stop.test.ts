import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Result } from '../../src/api/methods/index.ts';
import { readFrames } from '../support/corpus/frames.ts';
import { TestChain } from '../support/corpus/scenario.ts';
import { FakeHeadersService } from '../support/headers-service.ts';
import { type Daemon, exitOf, Home, until } from '../support/operator.ts';
import { madeCorpus } from '../support/operator-corpus.ts';

// Ends of every kind, at moments of every kind; what was acknowledged is there afterwards.
const cleanup = { after };
const corpus = madeCorpus(cleanup, { seed: 'e2e stop', transfers: 2_500, owners: 40 });
const follow = [corpus.tokenId];
/** A daemon that was told to stop must be gone within this time. */
const STOP_MS = 5_000;
let model: Home;

before(async () => {
  model = new Home(cleanup, { follow });
  await model.json('headers', 'import', corpus.headers);
});

/** A home with headers and no transactions. */
async function freshHome(t: { after(run: () => void): void }): Promise<Home> {
  const home = new Home(t, { follow });
  await home.json('headers', 'import', corpus.headers);
  return home;
}

/** Sends SIGTERM; fails unless the daemon ends with 0, in time, its socket gone. */
async function stopsInOrder(home: Home, daemon: Daemon): Promise<void> {
  const startMs = performance.now();
  assert.equal(await daemon.stop(), 0, daemon.log);
  assert.ok(performance.now() - startMs < STOP_MS, `it took ${performance.now() - startMs} ms`);
  assert.equal(existsSync(home.socket), false);
}

/** Code that runs in the program before the program does. */
function preload(home: Home, code: string): Record<string, string> {
  return { NODE_OPTIONS: `--import ${home.file('preload.mjs', code)}` };
}

for (const module of ['cli/process', 'zod', 'yaml', 'node/daemon', 'classic-level', 'secp256k1']) {
  test(`SIGTERM while ${module} is being loaded ends it with 0`, async (t) => {
    const home = new Home(t, { follow });
    const code = `
      import { registerHooks } from 'node:module';
      import { isMainThread } from 'node:worker_threads';
      let sent = false;
      registerHooks({ load(url, context, next) {
        if (isMainThread && !sent && url.includes('/${module}')) {
          sent = true;
          process.kill(process.pid, 'SIGTERM');
        }
        return next(url, context);
      } });`;
    // The command may also stand behind the options.
    const daemon = home.spawn(preload(home, code), '--home', home.dir, 'run');
    assert.equal(await daemon.exit, 0, daemon.log);
    assert.equal(existsSync(home.socket), false);
  });
}

for (const event of ['node.starting', 'store.opened', 'api.listening', 'node.started']) {
  test(`SIGTERM at ${event} ends it with 0`, async (t) => {
    const home = new Home(t, { follow });
    const daemon = home.spawn();
    await daemon.line(new RegExp(`event=${event.replace('.', '\\.')}`));
    await stopsInOrder(home, daemon);
    assert.match(daemon.log, /event=node\.stopped/);
  });
}

test('a second signal forces the stop: exit 2', async (t) => {
  const home = new Home(t, { follow });
  // A stop that would never end by itself.
  const code = "import net from 'node:net'; net.Server.prototype.close = function () { return this; };";
  const daemon = await home.start(preload(home, code));
  daemon.child.kill('SIGTERM');
  await daemon.line(/event=node\.stopping/);
  // Again and again: the first ones may come so soon that they count as the same press of a key.
  const again = setInterval(() => daemon.child.kill('SIGINT'), 50);
  t.after(() => clearInterval(again));
  assert.equal(await daemon.exit, 2);
  assert.match(daemon.log, /event=node\.stop_forced signal=SIGINT/);
});

test('a part that misses its deadline: exit 3, and the next start finds everything', async (t) => {
  const home = await freshHome(t);
  const code = "import net from 'node:net'; net.Server.prototype.close = function () { return this; };";
  const daemon = await home.start(preload(home, code));
  assert.equal((await home.cli('import', corpus.history)).exit, 0);
  assert.equal(await daemon.stop(), 3);
  await home.start();
  const { store } = await home.json<Result<'node.status'>>('status');
  assert.ok(store.transactions >= corpus.frames.history);
});

test('an unexpected fault: exit 70, with its stack in the log; acknowledged transactions stay', async (t) => {
  const home = await freshHome(t);
  const code = "process.on('SIGUSR2', () => { throw new Error('injected fault'); });";
  const daemon = await home.start(preload(home, code));
  const [deploy] = [...readFrames(readFileSync(corpus.history))];
  await home.json('submit', home.file('deploy.beef', deploy!));
  assert.equal(await daemon.stop('SIGUSR2'), 70);
  assert.match(daemon.log, /event=node\.fault .*injected fault/);
  await home.start();
  assert.equal((await home.json<Result<'token.get'>>('token', corpus.tokenId)).transactions, 1);
});

test('SIGHUP does not end it', async (t) => {
  const home = new Home(t, { follow });
  const daemon = await home.start();
  daemon.child.kill('SIGHUP');
  assert.equal((await home.cli('status')).exit, 0);
  await stopsInOrder(home, daemon);
});

test('clients that wait, watch or do not read keep no daemon from its end', async (t) => {
  const home = await freshHome(t);
  const daemon = await home.start();
  const [deploy] = [...readFrames(readFileSync(corpus.history))];
  await home.json('submit', home.file('deploy.beef', deploy!));
  const watching = home.spawnCli({}, 'watch', '--after', '0');
  await once(watching.stdout!, 'data');
  const [idle, subscribed, deaf] = [await home.raw(t), await home.raw(t), await home.raw(t)];
  subscribed.request(1, 'events.subscribe', { after: '0' });
  await subscribed.json();
  deaf.socket.pause();
  for (let i = 0; i < 300; i += 1) deaf.request(i, 'rpc.discover');
  idle.request(1, 'import.open');
  await idle.json();
  await stopsInOrder(home, daemon);
  await Promise.all([idle.closed, subscribed.closed]);
  const end = exitOf(watching);
  watching.kill('SIGINT');
  assert.equal(await end, 0);
});

/** Submits over one connection and ends the daemon after so many answers; the txids that were answered. */
async function submitUntil(
  t: { after(run: () => Promise<void>): void },
  home: Home,
  daemon: Daemon,
  signal: NodeJS.Signals,
  beefs: readonly Buffer[],
): Promise<string[]> {
  const client = await home.raw(t);
  beefs.forEach((beef, id) => void client.request(id, 'tx.submit', { beef: beef.toString('hex') }));
  const acknowledged: string[] = [];
  for (let line = await client.line(); line !== undefined; line = await client.line()) {
    const answer = JSON.parse(line) as { result?: Result<'tx.submit'>; error?: { data: { code: string } } };
    if (answer.result?.status === 'admitted') acknowledged.push(answer.result.txid ?? '');
    else
      assert.ok(answer.error?.data.code === 'SHUTTING_DOWN' || answer.result?.code === 'UNAVAILABLE', line);
    if (acknowledged.length === 100) daemon.child.kill(signal);
  }
  return acknowledged;
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`${signal} while transactions come in: every acknowledged one is there after the restart`, async (t) => {
    const home = await freshHome(t);
    await home.json('import', corpus.history);
    const daemon = await home.start();
    const beefs = [...readFrames(readFileSync(corpus.transfers))].slice(0, 1_500);
    const acknowledged = await submitUntil(t, home, daemon, signal, beefs);
    assert.equal(await daemon.exit, signal === 'SIGTERM' ? 0 : 'SIGKILL');
    assert.ok(acknowledged.length >= 100);
    await home.start();
    const rpc = await home.client(t);
    for (const txid of acknowledged) assert.equal((await rpc.call('tx.get', { txid })).status, 'active');
    const report = await rpc.call('store.verify', {});
    assert.deepEqual([report.problemCount, report.problems], [0, []]);
  });

  test(`${signal} in the middle of an import: the client says so, nothing is half, and importing again completes it`, async (t) => {
    const home = await freshHome(t);
    const daemon = await home.start();
    const client = home.spawnCli({}, 'import', corpus.history, corpus.transfers);
    let stderr = '';
    client.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const rpc = await home.client(t);
    const end = exitOf(client);
    await until(
      'transactions come in',
      async () => (await rpc.call('node.status', {})).store.transactions > 0,
    );
    assert.equal(await daemon.stop(signal), signal === 'SIGTERM' ? 0 : 'SIGKILL');
    assert.equal(await end, 2);
    assert.match(
      stderr,
      /\nthe import ended early; \d+ transactions had been answered before\nbtcfed: the daemon on \S+ went away before it had answered \(.*\); what it answered before is kept\. Run this again /,
    );
    const answered = Number(/early; (\d+)/.exec(stderr)?.[1]);
    const all = corpus.frames.history + corpus.frames.transfers;
    const before = await home.json<Result<'store.verify'>>('verify');
    assert.deepEqual([before.problemCount, before.problems], [0, []]);
    assert.ok(
      before.transactions >= answered && before.transactions < all,
      `${before.transactions} of ${all}, ${answered} answered`,
    );
    const again = await home.json<Record<string, number>>('import', corpus.history, corpus.transfers);
    assert.deepEqual([again['pending'], again['conflict'], again['rejected']], [0, 0, 0]);
    await home.start();
    const { supply, transactions } = await home.json<Result<'token.get'>>('token', corpus.tokenId);
    assert.deepEqual([supply.circulating, transactions], [String(corpus.supply), all]);
  });
}

test('Ctrl-C in the middle of an import without a daemon: in order, with totals and exit 1', async (t) => {
  const home = await freshHome(t);
  const child = home.spawnCli({}, 'import', corpus.history, corpus.transfers, '--json');
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const end = exitOf(child);
  child.stderr?.once('data', () => child.kill('SIGINT'));
  assert.equal(await end, 1);
  const summary = JSON.parse(stdout) as { interrupted: boolean; offered: number; admitted: number };
  assert.equal(summary.interrupted, true);
  assert.equal(summary.offered, summary.admitted);
  assert.ok(summary.offered < corpus.frames.history + corpus.frames.transfers);
  const report = await home.json<Result<'store.verify'>>('verify');
  assert.equal(report.problemCount, 0);
});

test('a header service that never answers keeps no daemon from its end', async (t) => {
  const service = await FakeHeadersService.start();
  service.mode = 'silent';
  t.after(() => service.close());
  const chain = new TestChain('e2e silent');
  const gold = chain.deployMint(5n, { owner: chain.key('alice') });
  chain.mine([gold]);
  chain.mineEmpty(3);
  const start = chain.blockAt(4);
  // Two expected hashes a block at regtest difficulty, genesis included.
  const work = (2 * (start.height + 1)).toString(16).padStart(64, '0');
  const checkpoint = `{ height: ${start.height}, hash: "${start.hash}", chain_work: "${work}" }`;
  const home = new Home(t);
  home.file(
    'conf.yaml',
    [
      'network: { addresses: [/ip4/127.0.0.1/tcp/0] }',
      'peers: { connection_timeout: 10s }',
      'logging: { level: info, format: text }',
      `chain: { network: regtest, header_sources: [{ url: "${service.url}" }], checkpoint: ${checkpoint} }`,
      `tokens: { follow: [${gold.tokenId()}] }\n`,
    ].join('\n'),
  );
  const daemon = await home.start();
  await home.json('headers', 'import', home.file('headers.bin', chain.headerBytes({ from: 5 })));
  const client = await home.raw(t);
  client.request(1, 'tx.submit', { beef: chain.beef(gold).toString('hex') });
  await until('the service was asked for the root', () =>
    service.requests.some((request) => request.includes('merkleroot')),
  );
  await stopsInOrder(home, daemon);
});
