import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { AddressResolver } from '../../../src/p2p/dns.ts';
import { P2P_CODES, P2pError } from '../../../src/p2p/errors.ts';
import type { Libp2pHost } from '../../../src/p2p/host.ts';
import { HOST_CLOCK } from '../../../src/p2p/host-clock.ts';
import { makeHost, newHost, targetOf } from '../../support/p2p.ts';

/** A TCP server that does one thing to whoever connects; the result is its address. */
async function tcpServer(t: TestContext, onSocket: (socket: net.Socket) => void): Promise<string> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `/ip4/127.0.0.1/tcp/${(server.address() as net.AddressInfo).port}`;
}

async function dialFails(host: Libp2pHost, peerId: string, addresses: readonly string[]): Promise<P2pError> {
  try {
    await host.dial({ peerId, addresses }, AbortSignal.timeout(10_000));
  } catch (error) {
    assert.ok(error instanceof P2pError, String(error));
    return error;
  }
  return assert.fail('the dial succeeded');
}

test('82: each failure has its own code, state and backoff class', async (t) => {
  const host = await makeHost(t, { policy: { connectionTimeoutMs: 1_000 } });
  const other = await makeHost(t, { policy: { isDenied: () => true } });
  const stranger = (await newHost()).peerId;
  const free = await tcpServer(t, () => {});
  const port = Number(free.split('/').at(-1));
  const silent = await tcpServer(t, () => {});
  const resets = await tcpServer(t, (socket) => socket.once('data', () => socket.resetAndDestroy()));
  // What a libp2p node without Noise says: multistream-select, and "na" to what we propose.
  const foreign = await tcpServer(t, (socket) => socket.write('\x13/multistream/1.0.0\n\x03na\n'));
  const cases = [
    ['REFUSED', stranger, [`/ip4/127.0.0.1/tcp/${port === 1 ? 2 : 1}`]],
    ['UNREACHABLE', stranger, ['/ip4/255.255.255.255/tcp/9']],
    ['TIMEOUT', stranger, [silent]],
    ['RESET_IN_HANDSHAKE', stranger, [resets]],
    ['NO_COMMON_PROTOCOL', stranger, [foreign]],
    ['WRONG_IDENTITY', stranger, other.listenAddresses()],
    ['CLOSED_AFTER_HANDSHAKE', other.peerId, other.listenAddresses()],
    ['DNS_FAILED', stranger, ['/dns4/nowhere.invalid/tcp/9']],
    ['NO_ADDRESS', stranger, []],
    ['NO_ADDRESS', stranger, ['/ip4/127.0.0.1/udp/9/quic-v1']],
  ] as const;
  for (const [code, peerId, addresses] of cases) {
    const error = await dialFails(host, peerId, addresses);
    assert.equal(error.code, code, `${addresses.join(' ')}: ${error.code} ${error.message}`);
    assert.equal(host.states().get(peerId), 'failed', code);
    assert.equal(error.backoff, P2P_CODES[code].backoff);
  }
  const found = await dialFails(host, stranger, other.listenAddresses());
  assert.equal(found.data['found'], other.peerId, 'who answered instead');
  assert.equal((await dialFails(host, host.peerId, host.listenAddresses())).code, 'SELF');
  assert.equal((await dialFails(host, stranger, host.listenAddresses())).code, 'SELF', 'own address');
  assert.equal((await dialFails(other, host.peerId, host.listenAddresses())).code, 'DENIED');
  assert.equal((await dialFails(host, 'nobody', [])).code, 'ADDRESS_INVALID');
  const stopped = await newHost();
  await stopped.stop();
  assert.equal((await dialFails(stopped, host.peerId, host.listenAddresses())).code, 'STOPPED');
  assert.deepEqual(host.connected(), []);
});

test('11: the connection timeout is kept within 10 %, for a silent peer and for a black hole', async (t) => {
  const host = await makeHost(t, { policy: { connectionTimeoutMs: 1_000 } });
  const silent = await tcpServer(t, () => {});
  const { peerId } = await newHost();
  for (const addresses of [[silent], [silent, silent.replace('127.0.0.1', '127.0.0.2')]]) {
    const begunMs = performance.now();
    const error = await dialFails(host, peerId, addresses);
    const ms = performance.now() - begunMs;
    assert.equal(error.code, 'TIMEOUT');
    assert.ok(Math.abs(ms - 1_000) <= 100, `${ms} ms`);
  }
});

