import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TestChain } from '../../support/corpus/scenario.ts';
import { p2pkh, token } from '../../support/corpus/script.ts';
import type { TestTx } from '../../support/corpus/testtx.ts';
import { viewOfBeefs } from '../../support/corpus/view.ts';
import { type TestNode, withNode } from '../../support/node.ts';
import { assertState } from '../../support/node-state.ts';

const HOPS = 600;

/** Many transactions that move gold and tin together: a rescan for tin takes several turns of the writer. */
function setting(seed: string) {
  const chain = new TestChain(seed, { purseCoins: HOPS + 20 });
  const alice = chain.key('alice');
  const issue = chain.build({
    outputs: [
      { lock: p2pkh(alice), token: token.deployMint(100n, { sym: 'GOLD' }) },
      { lock: p2pkh(alice), token: token.deployMint(50n, { sym: 'TIN' }) },
    ],
  });
  const [gold, tin] = [issue.outpoint(0), issue.outpoint(1)];
  const txs: TestTx[] = [issue];
  const hop = (from: TestTx, amt: bigint): TestTx =>
    chain.build({
      inputs: [from.coin(0), from.coin(1)],
      outputs: [
        { lock: p2pkh(alice), token: token.transfer(gold, 100n) },
        { lock: p2pkh(alice), token: token.transfer(tin, amt) },
      ],
    });
  for (let i = 0; i < HOPS; i += 1) {
    const tx = hop(txs.at(-1)!, 50n);
    txs.push(tx);
    chain.mine(i === 0 ? [issue, tx] : [tx]);
  }
  const beefs = txs.map((tx) => chain.beef(tx, { parents: 'none' }));
  return { chain, gold, tin, txs, beefs, hop, alice };
}

async function filled(node: TestNode, { chain, beefs }: ReturnType<typeof setting>): Promise<void> {
  await node.headers(chain.headerBytes({ from: 1 }));
  await node.offerAll(beefs);
  await node.settled();
}

describe('a change of the followed tokens while the node runs', () => {
  it('holds at once; a new token is answered for only when its history is evaluated, and nobody waits for that', async () => {
    const at = setting('live follow');
    const last = at.txs.at(-1)!;
    const more = at.hop(last, 20n);
    const other = at.chain.deployMint(7n, { owner: at.alice });
    await withNode({ tokens: [at.gold, other.tokenId()] }, async (node) => {
      await filled(node, at);
      const { complete } = await node.ingest.changeFollowed((followed) => [...followed, at.tin]);
      let isComplete = false;
      void complete.then(() => {
        isComplete = true;
      });
      assert.equal(node.reader.tokenState(at.tin), 'unfollowed');
      assert.equal(node.reader.tokenState(at.gold), 'followed');
      // A transaction of another token, and one that spends what the rescan has not come to yet.
      const [mint, spend] = await Promise.all([
        node.offer(at.chain.beef(other)),
        node.offer(at.chain.beef(more)),
      ]);
      assert.deepEqual([mint.status, spend.status], ['admitted', 'admitted']);
      assert.equal(isComplete, false, 'offers wait for no rescan');
      assert.equal(node.reader.tokenState(at.tin), 'unfollowed');
      await complete;
      assert.equal(node.reader.tokenState(at.tin), 'followed');
      await node.settled();
      assert.equal(node.reader.token(at.tin)?.supply.circulating, 20n);
      assert.equal(node.reader.token(at.tin)?.supply.lost, 30n);
      const all = [...at.beefs, at.chain.beef(more), at.chain.beef(other)];
      await assertState(node, viewOfBeefs(all, at.chain.headers()));
    });
  });

  it('unfollow keeps the data: answers say not followed, and follow brings back what came in between', async () => {
    const at = setting('unfollow');
    const more = at.hop(at.txs.at(-1)!, 20n);
    await withNode({ tokens: [at.gold, at.tin] }, async (node) => {
      await filled(node, at);
      const before = node.reader.token(at.tin);
      await node.ingest.unfollow([at.tin, 'f0'.repeat(32)]);
      assert.deepEqual(node.ingest.followed(), [at.gold]);
      assert.equal(node.reader.tokenState(at.tin), 'unfollowed');
      assert.equal(node.reader.token(at.tin)?.supply.circulating, before?.supply.circulating);
      const outcome = await node.offer(at.chain.beef(more));
      assert.equal(outcome.status, 'admitted');
      await node.ingest.follow([at.gold, at.tin]);
      assert.equal(node.reader.token(at.tin)?.supply.circulating, 20n);
      const all = [...at.beefs, at.chain.beef(more)];
      await assertState(node, viewOfBeefs(all, at.chain.headers()));
    });
  });

  it('changed again and again before it is done: the last one holds', async () => {
    const at = setting('again and again');
    await withNode({ tokens: [at.gold] }, async (node) => {
      await filled(node, at);
      const sets = [[at.tin], [at.gold], [at.gold, at.tin], [], [at.tin, at.gold]];
      const changes = await Promise.all(sets.map((set) => node.ingest.changeFollowed(() => set)));
      await Promise.all(changes.map(({ complete }) => complete));
      await assertState(node, viewOfBeefs(at.beefs, at.chain.headers()));
      assert.equal(node.reader.token(at.tin)?.supply.circulating, 50n);
      await node.audit();
    });
  });

  it('a stop in the middle of it loses nothing: the next start goes on', async () => {
    const at = setting('stop');
    await withNode({ tokens: [at.gold] }, async (first, use) => {
      await filled(first, at);
      const { complete } = await first.ingest.changeFollowed((followed) => [...followed, at.tin]);
      const next = use(await first.restart());
      await complete;
      await next.follow([at.gold, at.tin]);
      await assertState(next, viewOfBeefs(at.beefs, at.chain.headers()));
      assert.equal(next.reader.token(at.tin)?.supply.circulating, 50n);
    });
  });
});
