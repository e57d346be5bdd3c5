import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { describe, test } from 'node:test';
import { peerIdOfKey } from '../../protocols/peer-exchange/peer-id.ts';
import { federation, freePorts, type Member, startAll, untilMesh } from '../support/federation.ts';
import { until } from '../support/operator.ts';
import { makeHost, testKey } from '../support/p2p.ts';
import { descriptors, hasSocketTable, listeningSockets } from '../support/socket-table.ts';

// Daemons as an operator runs them: the real program, in homes of their own, on loopback.

/** Told is what is asserted: who is connected, by PeerId, by the word of both sides. */
async function pairs(members: readonly Member[]): Promise<readonly string[]> {
  const seen = await Promise.all(
    members.map(async (member) =>
      (await member.connected()).map(({ peerId }) => [member.peerId, peerId].sort().join(' ')),
    ),
  );
  return seen.flat().sort();
}

/** Public key of an Ed25519 seed, raw. */
function publicHalf(seed: Uint8Array): Buffer {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const key = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  return key.export({ format: 'der', type: 'spki' }).subarray(-32);
}

const sinceMs = (from: number): number => Math.round(performance.now() - from);

describe('connections of daemons', { concurrency: 2 }, () => {
  test('a pair with mutual lists, three times: connected by PeerId in less than 3 s, one peer each', async (t) => {
    const [a, b] = (await federation(t, 2)) as [Member, Member];
    a.list(b);
    b.list(a);
    for (let round = 1; round <= 3; round += 1) {
      await Promise.all([a.start(), b.start()]);
      const startMs = performance.now();
      await untilMesh([a, b]);
      const ms = sinceMs(startMs);
      t.diagnostic(`round ${round}: connected ${ms} ms after both served`);
      assert.ok(ms < 3_000, `${ms} ms`);
      const [[seenByA], [seenByB]] = await Promise.all([a.connected(), b.connected()]);
      assert.deepEqual([seenByA?.peerId, seenByB?.peerId], [b.peerId, a.peerId]);
      assert.notEqual(seenByA?.direction, seenByB?.direction);
      assert.deepEqual([seenByA?.penalty, seenByB?.penalty], [0, 0]);
      for (const member of [a, b]) {
        const series = await member.metrics();
        assert.equal(series.get('btcfed_peer_connects_total'), 1, 'no flap');
        assert.equal(series.get('btcfed_flapping_peers'), 0);
      }
      await Promise.all([a.stop(), b.stop()]);
    }
  });

  test('eight that are given one: all known within 3 intervals, then 28 pairs, counted on both sides', async (t) => {
    const intervalMs = 2_000;
    const members = await federation(t, 8, { exchangeInterval: `${intervalMs}ms` });
    const [seed, ...others] = members as [Member, ...Member[]];
    for (const other of others) other.list(seed);
    await startAll(members);
    const startMs = performance.now();
    const knowsAll = async (member: Member): Promise<boolean> => (await member.known()).length === 7;
    await until('all know all', async () => (await Promise.all(members.map(knowsAll))).every(Boolean));
    const knownMs = sinceMs(startMs);
    t.diagnostic(
      `share of peers known: 100 % after ${knownMs} ms = ${(knownMs / intervalMs).toFixed(1)} intervals`,
    );
    assert.ok(knownMs <= 3 * intervalMs, `${knownMs} ms`);
    await untilMesh(members);
    t.diagnostic(`mesh after ${sinceMs(startMs)} ms`);
    const told = await pairs(members);
    const distinct = new Set(told);
    assert.deepEqual([told.length, distinct.size], [56, 28], 'each pair is told by both of its sides');
    for (const member of members) {
      const series = await member.metrics();
      assert.equal(series.get('btcfed_peer_records_total{result="refused"}'), 0);
      assert.equal(series.get('btcfed_banned_peers'), 0);
    }
  });

  test('IPv4 and IPv6 on one port and nothing else; reached by address, dns4 and dns6', async (t) => {
    const [port = 0, ...ports] = await freePorts(4);
    const listen = [`/ip4/127.0.0.1/tcp/${port}`, `/ip6/::1/tcp/${port}`];
    const [target, ...members] = (await federation(t, 4, (index) => ({
      listen: index === 0 ? listen : [`/ip4/127.0.0.1/tcp/${ports[index - 1]}`],
    }))) as [Member, ...Member[]];
    const daemon = target.home.spawn();
    await daemon.line(/event=node\.starting/);
    const startMs = performance.now();
    await daemon.line(/event=p2p\.listening/);
    assert.ok(sinceMs(startMs) < 2_000, `${sinceMs(startMs)} ms until it listened`);
    await daemon.line(/event=node\.started/);
    if (hasSocketTable) {
      assert.deepEqual(listeningSockets(daemon.pid), [`127.0.0.1:${port}`, `[::1]:${port}`]);
    }
    const ways = [`/ip6/::1/tcp/${port}`, `/dns4/localhost/tcp/${port}`, `/dns6/localhost/tcp/${port}`];
    const hosts = ['/ip6/::1/', '/ip4/127.0.0.1/', '/ip6/::1/'];
    for (const [i, member] of members.entries()) {
      member.list(target, [ways[i] ?? '']);
      member.configure({ listen: member.listen, peers: '  allow_only_listed: true' });
    }
    await startAll(members);
    const connectMs = performance.now();
    for (const [i, member] of members.entries()) {
      await until(`${ways[i]} is connected`, async () => (await member.connected()).length === 1);
      const [seen] = await member.connected();
      assert.equal(seen?.peerId, target.peerId);
      assert.equal(seen?.remoteAddress, `${hosts[i]}tcp/${port}`, 'the family that was asked for');
    }
    assert.ok(sinceMs(connectMs) < 3_000, `${sinceMs(connectMs)} ms`);
    assert.equal(await daemon.stop(), 0);
  });

  test('a port in use: three tries with growing waits, then exit 1 with the address; freed in between, it starts', async (t) => {
    const [member] = (await federation(t, 1)) as [Member];
    const holder = createServer().listen(member.port, '127.0.0.1');
    await once(holder, 'listening');
    t.after(() => holder.close());
    const daemon = member.home.spawn();
    assert.equal(await daemon.exit, 1);
    const retries = [...daemon.log.matchAll(/event=p2p\.listen_retry address=(\S+) ms=(\d+)/g)];
    const waits = retries.map(([, , ms]) => Number(ms));
    assert.deepEqual(
      retries.map(([, address]) => address),
      Array(3).fill(member.listen[0]),
    );
    assert.ok(
      waits.every((ms, i) => i === 0 || ms === 2 * waits[i - 1]!),
      waits.join(', '),
    );
    assert.match(daemon.log, /event=node\.start_failed .*code=ADDRESS_IN_USE/);
    assert.ok(daemon.log.includes(`${member.listen[0]}: another program listens there`), daemon.log);
    // A stop that is asked for meanwhile is a stop, not a start that failed.
    const stopped = member.home.spawn();
    await stopped.line(/event=p2p\.listen_retry/);
    assert.equal(await stopped.stop(), 0);
    assert.doesNotMatch(stopped.log, /event=node\.start_failed/);
    const again = member.home.spawn();
    await again.line(/event=p2p\.listen_retry/);
    holder.close();
    await again.line(/event=node\.started/);
    assert.equal(await again.stop(), 0);
  });

  test('two that know nobody are ready within 2 s and stand alone, as does one with an empty list in any form', async (t) => {
    const lists = [undefined, '', 'peers:\n', 'peers: []\n', undefined];
    const members = await federation(t, lists.length);
    for (const [i, text] of lists.entries()) {
      if (text !== undefined) writeFileSync(members[i]!.peersFile, text);
    }
    for (const member of members) {
      const daemon = await member.start();
      const ms = Number(/event=node\.started ms=(\d+)/.exec(daemon.log)?.[1]);
      assert.ok(ms < 2_000, `${ms} ms`);
      assert.match(daemon.log, /p2p: No peers configured - running in standalone mode/);
      const { known, inbound, outbound } = await member.network();
      assert.deepEqual([known, inbound + outbound], [0, 0]);
    }
    await Promise.all(members.map((member) => member.stop()));
  });

  test('a list of peers that are not there: it starts, tries on with one line each, and has the first that comes', async (t) => {
    const [a, b, gone] = (await federation(t, 3)) as [Member, Member, Member];
    a.list(b);
    a.list(gone);
    const daemon = await a.start();
    for (const { peerId } of [b, gone]) {
      const failed = await daemon.line(new RegExp(`event=peer\\.dial_failed peer=${peerId}`));
      assert.match(failed, /code=REFUSED failures=1 breaker=closed next_ms=\d+ addresses=/);
    }
    assert.deepEqual(await a.connected(), []);
    assert.equal((await a.peer(b.peerId))?.lastError, 'REFUSED');
    await b.start();
    const startMs = performance.now();
    await until('the one that came is connected', async () => (await a.connected()).length === 1);
    t.diagnostic(`back after ${sinceMs(startMs)} ms`);
    assert.equal((await a.connected())[0]?.peerId, b.peerId);
    const failures = (await a.peer(gone.peerId))?.failures ?? 0;
    const told = daemon.log.match(new RegExp(`event=peer\\.dial_failed peer=${gone.peerId}`, 'g')) ?? [];
    assert.ok(told.length >= failures, `${told.length} lines for ${failures} failures`);
    assert.ok(failures >= 1 && told.length <= failures + 1);
  });

  test('another key behind an address is named with the key that was found; put right, it is connected at once', async (t) => {
    const [a, b, stranger] = (await federation(t, 3)) as [Member, Member, Member];
    a.list(b, stranger.listen);
    const daemon = await a.start();
    await stranger.start();
    const failed = await daemon.line(/event=peer\.dial_failed .*code=WRONG_IDENTITY/);
    assert.ok(failed.includes(`peer=${b.peerId}`) && failed.includes(`found=${stranger.peerId}`), failed);
    assert.deepEqual(await a.connected(), []);
    assert.deepEqual(await stranger.connected(), []);
    await b.start();
    a.list(b);
    const startMs = performance.now();
    await untilMesh([a, b]);
    assert.ok(sinceMs(startMs) < 5_000, `${sinceMs(startMs)} ms`);
  });
});

