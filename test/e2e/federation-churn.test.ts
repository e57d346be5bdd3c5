// 10 minutes of peers that come and go, and of reloads: federation-acceptance checks 17, 51, 67, 75 and 76. Runs with
// BTCFED_TEST_LONG=1; BTCFED_CHURN_SECONDS=60 makes it a short one by hand.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { startCrowd } from '../bench/exchanging-peers.ts';
import { federation, freePorts, type Member } from '../support/federation.ts';
import type { Held } from '../support/heap-probe.ts';
import { startNetwork, type TestNetwork } from '../support/network.ts';
import { cleanEnv, Daemon, exitOf, MAIN, until } from '../support/operator.ts';
import { testKey } from '../support/p2p.ts';
import { descriptors, hasSocketTable } from '../support/socket-table.ts';

const SECONDS = Number(process.env['BTCFED_CHURN_SECONDS'] ?? 600);
const skip = process.env['BTCFED_TEST_LONG'] === '1' ? false : 'a long campaign: BTCFED_TEST_LONG=1';

const STABLE_PEERS = 20;
/** Identities that come and go, a few at a time; the same ones again, so that the book stops growing, but none more often than a node may ask. */
const GUESTS = 60;
const GUESTS_AT_ONCE = 4;
const STAY_MS = 1_500;
const RELOAD_EVERY_MS = 3_000;
const GARBAGE_EVERY_MS = 1_000;
const MB = 1_000_000;
/** Below this a slope says nothing: one sample of noise is as large. */
const SLOPE_FROM_SECONDS = 180;

