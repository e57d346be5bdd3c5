import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressBytes } from '../../../protocols/peer-exchange/address.ts';
import { decodeMessage, encodeMessage, type MessageBody } from '../../../protocols/peer-exchange/codec.ts';
import { MAX_SERVED_STREAMS } from '../../../protocols/peer-exchange/constants.ts';
import { checkSigned } from '../../../protocols/peer-exchange/record.ts';
import { tokenHint, tokenIdBytes } from '../../../protocols/peer-exchange/tokens.ts';
import { SignedRecords } from '../../../src/p2p/signed-record.ts';
import { ExchangeNet, type NetOptions, type SimNode, testKey } from '../../support/exchange-net.ts';
import { MemoryStream } from '../../support/memory-stream.ts';

const INTERVAL_MS = 30_000;
const OPEN = new AbortController().signal;

async function pair(options: NetOptions = {}): Promise<{ net: ExchangeNet; a: SimNode; b: SimNode }> {
  const net = new ExchangeNet({ dials: 0, latencyMs: 0, intervalMs: INTERVAL_MS, ...options });
  return { net, a: await net.add(), b: await net.add() };
}

/** Sends bytes on a new stream from `from` to `to`; the far end, and what came back. */
async function send(
  from: SimNode,
  to: SimNode,
  bytes: Uint8Array | MessageBody,
): Promise<{ far: MemoryStream; answer: MessageBody | undefined }> {
  const [near, far] = MemoryStream.pair(from.key.peerId, to.key.peerId);
  await near.write(
    bytes instanceof Uint8Array ? bytes : encodeMessage({ correlation: 7, body: bytes }),
    OPEN,
  );
  await near.close();
  await to.service.serve(far);
  const frame = await near.read(OPEN).catch(() => undefined);
  return { far, answer: frame === undefined ? undefined : decodeMessage(frame).body };
}

/** Signed records of peers that nobody has met. */
async function strangers(from: number, count: number, seq = 1n): Promise<Uint8Array[]> {
  const keys = Array.from({ length: count }, (_, i) => testKey(10_000 + from + i));
  return Promise.all(
    keys.map(async (key, i) =>
      (await key).sign([`/ip4/44.${(from + i) >> 8}.${(from + i) & 255}.1/tcp/9000`], seq),
    ),
  );
}

test('a new connection: both introduce themselves at once, the dialler alone asks', async () => {
  const { net, a, b } = await pair();
  net.connect(a, b);
  await net.clock.advance(5_000);
  assert.ok(a.book.isKnown(b.key.peerId) && b.book.isKnown(a.key.peerId));
  assert.equal(net.kinds['announcement'], 2);
  // Their books were equal after the introduction, so that nothing is asked at all.
  assert.equal(net.kinds['request'] ?? 0, 0);
  assert.equal(a.exchanges, 1);
  await net.stop();
  assert.equal(net.clock.pending, 0);
});

test('the dialler asks when digests differ, and the one that was dialled does not by reflex', async () => {
  const { net, a, b } = await pair();
  const c = await net.add();
  net.connect(c, b);
  await net.clock.advance(1_000);
  net.kinds = {};
  net.connect(a, b);
  await net.clock.advance(5_000);
  assert.equal(net.kinds['request'], 1);
  assert.equal(net.kinds['response'], 1);
  assert.ok(a.book.isKnown(c.key.peerId));
  assert.deepEqual(a.digest(), b.digest());
  await net.stop();
});

test('a peer that never introduces itself is asked after 5 s all the same', async () => {
  const { net, a, b } = await pair();
  a.link(b, true);
  b.service.serve = (far) => far.close(OPEN);
  a.service.joined(a.links.get(b.key.peerId)!);
  await net.clock.advance(4_900);
  assert.equal(net.kinds['request'] ?? 0, 0);
  await net.clock.advance(200);
  assert.equal(net.kinds['request'], 1);
  await net.stop();
});

