import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Anchor } from '../../../src/sync/commitments.ts';
import { Deal, joinUnits } from '../../../src/sync/deal.ts';
import { spread } from '../../../src/sync/hunt.ts';
import { Lanes } from '../../../src/sync/lanes.ts';
import { tacOver, tacsFrom } from '../../../src/sync/own-tacs.ts';
import { Rate } from '../../../src/sync/rate.ts';
import { nextChangeMs, type PeerView, type Relation, statusOf } from '../../../src/sync/status.ts';
import { SyncNode } from '../../support/sync-node.ts';
import { TokenChain } from '../../support/token-history.ts';

function unit(from: number, to: number, entries = 10): { from: number; to: number; entries: number } {
  return { from, to, entries };
}

describe('dealing out a history', () => {
  it('gives one peer everything that adjoins, and several peers shares that become smaller', () => {
    const units = Array.from({ length: 16 }, (_, i) => unit(i * 10, i * 10 + 9));
    const alone = new Deal(units, 1_000).take('a', 1, 0)!;
    assert.deepEqual([alone.from, alone.to, alone.entries], [0, 159, 160]);
    const deal = new Deal(units, 1_000);
    const sizes = ['a', 'b', 'a', 'b', 'a'].map((peer) => deal.take(peer, 2, 0)!.entries);
    assert.deepEqual(sizes, [40, 30, 20, 10, 10]);
  });

  it('does not ask for what lies between two parts', () => {
    const deal = new Deal([unit(1, 9), unit(20, 29)], 1_000);
    assert.deepEqual([deal.take('a', 1, 0)?.to, deal.take('a', 1, 0)?.from], [9, 20]);
  });

  it('who has nothing to do takes the end of what another still has', () => {
    const deal = new Deal(
      Array.from({ length: 8 }, (_, i) => unit(i * 10, i * 10 + 9)),
      1_000,
    );
    const job = deal.take('a', 1, 0)!;
    deal.arrived(job, 10);
    deal.committed(job, 15, 20);
    const stolen = deal.take('b', 2, 30)!;
    assert.deepEqual([stolen.from, stolen.to], [50, 79]);
    assert.equal(deal.endOf(job), 49);
    deal.end(job, 'done');
    deal.end(stolen, 'done');
    assert.equal(deal.isDone, true);
  });

  it('what a peer does not finish is given to another, from where it came to', () => {
    const deal = new Deal([unit(0, 99)], 1_000);
    const job = deal.take('a', 2, 0)!;
    deal.arrived(job, 1);
    deal.committed(job, 40, 2);
    deal.end(job, 'dropped');
    assert.equal(deal.take('a', 2, 3), undefined);
    assert.equal(deal.take('b', 2, 3)?.from, 40);
  });

  it('a peer that brings nothing loses its job, one that waits for our index does not', () => {
    const deal = new Deal([unit(0, 99)], 1_000);
    const job = deal.take('a', 2, 0)!;
    deal.arrived(job, 500);
    assert.equal(deal.take('b', 2, 5_000), undefined, 'the chunk is with us');
    deal.committed(job, 10, 5_000);
    assert.equal(deal.take('b', 2, 5_999), undefined);
    const taken = deal.take('b', 2, 6_000)!;
    assert.equal(taken.from, 10);
    assert.equal(job.taken.aborted, true);
    deal.end(job, 'dropped');
    deal.end(taken, 'done');
    assert.equal(deal.isDone, true);
  });

  it('joins small parts that adjoin', () => {
    const joined = joinUnits([unit(1, 5, 3), unit(6, 9, 4), unit(10, 12, 0), unit(20, 25, 1)], 5);
    assert.deepEqual(joined, [unit(1, 12, 7), unit(20, 25, 1)]);
  });
});

describe('heights that are asked', () => {
  it('are spread over the interval, end with its end, and are few', () => {
    assert.deepEqual(spread(10, 13), [11, 12, 13]);
    const heights = spread(0, 900_000);
    assert.equal(heights.length, 64);
    assert.equal(heights.at(-1), 900_000);
    assert.ok(heights.every((height, i) => height > (heights[i - 1] ?? 0)));
    assert.deepEqual(spread(7, 8), [8]);
  });
});

