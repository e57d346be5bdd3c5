import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BeefOptions } from '../../support/corpus/packing.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { p2pkh, token } from '../../support/corpus/script.ts';
import type { TestTx } from '../../support/corpus/testtx.ts';
import { viewOfBeefs } from '../../support/corpus/view.ts';
import { DirectVerifier, withNode } from '../../support/node.ts';
import { assertState, waitingTxids } from '../../support/node-state.ts';

function setting(seed: string): { chain: TestChain; txs: TestTx[]; tokens: string[] } {
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
  const [one, two] = chain.transferChain(split.coin(0), [bob, alice]) as [TestTx, TestTx];
  const joined = chain.transfer({ from: [two.coin(0), split.coin(1)], to: [[bob, 100n]] });
  return { chain, txs: [deploy, split, one, two, joined], tokens: [deploy.tokenId()] };
}

describe('forms of BEEF', () => {
  const forms: Record<string, BeefOptions> = {
    V1: { version: 1 },
    V2: { version: 2 },
    'atomic V1': { version: 1, atomic: true },
    'atomic V2': { version: 2, atomic: true },
    'a BUMP a transaction': { compound: false },
    'compound BUMPs': { compound: true },
    'children first': { order: 'children-first' },
    shuffled: { order: 'shuffled', version: 2 },
    'everything twice': { duplicates: true },
    'with all ancestors': { parents: 'all' },
    'atomic, shuffled, with all ancestors twice': {
      atomic: true,
      order: 'shuffled',
      parents: 'all',
      duplicates: true,
    },
  };
  for (const [name, form] of Object.entries(forms)) {
    it(`${name}: one BEEF of the last transaction brings all that it needs, and one each brings all`, async () => {
      const { chain, txs, tokens } = setting('forms');
      const beefs = txs.map((tx) => chain.beef(tx, form));
      await withNode({ tokens }, async (node) => {
        await node.headers(chain.headerBytes({ from: 1 }));
        const last = await node.offer(beefs.at(-1)!);
        assert.equal(last.status, form.parents === 'all' ? 'admitted' : 'pending');
        await assertState(node, viewOfBeefs([beefs.at(-1)!], chain.headers()));
        await node.offerAll(beefs);
        await assertState(node, viewOfBeefs([beefs.at(-1)!, ...beefs], chain.headers()));
        assert.deepEqual(waitingTxids(node), []);
      });
    });
  }

  it('the same transactions in many BEEFs at once are checked once each', async () => {
    const { chain, txs, tokens } = setting('at once');
    const verifier = new DirectVerifier();
    const options: BeefOptions[] = [
      {},
      { version: 2 },
      { atomic: true },
      { compound: false },
      { parents: 'all' },
    ];
    const beefs = txs.flatMap((tx) => options.map((option) => chain.beef(tx, option)));
    await withNode({ tokens, verifier }, async (node) => {
      await node.headers(chain.headerBytes({ from: 1 }));
      const outcomes = await node.offerAll([...beefs, ...beefs]);
      assert.equal(outcomes.filter((o) => o.status === 'rejected').length, 0);
      await assertState(node, viewOfBeefs(beefs, chain.headers()));
      const [, , one, two, joined] = txs as [TestTx, TestTx, TestTx, TestTx, TestTx];
      for (const tx of [one, two, joined]) assert.equal(verifier.asked.get(tx.txid), 1);
    });
  });
});

describe('L2: what the store holds', () => {
  it('a txid alone counts for a parent that is held, indexed or waiting, and for no other', async () => {
    const { chain, txs, tokens } = setting('txid only');
    const [deploy, split, one, two] = txs as [TestTx, TestTx, TestTx, TestTx];
    const bare = chain.beef(two, { version: 2, txidOnly: [one] });
    await withNode({ tokens }, async (node) => {
      await node.headers(chain.headerBytes({ from: 1 }));
      await node.offerAll([deploy, split].map((tx) => chain.beef(tx)));
      const outcome = await node.offer(bare);
      assert.deepEqual(outcome.status === 'pending' && [outcome.waitingFor, ...outcome.missing], [
        'parents',
        one.outpoint(0),
      ]);
      assert.equal(node.reader.tx(two.txid)?.tokens.length, 0);
      await node.offer(chain.beef(one));
      assert.equal(node.reader.tx(two.txid)?.status, 'active');
      await assertState(
        node,
        viewOfBeefs([chain.beef(deploy), chain.beef(split), bare, chain.beef(one)], chain.headers()),
      );
    });
    await withNode({ tokens }, async (node) => {
      await node.headers(chain.headerBytes({ from: 1 }));
      await node.offerAll([deploy, split, one].map((tx) => chain.beef(tx)));
      assert.equal((await node.offer(bare)).status, 'admitted');
    });
  });

  it('a txid alone as ancestor of nothing, or as the only thing, is refused or ignored', async () => {
    const { chain, txs, tokens } = setting('txid alone');
    const [deploy] = txs as [TestTx];
    await withNode({ tokens }, async (node) => {
      await node.headers(chain.headerBytes({ from: 1 }));
      const only = await node.offer(chain.beef(deploy, { version: 2, txidOnly: [deploy] }));
      assert.equal(only.status === 'rejected' && only.code, 'BEEF_NO_SUBJECT');
      assert.equal(node.reader.facts().transactions, 0);
    });
  });
});

describe('answers', () => {
  it('of tokens that are not followed, of nothing to index, of bad bytes', async () => {
    const chain = new TestChain('answers');
    const [alice, bob] = [chain.key('alice'), chain.key('bob')];
    const gold = chain.deployMint(5n, { owner: alice });
    const tin = chain.deployMint(5n, { owner: alice });
    const worthless = chain.build({
      outputs: [{ lock: p2pkh(bob), token: token.transfer(gold.tokenId(), 1n) }],
    });
    chain.mine([gold, tin]);
    await withNode({ tokens: [gold.tokenId()] }, async (node) => {
      await node.headers(chain.headerBytes({ from: 1 }));
      const other = await node.offer(chain.beef(tin, { parents: 'all' }));
      assert.equal(other.status, 'rejected');
      assert.deepEqual(other.status === 'rejected' && [other.code, other.data['tokens']], [
        'TOKEN_NOT_FOLLOWED',
        [tin.tokenId()],
      ]);
      assert.equal(node.reader.tokenState(tin.tokenId()), 'unfollowed');
      assert.equal(node.reader.tokenState(worthless.outpoint(0)), 'unknown');
      const nothing = await node.offer(chain.beef(worthless));
      assert.equal(nothing.status === 'rejected' && nothing.code, 'TOKEN_INVALID');
      const bad = await node.offer(chain.beef(gold).subarray(0, 100));
      assert.equal(bad.status, 'rejected');
      await node.offer(chain.beef(gold));
      await assertState(node, viewOfBeefs([chain.beef(worthless), chain.beef(gold)], chain.headers()));
    });
  });
});
