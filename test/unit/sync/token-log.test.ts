import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CHUNK_TARGET_BYTES,
  MAX_FRAME_BYTES,
  MAX_INLINE_TX_BYTES,
} from '../../../protocols/token-sync/constants.ts';
import { decodeRuns } from '../../../protocols/token-sync/runs.ts';
import { FetchLog } from '../../../src/sync/fetch-log.ts';
import { RangeListing, RangeLog } from '../../../src/sync/token-log.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { p2pkh, token } from '../../support/corpus/script.ts';
import type { Coin, TestTx } from '../../support/corpus/testtx.ts';
import { SyncNode } from '../../support/sync-node.ts';
import { fetchChunks, give, rangeChunks, wired } from '../../support/sync-transfer.ts';

type Run = (from: SyncNode, to: SyncNode) => Promise<void>;

/** One node that was fed whole BEEFs, so that it holds the parents of everything, and an empty one. */
async function nodes(chain: TestChain, txs: readonly TestTx[], run: Run): Promise<void> {
  const tokens = [txs[0]!.tokenId()];
  const from = await SyncNode.open({ tokens });
  const to = await SyncNode.open({ tokens });
  try {
    for (const { node } of [from, to]) await node.headers(chain.headerBytes({ from: 1 }));
    for (const tx of txs) {
      const { status } = await from.node.offer(chain.beef(tx, { parents: 'all' }));
      assert.ok(['admitted', 'known'].includes(status), status);
    }
    await run(from, to);
    // The second would wait for a read point that is still held.
    for (let i = 0; i < 2; i++) await from.node.store.heartbeat();
  } finally {
    await from.close();
    await to.close();
  }
}

/** Passes the token's one coin on, with data behind the lock. */
function move(
  chain: TestChain,
  from: TestTx,
  tokenId: string,
  dataBytes: number,
  more: readonly Coin[] = [],
): TestTx {
  const lock = p2pkh(chain.key('alice'), Buffer.alloc(dataBytes, 7));
  return chain.build({
    inputs: [from.coin(0), ...more],
    outputs: [{ lock, token: token.transfer(tokenId, 5n) }],
  });
}

function history(seed: string, sizes: readonly number[], more: readonly (readonly Coin[])[] = []) {
  const chain = new TestChain(seed, { purseCoins: 64 });
  const deploy = chain.deployMint(5n, { owner: chain.key('alice') });
  const txs = [deploy];
  sizes.forEach((bytes, i) => {
    txs.push(move(chain, txs.at(-1)!, deploy.tokenId(), bytes, more[i]));
  });
  return { chain, txs, tokenId: deploy.tokenId() };
}

async function same(from: SyncNode, to: SyncNode, tokenId: string): Promise<void> {
  const [a, b] = await Promise.all([from, to].map((each) => each.commitments.tip(tokenId)));
  assert.deepEqual([b!.entries, b!.unmined], [a!.entries, a!.unmined]);
  assert.deepEqual([b!.tac, b!.entries, b!.unminedDigest], [a!.tac, a!.entries, a!.unminedDigest]);
  const [ours, theirs] = [from, to].map((each) => each.node.reader.token(tokenId)!);
  assert.deepEqual(theirs!.supply, ours!.supply);
  assert.equal(theirs!.undecided, ours!.undecided);
}