describe('commitments from a base', () => {
  it('are ours where the base is, and the peer’s over a list of his', async () => {
    const at = new TokenChain('base');
    at.blocks(8, 3);
    const sync = await SyncNode.open({ tokens: [at.tokenId] });
    try {
      await sync.node.headers(at.headers());
      await sync.node.offerAll(at.beefs());
      const { commitments } = sync;
      const hashAt = (height: number): string | undefined => sync.node.chain.hashAt(height);
      const heights = Array.from({ length: at.chain.tip.height }, (_, i) => i + 1);
      const { anchors } = await commitments.anchors(at.tokenId, heights);
      const from = async (base: Anchor, asked: readonly number[]): Promise<Anchor[]> =>
        tacsFrom(commitments, hashAt, at.tokenId, base, asked);
      const zero = { height: 0, tac: Buffer.alloc(32), entries: 0 };
      assert.deepEqual(await from(zero, heights), anchors);
      const base = anchors[4]!;
      const above = anchors.slice(5).map((anchor) => ({ ...anchor, entries: anchor.entries - base.entries }));
      assert.deepEqual(await from(base, heights.slice(5)), above);
      const blocks = new Map<number, Buffer[]>();
      for await (const { height, txid } of commitments.entries(
        at.tokenId,
        base.height + 1,
        at.chain.tip.height,
      ))
        blocks.set(height, [...(blocks.get(height) ?? []), Buffer.from(txid).reverse()]);
      const top = anchors.at(-1)!;
      assert.deepEqual(await tacOver(hashAt, base, blocks, top.height), top.tac);
      const other = await from({ ...base, tac: Buffer.alloc(32, 7) }, [top.height]);
      assert.notDeepEqual(other[0]!.tac, top.tac);
    } finally {
      await sync.close();
    }
  });
});

describe('lanes', () => {
  it('let so many in, the others in order, and none whose signal has ended', async () => {
    const lanes = new Lanes(1);
    const never = new AbortController();
    const order: number[] = [];
    const first = Promise.withResolvers<void>();
    const running = [
      lanes.run(never.signal, () => first.promise.then(() => void order.push(1))),
      lanes.run(never.signal, async () => void order.push(2)),
    ];
    const gone = new AbortController();
    const refused = assert.rejects(
      lanes.run(gone.signal, async () => void order.push(3)),
      /stop/,
    );
    running.push(lanes.run(never.signal, async () => void order.push(4)));
    gone.abort(new Error('stop'));
    await refused;
    first.resolve();
    await Promise.all(running);
    assert.deepEqual(order, [1, 2, 4]);
    assert.equal(lanes.inUse, 0);
  });
});

describe('the rate', () => {
  it('is of the last seconds', () => {
    const rate = new Rate();
    assert.equal(rate.perSecond(0), 0);
    rate.add(0, 0);
    for (let ms = 100; ms <= 5_000; ms += 100) rate.add(50, ms);
    assert.equal(Math.round(rate.perSecond(5_000)), 500);
    for (let ms = 5_100; ms <= 30_000; ms += 100) rate.add(10, ms);
    assert.equal(Math.round(rate.perSecond(30_000)), 100);
    assert.equal(rate.perSecond(60_000), 0);
  });
});

