import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GOSSIP_PENALTIES } from '../../../protocols/gossip/errors.ts';
import { PENALTIES } from '../../../src/p2p/penalties.ts';
import type { TxRecord } from '../../../src/store/records.ts';
import { DelayQueue } from '../../../src/sync/delay-queue.ts';
import { GossipBatch } from '../../../src/sync/gossip-batch.ts';
import { choiceOf } from '../../../src/sync/gossip-choice.ts';
import { gossipFaultOf } from '../../../src/sync/gossip-faults.ts';
import { GossipRoom } from '../../../src/sync/gossip-room.ts';
import { PeerQueues } from '../../../src/sync/peer-queues.ts';
import { RecentKeys } from '../../../src/sync/recent-keys.ts';
import { Told } from '../../../src/sync/told.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const limits = { peerBytes: 1_000, peerTxs: 10, allBytes: 1_500, messagesPerSecond: 10, messagesAtOnce: 3 };

describe('room for what is undecided', () => {
  it('is bounded for a peer and for all of them, and comes back', () => {
    const room = new GossipRoom(new FakeClock(), limits);
    const [first, second, third] = [new Uint8Array(800), new Uint8Array(300), new Uint8Array(800)];
    assert.ok(room.take('a', first, 1));
    assert.ok(!room.take('a', second, 1), 'more than a peer may have');
    assert.ok(!room.take('b', third, 1), 'more than all may have');
    assert.ok(room.take('b', second, 9));
    assert.ok(!room.take('b', new Uint8Array(1), 2), 'more transactions than a peer may have');
    room.give('a', first, 1);
    assert.ok(room.take('a', third, 1));
    room.give('a', third, 1);
    room.give('b', second, 9);
    assert.deepEqual([room.bytes, room.txs], [0, 0]);
    room.give('b', second, 9);
    assert.deepEqual([room.bytes, room.txs], [0, 0]);
  });

  it('counts the buffer that a message keeps alive, and each once', () => {
    const room = new GossipRoom(new FakeClock(), limits);
    const buffer = new Uint8Array(900);
    assert.ok(room.take('a', buffer.subarray(0, 10), 1));
    assert.ok(room.take('a', buffer.subarray(10, 20), 1));
    assert.equal(room.bytes, 900);
    room.give('a', buffer.subarray(0, 10), 1);
    assert.equal(room.bytes, 900);
    room.give('a', buffer.subarray(10, 20), 1);
    assert.equal(room.bytes, 0);
  });

  it('more messages than a peer may send are an excess, and a flood once a second', async () => {
    const clock = new FakeClock();
    const room = new GossipRoom(clock, limits);
    const send = (count: number) => Array.from({ length: count }, () => room.message('a'));
    assert.deepEqual(send(5), ['ok', 'ok', 'ok', 'flood', 'excess']);
    assert.equal(room.message('b'), 'ok');
    await clock.advance(100);
    assert.deepEqual(send(2), ['ok', 'excess']);
    await clock.advance(900);
    assert.deepEqual(send(5), ['ok', 'ok', 'ok', 'flood', 'excess']);
  });

  it('remembers no peer for ever', () => {
    const room = new GossipRoom(new FakeClock(), limits);
    for (let i = 0; i < 5_000; i++) room.message(`peer ${i}`);
    assert.ok(room.peers <= 1_024);
  });
});

describe('queues', () => {
  it('peers take turns', () => {
    const queues = new PeerQueues<string>();
    for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'c2']) queues.push(item[0]!, item);
    const order = Array.from({ length: 6 }, () => queues.next());
    assert.deepEqual(order, ['a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
    assert.deepEqual([queues.next(), queues.size], [undefined, 0]);
  });

  it('a set of recent keys forgets the oldest', () => {
    const keys = new RecentKeys<number>(3);
    for (const key of [1, 2, 3, 2, 4]) keys.add(key);
    assert.deepEqual(
      [1, 2, 3, 4].map((key) => keys.has(key)),
      [false, true, true, true],
    );
    keys.delete(2);
    assert.equal(keys.size, 2);
  });

  it('a delay queue gives each item its time with one timer', async () => {
    const clock = new FakeClock();
    const given: string[] = [];
    const queue = new DelayQueue<string>(clock, 100, (item) => given.push(item));
    queue.add('a');
    await clock.advance(60);
    queue.add('b');
    assert.equal(clock.waiting, 1);
    await clock.advance(45);
    assert.deepEqual(given, ['a']);
    await clock.advance(60);
    assert.deepEqual([given, clock.waiting], [['a', 'b'], 0]);
    queue.add('c');
    assert.deepEqual([queue.clear(), clock.waiting, queue.size], [['c'], 0, 0]);
  });
});

