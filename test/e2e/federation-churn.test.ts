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
const ROUNDS = 20;
const WARM_UP_ROUNDS = 5;
/** Below this a slope says nothing: the noise of one sample is as large. */
const SLOPE_FROM_SECONDS = 600;
const VERDICT = /event=config\.(reloaded|reload_refused|rolled_back|rollback_failed)/;

/** The daemon of a member with the probe inside. */
function spawnProbed({ home }: Member): Daemon {
  const probe = join(import.meta.dirname, '..', 'support', `heap-probe${import.meta.filename.slice(-3)}`);
  const flags = [
    '--max-semi-space-size=16',
    '--heap-growing-percent=100',
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

/** Objects and buffers, and apart from them compiled code; the least of several, since an exchange may be under way. */
async function leastHeldBy(child: ChildProcess): Promise<{ readonly bytes: number; readonly code: number }> {
  const measured: { readonly bytes: number; readonly code: number }[] = [];
  for (let i = 0; i < 5; i += 1) {
    const { heapBytes, codeBytes, externalBytes } = await heldBy(child);
    measured.push({ bytes: heapBytes - codeBytes + externalBytes, code: codeBytes });
    await sleep(50);
  }
  return measured.reduce((least, one) => (one.bytes < least.bytes ? one : least));
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
async function repeat(endMs: number, everyMs: number, run: () => Promise<void>): Promise<void> {
  while (performance.now() < endMs) {
    const beganMs = performance.now();
    await run();
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

/** One after the other, valid ones and each fifth one wrong; addresses come and go. */
class Edits {
  applied = 0;
  refused = 0;
  readonly #member: Member;
  readonly #spare: string;
  #count = 0;

  constructor(member: Member, spare: string) {
    this.#member = member;
    this.#spare = spare;
  }

  write(count: number): void {
    const { listen } = this.#member;
    this.#member.configure({
      peers: `  max_per_ip: 300\n  max_peers: ${300 + (count % 7)}`,
      exchangeInterval: `${1 + (count % 3)}s`,
      listen: count % 4 < 2 ? listen : [...listen, this.#spare],
      level: (count % 5 === 4 ? 'loud' : 'info') as 'info',
    });
  }

  async next(daemon: Daemon): Promise<void> {
    this.write(++this.#count);
    await this.#reload(daemon);
  }

  /** As at the start. */
  async back(daemon: Daemon): Promise<void> {
    this.write(0);
    await this.#reload(daemon);
  }

  async #reload(daemon: Daemon): Promise<void> {
    const from = daemon.log.length;
    daemon.child.kill('SIGHUP');
    const line = await daemon.line(VERDICT, from);
    if (line.includes('event=config.reloaded')) this.applied += 1;
    else if (line.includes('code=RELOAD_INVALID')) this.refused += 1;
    else assert.fail(line);
  }
}

/** What others told the daemon, and how much of it was taken. */
function recordsTaken(series: ReadonlyMap<string, number>): number {
  const count = (result: string): number => series.get(`btcfed_peer_records_total{result="${result}"}`) ?? 0;
  const told = [...series].filter(([name]) => name.startsWith('btcfed_peer_records_total'));
  const all = told.reduce((sum, [, value]) => sum + value, 0);
  const left = ['refused', 'source_full', 'subnet_full', 'book_full'].reduce(
    (sum, name) => sum + count(name),
    0,
  );
  return (all - left) / all;
}

const rounded = (value: number): number => Number(value.toFixed(4));

test(`${SECONDS} s of peers that come and go, garbage and reloads: nothing is dropped, nothing is left behind`, {
  skip,
}, async (t) => {
  const [a] = (await federation(t, 1)) as [Member];
  const [spare = 0] = await freePorts(1);
  const edits = new Edits(a, `/ip4/127.0.0.1/tcp/${spare}`);
  edits.write(0);
  const daemon = spawnProbed(a);
  t.after(async () => {
    daemon.child.kill('SIGKILL');
    await exitOf(daemon.child);
  });
  await daemon.line(/event=node\.started/);
  const fds = (): readonly string[] => (hasSocketTable ? descriptors(daemon.pid) : []);
  const atStart = { ...(await heldBy(daemon.child)), fds: fds().length };
  const crowd = await startCrowd(STABLE_PEERS, { publicKey: a.publicKey, address: a.listen[0]! });
  t.after(() => crowd.stop());
  await until('the crowd is there', async () => (await a.network()).inbound === STABLE_PEERS);
  const stable = new Set([...(await a.known()), a.peerId]);
  const seen: Seen = { joins: 0, known: 0, connectMs: [] };
  const keys = Array.from({ length: GUESTS }, (_, i) => testKey(100 + i));
  const samples: { ms: number; bytes: number; code: number }[] = [];
  const beganMs = performance.now();
  let guests = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const endMs = performance.now() + (SECONDS * 1_000) / ROUNDS;
    const lane = (): Promise<void> =>
      repeat(endMs, 0, () => visit(keys[guests++ % GUESTS]!, a, stable, seen));
    await Promise.all([
      ...Array.from({ length: GUESTS_AT_ONCE }, lane),
      repeat(endMs, RELOAD_EVERY_MS, () => edits.next(daemon)),
      repeat(endMs, GARBAGE_EVERY_MS, async () => {
        garbage(t, a.port);
        await a.connected();
      }),
    ]);
    // What guests held must go with them: it is measured between two rounds.
    await until('the guests have gone', async () => (await a.connected()).length === STABLE_PEERS);
    if (round < WARM_UP_ROUNDS) continue;
    samples.push({ ms: performance.now() - beganMs, ...(await leastHeldBy(daemon.child)) });
  }
  const series = await a.metrics();
  const { dropped, exchanges } = await crowd.report();
  await crowd.stop();
  await edits.back(daemon);
  await until('all have gone', async () => (await a.connected()).length === 0);
  // Dials of those that were there a moment ago end by themselves.
  await until('no dial is under way', async () => (await a.network()).dialling === 0);
  // So do the calls of this test, and files of the store that it was about to close.
  await until('descriptors are back', () => fds().length <= atStart.fds).catch(() => undefined);
  // Peers that went are dialled again now and then: it is measured between two dials.
  let held = await heldBy(daemon.child);
  await until('no socket is left', async () => {
    held = await heldBy(daemon.child);
    return held.sockets <= atStart.sockets;
  }).catch(() => undefined);
  const open = fds();
  const after = { ...held, fds: open.length };
  const failed = (await a.metrics()).get('btcfed_peers{state="failed",direction="outbound"}') ?? 0;
  const penalties = [...series].filter(([name, n]) => name.startsWith('btcfed_peer_penalties') && n > 0);
  const connectMs = seen.connectMs.sort((x, y) => x - y);
  const slope = slopeOf(samples);
  const figures = {
    seconds: SECONDS,
    joins: seen.joins,
    discovery: rounded(seen.known / seen.joins),
    records_taken: rounded(recordsTaken(series)),
    connect_p95_ms: Math.round(connectMs[Math.floor(connectMs.length * 0.95)] ?? 0),
    reloads_applied: edits.applied,
    reloads_refused: edits.refused,
    dropped,
    exchanges,
    penalties: Object.fromEntries(penalties),
    held_mb: samples.map(({ bytes }) => Number((bytes / MB).toFixed(2))),
    held_mb_per_10_min: Number(slope.toFixed(2)),
    code_mb: samples.map(({ code }) => Number((code / MB).toFixed(2))),
    start: atStart,
    end: after,
    failed_peers: failed,
  };
  process.stderr.write(`${JSON.stringify(figures)}\n`);
  daemon.child.kill('SIGTERM');
  assert.equal(await daemon.exit, 0, daemon.log.slice(-4_000));
  assert.doesNotMatch(daemon.log, /event=(node|p2p)\.fault|unhandled/i);
  assert.doesNotMatch(daemon.log, /event=peer\.banned/);
  assert.deepEqual(after.warnings, []);
  assert.equal(dropped, 0);
  assert.ok(edits.applied > 0 && edits.refused > 0);
  assert.ok(figures.discovery > 0.95, `discovery ${figures.discovery}`);
  assert.ok(figures.records_taken > 0.95, `taken ${figures.records_taken}`);
  assert.equal(after.listeningSockets, atStart.listeningSockets);
  assert.equal(after.sockets, atStart.sockets);
  assert.ok(
    after.listeners <= atStart.listeners,
    `${after.listeners} listeners, ${atStart.listeners} before`,
  );
  // Each failed peer has one, until it is forgotten after ten minutes.
  assert.ok(after.timers - failed <= atStart.timers + 4, `${after.timers} timers, ${atStart.timers} before`);
  assert.ok(after.fds <= atStart.fds, `${atStart.fds} descriptors before, now ${open.join(' ')}`);
  if (SECONDS >= SLOPE_FROM_SECONDS) {
    assert.ok(slope < 1, `what it holds grows by ${slope.toFixed(2)} MB in 10 minutes`);
  }
});
