import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_MESSAGE_BYTES, MIN_BEEF_BYTES } from '../../../protocols/gossip/constants.ts';
import { encodeAnnouncements, encodeBeefs } from '../../../protocols/gossip/message.ts';
import type { Outcome } from '../../../src/ingest/outcome.ts';
import { SILENT_LOG } from '../../../src/observe/log.ts';
import type { TxRecord } from '../../../src/store/records.ts';
import { GossipInbox } from '../../../src/sync/gossip-inbox.ts';
import { GOSSIP_LIMITS } from '../../../src/sync/gossip-limits.ts';
import type { RoomLimits } from '../../../src/sync/gossip-room.ts';
import { type TellableState, Told } from '../../../src/sync/told.ts';
import { FakeClock, settled } from '../../support/fake-clock.ts';
import { BARE_TX, type Missing, NotingJudge } from '../../support/gossip.ts';

const TOKEN = `${'ab'.repeat(32)}_0`;
const TOKEN_NO = 3;
const txidOf = (n: number): string => n.toString(16).padStart(64, '0');

/** An index that answers as the test says: a BEEF is its number, many times over. */
class FakeIndex {
  readonly outcomes = new Map<number, Outcome>();
  readonly records = new Map<string, TxRecord>();
  readonly offered: number[] = [];
  readonly tokenNos = new Map([[TOKEN, TOKEN_NO]]);
  isRoomy = Promise.resolve();

  offer(beef: Uint8Array): Promise<Outcome> {
    const n = beef[0]!;
    this.offered.push(n);
    return Promise.resolve(this.outcomes.get(n) ?? this.admit(n));
  }

  admit(n: number, height?: number, tokenNo = TOKEN_NO): Outcome {
    const place = height === undefined ? undefined : { height, index: 1, blockHash: '' };
    const record = {
      txid: txidOf(n),
      arrival: n,
      raw: BARE_TX,
      status: 'active',
      place,
      tokens: [{ tokenNo }],
    };
    this.records.set(txidOf(n), record as unknown as TxRecord);
    const outcome: Outcome = { status: 'admitted', txid: txidOf(n), tokens: [TOKEN] };
    this.outcomes.set(n, outcome);
    return outcome;
  }

  wait(n: number, waitingFor: 'parents' | 'header' = 'parents'): void {
    this.outcomes.set(n, { status: 'pending', txid: txidOf(n), waitingFor, missing: [] });
  }

  refuse(n: number, code: string): void {
    this.outcomes.set(n, { status: 'rejected', txid: txidOf(n), code, data: {} });
  }

  ready(): Promise<void> {
    return this.isRoomy;
  }

  outcome(txid: string): Outcome | undefined {
    return this.outcomes.get(Number.parseInt(txid, 16));
  }

  tx(txid: string): TxRecord | undefined {
    return this.records.get(txid);
  }
}

function setUp(limits?: Partial<RoomLimits>) {
  const clock = new FakeClock();
  const index = new FakeIndex();
  const judge = new NotingJudge();
  const told = new Told();
  const missing: Missing[] = [];
  const compared: string[] = [];
  const rethought: TellableState[] = [];
  const followed = new Set([TOKEN]);
  const inbox = new GossipInbox({
    ...{ offers: index, store: index, judge, told, clock, log: SILENT_LOG },
    chain: { tip: () => ({ height: 1_000 }) },
    isFollowed: (tokenId) => followed.has(tokenId),
    hooks: {
      fetchMissing: (peerId, tokenId, txid, why) => missing.push({ peerId, tokenId, txid, why }),
      compareSoon: (tokenId) => compared.push(tokenId),
    },
    rethink: (states) => rethought.push(...states),
    ...(limits === undefined ? {} : { limits: { ...GOSSIP_LIMITS, ...limits } }),
  });
  const send = (data: Uint8Array, peerId = 'peer') => inbox.validate(TOKEN, peerId, data);
  return { clock, index, judge, told, missing, compared, rethought, followed, inbox, send };
}

const beefs = (...numbers: readonly number[]): Uint8Array =>
  encodeBeefs(numbers.map((n) => Buffer.alloc(MIN_BEEF_BYTES, n)));
const announce = (...numbers: readonly number[]): Uint8Array =>
  encodeAnnouncements(numbers.map((n) => ({ txid: txidOf(n), size: 1, height: undefined })));