describe('what is sent of a history', () => {
  it('a long range comes in chunks of bounded size, a block over several of them', async () => {
    const { chain, txs, tokenId } = history('long', new Array<number>(14).fill(60_000));
    chain.mine(txs.slice(0, 3));
    chain.mine(txs.slice(3));
    await nodes(chain, txs, async (from, to) => {
      const tokenNo = from.node.store.tokenNos.get(tokenId)!;
      const log = new RangeLog(from.node.store, {
        tokenNo,
        fromHeight: 0,
        toHeight: 9,
        only: undefined,
        most: 15,
      });
      const heights: number[][] = [];
      for (let next = await log.next(); next !== undefined; next = await log.next()) {
        const { bytes } = wired(next.chunk);
        assert.ok(bytes < CHUNK_TARGET_BYTES + 100_000, String(bytes));
        heights.push(next.chunk.blocks.map((block) => block.height));
      }
      assert.deepEqual(heights, [[2, 3], [3], [3]]);
      await give(to, await rangeChunks(from, tokenId, 0, 9));
      await same(from, to, tokenId);
    });
  });

  it('a transaction above what a chunk takes comes in pieces, mined or not', async () => {
    const { chain, txs, tokenId } = history('large', [100, MAX_INLINE_TX_BYTES + 1, 1_300_000, 100, 700_000]);
    chain.mine(txs.slice(0, 4));
    await nodes(chain, txs, async (from, to) => {
      await give(to, await rangeChunks(from, tokenId, 0, 9));
      const { chunks, missing } = await fetchChunks(from, tokenId, [txs[5]!.txid]);
      assert.deepEqual(missing, []);
      await give(to, chunks);
      await same(from, to, tokenId);
      assert.equal((await to.commitments.tip(tokenId)).unmined, 2);
    });
  });

  it('context that has no room comes in the next chunks', async () => {
    const seedChain = new TestChain('context', { purseCoins: 64 });
    const key = seedChain.key('alice');
    const funding = Array.from({ length: 5 }, (_, i) =>
      seedChain.outside([{ lock: p2pkh(key, Buffer.alloc(400_000, i)), satoshis: 1_000 }]),
    );
    seedChain.mine(funding);
    const deploy = seedChain.deployMint(5n, { owner: key });
    const coins = funding.map((tx) => tx.coin(0));
    // Over-spent, so that every input decides.
    const pay = seedChain.build({
      inputs: [deploy.coin(0), ...coins],
      outputs: [{ lock: p2pkh(key), token: token.transfer(deploy.tokenId(), 6n) }],
    });
    seedChain.mine([deploy, pay]);
    await nodes(seedChain, [deploy, pay], async (from, to) => {
      const chunks = await rangeChunks(from, deploy.tokenId(), 0, 9);
      assert.ok(chunks.length >= 3, String(chunks.length));
      assert.deepEqual(
        chunks.map(({ entries }) => entries > 0),
        chunks.map((_, i) => i === 0),
      );
      await give(to, chunks);
      await same(from, to, deploy.tokenId());
      assert.deepEqual(
        [to.node.reader.token(deploy.tokenId())!.supply.lost, to.node.store.waiting.size],
        [5n, 0],
      );
    });
  });

  it('a listing names places in a few bytes, and no more than was counted', async () => {
    const { chain, txs, tokenId } = history('listing', new Array<number>(9).fill(10));
    chain.mine(txs);
    await nodes(chain, txs, async (from) => {
      const { store } = from.node;
      const tokenNo = store.tokenNos.get(tokenId)!;
      const hashAt = (height: number): string | undefined => from.node.chain.hashAt(height);
      for (const most of [10, 4]) {
        const ask = { tokenNo, fromHeight: 0, toHeight: 9, only: undefined, most };
        const listing = new RangeListing(store, ask, hashAt);
        const page = await listing.next();
        const places = Array.from({ length: most }, (_, i) => i + 1);
        assert.deepEqual(
          page?.blocks.map((b) => [b.height, b.runs.length, decodeRuns(b.runs, 99)]),
          [[2, 2, places]],
        );
        assert.equal(await listing.next(), undefined);
      }
    });
  });

  it('an unmined chain comes parents first, each once; beyond the limits it is missing', async () => {
    const { chain, txs, tokenId } = history('chain', new Array<number>(40).fill(20_000));
    chain.mine(txs.slice(0, 1));
    await nodes(chain, txs, async (from, to) => {
      const txids = txs.slice(1).map((tx) => tx.txid);
      const asked = [txids[39]!, txids[10]!, txids[20]!];
      const { chunks, missing } = await fetchChunks(from, tokenId, asked);
      assert.deepEqual(missing, []);
      assert.ok(chunks.length > 1);
      const order = chunks.flatMap(({ set }) => set.txs.map(({ tx }) => tx.txid));
      assert.deepEqual(
        order.filter((txid) => txids.includes(txid)),
        txids,
      );
      assert.equal(
        chunks.reduce((sum, { entries }) => sum + entries, 0),
        3,
      );
      await give(to, await rangeChunks(from, tokenId, 0, 9));
      await give(to, chunks);
      await same(from, to, tokenId);
      const { store } = from.node;
      const tokenNo = store.tokenNos.get(tokenId)!;
      const short = new FetchLog(store, tokenNo, asked, { limits: { ancestors: 5, bytes: 1e9 } });
      while ((await short.next()) !== undefined);
      assert.deepEqual(short.missing, [0, 1, 2]);
      const gone = new FetchLog(store, tokenNo, [txids[0]!, '', txids[1]!]);
      while ((await gone.next()) !== undefined);
      assert.deepEqual(gone.missing, [1]);
      const small = new FetchLog(store, tokenNo, [txids[1]!, txids[39]!], {
        limits: { ancestors: 100, bytes: 100_000 },
      });
      let largest = 0;
      for (let next = await small.next(); next !== undefined; next = await small.next())
        largest = Math.max(largest, wired(next.chunk).bytes);
      assert.deepEqual(small.missing, [1]);
      assert.ok(largest < MAX_FRAME_BYTES);
    });
  });
});