test('the interval is jittered: no two waits are equal, the spread is at least 10 %', async () => {
  const { net, a } = await pair();
  const times: number[] = [];
  a.service.setOptions({ intervalMs: 10_000, privateAddresses: 'auto' });
  const original = a.record;
  Object.defineProperty(a, 'record', {
    get: () => {
      times.push(net.clock.monotonicMs());
      return original;
    },
  });
  await net.clock.advance(400_000);
  const waits = times.slice(1).map((at, i) => at - times[i]!);
  assert.ok(waits.length >= 30, `${waits.length} waits`);
  assert.equal(new Set(waits).size, waits.length);
  assert.ok(Math.min(...waits) >= 7_500 && Math.min(...waits) < 9_000);
  assert.ok(Math.max(...waits) <= 12_500 && Math.max(...waits) > 11_000);
  await net.stop();
});

test('a live change of the interval takes effect at once', async () => {
  const { net, a, b } = await pair();
  net.connect(a, b);
  await net.clock.advance(100);
  const before = net.kinds['request'] ?? 0;
  a.service.setOptions({ intervalMs: 1_000, privateAddresses: 'auto' });
  await net.clock.advance(10_000);
  assert.ok((net.kinds['request'] ?? 0) - before >= 6);
  await net.stop();
});

test('rate limit: of 20 requests in a second the burst is answered, the rest dropped, counted and held against the peer', async () => {
  const { net, a, b } = await pair();
  const c = await net.add();
  net.connect(c, b);
  await net.clock.advance(1_000);
  a.link(b, false);
  b.link(a, true);
  const results: boolean[] = [];
  for (let i = 0; i < 20; i++) {
    await net.clock.advance(50);
    results.push((await send(a, b, { kind: 'request' })).answer?.kind === 'response');
    if (b.judge.isBanned(a.key.peerId)) break;
  }
  assert.deepEqual(results, [...Array(3).fill(true), ...Array(11).fill(false)]);
  assert.deepEqual(b.judge.codes, [...Array(10).fill('REQUEST_EXCESS'), 'REQUEST_FLOOD']);
  assert.deepEqual(b.hungUp, ['REQUEST_FLOOD']);
  assert.equal(b.counts.view().counters.requests_answered, 3);
  // Banned: the next stream is reset before it is read.
  b.link(a, false);
  assert.equal((await send(a, b, { kind: 'request' })).far.abortedWith, 'NOT_CONNECTED');
  await net.stop();
});

test('the budget survives a reconnect, refills, and an honest reconnecting node is never penalised', async () => {
  const { net, a, b } = await pair();
  const c = await net.add();
  net.connect(c, b);
  await net.clock.advance(1_000);
  let answered = 0;
  for (let i = 0; i < 30; i++) {
    a.link(b, true);
    b.link(a, false);
    if ((await send(a, b, { kind: 'request' })).answer !== undefined) answered++;
    net.disconnect(a, b);
    await net.clock.advance(1_000);
  }
  assert.equal(answered, 3 + 2);
  assert.deepEqual(b.judge.codes, []);
  await net.clock.advance(30_000);
  b.link(a, false);
  assert.equal((await send(a, b, { kind: 'request' })).answer?.kind, 'response');
  await net.stop();
});

test('answers: at most 100, random, without requester and self, no duplicate, the same order for 30 s', async () => {
  const { net, a, b } = await pair();
  for (const envelope of await strangers(0, 300)) {
    const facts = await net.records.open(envelope);
    await take(b, facts.peerId, envelope);
  }
  net.connect(b, a);
  await net.clock.advance(20_000);
  const ids = async () => {
    const { answer } = await send(a, b, { kind: 'request' });
    assert.equal(answer?.kind, 'response');
    const records = answer?.kind === 'response' ? answer.records : [];
    return Promise.all(records.map(async ({ envelope }) => (await net.records.open(envelope!)).peerId));
  };
  const first = await ids();
  assert.equal(first.length, 100);
  assert.equal(new Set(first).size, 100);
  assert.ok(!first.includes(a.key.peerId) && !first.includes(b.key.peerId));
  assert.deepEqual(await ids(), first);
  await net.clock.advance(31_000);
  const later = await ids();
  assert.notDeepEqual(later, first);
  await net.stop();
});

