import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Libp2pHost } from '../../../src/p2p/host.ts';
import { connectHosts, makeHost, newHost, nextEvent, OPEN_POLICY, targetOf } from '../../support/p2p.ts';

const ECHO = { maxFrameBytes: 65_536, maxInboundStreams: 4, maxOutboundStreams: 4 };
const soon = (): AbortSignal => AbortSignal.timeout(5_000);

async function serveEcho(host: Libp2pHost): Promise<void> {
  await host.handle(
    ['/echo/1', 'echo/alias'],
    async (stream) => stream.write(await stream.read(soon()), soon()),
    ECHO,
  );
}

async function echo(from: Libp2pHost, to: Libp2pHost, name = '/echo/1'): Promise<void> {
  const stream = await from.openStream(to.peerId, [name], ECHO, soon());
  await stream.write(Buffer.from(from.peerId), soon());
  assert.equal(Buffer.from(await stream.read(soon())).toString(), from.peerId);
  await stream.close(soon());
}

/** Lets all that is ready run, several times over. */
async function settle(rounds = 20): Promise<void> {
  for (let i = 0; i < rounds; i++) await new Promise((resolve) => setImmediate(resolve));
}

test('14: 100 simultaneous dials: one peer on each side, no flap, streams work both ways', async (t) => {
  for (let trial = 0; trial < 100; trial++) {
    const [a, b] = [await newHost(), await newHost()];
    t.after(() => Promise.all([a.stop(), b.stop()]));
    await Promise.all([a.start(), b.start()]);
    await Promise.all([serveEcho(a), serveEcho(b)]);
    const flaps: string[] = [];
    for (const host of [a, b]) host.on('disconnected', (peerId, reason) => flaps.push(`${peerId} ${reason}`));
    await Promise.all([a.dial(targetOf(b), soon()), b.dial(targetOf(a), soon())]);
    await Promise.all([echo(a, b), echo(b, a, 'echo/alias')]);
    assert.deepEqual([a.connected().length, b.connected().length], [1, 1], `trial ${trial}`);
    assert.deepEqual(flaps, [], `trial ${trial}`);
    await Promise.all([a.stop(), b.stop()]);
    assert.deepEqual([a.openSockets, b.openSockets], [0, 0]);
  }
});

test('74, 93: 50 at once from one address are all accepted, and a new one still is', async (t) => {
  const hub = await makeHost(t, { policy: { maxPerIp: 64 } });
  const peers = await Promise.all(Array.from({ length: 51 }, () => makeHost(t, { listen: [] })));
  const last = peers.pop()!;
  const begunMs = performance.now();
  await Promise.all(peers.map((peer) => peer.dial(targetOf(hub), soon())));
  const ms = performance.now() - begunMs;
  // How fast is for `npm run bench -- connect` to say: here others share the machine.
  t.diagnostic(`50 inbound in ${ms.toFixed(0)} ms`);
  await last.dial(targetOf(hub), soon());
  await settle();
  assert.equal(hub.connected().length, 51);
});

test('limits: per address, in all, denied, listed only; a policy that changes hangs up', async (t) => {
  const hub = await makeHost(t, { policy: { maxPerIp: 2 } });
  const [a, b, c] = await Promise.all([makeHost(t), makeHost(t), makeHost(t)]);
  await connectHosts(a, hub);
  await connectHosts(b, hub);
  await assert.rejects(c.dial(targetOf(hub), soon()), { code: 'RESET_IN_HANDSHAKE' });

  hub.setPolicy({ ...OPEN_POLICY, maxPeers: 2 });
  await assert.rejects(c.dial(targetOf(hub), soon()), { code: 'CLOSED_AFTER_HANDSHAKE' });
  await assert.rejects(hub.dial(targetOf(c), soon()), { code: 'LIMIT_REACHED' });
  hub.setPolicy({ ...OPEN_POLICY, maxPeers: 2, isPreferred: (id) => id === c.peerId });
  await connectHosts(c, hub);
  assert.equal(hub.connected().length, 3, 'a peer of the operator gets in');

  const [left, seen] = [nextEvent(hub, 'disconnected'), nextEvent(a, 'disconnected')];
  hub.setPolicy({ ...OPEN_POLICY, isDenied: (id) => id === a.peerId });
  assert.deepEqual(await left, [a.peerId, 'not allowed']);
  await seen;
  await assert.rejects(a.dial(targetOf(hub), soon()), { code: 'CLOSED_AFTER_HANDSHAKE' });

  const two = nextEvent(hub, 'disconnected');
  hub.setPolicy({ ...OPEN_POLICY, allowed: (id) => id === c.peerId });
  assert.deepEqual(await two, [b.peerId, 'not allowed']);
  assert.deepEqual(
    hub.connected().map(({ peerId }) => peerId),
    [c.peerId],
  );
});

test('13: ten connects in a row leave one state and nothing behind', async (t) => {
  const [a, b] = [await makeHost(t), await makeHost(t)];
  for (let i = 0; i < 10; i++) {
    await connectHosts(a, b);
    const gone = [nextEvent(a, 'disconnected'), nextEvent(b, 'disconnected')];
    await a.hangUp(b.peerId, 'flap');
    assert.equal((await gone[0]!)[1], 'flap');
    await gone[1];
  }
  await settle();
  assert.deepEqual([a.states().size, b.states().size], [0, 0]);
  assert.deepEqual([a.openSockets, b.openSockets], [0, 0]);
});

test('16: one connection carries requests both ways and pings at once', async (t) => {
  const [a, b] = [await makeHost(t), await makeHost(t)];
  await Promise.all([serveEcho(a), serveEcho(b)]);
  await connectHosts(a, b);
  await Promise.all([echo(a, b), echo(b, a), a.ping(b.peerId, soon()), b.ping(a.peerId, soon()), echo(a, b)]);
  assert.equal(a.peer(b.peerId)?.connections, 1);
  assert.ok((a.peer(b.peerId)?.latencyMs ?? -1) >= 0);
});

test('60: a peer without our protocols stays connected; opening one says so', async (t) => {
  const [a, b] = [await makeHost(t), await makeHost(t)];
  await connectHosts(a, b);
  const { peerId } = b;
  await assert.rejects(a.openStream(peerId, ['/echo/1'], ECHO, soon()), { code: 'NO_COMMON_PROTOCOL' });
  assert.equal(a.peer(peerId)?.identified?.agent, 'btc-federation/0.0.0-test');
  assert.equal(a.states().get(peerId), 'connected');
});

test('12: a connection whose other side falls silent is given up; a living idle one is not', async (t) => {
  const alive = await makeHost(t);
  const host = await makeHost(t, { pingIntervalMs: 60, pingTimeoutMs: 200 });
  await connectHosts(host, alive);
  // What a stopped process looks like: the socket stays open, and nothing comes.
  const frozen = await makeHost(t, { services: { freeze: (parts: object) => ({ parts }) } });
  await connectHosts(host, frozen);
  const { connectionManager } = frozen.services.freeze.parts as {
    connectionManager: { getConnections(): { maConn: { pause(): void } }[] };
  };
  const gone = nextEvent(host, 'disconnected');
  for (const { maConn } of connectionManager.getConnections()) maConn.pause();
  const begunMs = performance.now();
  assert.deepEqual(await gone, [frozen.peerId, 'no answer to ping']);
  assert.ok(performance.now() - begunMs < 2_000);
  assert.equal(host.states().get(alive.peerId), 'connected');
});
