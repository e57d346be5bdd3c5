import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { STUBBORN_STEP, stepMs } from '../../../src/p2p/backoff.ts';
import { ConnectionLog } from '../../../src/p2p/connection-log.ts';
import type { Libp2pHost } from '../../../src/p2p/host.ts';
import { HOST_CLOCK } from '../../../src/p2p/host-clock.ts';
import { PeerKeeper } from '../../../src/p2p/keeper.ts';
import { DIALS_AT_ONCE, FLAP_DIALS } from '../../../src/p2p/keeper-limits.ts';
import type { Clock } from '../../../src/p2p/types.ts';
import { FakeBook } from '../../support/fake-host.ts';
import { LogLines } from '../../support/log-lines.ts';
import { until } from '../../support/operator.ts';
import { connectHosts, makeHost, nextEvent, type TestHostOptions, targetOf } from '../../support/p2p.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';

/** The machine's time, with a count of what waits. */
class CountedClock implements Clock {
  waiting = 0;
  nowMs = HOST_CLOCK.nowMs;
  monotonicMs = HOST_CLOCK.monotonicMs;

  after(ms: number, run: () => void): () => void {
    this.waiting += 1;
    let isOver = false;
    const end = (): void => {
      if (!isOver) this.waiting -= 1;
      isOver = true;
    };
    const cancel = HOST_CLOCK.after(ms, () => {
      end();
      run();
    });
    return () => {
      end();
      cancel();
    };
  }
}

interface KeptHost {
  readonly host: Libp2pHost;
  readonly book: FakeBook;
  readonly keeper: PeerKeeper;
  readonly clock: CountedClock;
  readonly log: LogLines;
  readonly connections: ConnectionLog;
  /** Dials under way now, most at once, and all. */
  readonly dials: { now: number; most: number; total: number };
}

/** A real host with a keeper that is not started. */
async function keptHost(t: TestContext, opts: TestHostOptions = {}): Promise<KeptHost> {
  const host = await makeHost(t, opts);
  const book = new FakeBook();
  const clock = new CountedClock();
  const log = new LogLines();
  const dials = { now: 0, most: 0, total: 0 };
  const watched = {
    peerId: host.peerId,
    peer: host.peer.bind(host),
    connected: host.connected.bind(host),
    on: host.on.bind(host),
    dial: async (...args: Parameters<Libp2pHost['dial']>) => {
      dials.now += 1;
      dials.total += 1;
      dials.most = Math.max(dials.most, dials.now);
      try {
        return await host.dial(...args);
      } finally {
        dials.now -= 1;
      }
    },
  };
  const keeper = new PeerKeeper(
    { maxPeers: 300, connectionTimeoutMs: 1_000 },
    { host: watched, book, mayDial: () => true, clock, random: Math.random, log },
  );
  const connections = new ConnectionLog({ host, clock, log });
  connections.start();
  t.after(async () => {
    await keeper.stop();
    connections.stop();
  });
  return { host, book, keeper, clock, log, connections, dials };
}

function addOperator(book: FakeBook, host: Libp2pHost, addresses = host.listenAddresses()): void {
  book.add(host.peerId, { origin: 'operator', addresses });
}

/** Two hosts, the one whose id is smaller first: it dials at once. */
async function inOrder(t: TestContext, opts: TestHostOptions = {}): Promise<[KeptHost, KeptHost]> {
  const a = await keptHost(t, opts);
  const b = await keptHost(t, opts);
  return a.host.peerId < b.host.peerId ? [a, b] : [b, a];
}

