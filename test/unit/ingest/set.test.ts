import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SetOutcome, TxSet } from '../../../src/ingest/outcome.ts';
import { decodeBeef } from '../../../src/spv/beef.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { p2pkh } from '../../support/corpus/script.ts';
import type { TestTx } from '../../support/corpus/testtx.ts';
import { viewOfBeefs } from '../../support/corpus/view.ts';
import { type TestNode, withNode } from '../../support/node.ts';
import { assertState, waitingTxids } from '../../support/node-state.ts';

/** What another daemon would send for these BEEFs: their transactions once each, in order, without a subject. */
function setOf(beefs: readonly Uint8Array[], listed: readonly TestTx[]): TxSet {
  const txs = new Map<string, TxSet['txs'][number]>();
  for (const beef of beefs.map(decodeBeef)) {
    for (const { txid, tx, bump } of beef.txs) {
      if (tx === undefined) continue;
      txs.set(txid, bump === undefined ? (txs.get(txid) ?? { tx }) : { tx, bump: beef.bumps[bump]! });
    }
  }
  return { txs: [...txs.values()], listed: new Set(listed.map((tx) => tx.txid)), bytes: 1000 };
}

/** Two blocks: deploy and split; then a transfer, and one that only spends (A8). */
function setting(seed: string) {
  const chain = new TestChain(seed);
  const [alice, bob] = [chain.key('alice'), chain.key('bob')];
  const deploy = chain.deployMint(100n, { owner: alice });
  const split = chain.transfer({
    from: [deploy.coin(0)],
    to: [
      [alice, 40n],
      [bob, 60n],
    ],
  });
  chain.mine([deploy, split]);
  const pay = chain.transfer({ from: [split.coin(0)], to: [[bob, 40n]] });
  const lose = chain.build({ inputs: [split.coin(1)], outputs: [{ lock: p2pkh(bob), satoshis: 1 }] });
  chain.mine([pay, lose]);
  const early = [chain.beef(deploy), chain.beef(split)];
  const late = [chain.beef(pay), chain.beef(lose)];
  return { chain, deploy, split, pay, lose, early, late, tokens: [deploy.tokenId()] };
}

async function give(node: TestNode, set: TxSet): Promise<SetOutcome> {
  const outcome = await node.ingest.offerSet(set, 'sync');
  await node.settled();
  return outcome;
}

describe('transactions offered as a set', () => {
  it('are answered for one by one: nothing is looked up for the set as a whole', async () => {
    const at = setting('no subject');
    await withNode({ tokens: at.tokens }, async (node) => {
      await node.headers(at.chain.headerBytes({ from: 1 }));
      const asked: string[] = [];
      const { tx } = node.store;
      node.store.tx = (txid) => {
        asked.push(txid);
        return tx.call(node.store, txid);
      };
      await give(node, setOf(at.early, [at.deploy, at.split]));
      assert.ok(asked.length > 0);
      assert.deepEqual(
        asked.filter((txid) => !/^[0-9a-f]{64}$/.test(txid)),
        [],
      );
    });
  });

  it('end as if each had been offered, whichever block comes first', async () => {
    const at = setting('either');
    const sets = [setOf(at.early, [at.deploy, at.split]), setOf(at.late, [at.pay, at.lose])];
    for (const order of [sets, sets.toReversed()]) {
      await withNode({ tokens: at.tokens }, async (node) => {
        await node.headers(at.chain.headerBytes({ from: 1 }));
        for (const set of order) assert.equal((await give(node, set)).refused.size, 0);
        await assertState(node, viewOfBeefs([...at.early, ...at.late], at.chain.headers()));
        assert.equal(node.reader.token(at.tokens[0]!)?.supply.lost, 60n);
        assert.deepEqual(waitingTxids(node), []);
      });
    }
  });

  it('a listed one that only spends waits for the history that shows it; one that is not listed is let go', async () => {
    const at = setting('waits');
    for (const listed of [[at.lose], []]) {
      await withNode({ tokens: at.tokens }, async (node) => {
        await node.headers(at.chain.headerBytes({ from: 1 }));
        await give(node, setOf([at.chain.beef(at.lose, { parents: 'none' })], listed));
        assert.deepEqual(
          waitingTxids(node),
          listed.map((tx) => tx.txid),
        );
      });
    }
  });

  it('one that is refused is named with its code, and harms no other', async () => {
    const at = setting('refused');
    const set = setOf([...at.early, ...at.late], [at.deploy, at.split, at.pay, at.lose]);
    const wrong = setOf([at.chain.beef(at.deploy)], []).txs.at(-1)!.bump!;
    const txs = set.txs.map((entry) => (entry.tx.txid === at.pay.txid ? { ...entry, bump: wrong } : entry));
    await withNode({ tokens: at.tokens }, async (node) => {
      await node.headers(at.chain.headerBytes({ from: 1 }));
      const outcome = await give(node, { ...set, txs });
      assert.equal(outcome.failed, undefined);
      assert.deepEqual(
        [...outcome.refused].map(([txid, { code }]) => [txid, code]),
        [[at.pay.txid, 'BUMP_TXID_ABSENT']],
      );
      assert.equal(node.reader.tx(at.lose.txid)?.status, 'active');
      assert.equal(node.reader.tx(at.pay.txid), undefined);
    });
  });

  it('a node that has stopped looks at none', async () => {
    const at = setting('stopped');
    await withNode({ tokens: at.tokens }, async (node) => {
      await node.ingest.close();
      const outcome = await node.ingest.offerSet(setOf(at.early, []), 'sync');
      assert.equal(outcome.failed, 'UNAVAILABLE');
    });
  });
});