test('6, 7: dead addresses do not keep a good one from being tried in the same dial', async (t) => {
  const [host, peer] = [await makeHost(t), await makeHost(t)];
  const addresses = ['/ip4/127.0.0.1/tcp/1', '/dns4/nowhere.invalid/tcp/1', ...peer.listenAddresses()];
  const found = await host.dial({ peerId: peer.peerId, addresses }, AbortSignal.timeout(5_000));
  assert.equal(found.peerId, peer.peerId);
});

test('5, 6: names go through the resolver; one that hangs holds up neither IP addresses nor other peers', async (t) => {
  const asked: string[] = [];
  const peer = await makeHost(t);
  const port = peer.listenAddresses()[0]!.split('/').at(-1);
  const host = await makeHost(t, {
    policy: { connectionTimeoutMs: 1_000 },
    resolve: (addresses) => {
      asked.push(...addresses);
      if (addresses.some((text) => text.includes('hangs'))) return new Promise(() => {});
      return Promise.resolve([`/ip4/127.0.0.1/tcp/${port}`]);
    },
  });
  const hanging = [`/dns4/hangs.example/tcp/${port}`];
  const begunMs = performance.now();
  const slow = dialFails(host, (await newHost()).peerId, hanging);
  const both = { peerId: peer.peerId, addresses: [...hanging, ...peer.listenAddresses()] };
  await host.dial(both, AbortSignal.timeout(5_000));
  assert.ok(performance.now() - begunMs < 900, 'connected while the resolver hangs');
  assert.equal((await slow).code, 'DNS_FAILED');
  await host.hangUp(peer.peerId, 'test');
  const named = { peerId: peer.peerId, addresses: [`/dns6/peer.example/tcp/${port}`] };
  assert.equal((await host.dial(named, AbortSignal.timeout(5_000))).peerId, peer.peerId);
  assert.ok(asked.includes(`/dns6/peer.example/tcp/${port}`));
});

test('a name that was learned from a public peer does not lead into our own network', async (t) => {
  const lookups = { lookup: async () => [{ address: '127.0.0.1', ttlSeconds: 60 }] };
  const resolver = new AddressResolver({ lookups, clock: HOST_CLOCK });
  t.after(() => resolver.close());
  const host = await makeHost(t, { resolve: (...args) => resolver.resolve(...args) });
  const peer = await makeHost(t);
  const addresses = [`/dns4/peer.example/tcp/${peer.listenAddresses()[0]!.split('/').at(-1)}`];
  const signal = AbortSignal.timeout(5_000);
  const learned = { peerId: peer.peerId, addresses, publicOnly: true };
  await assert.rejects(host.dial(learned, signal), { code: 'DNS_FAILED' });
  assert.equal((await host.dial({ ...learned, publicOnly: false }, signal)).peerId, peer.peerId);
});

test('17: a dial cancelled or a host stopped at any step leaves no socket', async (t) => {
  const silent = await tcpServer(t, () => {});
  const peer = await makeHost(t);
  const { peerId } = await newHost();
  for (const addresses of [[silent], ['/ip4/255.255.255.255/tcp/9', silent]]) {
    const host = await makeHost(t);
    const abort = new AbortController();
    const dialled = host.dial({ peerId, addresses }, abort.signal);
    setImmediate(() => abort.abort());
    await assert.rejects(dialled, { code: 'CANCELLED' });
    const again = host.dial({ peerId, addresses }, AbortSignal.timeout(5_000));
    const failed = assert.rejects(again, { code: 'STOPPED' });
    const begunMs = performance.now();
    await host.stop();
    assert.ok(performance.now() - begunMs < 2_000);
    await failed;
    assert.equal(host.openSockets, 0);
    assert.equal(host.states().size, 0);
  }
  for (let ticks = 0; ticks < 12; ticks++) {
    const host = await newHost();
    await host.start();
    const dialled = host.dial(targetOf(peer), AbortSignal.timeout(5_000));
    for (let i = 0; i < ticks; i++) await new Promise((resolve) => setImmediate(resolve));
    const outcome = dialled.then(
      () => 'connected',
      (error: P2pError) => error.code,
    );
    await host.stop();
    assert.match(await outcome, /^(connected|STOPPED)$/);
    assert.equal(host.openSockets, 0);
  }
});

test('several callers share one dial; one that gives up does not end it for the others', async (t) => {
  const [host, peer] = [await makeHost(t), await makeHost(t)];
  const abort = new AbortController();
  const first = host.dial(targetOf(peer), abort.signal);
  const second = host.dial(targetOf(peer), AbortSignal.timeout(5_000));
  abort.abort();
  await assert.rejects(first, { code: 'CANCELLED' });
  assert.equal((await second).connections, 1);
  assert.equal((await host.dial(targetOf(peer), AbortSignal.timeout(5_000))).connections, 1, 'at once');
});