describe('with the real host', () => {
  test('50 operator peers are all connected, eight dials at once', async (t) => {
    const { host, book, keeper, dials, clock, connections } = await keptHost(t);
    const others = await Promise.all(Array.from({ length: 50 }, () => makeHost(t)));
    for (const other of others) addOperator(book, other);
    const beganMs = performance.now();
    keeper.start();
    await until('all are connected', () => host.connected().length === 50);
    const ms = performance.now() - beganMs;
    assert.equal(dials.most, DIALS_AT_ONCE);
    assert.equal(dials.total, 50);
    assert.equal(connections.counts().connected, 50);
    // Those with smaller ids are dialled after two seconds.
    assert.ok(ms < 2_000 + 3_000, `${Math.round(ms)} ms`);
    t.diagnostic(`50 peers in ${Math.round(ms)} ms`);
    await keeper.stop();
    assert.equal(clock.waiting, 0);
  });

  test('two that list each other and start together have one peer each, by one dial', async (t) => {
    for (let i = 0; i < 10; i += 1) {
      const [first, second] = await inOrder(t);
      addOperator(first.book, second.host);
      addOperator(second.book, first.host);
      first.keeper.start();
      second.keeper.start();
      await until('both see each other', () => {
        return (
          first.host.peer(second.host.peerId) !== undefined &&
          second.host.peer(first.host.peerId) !== undefined
        );
      });
      assert.equal(first.host.connected().length, 1);
      assert.equal(second.host.connected().length, 1);
      assert.equal(first.dials.total, 1);
      assert.equal(second.dials.total, 0);
      assert.equal(first.host.peer(second.host.peerId)?.connections, 1);
      await Promise.all([first.keeper.stop(), second.keeper.stop()]);
    }
  });

  test('a black hole, a refusal and a stranger: a line each with its code, others are not concerned', async (t) => {
    const [near, good] = await inOrder(t, { policy: { connectionTimeoutMs: 500 } });
    const { host, book, keeper, log } = near;
    const silent = createServer(() => undefined);
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const sockets: { destroy(): void }[] = [];
    silent.on('connection', (socket) => sockets.push(socket));
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      silent.close();
    });
    const ids = (await Promise.all([makeHost(t), makeHost(t), makeHost(t)])).map(({ peerId }) => peerId);
    const [hole, refuses, stranger] = ids as [string, string, string];
    const gone = await makeHost(t);
    const [goneAt] = gone.listenAddresses();
    await gone.stop();
    book.add(hole, { origin: 'operator', addresses: [`/ip4/127.0.0.1/tcp/${port}`] });
    book.add(refuses, { origin: 'operator', addresses: [goneAt!] });
    book.add(stranger, { origin: 'operator', addresses: good.host.listenAddresses() });
    addOperator(book, good.host);
    keeper.start();
    await until('the good one is connected', () => host.peer(good.host.peerId) !== undefined);
    await until('all failed', () => ids.every((id) => (keeper.view(id)?.failures ?? 0) > 0));
    const codes = new Map(log.of('peer.dial_failed').map(({ fields }) => [fields['peer'], fields['code']]));
    assert.deepEqual(
      ids.map((id) => codes.get(id)),
      ['TIMEOUT', 'REFUSED', 'WRONG_IDENTITY'],
    );
    for (const [id, firstStep] of [
      [hole, 0],
      [refuses, 0],
      [stranger, STUBBORN_STEP],
    ] as const) {
      const { failures = 0, nextDialInMs = 0 } = keeper.view(id) ?? {};
      assert.ok(nextDialInMs <= stepMs(Math.max(firstStep, failures - 1)));
    }
    assert.equal(host.connected().length, 1);
  });

  test('a peer that freezes is noticed, and is back within one backoff step of its return', async (t) => {
    const opts: TestHostOptions = {
      pingIntervalMs: 200,
      pingTimeoutMs: 300,
      policy: { connectionTimeoutMs: 500 },
    };
    const [near, far] = await inOrder(t, opts);
    const { host, book, keeper, log } = near;
    const [address] = far.host.listenAddresses();
    const proxy = await TcpProxy.open(t, { port: Number(address?.split('/').at(-1)) });
    addOperator(book, far.host, [`/ip4/127.0.0.1/tcp/${proxy.port}`]);
    keeper.start();
    await until('connected', () => host.peer(far.host.peerId) !== undefined);
    proxy.stall();
    await until('noticed', () => host.peer(far.host.peerId) === undefined);
    await until('a dial failed', () => (keeper.view(far.host.peerId)?.failures ?? 0) > 0);
    assert.equal(log.of('peer.dial_failed')[0]?.fields['code'], 'TIMEOUT');
    proxy.reset();
    proxy.resume();
    // The dial that is under way or waited for, and one more if it was cut short.
    const steps = Math.max(1, keeper.view(far.host.peerId)?.failures ?? 1);
    const limitMs = 2 * 1_000 * 2 ** steps + 1_000;
    const beganMs = performance.now();
    await until('back', () => host.peer(far.host.peerId) !== undefined);
    assert.ok(performance.now() - beganMs < limitMs);
  });

  test('a peer that flaps: three dials of ours, one line in sum, no state left', async (t) => {
    const [near, far] = await inOrder(t);
    const { host, book, keeper, dials, log, connections, clock } = near;
    addOperator(book, far.host);
    keeper.start();
    await until('connected', () => host.peer(far.host.peerId) !== undefined);
    const before = dials.total;
    for (let i = 0; i < 10; i += 1) {
      const lost = nextEvent(host, 'disconnected');
      await far.host.hangUp(host.peerId, 'flapping');
      await lost;
      await connectHosts(far.host, host);
    }
    assert.ok(dials.total - before <= FLAP_DIALS, `${dials.total - before} dials`);
    assert.equal(host.connected().length, 1, 'one peer, whatever its connections were');
    await keeper.stop();
    connections.stop();
    assert.equal(log.of('peer.flapping').length, 1);
    assert.ok(log.of('peer.connected').length <= 2);
    assert.equal(clock.waiting, 0);
  });

  test('stop in the middle of dials at any step leaves no timer and no socket', async (t) => {
    for (const afterMs of [0, 1, 3, 6, 10, 20, 40]) {
      const { host, book, keeper, clock } = await keptHost(t);
      const others = await Promise.all([makeHost(t), makeHost(t), makeHost(t)]);
      for (const other of others) {
        addOperator(book, other);
        const { port } = await TcpProxy.open(t, {
          port: Number(other.listenAddresses()[0]?.split('/').at(-1)),
        }).then((proxy) => {
          proxy.delayMs = 5;
          return proxy;
        });
        addOperator(book, other, [`/ip4/127.0.0.1/tcp/${port}`]);
      }
      keeper.start();
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await keeper.stop();
      assert.equal(clock.waiting, 0);
      await host.stop();
      assert.equal(host.openSockets, 0, `after ${afterMs} ms`);
    }
  });

  test('an address behind a name that does not resolve does not hinder another', async (t) => {
    const [near, far] = await inOrder(t);
    const { addresses } = targetOf(far.host);
    near.book.add(far.host.peerId, {
      origin: 'operator',
      addresses: ['/dns4/no-such-name.invalid/tcp/9', ...addresses],
    });
    near.keeper.start();
    await until('connected', () => near.host.peer(far.host.peerId) !== undefined);
    assert.equal(near.dials.total, 1);
  });
});