test('an answer stays below the frame limit however large its records are', async () => {
  const { net, a, b } = await pair();
  for (let i = 0; i < 60; i++) {
    const key = await testKey(5_000 + i);
    const names = Array.from(
      { length: 8 },
      (_, n) => `/dns4/${'x'.repeat(60)}.${'y'.repeat(60)}.n${n}.example/tcp/1`,
    );
    await take(b, key.peerId, await key.sign(names, 1n));
  }
  net.connect(b, a);
  await net.clock.advance(1_000);
  const [near, far] = MemoryStream.pair(a.key.peerId, b.key.peerId);
  await near.write(encodeMessage({ body: { kind: 'request' } }), OPEN);
  await b.service.serve(far);
  const frame = await near.read(OPEN);
  assert.ok(frame!.length <= 65_536 && frame!.length > 60_000, `${frame!.length}`);
  const { body } = decodeMessage(frame!);
  assert.equal(body.kind === 'response' && body.isComplete, false);
  await net.stop();
});

test('only the buckets that differ are answered', async () => {
  const { net, a, b } = await pair();
  const envelopes = await strangers(0, 60);
  for (const envelope of envelopes) await take(b, 'x', envelope);
  for (const envelope of envelopes.slice(1)) await take(a, 'x', envelope);
  net.connect(a, b);
  await net.clock.advance(1_000);
  const before = b.counts.view().counters;
  assert.equal(before.requests_answered, 1);
  assert.deepEqual(a.digest(), b.digest());
  const records = a.counts.view().records;
  assert.equal(records.new, 2);
  assert.ok((records.known ?? 0) <= 8, `${records.known} known ones for one that was missing`);
  await net.stop();
});

test('new peers are passed on once: to 8 at most, neither to source nor subject, while they are news', async () => {
  const net = new ExchangeNet({ dials: 0, latencyMs: 0 });
  const hub = await net.add();
  const others = [];
  for (let i = 0; i < 12; i++) others.push(await net.add());
  for (const other of others) net.connect(other, hub);
  await net.clock.advance(2_000);
  net.kinds = {};
  const [fresh, old] = await strangers(500, 2);
  const told: MessageBody = {
    kind: 'announcement',
    records: [
      { envelope: fresh!, seenS: 600 },
      { envelope: old!, seenS: 601 },
    ],
  };
  await send(others[0]!, hub, told);
  await net.clock.advance(2_000);
  assert.equal(net.kinds['announcement'], 8);
  const { peerId } = await net.records.open(fresh!);
  assert.equal(others.filter(({ book }) => book.isKnown(peerId)).length, 8);
  assert.equal(others[0]!.book.isKnown(peerId), false);
  const stale = (await net.records.open(old!)).peerId;
  assert.ok(hub.book.isKnown(stale));
  assert.ok(others.every(({ book }) => !book.isKnown(stale)));
  await send(others[1]!, hub, told);
  await net.clock.advance(2_000);
  assert.equal(net.kinds['announcement'], 8);
  await net.stop();
});

test('10,000 unsolicited peers: a burst is taken, the flood is banned, the node serves on', async () => {
  const { net, a, b } = await pair();
  net.connect(a, b);
  await net.clock.advance(1_000);
  const envelopes = await strangers(0, 200);
  let sent = 0;
  while (sent < 10_000 && !b.judge.isBanned(a.key.peerId)) {
    const records = Array.from({ length: 10 }, (_, i) => ({
      envelope: envelopes[(sent + i) % 200]!,
      seenS: 0,
    }));
    const { far } = await send(a, b, { kind: 'announcement', records });
    assert.equal(far.isReset, sent >= 20, `after ${sent}`);
    sent += 10;
    if (!b.links.has(a.key.peerId)) b.link(a, false);
    await net.clock.advance(10);
  }
  assert.ok(b.judge.isBanned(a.key.peerId));
  assert.ok(sent <= 200, `${sent} records until the ban`);
  assert.equal(b.book.size, 1 + 20);
  const c = await net.add();
  net.connect(c, b);
  await net.clock.advance(1_000);
  assert.ok(c.book.size > 2);
  await net.stop();
});

