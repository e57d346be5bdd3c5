import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TxSet } from '../../../src/ingest/outcome.ts';
import { decodeBeef } from '../../../src/spv/beef.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { p2pkh, token } from '../../support/corpus/script.ts';
import type { Coin, TestTx } from '../../support/corpus/testtx.ts';
import { type TestNode, withNode } from '../../support/node.ts';

/** T moves tokens and pays a fee from a coin; R, a plain payment, spends that coin too, and waits for its history. */
function setting(seed: string, options: { readonly isMined?: boolean; readonly alsoFrom?: boolean } = {}) {
  const chain = new TestChain(seed, { purseCoins: 32 });
  const [alice, bob] = [chain.key('alice'), chain.key('bob')];
  const deploy = chain.deployMint(100n, { owner: alice });
  chain.mine([deploy]);
  // Each of another transaction than the deploy's, which the store would keep.
  const [fee, other] = [8, 8].map((skip) => {
    for (let i = 1; i < skip; i++) chain.purseCoin();
    return chain.purseCoin();
  }) as [Coin, Coin];
  const T = chain.build({
    inputs: [deploy.coin(0), fee],
    outputs: [{ lock: p2pkh(bob), token: token.transfer(deploy.tokenId(), 100n) }],
  });
  const R = chain.build({
    inputs: options.alsoFrom === true ? [fee, other] : [fee],
    outputs: [{ lock: p2pkh(alice), satoshis: 5000 }],
  });
  if (options.isMined !== false) chain.mine([R]);
  return { chain, deploy, T, R, fee, alice, tokens: [deploy.tokenId()] };
}

type Setting = ReturnType<typeof setting>;

async function fed(at: Setting, run: (node: TestNode) => Promise<void>): Promise<void> {
  await withNode({ tokens: at.tokens }, async (node) => {
    await node.headers(at.chain.headerBytes({ from: 1 }));
    await node.offer(at.chain.beef(at.deploy));
    await run(node);
    await node.audit();
  });
}

/** It lost, and no reader of events ever heard of it. */
async function assertNeverStood(node: TestNode, { T, deploy }: Setting): Promise<void> {
  assert.equal(node.reader.tx(T.txid)?.status, 'conflicted');
  const events = await node.reader.events(0n, 1000);
  assert.deepEqual(
    events.map(({ type, outpoint }) => [type, outpoint]),
    [['created', `${deploy.txid}_0`]],
  );
}

function setOf(beefs: readonly Uint8Array[], listed: readonly TestTx[]): TxSet {
  const txs = beefs.map(decodeBeef).flatMap(({ txs: entries, bumps }) =>
    entries.flatMap(({ tx, bump }) => {
      if (tx === undefined) return [];
      return [bump === undefined ? { tx } : { tx, bump: bumps[bump]! }];
    }),
  );
  return { txs, listed: new Set(listed.map(({ txid }) => txid)), bytes: 1000 };
}

describe('a held mined rival goes before the answer', () => {
  it('submitted: conflict, and no event of a credit', async () => {
    const at = setting('submit');
    await fed(at, async (node) => {
      const held = await node.offer(at.chain.beef(at.R));
      assert.equal(held.status, 'pending');
      const outcome = await node.offer(at.chain.beef(at.T));
      assert.deepEqual(outcome, { status: 'conflict', txid: at.T.txid, conflictsWith: [at.R.txid] });
      await assertNeverStood(node, at);
    });
  });

  it('in one batch with it, in either order', async () => {
    const at = setting('batch');
    for (const order of [
      [at.R, at.T],
      [at.T, at.R],
    ]) {
      await fed(at, async (node) => {
        const outcomes = await node.offerAll(order.map((tx) => at.chain.beef(tx)));
        assert.equal(outcomes[order.indexOf(at.T)]?.status, 'conflict');
        await assertNeverStood(node, at);
      });
    }
  });

  it('in a set', async () => {
    const at = setting('set');
    await fed(at, async (node) => {
      await node.ingest.offerSet(setOf([at.chain.beef(at.R)], [at.R]), 'sync');
      await node.ingest.offerSet(setOf([at.chain.beef(at.T)], [at.T]), 'sync');
      assert.equal(node.reader.tx(at.T.txid)?.status, 'conflicted');
      await node.settled();
      await assertNeverStood(node, at);
    });
  });

  it('that came with the very parent that both spend, and waits for another one', async () => {
    const at = setting('carried', { alsoFrom: true });
    await fed(at, async (node) => {
      const { fee } = at;
      const held = await node.offer(at.chain.beef(at.R, { parents: 'none', extra: [fee.tx] }));
      assert.equal(held.status, 'pending');
      const outcome = await node.offer(at.chain.beef(at.T));
      assert.equal(outcome.status, 'conflict');
      await assertNeverStood(node, at);
    });
  });

  it('after a restart', async () => {
    const at = setting('restart');
    await withNode({ tokens: at.tokens }, async (node, use) => {
      await node.headers(at.chain.headerBytes({ from: 1 }));
      await node.offer(at.chain.beef(at.deploy));
      await node.offer(at.chain.beef(at.R));
      const again = use(await node.restart());
      assert.equal((await again.offer(at.chain.beef(at.T))).status, 'conflict');
      await assertNeverStood(again, at);
    });
  });

  it('that is not mined, but has a mined child that is held too', async () => {
    const at = setting('child', { isMined: false });
    const child = at.chain.build({
      inputs: [at.R.coin(0)],
      outputs: [{ lock: p2pkh(at.alice), satoshis: 4000 }],
    });
    at.chain.mine([at.R, child]);
    await fed(at, async (node) => {
      // First seen, the transfer would stand against an unmined payment.
      assert.equal((await node.offer(at.chain.beef(child, { parents: 'none' }))).status, 'pending');
      await node.offer(at.chain.beef(at.R, { parents: 'none', proof: false }));
      assert.equal((await node.offer(at.chain.beef(at.T))).status, 'conflict');
      await assertNeverStood(node, at);
    });
  });
});

describe('a held unmined rival', () => {
  it('that was seen first and waited for what the other brought goes before it', async () => {
    const at = setting('first seen', { isMined: false });
    await fed(at, async (node) => {
      assert.equal((await node.offer(at.chain.beef(at.R, { parents: 'none' }))).status, 'pending');
      assert.equal((await node.offer(at.chain.beef(at.T))).status, 'conflict');
      await assertNeverStood(node, at);
    });
  });

  it('that cannot be decided yet keeps nobody out', async () => {
    const at = setting('undecided', { isMined: false, alsoFrom: true });
    await fed(at, async (node) => {
      assert.equal((await node.offer(at.chain.beef(at.R, { parents: 'none' }))).status, 'pending');
      assert.equal((await node.offer(at.chain.beef(at.T))).status, 'admitted');
      assert.equal(node.reader.tx(at.T.txid)?.status, 'active');
    });
  });
});