describe('whose key', { concurrency: 2 }, () => {
  test('halves of a key that differ, and 64 random bytes: it starts, warns with the public key to list, and is who the seed says', async (t) => {
    const [a, b] = (await federation(t, 2)) as [Member, Member];
    const random = randomBytes(64);
    const seed = testKey(41);
    const keys = [Buffer.concat([seed.subarray(0, 32), testKey(42).subarray(32)]), random];
    for (const [i, member] of [a, b].entries()) {
      const conf = readFileSync(member.home.configFile, 'utf8');
      const text = conf.replace(/private_key: "[^"]+"/, `private_key: "${keys[i]!.toString('base64')}"`);
      writeFileSync(member.home.configFile, text, { mode: 0o600 });
    }
    const right = [Buffer.from(seed.subarray(32)), publicHalf(random.subarray(0, 32))];
    const peerIds = right.map((key) => peerIdOfKey(key));
    b.listKey(peerIds[0]!, right[0]!.toString('base64'), a.listen);
    await startAll([a, b]);
    await until('they are connected', async () => (await a.connected()).length === 1);
    for (const [i, member] of [a, b].entries()) {
      const { peerId, publicKey } = await member.network();
      assert.deepEqual([peerId, publicKey], [peerIds[i], right[i]!.toString('base64')]);
      assert.match(member.running.log, /event=config\.warning .*node\.private_key/);
      assert.ok(member.running.log.includes(right[i]!.toString('base64')), 'the right public key is told');
      const { health } = await member.call('node.status', {});
      assert.ok(health.some(({ code }) => code === 'KEY_HALVES_DIFFER'));
    }
    assert.equal((await a.connected())[0]?.peerId, peerIds[1]);
  });

  test('two daemons with the same key: neither connects to itself, and a third has one peer of that name', async (t) => {
    const [a, b, c] = (await federation(t, 3)) as [Member, Member, Member];
    const conf = readFileSync(a.home.configFile, 'utf8');
    writeFileSync(b.home.configFile, conf.replace(a.listen[0]!, b.listen[0]!), { mode: 0o600 });
    a.listKey(a.peerId, a.publicKey, [...b.listen, ...a.listen]);
    c.listKey(a.peerId, a.publicKey, [...a.listen, ...b.listen]);
    await startAll([a, b, c]);
    await until('the third is connected', async () => (await c.connected()).length === 1);
    assert.equal((await c.connected())[0]?.peerId, a.peerId);
    assert.deepEqual(
      (await a.known()).filter((peerId) => peerId === a.peerId),
      [],
    );
    const seen = [...(await a.connected()), ...(await b.connected())];
    assert.deepEqual(
      seen.map(({ peerId }) => peerId),
      [c.peerId],
    );
  });
});