describe('refusals of ingest', () => {
  it('are faults of the sender where he could have known', () => {
    const fault = (code: string, height = 0) => gossipFaultOf({ code, data: { height } }, 1_000);
    for (const ours of ['QUEUE_FULL', 'PENDING_FULL', 'UNAVAILABLE', 'VERIFIER_FAILED', 'COINBASE_IMMATURE'])
      assert.equal(fault(ours), undefined, ours);
    assert.equal(fault('SCRIPT_FAILED'), 'TX_INVALID');
    assert.equal(fault('TRAILING_BYTES'), 'BEEF_MALFORMED');
    assert.equal(fault('TOKEN_NOT_FOLLOWED'), 'TX_FOREIGN');
    assert.equal(fault('TOKEN_INVALID'), 'INVALID_TOKEN_DATA');
    assert.equal(fault('PROOF_ROOT_MISMATCH', 900), 'PROOF_INVALID');
    assert.equal(fault('PROOF_ROOT_MISMATCH', 950), 'PROOF_UNKNOWN');
    assert.equal(fault('PARENT_INVALID'), 'PARENT_INVALID');
  });

  it('every code has a row in the table of penalties', () => {
    for (const [code, row] of Object.entries(GOSSIP_PENALTIES)) assert.deepEqual(PENALTIES[code], row, code);
    assert.ok('INVALID_TOKEN_DATA' in PENALTIES);
  });
});

describe('what is gossiped', () => {
  const told = new Told();
  const at = { nowMs: 1_000_000, tipHeight: 100, isStale: false };
  const record = (height: number | undefined, rest: Partial<TxRecord> = {}): TxRecord => {
    const place = height === undefined ? undefined : { height, index: 1, blockHash: '' };
    return { txid: 'aa', status: 'active', place, arrival: 7, firstSeenMs: 0, ...rest } as TxRecord;
  };
  const choice = (height: number | undefined, isNew = true, situation = at, of = record(height)) =>
    choiceOf({ tokenNo: 1, arrival: of.arrival, height, isNew }, of, told, situation);

  it('new unmined ones at once; mined ones only of the last blocks, and after a pause', () => {
    assert.equal(choice(undefined), 'now');
    assert.equal(choice(100), 'later');
    assert.equal(choice(98), 'later');
    assert.equal(choice(97), undefined);
    assert.equal(choice(97, false), 'later');
    assert.equal(choice(0, false), undefined);
  });

  it('nothing that is no longer so, that was told, or that the sync brought', () => {
    assert.equal(choice(undefined, true, at, record(99)), undefined);
    assert.equal(choice(undefined, true, at, record(undefined, { status: 'conflicted' })), undefined);
    told.add({ tokenNo: 1, arrival: 8, height: undefined });
    assert.equal(choice(undefined, true, at, record(undefined, { arrival: 8 })), undefined);
    told.delete({ tokenNo: 1, arrival: 8, height: undefined });
    assert.equal(choice(undefined, true, at, record(undefined, { arrival: 8 })), 'now');
    told.hush('bb', undefined);
    assert.equal(choice(undefined, true, at, record(undefined, { txid: 'bb' })), undefined);
    assert.equal(choice(99, true, at, record(99, { txid: 'bb' })), 'later');
  });

  it('the proof of another block at the same height', () => {
    const state = { tokenNo: 1, arrival: 10, height: 99 };
    told.add(state);
    assert.equal(choice(99, true, at, record(99, { arrival: 10 })), undefined);
    told.reorganised();
    assert.equal(choice(99, true, at, record(99, { arrival: 10 })), 'later');
  });

  it('what others gossiped on another topic after a pause', () => {
    told.hear(9);
    assert.equal(choice(undefined, true, at, record(undefined, { arrival: 9 })), 'later');
  });

  it('after a time in which nobody listened only what came in the last minute', () => {
    const stale = { ...at, isStale: true };
    assert.equal(choice(undefined, true, stale, record(undefined, { firstSeenMs: 930_000 })), undefined);
    assert.equal(choice(undefined, true, stale, record(undefined, { firstSeenMs: 950_000 })), 'now');
  });
});

describe('a batch', () => {
  const parcel = (bytes: number) => ({
    ...{ txid: 'ab'.repeat(32), height: undefined, size: bytes },
    states: [{ tokenNo: 1, arrival: bytes, height: undefined }],
    beef: new Uint8Array(bytes),
  });

  it('is sent before it gets too large, and a large BEEF alone', () => {
    const batch = new GossipBatch();
    assert.equal(batch.add(parcel(40_000)), undefined);
    const full = batch.add(parcel(40_000));
    assert.equal(full?.txs, 1);
    assert.equal(batch.add(parcel(200_000))?.txs, 1);
    const [last] = batch.take();
    assert.deepEqual([last?.txs, last?.states.length], [1, 1]);
    assert.ok((last?.encode(0).length ?? 0) > 200_000);
    assert.deepEqual(batch.take(), []);
  });

  it('holds as many BEEFs and announcements as a message may', () => {
    const batch = new GossipBatch();
    const full = Array.from({ length: 300 }, () => batch.add(parcel(100))).flatMap((m) => m ?? []);
    assert.deepEqual(
      full.map(({ txs }) => txs),
      [256],
    );
    const more = Array.from({ length: 300 }, () => batch.add({ ...parcel(100), beef: undefined }));
    assert.deepEqual(
      more.flatMap((m) => m ?? []).map(({ isAnnouncement, txs }) => [isAnnouncement, txs]),
      [[true, 256]],
    );
    assert.deepEqual(
      batch.take().map(({ txs }) => txs),
      [44, 44],
    );
  });
});