describe('verdict on a message', () => {
  it('all of it valid and some of it news: passed on', async () => {
    const { index, send, judge, inbox } = setUp();
    assert.equal(await send(beefs(1, 2)), 'accept');
    assert.deepEqual(index.offered, [1, 2]);
    assert.deepEqual(judge.codes, []);
    assert.deepEqual([inbox.facts().accepted, inbox.facts().admitted, inbox.facts().bytes], [1, 2, 0]);
  });

  it('nothing in it that was not told on the topic: not passed on, and nobody is to blame', async () => {
    const { send, judge } = setUp();
    assert.equal(await send(beefs(1, 2)), 'accept');
    assert.equal(await send(beefs(2, 1), 'other'), 'ignore');
    assert.equal(await send(beefs(2, 3), 'other'), 'accept');
    assert.deepEqual(judge.codes, []);
  });

  it('what is known here, but was told to nobody on the topic, is passed on', async () => {
    const { index, send } = setUp();
    index.admit(1);
    index.outcomes.set(1, { status: 'known', txid: txidOf(1) });
    assert.equal(await send(beefs(1)), 'accept');
    assert.equal(await send(beefs(1, 1)), 'ignore');
  });

  it('the proof of one that was told unmined is news', async () => {
    const { index, send } = setUp();
    assert.equal(await send(beefs(1)), 'accept');
    index.admit(1, 999);
    assert.equal(await send(beefs(1, 1)), 'accept');
  });

  it('one invalid transaction: rejected, the sender is penalised once, and what is valid is told by us', async () => {
    const { index, send, judge, rethought, told } = setUp();
    index.refuse(2, 'SCRIPT_FAILED');
    index.refuse(3, 'SCRIPT_FAILED');
    assert.equal(await send(beefs(1, 2, 3)), 'reject');
    assert.deepEqual(judge.penalties, [{ peerId: 'peer', code: 'TX_INVALID' }]);
    assert.deepEqual(
      rethought.map(({ arrival }) => arrival),
      [1],
    );
    assert.ok(!told.has(rethought[0]!));
  });

  it('our own limits are no fault of the sender', async () => {
    const { index, send, judge } = setUp();
    for (const code of ['QUEUE_FULL', 'PENDING_FULL', 'UNAVAILABLE', 'VERIFIER_FAILED']) {
      index.refuse(1, code);
      assert.equal(await send(beefs(1)), 'ignore', code);
    }
    assert.deepEqual(judge.codes, []);
  });

  it('the other spend of a coin is not passed on, and costs little', async () => {
    const { index, send, judge } = setUp();
    index.outcomes.set(1, { status: 'conflict', txid: txidOf(1), conflictsWith: [txidOf(2)] });
    assert.equal(await send(beefs(1)), 'ignore');
    assert.deepEqual(judge.codes, ['GOSSIP_CONFLICT']);
  });

  it('a transaction of another token does not belong here', async () => {
    const { index, send, judge, followed } = setUp();
    index.admit(1, undefined, TOKEN_NO + 1);
    index.refuse(2, 'TOKEN_NOT_FOLLOWED');
    assert.equal(await send(beefs(1)), 'reject');
    assert.equal(await send(beefs(2)), 'reject');
    assert.deepEqual(judge.codes, ['TX_FOREIGN', 'TX_FOREIGN']);
    followed.clear();
    assert.equal(await send(beefs(1)), 'ignore', 'unless we are about to forget the token');
    assert.equal(judge.codes.length, 2);
  });

  it('bytes that are no message are rejected, a later version is not', async () => {
    const { index, send, judge } = setUp();
    assert.equal(await send(Buffer.from('f1')), 'reject');
    assert.equal(await send(Buffer.alloc(MAX_MESSAGE_BYTES + 1, 0xf1)), 'reject');
    assert.equal(await send(Buffer.from('f20000', 'hex')), 'ignore');
    assert.deepEqual(judge.codes, ['GOSSIP_MALFORMED', 'GOSSIP_TOO_LARGE']);
    assert.deepEqual(index.offered, []);
  });
});

describe('what cannot be decided yet', () => {
  it('is fetched if it does not decide itself soon, and passed on if it is decided in time', async () => {
    const { clock, index, inbox, send, missing } = setUp();
    index.wait(2);
    const verdict = send(beefs(1, 2));
    await settled();
    assert.deepEqual(missing, []);
    await clock.advance(GOSSIP_LIMITS.fetchAfterMs + 10);
    assert.deepEqual(missing, [{ peerId: 'peer', tokenId: TOKEN, txid: txidOf(2), why: 'parents' }]);
    inbox.settle(txidOf(2));
    index.admit(2);
    inbox.settle(txidOf(2));
    assert.equal(await verdict, 'accept');
    assert.equal(inbox.facts().bytes, 0);
  });

  it('whose parent comes by another path is not fetched', async () => {
    const { clock, index, inbox, send, missing } = setUp();
    index.wait(1);
    const verdict = send(beefs(1));
    await settled();
    index.admit(1);
    inbox.settle(txidOf(1));
    assert.equal(await verdict, 'accept');
    await clock.advance(1_000);
    assert.deepEqual(missing, []);
  });

  it('is not passed on when it comes too late, and its room is given back', async () => {
    const { clock, index, inbox, send, judge, rethought } = setUp();
    index.wait(2, 'header');
    const verdict = send(beefs(1, 2));
    await settled();
    assert.ok(inbox.facts().bytes > 0);
    await clock.advance(GOSSIP_LIMITS.holdMs + 10);
    assert.equal(await verdict, 'ignore');
    assert.deepEqual(judge.codes, []);
    assert.deepEqual(
      rethought.map(({ arrival }) => arrival),
      [1],
      'what was valid is told by us',
    );
    assert.deepEqual([inbox.facts().held, inbox.facts().bytes, clock.waiting], [0, 0, 0]);
  });

  it('that turns out to be invalid is a fault of who sent it', async () => {
    const { index, inbox, send, judge } = setUp();
    index.wait(1);
    const verdict = send(beefs(1));
    await settled();
    index.refuse(1, 'TOKEN_INVALID');
    inbox.settle(txidOf(1));
    assert.equal(await verdict, 'reject');
    assert.deepEqual(judge.codes, ['INVALID_TOKEN_DATA']);
  });
});