test('a forged record ends the message, the stream and the peer; nothing of it is taken', async () => {
  const { net, a, b } = await pair();
  net.connect(a, b);
  await net.clock.advance(1_000);
  const [good, victim, after] = await strangers(0, 3);
  const forged = Buffer.from(victim!);
  forged[forged.length - 1]! ^= 1;
  const records = [good!, forged, after!].map((envelope) => ({ envelope, seenS: 0 }));
  const { far } = await send(a, b, { kind: 'announcement', records });
  assert.equal(far.abortedWith, 'RECORD_FORGED');
  assert.deepEqual(b.judge.codes, ['RECORD_FORGED']);
  assert.ok(b.judge.isBanned(a.key.peerId));
  assert.deepEqual(b.hungUp, ['RECORD_FORGED']);
  assert.equal(b.book.size, 2);
  await net.stop();
});

test('stale records: ignored from others, scored lightly from the peer itself', async () => {
  const { net, a, b } = await pair();
  a.record = await a.key.sign([a.address], 9n);
  net.connect(a, b);
  await net.clock.advance(1_000);
  const older = await a.key.sign(['/ip4/9.9.9.9/tcp/1'], 8n);
  const c = await net.add();
  net.connect(c, b);
  await net.clock.advance(1_000);
  await send(c, b, { kind: 'announcement', records: [{ envelope: older, seenS: 0 }] });
  assert.deepEqual(b.judge.codes, []);
  assert.deepEqual(b.book.candidate(a.key.peerId)?.addresses, [a.address]);
  await send(a, b, { kind: 'update', record: { envelope: older, seenS: 0 } });
  assert.deepEqual(b.judge.codes, ['RECORD_STALE']);
  await net.stop();
});

test('an update: our changed record reaches the neighbours, and theirs', async () => {
  const { net, a, b } = await pair();
  const c = await net.add();
  net.connect(a, b);
  net.connect(b, c);
  await net.clock.advance(2_000);
  a.record = await a.key.sign(['/ip4/77.7.7.7/tcp/9000'], 2n);
  await a.service.selfChanged();
  await net.clock.advance(2_000);
  assert.equal(net.kinds['update'], 1);
  assert.deepEqual(c.book.candidate(a.key.peerId)?.addresses, ['/ip4/77.7.7.7/tcp/9000']);
  await net.stop();
});

test('an update about somebody else is refused', async () => {
  const { net, a, b } = await pair();
  net.connect(a, b);
  await net.clock.advance(1_000);
  const [other] = await strangers(0, 1);
  const { far } = await send(a, b, { kind: 'update', record: { envelope: other! } });
  assert.equal(far.abortedWith, 'RECORD_NOT_OWN');
  await net.stop();
});

test('followed tokens: told at the start and after a change, kept as hints, given on with the record', async () => {
  const { net, a, b } = await pair();
  const c = await net.add();
  const [one, two] = [1, 2].map((n) => tokenIdBytes(`${'ab'.repeat(32)}_${n}`)!);
  a.tokens = [one!];
  net.connect(a, b);
  await net.clock.advance(1_000);
  assert.deepEqual(
    b.followed.get(a.key.peerId)?.map((id) => Buffer.from(id)),
    [one],
  );
  net.connect(c, b);
  await net.clock.advance(1_000);
  assert.deepEqual(Buffer.from(c.book.tokenHints(a.key.peerId)!), Buffer.from(tokenHint(one!)));
  a.tokens = [two!];
  await a.service.selfChanged();
  await net.clock.advance(1_000);
  assert.deepEqual(Buffer.from(b.book.tokenHints(a.key.peerId)!), Buffer.from(tokenHint(two!)));
  a.tokens = [];
  await a.service.selfChanged();
  await net.clock.advance(1_000);
  assert.equal(b.book.tokenHints(a.key.peerId), undefined);
  await net.stop();
});

