import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { historyKey } from '../../../src/store/keys.ts';
import { RowWriter } from '../../../src/store/row-bytes.ts';
import { Commitments } from '../../../src/sync/commitments.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { SyncNode } from '../../support/sync-node.ts';

const rejectsWith = (code: string, promise: Promise<unknown>): Promise<void> =>
  assert.rejects(promise, { name: 'SyncError', code });

/** One token: deploy in block 2, a transfer each in 3 and 4, and an unmined one. */
function setting(seed: string) {
  const chain = new TestChain(seed);
  const alice = chain.key('alice');
  const deploy = chain.deployMint(5n, { owner: alice });
  chain.mine([deploy]);
  const moves = chain.transferChain(deploy.coin(0), [alice, alice, alice]);
  chain.mine([moves[0]!]);
  chain.mine([moves[1]!]);
  const txs = [deploy, ...moves];
  return { chain, txs, tokenId: deploy.tokenId() };
}

async function fed(at: ReturnType<typeof setting>, maxBytes?: number): Promise<SyncNode> {
  const sync = await SyncNode.open({ tokens: [at.tokenId] }, maxBytes);
  await sync.node.headers(at.chain.headerBytes({ from: 1 }));
  await sync.node.offerAll(at.txs.map((tx) => at.chain.beef(tx)));
  return sync;
}

describe('commitments', () => {
  it('say so where the index has not followed the headers yet', async () => {
    const at = setting('deaf');
    const sync = await fed(at);
    try {
      const before = await sync.commitments.tip(at.tokenId);
      sync.node.isDeaf = true;
      at.chain.mineEmpty(3, at.chain.blockAt(3));
      await sync.node.headers(at.chain.headerBytes({ from: 4 }));
      await rejectsWith('NOT_READY', sync.commitments.tip(at.tokenId));
      assert.throws(() => sync.commitments.indexTip(), { code: 'NOT_READY' });
      sync.node.isDeaf = false;
      await sync.node.ingest.chainChanged({ from: 4 });
      const after = await sync.commitments.tip(at.tokenId);
      assert.deepEqual([before.entries, before.unmined, after.entries, after.unmined], [3, 1, 2, 2]);
      assert.equal(after.tip.height, 6);
    } finally {
      await sync.close();
    }
  });

  it('no TAC where headers begin above the first transaction; counts and the unmined all the same', async () => {
    const at = setting('checkpoint');
    const { height, hash } = at.chain.blockAt(3);
    const sync = await SyncNode.open({
      tokens: [at.tokenId],
      checkpoint: { height, hash, chainWork: BigInt(2 * (height + 1)) },
      verifyRoot: async () => 'confirmed',
    });
    try {
      await sync.node.headers(at.chain.headerBytes({ from: 4 }));
      await sync.node.offerAll(at.txs.map((tx) => at.chain.beef(tx)));
      const { tac, firstHeight, entries, unmined } = await sync.commitments.tip(at.tokenId);
      assert.deepEqual([tac, firstHeight, entries, unmined], [undefined, 2, 3, 1]);
      await rejectsWith('NOT_READY', sync.commitments.anchors(at.tokenId, [4]));
    } finally {
      await sync.close();
    }
  });

  it('a history row that is lost is found, not proven never to have been', async () => {
    const at = setting('lost row');
    const sync = await fed(at);
    try {
      const { store } = sync.node;
      const key = historyKey(new RowWriter(), store.tokenNos.get(at.tokenId)!, new Uint8Array(0), 3, 1);
      assert.notEqual(store.database.get(key), undefined);
      await store.database.write([{ key, value: undefined }], false);
      // A read point of after the loss.
      await sync.node.headers(at.chain.mineEmpty(1).header.bytes);
      await rejectsWith('INCONSISTENT', new Commitments({ store, chain: sync.node.chain }).tip(at.tokenId));
    } finally {
      await sync.close();
    }
  });

  it('unknown tokens, heights above the tip, and a closed store are errors with a name', async () => {
    const at = setting('errors');
    const sync = await fed(at);
    try {
      await rejectsWith('TOKEN_UNKNOWN', sync.commitments.tip(`${'ab'.repeat(32)}_0`));
      await rejectsWith('NOT_READY', sync.commitments.tacAt(at.tokenId, 5));
      assert.equal((await sync.commitments.tacAt(at.tokenId, 1)).equals(Buffer.alloc(32)), true);
    } finally {
      await sync.close();
    }
    await assert.rejects(sync.commitments.tip(at.tokenId), { code: 'STORE_CLOSED' });
  });

  it('memory stays in its bound, whoever is asked about', async () => {
    const chain = new TestChain('many', { purseCoins: 64 });
    const alice = chain.key('alice');
    const deploys = Array.from({ length: 20 }, (_, i) => chain.deployMint(BigInt(i + 1), { owner: alice }));
    chain.mine(deploys);
    const tokens = deploys.map((tx) => tx.tokenId());
    const maxBytes = 50_000;
    const sync = await SyncNode.open({ tokens }, maxBytes);
    try {
      await sync.node.headers(chain.headerBytes({ from: 1 }));
      await sync.node.offerAll(deploys.map((tx) => chain.beef(tx)));
      const first = await Promise.all(tokens.map((id) => sync.commitments.tip(id)));
      assert.ok(sync.commitments.bytes <= maxBytes && sync.commitments.bytes > maxBytes / 3);
      const second = await Promise.all(tokens.map((id) => sync.commitments.tip(id)));
      assert.deepEqual(
        second.map(({ tac }) => tac),
        first.map(({ tac }) => tac),
      );
      assert.equal(new Set(first.map(({ tac }) => tac!.toString('hex'))).size, 20);
    } finally {
      await sync.close();
    }
  });
});
