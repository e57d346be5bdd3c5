import assert from 'node:assert/strict';
import { globSync, readFileSync, statSync } from 'node:fs';
import { describe, test } from 'node:test';
import { encodeMessage } from '../../protocols/peer-exchange/codec.ts';
import { PROTOCOL_IDS } from '../../protocols/peer-exchange/constants.ts';
import { EXCHANGE_STREAMS } from '../../src/p2p/exchange-transport.ts';
import { federation, type Member, proxied, startAll, untilMesh } from '../support/federation.ts';
import { until } from '../support/operator.ts';
import { makeHost } from '../support/p2p.ts';

// What an operator sees of the federation over time: cuts and their healing, bans, what the commands tell.

const soon = (): AbortSignal => AbortSignal.timeout(3_000);
const idsOf = (peers: readonly { readonly peerId: string }[]): readonly string[] =>
  peers.map(({ peerId }) => peerId).sort();

describe('the life of a federation', { concurrency: 2 }, () => {
  test('cut in two with news on both sides: connections within each half stay; healed, all know all within 3 intervals', async (t) => {
    // Everybody is reached through a line of its own that can be cut; halves also know each other directly.
    const intervalMs = 2_000;
    const exchangeInterval = `${intervalMs}ms`;
    const members = await federation(t, 6, { exchangeInterval });
    const lines = await Promise.all(members.map((member) => member.proxy()));
    for (const [i, member] of members.entries()) {
      member.configure({ exchangeInterval, announce: [proxied(lines[i]!)] });
    }
    const [a, a2, b, b2, aNew, bNew] = members as [Member, Member, Member, Member, Member, Member];
    const direct: readonly (readonly [Member, Member])[] = [
      [a, a2],
      [a2, a],
      [b, b2],
      [b2, b],
      [aNew, a],
      [bNew, b],
    ];
    for (const [from, to] of direct) from.list(to);
    a.list(b, [proxied(lines[2]!)]);
    await startAll([a, a2, b, b2]);
    await untilMesh([a, a2, b, b2]);
    for (const line of lines) line.cut();
    await until('each half is alone', async () => {
      const [ofA, ofB] = await Promise.all([a.connected(), b.connected()]);
      return idsOf(ofA).join() === a2.peerId && idsOf(ofB).join() === b2.peerId;
    });
    const between = await a.peer(b.peerId);
    assert.ok(between !== undefined && between.state !== 'connected', between?.state);
    assert.equal(
      (await a.metrics()).get('btcfed_peers{state="connected",direction="inbound"}')! +
        (await a.metrics()).get('btcfed_peers{state="connected",direction="outbound"}')!,
      1,
    );
    await startAll([aNew, bNew]);
    await until('news are on both sides', async () => {
      const [ofA, ofB] = await Promise.all([a2.known(), b2.known()]);
      return ofA.includes(aNew.peerId) && ofB.includes(bNew.peerId);
    });
    assert.ok(!(await b.known()).includes(aNew.peerId) && !(await a.known()).includes(bNew.peerId));
    for (const line of lines) line.heal();
    const healedMs = performance.now();
    const halves = [
      [a, a2, aNew],
      [b, b2, bNew],
    ];
    await until('the halves have met', async () => {
      const seen = await Promise.all((halves[0] ?? []).map((member) => member.connected()));
      return seen.some((peers) =>
        peers.some(({ peerId }) => (halves[1] ?? []).some((one) => one.peerId === peerId)),
      );
    });
    const metMs = performance.now();
    await until('all know all', async () => {
      const known = await Promise.all(members.map((member) => member.known()));
      return known.every((ids) => ids.length === 5);
    });
    const knownMs = performance.now() - metMs;
    t.diagnostic(
      `met ${Math.round(metMs - healedMs)} ms after healing, all known ${Math.round(knownMs)} ms later`,
    );
    assert.ok(knownMs <= 3 * intervalMs, `${Math.round(knownMs)} ms`);
  });

  test('one that is cut off is not told to be connected, and gets a new connection when the line is whole again', async (t) => {
    const [a, b, c] = (await federation(t, 3)) as [Member, Member, Member];
    const [toA, toB] = [await a.proxy(), await b.proxy()];
    a.configure({ announce: [proxied(toA)] });
    b.configure({ announce: [proxied(toB)] });
    a.list(b, [proxied(toB)]);
    a.list(c);
    c.configure({ peers: '  allow_only_listed: true' });
    c.list(a, [proxied(toA), ...a.listen]);
    await startAll([a, b, c]);
    await until('both are there', async () => (await a.connected()).length === 2);
    const before = await a.peer(b.peerId);
    for (const line of [toA, toB]) line.cut();
    await until('it is noticed', async () => idsOf(await a.connected()).join() === c.peerId);
    await a.running.line(
      new RegExp(
        `event=peer\\.dial_failed peer=${b.peerId} code=(RESET_IN_HANDSHAKE|CLOSED_AFTER_HANDSHAKE)`,
      ),
    );
    assert.notEqual((await a.peer(b.peerId))?.state, 'connected');
    for (const line of [toA, toB]) line.heal();
    await until('it is back', async () => (await a.connected()).length === 2);
    const after = await a.peer(b.peerId);
    assert.ok((after?.connectedSince ?? '') > (before?.connectedSince ?? ''), 'a new connection');
    assert.equal(after?.failures, 0);
  });

  test('a forged record is a ban, which survives a restart; a peer of the operator is warned about instead', async (t) => {
    const [a] = (await federation(t, 1)) as [Member];
    await a.start();
    const bad = await makeHost(t, { listen: [] });
    const record = Buffer.from(await (await makeHost(t)).signedRecord());
    record[record.length - 1]! ^= 1;
    const lie = encodeMessage({ body: { kind: 'announcement', records: [{ envelope: record }] } });
    const target = { peerId: a.peerId, addresses: a.listen };
    const tell = async (): Promise<void> => {
      await bad.dial(target, soon());
      const stream = await bad.openStream(a.peerId, PROTOCOL_IDS, EXCHANGE_STREAMS, soon());
      await stream.write(lie, soon());
    };
    await tell();
    const line = await a.running.line(/event=peer\.banned/);
    assert.match(line, new RegExp(`peer=${bad.peerId} code=RECORD_FORGED seconds=600 bans=1`));
    const { items } = await a.home.json<{ items: Record<string, unknown>[] }>(
      'peers',
      '--banned',
      '--detail',
      '2',
    );
    assert.deepEqual([items[0]?.['peerId'], items[0]?.['banReason']], [bad.peerId, 'RECORD_FORGED']);
    await assert.rejects(bad.dial(target, soon()), { code: 'CLOSED_AFTER_HANDSHAKE' });
    await a.stop();
    await a.start();
    assert.equal((await a.network()).banned, 1);
    await until('the old connection is gone', () => bad.peer(a.peerId) === undefined);
    await assert.rejects(bad.dial(target, soon()), { code: 'CLOSED_AFTER_HANDSHAKE' });
    assert.deepEqual(await a.connected(), []);
    assert.equal((statSync(a.home.path('data', 'bans.json')).mode & 0o777).toString(8), '600');
    // Whom the operator lists is free at once, and stays whatever it does.
    const [fromMs, key] = [a.running.log.length, Buffer.from(bad.publicKey).toString('base64')];
    a.listKey(bad.peerId, key, ['/ip4/127.0.0.1/tcp/1']);
    await a.running.line(/event=peers\.edited/, fromMs);
    await tell();
    await a.running.line(/event=peer\.misbehaves .*code=RECORD_FORGED/, fromMs);
    assert.deepEqual([(await a.network()).banned, idsOf(await a.connected())], [0, [bad.peerId]]);
  });

  test('status, peers, wait and metrics tell of two that are connected; idle afterwards, they say so', async (t) => {
    const [a, b] = (await federation(t, 2)) as [Member, Member];
    a.list(b);
    b.list(a);
    await startAll([a, b]);
    await untilMesh([a, b]);
    const waited = await a.home.cli('wait', '--peers', '1', '--timeout', '5s');
    assert.equal(waited.exit, 0, waited.stderr);
    const missing = await a.home.cli('wait', '--peers', '2', '--timeout', '1s');
    assert.equal(missing.exit, 1);
    assert.match(missing.stderr, /connected to 1 of 2 peers/);
    const { stdout: status } = await a.home.cli('status');
    const { peerId, publicKey, listening } = await a.network();
    for (const told of [a.peerId, a.listen[0]!]) assert.ok(status.includes(told), status);
    assert.match(status, /peers +1 of at most 300 \([01] in, [01] out\)/);
    assert.deepEqual([peerId, publicKey, listening], [a.peerId, a.publicKey, a.listen]);
    const { stdout: peers, stderr: counts } = await a.home.cli('peers');
    assert.match(peers, new RegExp(`^${b.peerId} +connected +(in|out) .* operator +btc-federation/\\d`));
    assert.match(counts, /^1 connected \([01] in, [01] out\), 0 connecting, 0 failed, 0 idle, 0 banned\n$/);
    const sum = (series: ReadonlyMap<string, number>, name: string): number =>
      [...series].reduce((total, [key, value]) => total + (key.startsWith(name) ? value : 0), 0);
    const [ofA, ofB] = await Promise.all([a.metrics(), b.metrics()]);
    for (const series of [ofA, ofB]) {
      assert.equal(sum(series, 'btcfed_peers{state="connected"'), 1);
      assert.equal(series.get('btcfed_peer_connects_total'), 1);
      assert.equal(series.get('btcfed_listen_addresses'), 1);
      assert.ok(sum(series, 'btcfed_frames_total{protocol="peer_exchange"') >= 2);
      assert.equal(sum(series, 'btcfed_peer_penalties_total'), 0);
    }
    assert.equal(
      sum(ofA, 'btcfed_dials_total{result="ok"}') + sum(ofB, 'btcfed_dials_total{result="ok"}'),
      1,
    );
    await b.stop();
    await until('the failed dial is told', async () =>
      (await a.home.cli('peers')).stdout.includes('REFUSED'),
    );
    const { stdout: lonely } = await a.home.cli('peers', '--operator', '--detail', '2');
    assert.match(lonely, /lastError +REFUSED/);
    assert.match(lonely, /nextDial +20\d\d-/);
  });

  test('the private key is in no output, log line or file but conf.yaml, at the level of debug either; both sides of an exchange share an id', async (t) => {
    const [a, b] = (await federation(t, 2, {
      level: 'debug',
      more: '',
    })) as [Member, Member];
    a.list(b);
    await startAll([a, b]);
    await untilMesh([a, b]);
    await until('it is saved', () => b.savedKeys().includes(a.publicKey));
    const commands = [
      ['status', '--json'],
      ['peers', '--all', '--detail', '2', '--json'],
      ['config', 'show', '--sources'],
      ['config', 'show', '--json'],
      ['config', 'check'],
      ['metrics'],
      ['rpc', 'config.get', '{}'],
      ['rpc', 'node.status', '{}'],
    ];
    for (const argv of commands) await a.home.cli(...argv);
    // Pasted into the wrong places, it is not shown either.
    const key = a.home.privateKey() ?? '';
    assert.equal(key.length, 88);
    a.configure({ level: 'debug', more: `${'tokens'}: { follow: ["${key}"] }` });
    assert.equal((await a.home.cli('reload')).exit, 1);
    assert.equal((await a.home.cli('config', 'check')).exit, 4);
    const correlations = (member: Member): Set<string> =>
      new Set([...member.running.log.matchAll(/correlation=(\d+)/g)].map(([, id]) => id ?? ''));
    const shared = [...correlations(a)].filter((id) => correlations(b).has(id));
    assert.ok(shared.length > 0, 'an id that is in the lines of both');
    await a.stop();
    const seed = Buffer.from(key, 'base64').subarray(0, 32);
    const files = globSync('**', { cwd: a.home.dir, withFileTypes: true }).filter((file) => file.isFile());
    assert.ok(files.length > 3);
    for (const file of files) {
      if (file.name.startsWith('conf.yaml')) continue;
      const bytes = readFileSync(`${file.parentPath}/${file.name}`);
      for (const secret of [key, seed.toString('hex'), seed]) {
        assert.ok(!bytes.includes(secret), `${file.name} holds the key`);
      }
    }
    // What was written to stdout and stderr is searched when the home is closed.
  });
});