describe('announcements', () => {
  it('are fetched at once, and passed on when the transaction is here', async () => {
    const { index, inbox, send, missing } = setUp();
    const verdict = send(announce(1));
    assert.deepEqual(missing, [{ peerId: 'peer', tokenId: TOKEN, txid: txidOf(1), why: 'announced' }]);
    index.admit(1);
    inbox.settle(txidOf(1));
    assert.equal(await verdict, 'accept');
  });

  it('of what is here are not fetched; of a proof that is not here they are', async () => {
    const { index, send, missing } = setUp();
    index.admit(1);
    assert.equal(await send(announce(1)), 'accept');
    assert.equal(await send(Buffer.from(txidOf(1))), 'ignore');
    const mined = encodeAnnouncements([{ txid: txidOf(1), size: 1, height: 5 }]);
    void send(mined);
    assert.deepEqual(
      missing.map(({ txid, why }) => [txid, why]),
      [[txidOf(1), 'announced']],
    );
  });

  it('of more than can be taken in are let go', async () => {
    const { send, missing } = setUp();
    const huge = encodeAnnouncements([{ txid: txidOf(1), size: 17 * 1024 * 1024, height: undefined }]);
    assert.equal(await send(huge), 'ignore');
    assert.deepEqual(missing, []);
  });
});

describe('bounds', () => {
  it('a peer that keeps much undecided is not looked at any more, others are', async () => {
    const { clock, index, inbox, send, compared } = setUp({ peerTxs: 3 });
    index.wait(1);
    index.wait(2);
    const held = [send(beefs(1, 2)), send(beefs(1))];
    await settled();
    assert.equal(await send(beefs(3)), 'ignore');
    assert.deepEqual([inbox.facts().dropped, compared], [1, [TOKEN]]);
    assert.equal(await send(beefs(3), 'other'), 'accept');
    await clock.advance(GOSSIP_LIMITS.holdMs + 10);
    assert.deepEqual(await Promise.all(held), ['ignore', 'ignore']);
    assert.equal(await send(beefs(4)), 'accept');
  });

  it('a flood is not looked at, and told once a second', async () => {
    const { send, judge, inbox } = setUp({ messagesAtOnce: 2, messagesPerSecond: 1 });
    const verdicts = await Promise.all([1, 2, 3, 4, 5].map((n) => send(beefs(n))));
    assert.deepEqual(verdicts, ['accept', 'accept', 'ignore', 'ignore', 'ignore']);
    assert.deepEqual([judge.codes, inbox.facts().dropped], [['GOSSIP_FLOOD'], 3]);
  });

  it('nothing is offered while ingest has no room; what a peer sent that was banned meanwhile never is', async () => {
    const { index, send, judge } = setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    index.isRoomy = promise;
    const verdicts = [send(beefs(1), 'bad'), send(beefs(2), 'good')];
    await settled();
    assert.deepEqual(index.offered, []);
    judge.banned.add('bad');
    resolve();
    assert.deepEqual(await Promise.all(verdicts), ['ignore', 'accept']);
    assert.deepEqual(index.offered, [2]);
  });

  it('peers take turns, whatever one of them queues', async () => {
    const { index, send } = setUp();
    const { promise, resolve } = Promise.withResolvers<void>();
    index.isRoomy = promise;
    const verdicts = [1, 2, 3].map((n) => send(beefs(n), 'busy'));
    verdicts.push(send(beefs(4), 'quiet'));
    resolve();
    await Promise.all(verdicts);
    assert.deepEqual(index.offered, [1, 4, 2, 3]);
  });

  it('a stop lets everything go, and leaves no timer', async () => {
    const { clock, index, inbox, send } = setUp();
    index.wait(1);
    const held = send(beefs(1));
    await settled();
    index.isRoomy = new Promise(() => undefined);
    const queued = send(beefs(2));
    await settled();
    inbox.stop();
    assert.deepEqual(await Promise.all([held, queued, send(beefs(3))]), ['ignore', 'ignore', 'ignore']);
    assert.deepEqual([clock.waiting, inbox.facts().bytes], [0, 0]);
  });
});