test('unsigned addresses are taken of the peer itself and never passed on', async () => {
  const { net, a, b } = await pair();
  const c = await net.add();
  a.record = undefined;
  a.record = await a.key.sign([], 1n);
  for (const other of [a, c]) {
    other.link(b, true);
    b.link(other, false);
    b.service.joined(b.links.get(other.key.peerId)!);
  }
  const addresses = [addressBytes('/ip4/55.5.5.5/tcp/9'), addressBytes('/ip4/10.0.0.1/tcp/9')];
  await send(a, b, { kind: 'announcement', records: [{ addresses, seenS: 0 }] });
  await net.clock.advance(1_000);
  assert.deepEqual(b.book.candidate(a.key.peerId)?.addresses, ['/ip4/55.5.5.5/tcp/9']);
  assert.equal(c.book.isKnown(a.key.peerId), false);
  const { answer } = await send(c, b, { kind: 'request' });
  assert.equal(answer?.kind === 'response' && answer.records.length, 0);
  await net.stop();
});

test('address policy: nothing private is taken over a public connection, nor given', async () => {
  for (const [isPrivate, policy, expected] of [
    [false, 'auto', 1],
    [true, 'auto', 2],
    [true, 'no', 1],
    [false, 'yes', 2],
  ] as const) {
    const { net, a, b } = await pair({ isPrivate, privateAddresses: policy });
    const key = await testKey(900);
    const envelope = await key.sign(['/ip4/10.0.0.1/tcp/1', '/ip4/66.6.6.6/tcp/1', '/ip4/0.0.0.0/tcp/1'], 1n);
    const near = await (await testKey(901)).sign(['/ip4/127.0.0.1/tcp/1'], 1n);
    net.connect(a, b);
    await net.clock.advance(1_000);
    await send(a, b, {
      kind: 'announcement',
      records: [envelope, near].map((one) => ({ envelope: one, seenS: 0 })),
    });
    assert.equal(b.book.candidate(key.peerId)?.addresses.length, expected, `${isPrivate} ${policy}`);
    assert.equal(b.book.isKnown((await testKey(901)).peerId), expected === 2);
    assert.deepEqual(b.judge.codes, []);
    await net.stop();
  }
});

test('what a peer may not send is reset and scored: garbage, empty, a response unasked, an unsigned answer', async () => {
  const { net, a, b } = await pair();
  net.connect(a, b);
  await net.clock.advance(1_000);
  assert.equal((await send(a, b, Buffer.from('ffffff', 'hex'))).far.abortedWith, 'FRAME_MALFORMED');
  assert.equal((await send(a, b, new Uint8Array(0))).far.abortedWith, 'FRAME_EMPTY');
  b.judge.points.clear();
  const response: MessageBody = { kind: 'response', isComplete: true, records: [] };
  assert.equal((await send(a, b, response)).far.abortedWith, 'MESSAGE_UNEXPECTED');
  assert.deepEqual(b.judge.codes, ['FRAME_MALFORMED', 'FRAME_EMPTY', 'MESSAGE_UNEXPECTED']);
  await net.stop();
});

test('a kind of a later version is ignored, a version that must be known is refused, neither is held against the peer', async () => {
  const { net, a, b } = await pair();
  net.connect(a, b);
  await net.clock.advance(1_000);
  const { far } = await send(a, b, { kind: 'unknown' });
  assert.ok(far.isClosed && !far.isReset);
  const later = await send(a, b, Buffer.from('08021a00', 'hex'));
  assert.equal(later.far.abortedWith, 'VERSION_UNSUPPORTED');
  assert.deepEqual(b.judge.codes, []);
  assert.equal(b.counts.view().counters.ignored_unknown, 1);
  await net.stop();
});

