import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shuffled } from '../../../protocols/peer-exchange/answer.ts';
import { Budgets } from '../../../protocols/peer-exchange/budget.ts';
import { decodeMessage, encodeMessage, recordCost } from '../../../protocols/peer-exchange/codec.ts';
import {
  MAX_FRAME_BYTES,
  MAX_RECORD_BYTES,
  PROTOCOL_IDS,
} from '../../../protocols/peer-exchange/constants.ts';
import { codeOf, within } from '../../../protocols/peer-exchange/deadline.ts';
import {
  bucketOf,
  contentHash,
  DigestSum,
  differingBuckets,
  sameBytes,
} from '../../../protocols/peer-exchange/digest.ts';
import { ExchangeError, PENALTY_POINTS } from '../../../protocols/peer-exchange/errors.ts';
import { keyOfPeerId, peerIdOfKey } from '../../../protocols/peer-exchange/peer-id.ts';
import { hintsToken, tokenHint, tokenIdBytes, tokenIdText } from '../../../protocols/peer-exchange/tokens.ts';
import { SimClock } from '../../support/exchange-clock.ts';
import { testKey } from '../../support/exchange-net.ts';
import { seededRandom } from '../../support/fake-clock.ts';

const throwsCode = (code: string) => (error: unknown) =>
  error instanceof ExchangeError && error.code === code;

test('three names, the preferred one first', () => {
  assert.deepEqual(
    [...PROTOCOL_IDS],
    ['/btc-federation/v1', '/vtcp/btc-foundation/v1.0.0', 'vtcp/btc-foundation/v1.0.0'],
  );
});

test('a request with digest and buckets is one small frame', () => {
  const digest = new Uint8Array(16).fill(1);
  const buckets = new Uint8Array(64).fill(1);
  const frame = encodeMessage({ correlation: 1, body: { kind: 'request', digest, buckets } });
  assert.ok(frame.length <= 96, `${frame.length} bytes`);
});

test('frames and records above their limits are refused before they are decoded', () => {
  assert.throws(() => decodeMessage(new Uint8Array(MAX_FRAME_BYTES + 1)), throwsCode('FRAME_TOO_LARGE'));
  const big = { envelope: new Uint8Array(MAX_RECORD_BYTES) };
  const answer = encodeMessage({ body: { kind: 'response', isComplete: true, records: [big] } });
  assert.throws(() => decodeMessage(answer), throwsCode('RECORD_TOO_LARGE'));
  const long = { addresses: [new Uint8Array(257)] };
  const own = encodeMessage({ body: { kind: 'announcement', records: [long] } });
  assert.throws(() => decodeMessage(own), throwsCode('ADDRESS_TOO_LONG'));
  const many = {
    kind: 'response',
    isComplete: true,
    records: Array.from({ length: 101 }, () => ({})),
  } as const;
  assert.throws(() => decodeMessage(encodeMessage({ body: many })), throwsCode('TOO_MANY_RECORDS'));
});

test('an unknown kind, and unknown fields of every wire type, are passed over', () => {
  assert.deepEqual(decodeMessage(Buffer.from('7a03616263', 'hex')).body, { kind: 'unknown' });
  const fields = ['9001' + '07', `9101${'00'.repeat(8)}`, '9201' + '03616263', `9501${'00'.repeat(4)}`];
  const request = encodeMessage({ correlation: 3, body: { kind: 'request' } });
  const frame = Buffer.concat([Buffer.from(fields.join(''), 'hex'), request]);
  assert.deepEqual(decodeMessage(frame).body.kind, 'request');
  assert.equal(decodeMessage(frame).correlation, 3);
});

test('the cost of a record is not less than its bytes', async () => {
  const envelope = await (await testKey(1)).sign(['/ip4/8.8.8.8/tcp/1'], 1n);
  const record = {
    envelope,
    addresses: [new Uint8Array(9)],
    tokenHints: new Uint8Array(8),
    seenS: 0xffff_ffff,
  };
  const empty = encodeMessage({ body: { kind: 'response', isComplete: true, records: [] } });
  const one = encodeMessage({ body: { kind: 'response', isComplete: true, records: [record] } });
  assert.ok(one.length - empty.length <= recordCost(record));
});

test('a budget refills with time, is shared by no one and is bounded', async () => {
  const clock = new SimClock();
  const budgets = new Budgets(clock, 10_000, 3, 2);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => budgets.take('a')),
    [true, true, true, false],
  );
  assert.equal(budgets.take('b', 3), true);
  await clock.advance(9_999);
  assert.equal(budgets.take('a'), false);
  await clock.advance(1);
  assert.equal(budgets.take('a'), true);
  assert.equal(budgets.left('b'), 1);
  budgets.giveBack('b', 9);
  assert.equal(budgets.left('b'), 3);
  budgets.take('c');
  assert.equal(budgets.size, 2);
});