describe('what others do to a daemon', { concurrency: 2 }, () => {
  test('a peer that is frozen is dropped within 30 s and is back when it goes on', async (t) => {
    const [a, b] = (await federation(t, 2)) as [Member, Member];
    a.list(b);
    b.list(a);
    await startAll([a, b]);
    await untilMesh([a, b]);
    b.freeze();
    const frozenMs = performance.now();
    await a.running.line(/event=peer\.disconnected/);
    const droppedMs = sinceMs(frozenMs);
    t.diagnostic(`dropped after ${droppedMs} ms`);
    assert.ok(droppedMs <= 30_000, `${droppedMs} ms`);
    assert.deepEqual(await a.connected(), []);
    assert.notEqual((await a.peer(b.peerId))?.state, 'connected');
    b.thaw();
    const thawedMs = performance.now();
    await untilMesh([a, b]);
    t.diagnostic(`back after ${sinceMs(thawedMs)} ms`);
  });

  test('garbage, half handshakes and silence on the port: no fault, no descriptor left, and peers get in as before', async (t) => {
    const [a, b] = (await federation(t, 2)) as [Member, Member];
    b.list(a);
    await a.start();
    const before = hasSocketTable ? descriptors(a.running.pid).length : 0;
    const sockets = Array.from({ length: 40 }, (_, i) => {
      const socket = connect({ port: a.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
      const said = [Buffer.alloc(4_096, 0xff), 'GET / HTTP/1.1\r\n\r\n', '\x13/multistream/1.0.0\n', ''][
        i % 4
      ]!;
      socket.on('error', () => undefined);
      return socket.on('connect', () => (i % 8 === 7 ? socket.resetAndDestroy() : socket.write(said)));
    });
    await Promise.all(sockets.map((socket) => once(socket, 'connect').catch(() => undefined)));
    await b.start();
    const startMs = performance.now();
    await untilMesh([a, b]);
    assert.ok(sinceMs(startMs) < 3_000, `${sinceMs(startMs)} ms`);
    for (const socket of sockets) socket.destroy();
    if (hasSocketTable) {
      // One for the peer that came.
      await until('the sockets are gone', () => descriptors(a.running.pid).length <= before + 1);
    }
    assert.doesNotMatch(a.running.log, /event=(p2p|node)\.fault/);
    assert.deepEqual((await a.network()).inbound, 1);
  });

  test('a libp2p node without our protocol stays connected, is not asked, and nothing is held against it', async (t) => {
    const [a, b] = (await federation(t, 2)) as [Member, Member];
    b.list(a);
    const listed = await makeHost(t);
    writeFileSync(
      a.peersFile,
      `peers:\n  - public_key: "${Buffer.from(listed.publicKey).toString('base64')}"\n    addresses: ["${listed.listenAddresses()[0]}"]\n`,
    );
    await startAll([a, b]);
    const dialler = await makeHost(t, { listen: [] });
    await dialler.dial({ peerId: a.peerId, addresses: a.listen }, AbortSignal.timeout(3_000));
    await until('all three are there', async () => (await a.connected()).length === 3);
    assert.ok((await dialler.ping(a.peerId, AbortSignal.timeout(3_000))) < 1_000, 'ping is answered');
    // The one that speaks it is met at each interval; three of them pass.
    const rounds = async (): Promise<number> =>
      (await a.metrics()).get('btcfed_exchange_unchanged_total') ?? 0;
    const first = await rounds();
    await until('three intervals have passed', async () => (await rounds()) >= first + 3);
    for (const { peerId } of [listed, dialler]) {
      const seen = await a.peer(peerId);
      assert.deepEqual([seen?.state, seen?.penalty, seen?.failures], ['connected', 0, 0]);
      assert.equal(seen?.protocols?.includes('/btc-federation/v1'), false);
    }
    assert.doesNotMatch(a.running.log, /peer\.(refused|banned|misbehaves|disconnected)/);
  });

  test('50 at once from one address are held, a new one still gets in, and the stop takes less than 5 s', async (t) => {
    const [a] = (await federation(t, 1, { peers: '  max_per_ip: 60' })) as [Member];
    await a.start();
    const target = { peerId: a.peerId, addresses: a.listen };
    const hosts = await Promise.all(Array.from({ length: 51 }, () => makeHost(t, { listen: [] })));
    const late = hosts.pop()!;
    const beganMs = performance.now();
    await Promise.all(hosts.map((host) => host.dial(target, AbortSignal.timeout(10_000))));
    const allMs = sinceMs(beganMs);
    const lateMs = performance.now();
    await late.dial(target, AbortSignal.timeout(3_000));
    t.diagnostic(`50 of 50 in ${allMs} ms, one more in ${sinceMs(lateMs)} ms`);
    assert.ok(allMs < 5_000, `${allMs} ms, with all 50 dialling in one process`);
    await until('all are told', async () => (await a.network()).inbound === 51);
    assert.ok(hosts.every((host) => host.peer(a.peerId) !== undefined));
    const gone = hosts.map((host) => new Promise((resolve) => host.on('disconnected', resolve)));
    const stopMs = performance.now();
    await a.stop();
    t.diagnostic(`stopped in ${sinceMs(stopMs)} ms`);
    assert.ok(sinceMs(stopMs) < 5_000, `${sinceMs(stopMs)} ms`);
    await Promise.all(gone);
  });

  test('a second daemon in the same home ends with 1 and disturbs neither list, bans nor connections of the first', async (t) => {
    const [a, b] = (await federation(t, 2)) as [Member, Member];
    a.list(b);
    await startAll([a, b]);
    await untilMesh([a, b]);
    const before = (await a.connected())[0]?.connectedSince;
    const second = a.home.spawn();
    const beganMs = performance.now();
    assert.equal(await second.exit, 1);
    assert.ok(sinceMs(beganMs) < 3_000);
    assert.ok(second.log.includes(String(a.running.pid)), second.log);
    assert.equal((await a.connected())[0]?.connectedSince, before);
    assert.doesNotMatch(a.running.log, /peers\.(edited|damaged|recovered)/);
    await a.stop();
  });
});