test('silence on a stream is reset before 5 s', async () => {
  const { net, a, b } = await pair();
  net.connect(a, b);
  await net.clock.advance(1_000);
  const [, far] = MemoryStream.pair(a.key.peerId, b.key.peerId);
  const served = b.service.serve(far);
  await net.clock.advance(3_900);
  assert.equal(far.isReset, false);
  await net.clock.advance(200);
  await served;
  assert.equal(far.abortedWith, 'SILENT');
  assert.deepEqual(b.judge.codes, ['SILENT']);
  // One that ends without a word changed its mind.
  const [near, quiet] = MemoryStream.pair(a.key.peerId, b.key.peerId);
  await near.close();
  await b.service.serve(quiet);
  assert.ok(quiet.isClosed && !quiet.isReset);
  await net.stop();
});

test('more messages than 2 a second are a flood', async () => {
  const { net, a, b } = await pair();
  net.connect(a, b);
  await net.clock.advance(1_000);
  let served = 0;
  while (!(await send(a, b, { kind: 'update' })).far.isReset) served++;
  assert.ok(served <= 40 && served >= 38, `${served}`);
  assert.deepEqual(b.judge.codes, ['MESSAGE_FLOOD']);
  await net.stop();
});

test('streams at once are bounded over all peers', async () => {
  const { net, a, b } = await pair();
  net.connect(a, b);
  await net.clock.advance(1_000);
  const ends = Array.from({ length: MAX_SERVED_STREAMS + 1 }, () =>
    MemoryStream.pair(a.key.peerId, b.key.peerId),
  );
  const served = ends.map(([, far]) => b.service.serve(far));
  assert.equal(ends.at(-1)![1].abortedWith, 'BUSY');
  assert.equal(b.service.stats().serving, MAX_SERVED_STREAMS);
  await net.clock.advance(5_000);
  await Promise.all(served);
  assert.equal(b.service.stats().serving, 0);
  await net.stop();
});

test('an answerer that is silent, wrong or lying costs it, and the asker goes on', async () => {
  const answers: [string, (far: MemoryStream) => Promise<void> | void, readonly string[]][] = [
    ['silent', () => {}, []],
    ['reset', (far) => far.abort('BUSY'), []],
    [
      'request',
      (far) => far.write(encodeMessage({ body: { kind: 'request' } }), OPEN),
      ['MESSAGE_UNEXPECTED'],
    ],
    ['unknown', (far) => far.write(encodeMessage({ correlation: 1, body: { kind: 'unknown' } }), OPEN), []],
    ['garbage', (far) => far.write(Uint8Array.of(1), OPEN), ['FRAME_MALFORMED']],
    [
      'unsigned',
      (far) => {
        const records = [{ addresses: [addressBytes('/ip4/5.5.5.5/tcp/1')] }];
        return far.write(encodeMessage({ body: { kind: 'response', isComplete: true, records } }), OPEN);
      },
      ['RECORD_NOT_OWN'],
    ],
  ];
  for (const [name, answer, codes] of answers) {
    const { net, a, b } = await pair();
    a.link(b, true);
    b.service.serve = async (far) => {
      const message = decodeMessage((await far.read(OPEN))!);
      if (message.body.kind === 'request') await answer(far as MemoryStream);
    };
    b.link(a, false);
    a.service.joined(a.links.get(b.key.peerId)!);
    await net.clock.advance(6_000);
    assert.equal(a.service.stats().asking, name === 'silent' ? 1 : 0, name);
    await net.clock.advance(11_000);
    assert.equal(a.service.stats().asking, 0, name);
    assert.deepEqual(a.judge.codes, codes, name);
    await net.stop();
    assert.equal(net.clock.pending, 0, name);
  }
});