test('a digest depends on the set alone, and a change is confined to its bucket', async () => {
  const keys = await Promise.all([1, 2, 3, 4].map(testKey));
  const parts = keys.map(({ publicKey }) => ({
    publicKey,
    content: contentHash(publicKey, [Uint8Array.of(1)]),
  }));
  const forth = new DigestSum();
  const back = new DigestSum();
  for (const { publicKey, content } of parts) forth.toggle(publicKey, content);
  for (const { publicKey, content } of parts.toReversed()) back.toggle(publicKey, content);
  assert.deepEqual(forth.value(), back.value());
  const before = forth.value();
  const other = await testKey(9);
  const more = { publicKey: other.publicKey, content: contentHash(other.publicKey, []) };
  const after = forth.value(more);
  assert.deepEqual(forth.value(), before);
  assert.deepEqual(differingBuckets(before.buckets, after.buckets), new Set([bucketOf(other.publicKey)]));
  assert.equal(differingBuckets(before.buckets, before.buckets).size, 32);
  assert.equal(differingBuckets(before.buckets, undefined).size, 32);
  forth.toggle(more.publicKey, more.content);
  assert.ok(sameBytes(forth.value().total, after.total));
  assert.equal(sameBytes(undefined, after.total), false);
});

test('the content hash tells addresses apart that only differ in where one ends', async () => {
  const { publicKey } = await testKey(1);
  const a = contentHash(publicKey, [Uint8Array.of(1, 2), Uint8Array.of(3)]);
  const b = contentHash(publicKey, [Uint8Array.of(1), Uint8Array.of(2, 3)]);
  assert.equal(sameBytes(a, b), false);
});

test('token ids and hints', () => {
  const text = `${'0f'.repeat(32)}_4294967295`;
  const id = tokenIdBytes(text)!;
  assert.equal(id.length, 36);
  assert.equal(tokenIdText(id), text);
  assert.equal(tokenIdBytes(`${'0f'.repeat(32)}_4294967296`), undefined);
  assert.equal(tokenIdBytes(`${'0F'.repeat(32)}_1`), undefined);
  assert.equal(tokenIdBytes('x'), undefined);
  const other = tokenIdBytes(`${'0e'.repeat(32)}_0`)!;
  const hints = Buffer.concat([tokenHint(other), tokenHint(id)]);
  assert.equal(hintsToken(hints, id), true);
  assert.equal(hintsToken(tokenHint(other), id), false);
});

test('PeerIds of Ed25519 keys and nothing else', async () => {
  const { peerId, publicKey } = await testKey(3);
  assert.equal(peerIdOfKey(publicKey), peerId);
  assert.deepEqual(keyOfPeerId(peerId), publicKey);
  // The pair of the reference: a key as peers.yaml has it, and its id.
  const known = Buffer.from('Ck3dcezlrZTpilJTUh2XeQbNiDUWYRpk8LVkkeaGcpM=', 'base64');
  assert.equal(peerIdOfKey(known), '12D3KooWAWb7LK9vdRXZSL4UiqcyjVqTWrLABB5wNpfqZAWFeM8e');
  assert.equal(keyOfPeerId('QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N'), undefined);
  assert.equal(keyOfPeerId(`0${peerId.slice(1)}`), undefined);
  assert.equal(keyOfPeerId(`22${peerId.slice(2)}`), undefined);
});

test('a deadline ends what runs, and leaves no timer', async () => {
  const clock = new SimClock();
  const parent = new AbortController();
  const hang = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('ended'))));
  const late = assert.rejects(within(clock, 100, parent.signal, hang), throwsCode('TIMEOUT'));
  await clock.advance(100);
  await late;
  assert.equal(await within(clock, 100, parent.signal, async () => 7), 7);
  await assert.rejects(
    within(clock, 100, parent.signal, () => Promise.reject(new Error('own'))),
    /own/,
  );
  const stopped = assert.rejects(within(clock, 100, parent.signal, hang), throwsCode('STOPPED'));
  parent.abort(new ExchangeError('STOPPED', 'end'));
  await stopped;
  await assert.rejects(
    within(clock, 100, parent.signal, async (signal) => signal.throwIfAborted()),
    throwsCode('STOPPED'),
  );
  assert.equal(clock.pending, 0);
  assert.equal(codeOf(new Error('x')), 'INTERNAL');
});

test('a draw is without repetition, and only as large as asked', () => {
  const items = Array.from({ length: 50 }, (_, i) => i);
  const drawn = shuffled(items, seededRandom(5), 8);
  assert.equal(new Set(drawn).size, 8);
  assert.deepEqual(
    shuffled(items, seededRandom(5)).toSorted((a, b) => a - b),
    items,
  );
  assert.equal(shuffled([1, 2], seededRandom(1), 8).length, 2);
});

test('no fault of our own, of the network or of a record passed on is held against a peer', () => {
  for (const code of [
    'TIMEOUT',
    'STREAM_RESET',
    'BUSY',
    'STOPPED',
    'INTERNAL',
    'VERSION_UNSUPPORTED',
  ] as const) {
    assert.equal(PENALTY_POINTS[code], undefined, code);
  }
});
