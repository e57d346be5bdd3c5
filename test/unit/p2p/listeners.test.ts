import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import type { Libp2pHost } from '../../../src/p2p/host.ts';
import { HOST_CLOCK } from '../../../src/p2p/host-clock.ts';
import { until } from '../../support/operator.ts';
import { connectHosts, makeHost, newHost, nextEvent, targetOf } from '../../support/p2p.ts';

const soon = (): AbortSignal => AbortSignal.timeout(5_000);

async function busyPort(t: TestContext, host = '127.0.0.1'): Promise<number> {
  const server = net.createServer();
  server.listen({ port: 0, host, ipv6Only: true });
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as net.AddressInfo).port;
}

/** Ports that this process listens on, from the kernel's own tables. */
function listening(): Set<number> {
  const links = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return [];
    }
  });
  const rows = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => readFileSync(file, 'utf8').split('\n'));
  const fields = rows.map((row) => row.trim().split(/\s+/)).filter((row) => row[3] === '0A');
  const own = fields.filter((row) => links.includes(`socket:[${row[9]}]`));
  return new Set(own.map((row) => Number.parseInt(row[1]!.split(':').at(-1)!, 16)));
}

function portOf(address: string | undefined): number {
  return Number(address?.split('/').at(-1));
}

test('1, 4: each address listens, IPv4 and IPv6 on one port; both can be dialled', async (t) => {
  const first = await makeHost(t);
  const port = portOf(first.listenAddresses()[0]);
  await first.stop();
  const begunMs = performance.now();
  const host = await makeHost(t, { listen: [`/ip4/0.0.0.0/tcp/${port}`, `/ip6/::/tcp/${port}`] });
  assert.ok(performance.now() - begunMs < 2_000);
  assert.ok(listening().has(port));
  assert.deepEqual(host.listenAddresses(), [`/ip4/0.0.0.0/tcp/${port}`, `/ip6/::/tcp/${port}`]);
  assert.ok(host.announcedAddresses().every((text) => !/0\.0\.0\.0|::\//.test(text)));
  for (const address of [`/ip4/127.0.0.1/tcp/${port}`, `/ip6/::1/tcp/${port}`]) {
    const dialler = await makeHost(t);
    const peer = await dialler.dial({ peerId: host.peerId, addresses: [address] }, soon());
    assert.equal(peer.remoteAddress, address);
    assert.equal(peer.isPrivate, true);
  }
});

test('81: nothing but the configured addresses is bound', async (t) => {
  const before = listening();
  const host = await makeHost(t, { listen: ['/ip4/127.0.0.1/tcp/0'] });
  const added = [...listening()].filter((port) => !before.has(port));
  assert.deepEqual(added, [portOf(host.listenAddresses()[0])]);
  await host.stop();
  assert.ok(!listening().has(added[0]!));
});

test('15: a busy port is tried again three times, then the start fails and names the address', async (t) => {
  const address = `/ip4/127.0.0.1/tcp/${await busyPort(t)}`;
  const waits: number[] = [];
  const clock = {
    ...HOST_CLOCK,
    after: (ms: number, run: () => void) => {
      waits.push(ms);
      return HOST_CLOCK.after(0, run);
    },
  };
  const host = await newHost({ listen: ['/ip4/127.0.0.1/tcp/0', address], clock });
  await assert.rejects(host.start(), (error: Error & { code: string; data: { address: string } }) => {
    assert.equal(error.code, 'ADDRESS_IN_USE');
    assert.equal(error.data.address, address);
    assert.match(error.message, new RegExp(address));
    return true;
  });
  assert.deepEqual(waits, [250, 500, 1_000]);
  assert.deepEqual(host.listenAddresses(), []);
});

test('15: a port that becomes free between two tries is taken', async (t) => {
  const server = net.createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const clock = {
    ...HOST_CLOCK,
    after: (ms: number, run: () => void) => {
      if (ms === 250) server.close(run);
      return HOST_CLOCK.after(ms === 250 ? 60_000 : ms, () => {});
    },
  };
  const host = await makeHost(t, { listen: [`/ip4/127.0.0.1/tcp/${port}`], clock });
  assert.deepEqual(host.listenAddresses(), [`/ip4/127.0.0.1/tcp/${port}`]);
});

test('81: a busy IPv6 port fails the start, although libp2p would take it for a machine without IPv6', async (t) => {
  const port = await busyPort(t, '::');
  const clock = { ...HOST_CLOCK, after: (_: number, run: () => void) => HOST_CLOCK.after(0, run) };
  const host = await newHost({ listen: ['/ip4/127.0.0.1/tcp/0', `/ip6/::/tcp/${port}`], clock });
  await assert.rejects(host.start(), { code: 'ADDRESS_IN_USE' });
  const foreign = await newHost({ listen: ['/ip4/192.0.2.1/tcp/0'] });
  await assert.rejects(foreign.start(), { code: 'ADDRESS_UNAVAILABLE' });
});

test('44: an address that one of ours, which stays, keeps from being bound: ours is named', async (t) => {
  const host = await makeHost(t);
  const [own] = host.listenAddresses();
  const port = portOf(own);
  // As asked for: with the port.
  await (await host.prepareListen([own!])).commit();
  const all = `/ip4/0.0.0.0/tcp/${port}`;
  await assert.rejects(host.prepareListen([own!, all]), {
    code: 'ADDRESS_IN_USE',
    message: `${all}: this daemon listens there itself, on ${own}, which stays in the list`,
  });
  assert.deepEqual(host.listenAddresses(), [own]);
  const other = `/ip4/127.0.0.1/tcp/${await busyPort(t)}`;
  await assert.rejects(host.prepareListen([own!, other]), /another program listens there/);
});

test('41, 44: an added address opens, a removed one accepts nobody and keeps its connections', async (t) => {
  const host = await makeHost(t);
  const [old] = host.listenAddresses();
  const [staying, fresh, late] = await Promise.all([makeHost(t), makeHost(t), makeHost(t)]);
  await connectHosts(staying, host);
  const losses: string[] = [];
  staying.on('disconnected', (_, reason) => losses.push(reason));

  const told = nextEvent(staying, 'identified');
  const change = await host.prepareListen(['/ip4/127.0.0.2/tcp/0']);
  assert.deepEqual(host.listenAddresses(), [old], 'not in use before the commit');
  await change.commit();
  const [added] = host.listenAddresses();
  assert.match(added!, /^\/ip4\/127\.0\.0\.2\/tcp\/[1-9]/);
  assert.deepEqual((await told)[0].identified?.addresses, [added], 'connected peers are told');

  await connectHosts(fresh, host);
  const gone = late.dial({ peerId: host.peerId, addresses: [old!] }, soon());
  await assert.rejects(gone, { code: 'REFUSED' });
  assert.ok((await staying.ping(host.peerId, soon())) >= 0);
  assert.deepEqual(losses, []);
  await staying.hangUp(host.peerId, 'done');
  await host.stop();
  assert.equal(host.openSockets, 0);
});

test('44: a change of which one address cannot be bound leaves all as it was, and no listener', async (t) => {
  const host = await makeHost(t);
  const before = host.listenAddresses();
  const ports = listening();
  const busy = `/ip4/127.0.0.1/tcp/${await busyPort(t)}`;
  const failed = host.prepareListen(['/ip4/127.0.0.3/tcp/0', busy]);
  await assert.rejects(failed, { code: 'ADDRESS_IN_USE' });
  assert.deepEqual(host.listenAddresses(), before);
  assert.deepEqual(
    [...listening()].filter((port) => !ports.has(port)),
    [portOf(busy)],
  );

  const change = await host.prepareListen([...before, '/ip4/127.0.0.3/tcp/0']);
  await change.rollback();
  assert.deepEqual(host.listenAddresses(), before);
  assert.equal(listening().size, ports.size + 1);
  await connectHosts(await makeHost(t), host);
});

test('42: who connects to an address that is not in use yet waits for the commit, or is cut by the rollback', async (t) => {
  const host = await makeHost(t);
  const [early, cut] = await Promise.all([makeHost(t), makeHost(t)]);
  const before = listening();
  const change = await host.prepareListen([...host.listenAddresses(), '/ip4/127.0.0.4/tcp/0']);
  const [port] = [...listening()].filter((one) => !before.has(one));
  const target = { peerId: host.peerId, addresses: [`/ip4/127.0.0.4/tcp/${port}`] };
  const waiting = early.dial(target, soon());
  await assert.rejects(cut.dial(target, AbortSignal.timeout(100)), { code: 'TIMEOUT' });
  await change.commit();
  assert.equal((await waiting).peerId, host.peerId);
});

test('41: the same port under a wider address, and back again when the change is refused', async (t) => {
  const host = await makeHost(t);
  const before = host.listenAddresses();
  const port = portOf(before[0]);
  const peer = await makeHost(t);
  await connectHosts(peer, host);
  const refused = await host.prepareListen([`/ip4/0.0.0.0/tcp/${port}`]);
  await refused.rollback();
  assert.deepEqual(host.listenAddresses(), before);
  await connectHosts(await makeHost(t), host);
  const change = await host.prepareListen([`/ip4/0.0.0.0/tcp/${port}`]);
  await change.commit();
  const other = await makeHost(t);
  await other.dial({ peerId: host.peerId, addresses: [`/ip4/127.0.0.9/tcp/${port}`] }, soon());
  assert.ok((await peer.ping(host.peerId, soon())) >= 0, 'the connection of before lives on');
});

test('announced addresses are what identify and the signed record tell, and change live', async (t) => {
  const host: Libp2pHost = await makeHost(t, { announce: ['/dns4/node.example.com/tcp/9000'] });
  const peer = await makeHost(t);
  await connectHosts(peer, host);
  assert.deepEqual(peer.peer(host.peerId)?.identified?.addresses, ['/dns4/node.example.com/tcp/9000']);
  assert.deepEqual(peer.peer(host.peerId)?.identified?.signedRecord, await host.signedRecord());
  const told = nextEvent(peer, 'identified');
  await host.setAnnounce(['/ip4/203.0.113.7/tcp/9000']);
  assert.deepEqual((await told)[0].identified?.addresses, ['/ip4/203.0.113.7/tcp/9000']);
  const back = nextEvent(peer, 'identified');
  await host.setAnnounce([]);
  assert.deepEqual((await back)[0].identified?.addresses, host.listenAddresses());
  assert.deepEqual(targetOf(host).addresses, host.announcedAddresses());
});

/** The server of this process that listens there, as the system sees it. */
function serverAt(address: string): net.Server {
  const { _getActiveHandles } = process as unknown as { _getActiveHandles(): readonly unknown[] };
  const servers = _getActiveHandles.call(process).filter((handle) => handle instanceof net.Server);
  const [host, port] = [address.split('/')[2], Number(address.split('/')[4])];
  const found = servers.find((server) => {
    const bound = server.address() as net.AddressInfo;
    return bound.address === host && bound.port === port;
  });
  return found ?? assert.fail(`nothing listens on ${address}`);
}

test('66: a listener that dies takes neither the other nor its connections along, and is not told as listening', async (t) => {
  const hub = await makeHost(t, { listen: ['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.2/tcp/0'] });
  const [first = '', second = ''] = hub.listenAddresses();
  const [one, other] = [await makeHost(t, { listen: [] }), await makeHost(t, { listen: [] })];
  await one.dial({ peerId: hub.peerId, addresses: [second] }, soon());
  serverAt(first).close();
  await until('it is noticed', () => hub.listenAddresses().join() === second);
  assert.deepEqual(hub.announcedAddresses(), [second]);
  await assert.rejects(other.dial({ peerId: hub.peerId, addresses: [first] }, soon()), { code: 'REFUSED' });
  await other.dial({ peerId: hub.peerId, addresses: [second] }, soon());
  assert.ok(one.peer(hub.peerId) !== undefined && (await one.ping(hub.peerId, soon())) >= 0);
  const change = await hub.prepareListen(['/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.2/tcp/0']);
  await change.commit();
  const [again = '', ...rest] = [...hub.listenAddresses()].sort();
  assert.deepEqual([again.split('/')[2], rest], ['127.0.0.1', [second]], 'the next change opens it again');
});