test('one correlation id is in the lines of both sides', async () => {
  const { net, a, b } = await pair();
  const c = await net.add();
  net.connect(c, b);
  await net.clock.advance(1_000);
  for (const node of [a, b]) node.isTraced = true;
  net.connect(a, b);
  await net.clock.advance(1_000);
  const ids = (node: SimNode) =>
    new Set(
      node.traces
        .filter(({ fields }) => fields['kind'] === 'response')
        .map(({ fields }) => fields['correlation']),
    );
  assert.equal(ids(a).size, 1);
  assert.match(String([...ids(a)][0]), /^[0-9a-f]{8}$/);
  assert.deepEqual(ids(a), ids(b));
  await net.stop();
});

test('a stop in the middle of everything leaves no timer and no task', async () => {
  const { net, a, b } = await pair({ latencyMs: 100 });
  net.connect(a, b);
  a.service.exchangeNow();
  const [, far] = MemoryStream.pair(b.key.peerId, a.key.peerId);
  const served = a.service.serve(far);
  await net.clock.advance(10);
  await net.stop();
  await served;
  assert.equal(net.clock.pending, 0);
  assert.ok(far.isReset);
  // Afterwards nothing begins any more.
  a.service.exchangeNow();
  a.service.joined({ peerId: b.key.peerId, publicKey: b.key.publicKey, isPrivate: false, isDialler: true });
  a.service.heardOwn({ peerId: 'x', publicKey: undefined, isPrivate: false, isDialler: true }, {});
  await a.service.selfChanged();
  await a.service.start();
  assert.equal(net.clock.pending, 0);
  assert.equal(a.service.stats().links, 0);
});

test('without a record of our own we still ask, answer and learn', async () => {
  const { net, a, b } = await pair();
  const c = await net.add();
  a.record = undefined;
  a.service.exchangeNow();
  net.connect(c, b);
  await net.clock.advance(1_000);
  a.link(b, true);
  b.link(a, false);
  a.service.joined(a.links.get(b.key.peerId)!);
  await net.clock.advance(6_000);
  assert.ok(a.book.isKnown(c.key.peerId));
  await net.stop();
});

test('a greeting that failed is sent again at the next round', async () => {
  const { net, a, b } = await pair();
  net.canReach = () => false;
  net.connect(a, b);
  await net.clock.advance(1_000);
  assert.equal(net.kinds['announcement'] ?? 0, 0);
  net.canReach = () => true;
  a.service.exchangeNow();
  await net.clock.advance(1_000);
  assert.equal(net.kinds['announcement'], 1);
  await net.stop();
});

test('what identify tells: a record that cannot be read gives way to the bare addresses', async () => {
  const { net, a, b } = await pair();
  a.link(b, true);
  b.link(a, false);
  const peer = b.links.get(a.key.peerId)!;
  const tooMany = await a.key.sign(
    Array.from({ length: 9 }, (_, i) => `/ip4/8.8.8.${i + 1}/tcp/1`),
    1n,
  );
  b.service.heardOwn(peer, { envelope: tooMany, addresses: [addressBytes('/ip4/8.8.8.1/tcp/1')] });
  await net.clock.advance(10);
  assert.deepEqual(b.book.candidate(a.key.peerId)?.addresses, ['/ip4/8.8.8.1/tcp/1']);
  const other = { peerId: 'QmRsa', publicKey: undefined, isPrivate: false, isDialler: false };
  b.service.heardOwn(other, { addresses: [addressBytes('/ip4/8.8.8.1/tcp/1')] });
  await net.clock.advance(10);
  assert.equal(b.book.isKnown('QmRsa'), false);
  await net.stop();
});

const RECORDS = new SignedRecords();

/** Puts a signed record into a book as if a peer had told it. */
async function take(node: SimNode, source: string, envelope: Uint8Array): Promise<void> {
  const record = checkSigned(await RECORDS.open(envelope), () => true);
  node.book.take({ ...record, seenS: 0 }, { source, isPublic: true });
}