/** The daemon of a member with the probe inside. */
function spawnProbed({ home }: Member): Daemon {
  const probe = join(import.meta.dirname, '..', 'support', `heap-probe${import.meta.filename.slice(-3)}`);
  const flags = [
    '--max-semi-space-size=8',
    '--heap-growing-percent=50',
    '--import',
    pathToFileURL(probe).href,
  ];
  const child = spawn(process.execPath, [...flags, MAIN, 'run'], {
    cwd: home.dir,
    env: cleanEnv({ BTCFED_HOME: home.dir, MALLOC_ARENA_MAX: '2' }),
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  return new Daemon(child);
}

async function heldBy(child: ChildProcess): Promise<Held> {
  child.send('held');
  const [held] = (await once(child, 'message')) as [Held];
  return held;
}

/** What guests saw of those who were there all the time. */
interface Seen {
  joins: number;
  /** Sum of shares, one a join. */
  known: number;
  connectMs: number[];
}

/** One guest: comes, learns, stays a while, goes. */
async function visit(
  key: Uint8Array,
  target: Member,
  stable: ReadonlySet<string>,
  seen: Seen,
): Promise<void> {
  const peers = [{ publicKey: target.publicKey, addresses: target.listen }];
  const beganMs = performance.now();
  const guest = await startNetwork({ key, peers, exchangeIntervalMs: 1_000 });
  try {
    const { host, exchange } = guest.network;
    let isDone = false;
    exchange.onExchanged((peerId) => {
      isDone ||= peerId === target.peerId;
    });
    await until('the guest is connected', () => host.peer(target.peerId) !== undefined);
    seen.connectMs.push(performance.now() - beganMs);
    await until('the guest has exchanged', () => isDone || knownOf(guest, stable) === 1);
    await sleep(STAY_MS * (0.5 + Math.random()));
    seen.joins += 1;
    seen.known += knownOf(guest, stable);
  } finally {
    await guest.stop();
  }
}

function knownOf({ network }: TestNetwork, stable: ReadonlySet<string>): number {
  const known = network.book.peers().filter(({ peerId }) => stable.has(peerId)).length;
  return known / stable.size;
}

/** Calls again and again until the end; a call that fails ends the test. */
async function repeat(endMs: number, everyMs: number, run: (round: number) => Promise<void>): Promise<void> {
  for (let round = 0; performance.now() < endMs; round += 1) {
    const beganMs = performance.now();
    await run(round);
    await sleep(Math.max(0, everyMs - (performance.now() - beganMs)));
  }
}

function garbage(t: TestContext, port: number): void {
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.3' });
  socket.on('error', () => undefined);
  socket.on('connect', () => socket.write(Buffer.alloc(512, 0x7f)));
  const timer = setTimeout(() => socket.destroy(), 500 + Math.random() * 1_000);
  t.after(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** Least squares, in MB a 10 minutes. */
function slopeOf(samples: readonly { readonly ms: number; readonly bytes: number }[]): number {
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const [x, y] = [mean(samples.map(({ ms }) => ms)), mean(samples.map(({ bytes }) => bytes))];
  const covariance = mean(samples.map(({ ms, bytes }) => (ms - x) * (bytes - y)));
  const variance = mean(samples.map(({ ms }) => (ms - x) ** 2));
  return ((covariance / variance) * 600_000) / MB;
}

test(`${SECONDS} s of peers that come and go, garbage and reloads: nothing is dropped, nothing is left behind`, {
  skip,
}, async (t) => {
  const [a] = (await federation(t, 1)) as [Member];
  const [spare = 0] = await freePorts(1);
  const configure = (round: number): void =>
    a.configure({
      peers: `  max_per_ip: 300\n  max_peers: ${300 + (round % 7)}`,
      exchangeInterval: `${1 + (round % 3)}s`,
      listen: round % 4 < 2 ? a.listen : [...a.listen, `/ip4/127.0.0.1/tcp/${spare}`],
      level: (round % 5 === 4 ? 'loud' : 'info') as 'info',
    });
  configure(0);
  const daemon = spawnProbed(a);
  t.after(async () => {
    daemon.child.kill('SIGKILL');
    await exitOf(daemon.child);
  });
  await daemon.line(/event=node\.started/);
  const fds = (): number => (hasSocketTable ? descriptors(daemon.pid).length : 0);
  const atStart = { ...(await heldBy(daemon.child)), fds: fds() };

  const crowd = await startCrowd(STABLE_PEERS, { publicKey: a.publicKey, address: a.listen[0]! });
  t.after(() => crowd.stop());
  await until('the crowd is there', async () => (await a.network()).inbound === STABLE_PEERS);
  const stable = new Set([...(await a.known()), a.peerId]);
  const beganMs = performance.now();
  const endMs = beganMs + SECONDS * 1_000;
  const seen: Seen = { joins: 0, known: 0, connectMs: [] };
  const keys = Array.from({ length: GUESTS }, (_, i) => testKey(100 + i));
  const samples: { ms: number; bytes: number }[] = [];
  const reloads = { applied: 0, refused: 0 };
  await Promise.all([
    ...Array.from({ length: GUESTS_AT_ONCE }, (_, lane) =>
      repeat(endMs, 0, (round) =>
        visit(keys[lane + GUESTS_AT_ONCE * (round % (GUESTS / GUESTS_AT_ONCE))]!, a, stable, seen),
      ),
    ),
    repeat(endMs, RELOAD_EVERY_MS, async (round) => {
      configure(round + 1);
      const from = daemon.log.length;
      daemon.child.kill('SIGHUP');
      const line = await daemon.line(
        /event=config\.(reloaded|reload_refused|rolled_back|rollback_failed)/,
        from,
      );
      if (line.includes('event=config.reloaded')) reloads.applied += 1;
      else if (line.includes('code=RELOAD_INVALID')) reloads.refused += 1;
      else assert.fail(line);
    }),
    repeat(endMs, GARBAGE_EVERY_MS, async () => {
      garbage(t, a.port);
      await a.connected();
    }),
    repeat(endMs, (SECONDS * 1_000) / 20, async (round) => {
      // The first quarter is for warming up.
      if (round < 5) return;
      samples.push({ ms: performance.now() - beganMs, bytes: (await heldBy(daemon.child)).heapBytes });
    }),
  ]);

  const series = await a.metrics();
  const records = [...series].filter(([name]) => name.startsWith('btcfed_peer_records_total'));
  const told = records.reduce((sum, [, count]) => sum + count, 0);
  const refused = ['refused', 'source_full', 'subnet_full', 'book_full'].reduce(
    (sum, result) => sum + (series.get(`btcfed_peer_records_total{result="${result}"}`) ?? 0),
    0,
  );
  const penalties = [...series].filter(
    ([name, count]) => name.startsWith('btcfed_peer_penalties') && count > 0,
  );
  const { dropped, exchanges } = await crowd.report();
  await crowd.stop();
  configure(0);
  await a.home.cli('reload');
  await until('all have gone', async () => (await a.connected()).length === 0);
  // Dials of those that were there a moment ago end by themselves.
  await until('no dial is under way', async () => (await a.network()).dialling === 0);
  const after = { ...(await heldBy(daemon.child)), fds: fds() };
  const slope = slopeOf(samples);
  seen.connectMs.sort((x, y) => x - y);
  const figures = {
    seconds: SECONDS,
    joins: seen.joins,
    discovery: Number((seen.known / seen.joins).toFixed(4)),
    records_taken: Number(((told - refused) / told).toFixed(4)),
    ...reloads,
    dropped,
    exchanges,
    penalties: Object.fromEntries(penalties),
    heap_mb: samples.map(({ bytes }) => Number((bytes / MB).toFixed(2))),
    heap_mb_per_10_min: Number(slope.toFixed(2)),
    start: atStart,
    end: after,
    rss_mb: Math.round(after.rssBytes / MB),
  };
  process.stderr.write(`${JSON.stringify(figures)}\n`);
  daemon.child.kill('SIGTERM');
  assert.equal(await daemon.exit, 0, daemon.log.slice(-4_000));
  assert.doesNotMatch(daemon.log, /event=(node|p2p)\.fault|unhandled/i);
  assert.doesNotMatch(daemon.log, /event=peer\.banned/);
  assert.deepEqual(after.warnings, []);
  assert.equal(dropped, 0);
  assert.ok(reloads.applied > 0 && reloads.refused > 0);
  assert.ok(figures.discovery > 0.95, `discovery ${figures.discovery}`);
  assert.ok(figures.records_taken > 0.95, `taken ${figures.records_taken}`);
  assert.equal(after.listeningSockets, atStart.listeningSockets);
  assert.equal(after.sockets, atStart.sockets);
  assert.ok(
    after.listeners <= atStart.listeners,
    `${after.listeners} listeners, ${atStart.listeners} before`,
  );
  assert.ok(after.timers <= atStart.timers + 4, `${after.timers} timers, ${atStart.timers} before`);
  assert.ok(after.fds <= atStart.fds, `${after.fds} descriptors, ${atStart.fds} before`);
  if (SECONDS >= SLOPE_FROM_SECONDS)
    assert.ok(slope < 1, `the heap grows by ${slope.toFixed(2)} MB in 10 minutes`);
});
