import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { DialTarget } from '../../../src/p2p/types.ts';
import { makeHost, newHost, nextEvent, targetOf } from '../../support/p2p.ts';
import { TcpProxy } from '../../support/tcp-proxy.ts';

const isLong = process.env['BTCFED_TEST_LONG'] === '1';
const CHILD = join(import.meta.dirname, '..', '..', 'support', `p2p-child${import.meta.filename.slice(-3)}`);
const portOf = (address: string | undefined): number => Number(address?.split('/').at(-1));

test('3: over 200 ms of round trip and a stall, first contact takes less than 10 s', async (t) => {
  const [peer, host] = [await makeHost(t), await makeHost(t, { policy: { connectionTimeoutMs: 10_000 } })];
  const proxy = await TcpProxy.open(t, { port: portOf(peer.listenAddresses()[0]) });
  proxy.delayMs = 100;
  const target = { peerId: peer.peerId, addresses: [`/ip4/127.0.0.1/tcp/${proxy.port}`] };
  const begunMs = performance.now();
  const dialled = host.dial(target, AbortSignal.timeout(10_000));
  const stalled = setTimeout(() => proxy.stall(), 300);
  const resumed = setTimeout(() => proxy.resume(), 900);
  await dialled;
  clearTimeout(stalled);
  clearTimeout(resumed);
  t.diagnostic(`${(performance.now() - begunMs).toFixed(0)} ms`);
  assert.ok(performance.now() - begunMs < 10_000);
});

test('a peer behind a line that goes dead is given up; the dial after it heals works', async (t) => {
  const [peer, host] = [await makeHost(t), await makeHost(t, { pingIntervalMs: 100, pingTimeoutMs: 200 })];
  const proxy = await TcpProxy.open(t, { port: portOf(peer.listenAddresses()[0]) });
  const target = { peerId: peer.peerId, addresses: [`/ip4/127.0.0.1/tcp/${proxy.port}`] };
  await host.dial(target, AbortSignal.timeout(5_000));
  const gone = nextEvent(host, 'disconnected');
  proxy.stall();
  assert.deepEqual(await gone, [peer.peerId, 'no answer to ping']);
  proxy.resume();
  assert.equal((await host.dial(target, AbortSignal.timeout(5_000))).peerId, peer.peerId);
});

test('300 silent sockets of one address keep nobody else out', async (t) => {
  const hub = await makeHost(t, { policy: { maxPerIp: 400 } });
  const port = portOf(hub.listenAddresses()[0]);
  const sockets = Array.from({ length: 300 }, () =>
    net.connect({ port, host: '127.0.0.1' }).on('error', () => {}),
  );
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const peer = await makeHost(t);
  assert.equal((await peer.dial(targetOf(hub), AbortSignal.timeout(3_000))).peerId, hub.peerId);
});

test('garbage, half handshakes and resets leave no socket and no fault', async (t) => {
  const hub = await makeHost(t);
  const port = portOf(hub.listenAddresses()[0]);
  const openings = [
    Buffer.alloc(0),
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.from('\x13/multistream/1.0.0\n'),
  ];
  openings.push(Buffer.concat([openings[2]!, Buffer.from('\x07/noise\n'), Buffer.alloc(500, 0xff)]));
  for (const bytes of openings) {
    for (const end of ['destroy', 'resetAndDestroy', 'end'] as const) {
      const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: false });
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(bytes);
      await new Promise((resolve) => setImmediate(resolve));
      const closed = once(socket, 'close');
      socket.resume();
      socket[end]();
      await closed;
    }
  }
  const peer = await makeHost(t);
  await peer.dial(targetOf(hub), AbortSignal.timeout(3_000));
  const begunMs = performance.now();
  await hub.stop();
  assert.ok(performance.now() - begunMs < 2_000);
  assert.equal(hub.openSockets, 0);
});

test('handlers registered before the start are told by the first identify', async (t) => {
  const host = await newHost();
  t.after(() => host.stop());
  const limits = { maxFrameBytes: 100, maxInboundStreams: 1, maxOutboundStreams: 1 };
  await host.handle(['/early/1'], async () => {}, limits);
  await host.start();
  const peer = await makeHost(t);
  const found = await peer.dial(targetOf(host), AbortSignal.timeout(5_000));
  assert.ok(found.identified?.protocols.includes('/early/1'));
});

/** A host in a process of its own; the message is where to dial it. */
async function forked(
  t: TestContext,
): Promise<{ readonly child: ChildProcess; readonly target: DialTarget }> {
  const child = fork(CHILD);
  t.after(() => child.kill('SIGKILL'));
  const [target] = (await once(child, 'message')) as [DialTarget];
  return { child, target };
}

test('12: with the real intervals a stopped process is noticed within 30 s', {
  skip: isLong ? false : 'takes 25 s: npm run test:long',
}, async (t) => {
  const { child, target } = await forked(t);
  const host = await makeHost(t);
  await host.dial(target, AbortSignal.timeout(5_000));
  const gone = nextEvent(host, 'disconnected');
  child.kill('SIGSTOP');
  const begunMs = performance.now();
  assert.deepEqual(await gone, [target.peerId, 'no answer to ping']);
  const seconds = (performance.now() - begunMs) / 1_000;
  t.diagnostic(`noticed after ${seconds.toFixed(1)} s`);
  assert.ok(seconds < 30);
});