describe('the state of a token', () => {
  const own = { tipHeight: 100, entries: 50, perSecond: 10 };
  const agrees = (height: number): Relation => ({ kind: 'agrees', sinceMs: 0, height, hash: '' });
  const view = (relation: Relation, more: Partial<PeerView> = {}): PeerView => ({
    peerId: 'peer',
    tipHeight: 100,
    entries: 80,
    unmined: 20,
    agreedMs: Number.NEGATIVE_INFINITY,
    changedMs: 0,
    relation,
    isUnminedDue: false,
    isHeadersDue: false,
    ...more,
  });
  const ahead: Relation = { kind: 'ahead', sinceMs: 5, firstHeight: 7 };
  const lacks: Relation = { kind: 'lacks', sinceMs: 5, firstHeight: 7 };
  const refused: Relation = { kind: 'refused', sinceMs: 5, firstHeight: 7, code: 'RULES_DIFFER' };
  const stateOf = (peers: readonly PeerView[], nowMs = 1_000): string =>
    statusOf(own, peers, undefined, nowMs).state;

  it('alone: nobody, or nobody who could confirm it', () => {
    assert.equal(stateOf([]), 'alone');
    assert.equal(stateOf([view({ kind: 'unknown', sinceMs: 0 })]), 'alone');
    assert.equal(stateOf([view(lacks)]), 'alone');
  });

  it('alone: who agreed at an older tip, or is at one, follows it and is counted', () => {
    const status = statusOf(own, [view(agrees(90), { tipHeight: 90 })], undefined, 1_000);
    assert.deepEqual([status.state, status.agree, status.disagree], ['alone', [], []]);
    assert.deepEqual(status.unknown, ['peer']);
    assert.deepEqual(statusOf(own, [view(agrees(100)), view(lacks)], undefined, 1_000).unknown, []);
  });

  it('synced: one agrees at our tip, or did a moment ago', () => {
    assert.equal(stateOf([view(agrees(100))]), 'synced');
    assert.equal(stateOf([view(agrees(99), { agreedMs: 1_000 })], 60_000), 'synced');
    assert.equal(stateOf([view(agrees(99), { agreedMs: 1_000 })], 61_001), 'alone');
    assert.equal(stateOf([view(agrees(99))]), 'alone');
    assert.equal(stateOf([view(agrees(100)), view(lacks)]), 'synced');
  });

  it('synced: who agreed a moment ago has not got what was mined since', () => {
    const late = view(lacks, { agreedMs: 1_000, changedMs: 30_000 });
    const { state, agree, disagree } = statusOf(own, [late], undefined, 60_000);
    assert.deepEqual([state, agree, disagree], ['synced', ['peer'], []]);
    assert.equal(nextChangeMs(own, [late], 60_000), 61_000);
    assert.equal(stateOf([late], 61_000), 'alone');
    assert.equal(stateOf([view(refused, { agreedMs: 1_000 })]), 'disputed');
    assert.equal(stateOf([view({ kind: 'unknown', sinceMs: 0 }, { agreedMs: 1_000 })]), 'alone');
  });

  it('behind: anybody has more, whoever agrees', () => {
    const status = statusOf(own, [view(agrees(100)), view(ahead)], undefined, 1_000);
    assert.equal(status.state, 'behind');
    assert.deepEqual(status.progress, { done: 50, total: 100, perSecond: 10, secondsLeft: 5 });
    assert.deepEqual(status.disagree, [{ peerId: 'peer', firstHeight: 7, why: 'ahead', sinceMs: 5 }]);
    assert.equal(stateOf([view(agrees(100), { isUnminedDue: true })]), 'behind');
    const late = { tipHeight: 103, isHeadersDue: true };
    assert.equal(stateOf([view(agrees(100), late)]), 'behind');
    assert.equal(stateOf([view({ kind: 'unknown', sinceMs: 0 }, late)]), 'behind');
    assert.equal(stateOf([view(agrees(100), { ...late, tipHeight: 102 })]), 'synced', 'a block or two');
    assert.equal(stateOf([view(agrees(100), { ...late, isHeadersDue: false })]), 'synced', 'it says so');
    const stuck = statusOf({ ...own, perSecond: 0 }, [view(ahead)], undefined, 1_000);
    assert.equal(stuck.progress?.secondsLeft, undefined);
  });

  it('disputed: what our rules refuse at once, another history when it stays', () => {
    assert.equal(stateOf([view(agrees(100)), view(refused)]), 'disputed');
    assert.equal(stateOf([view(lacks)], 60_004), 'alone');
    assert.equal(stateOf([view(lacks)], 60_005), 'disputed');
    assert.equal(stateOf([view(lacks, { changedMs: 50_000 })], 60_005), 'alone');
    assert.equal(nextChangeMs(own, [view(lacks), view(agrees(99), { agreedMs: 1_000 })], 2_000), 60_005);
    assert.equal(nextChangeMs(own, [view(agrees(100))], 2_000), undefined);
  });

  it('has lasted since it began', () => {
    const first = statusOf(own, [view(ahead)], undefined, 100);
    const second = statusOf(own, [view(ahead)], first, 200);
    assert.equal(second.sinceMs, 100);
    assert.equal(statusOf(own, [view(agrees(100))], second, 300).sinceMs, 300);
  });
});
