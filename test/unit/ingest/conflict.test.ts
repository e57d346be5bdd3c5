import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Key } from '../../support/corpus/keys.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { anyone, p2pkh, token } from '../../support/corpus/script.ts';
import type { TestTx } from '../../support/corpus/testtx.ts';
import { viewOfBeefs } from '../../support/corpus/view.ts';
import { type TestNode, withNode } from '../../support/node.ts';
import { assertState, waitingTxids } from '../../support/node-state.ts';

interface Setting {
  readonly chain: TestChain;
  readonly deploy: TestTx;
  readonly alice: Key;
  readonly bob: Key;
}

function setting(seed: string, options: { purseCoins?: number } = {}): Setting {
  const chain = new TestChain(seed, options);
  const [alice, bob] = [chain.key('alice'), chain.key('bob')];
  const deploy = chain.deployMint(100n, { owner: alice });
  chain.mine([deploy]);
  return { chain, deploy, alice, bob };
}

function statusOf(node: TestNode, tx: TestTx): string | undefined {
  return node.reader.tx(tx.txid)?.status;
}

/** Feeds the BEEFs one by one to a node that has all headers, then compares with the model. */
async function fed(
  { chain, deploy }: Setting,
  beefs: readonly Buffer[],
  check: (node: TestNode) => Promise<void> | void,
  options: { readonly atOnce?: boolean } = {},
): Promise<void> {
  await withNode({ tokens: [deploy.tokenId()] }, async (node) => {
    await node.headers(chain.headerBytes({ from: 1 }));
    if (options.atOnce === true) await node.offerAll(beefs);
    else for (const beef of beefs) await node.offer(beef);
    await assertState(node, viewOfBeefs(beefs, chain.headers()));
    await check(node);
  });
}

describe('C1, C2: conflicting unmined spends', () => {
  for (const atOnce of [false, true]) {
    it(`the first seen stands, in both orders${atOnce ? ', in one batch' : ''}`, async () => {
      const at = setting('both orders');
      const pay = at.chain.transfer({ from: [at.deploy.coin(0)], to: [[at.bob, 100n]] });
      const rival = at.chain.doubleSpend(pay, { to: at.alice });
      const base = at.chain.beef(at.deploy);
      for (const order of [
        [pay, rival],
        [rival, pay],
      ]) {
        const [first, second] = order as [TestTx, TestTx];
        const beefs = [base, ...order.map((tx) => at.chain.beef(tx))];
        await fed(
          at,
          beefs,
          async (node) => {
            assert.deepEqual([statusOf(node, first), statusOf(node, second)], ['active', 'conflicted']);
            assert.deepEqual(node.reader.tx(first.txid)?.conflictsWith, [second.txid]);
            assert.deepEqual(await node.offer(at.chain.beef(second)), {
              status: 'conflict',
              txid: second.txid,
              conflictsWith: [first.txid],
            });
            assert.equal(node.reader.facts().conflicts, 1);
          },
          { atOnce },
        );
      }
    });
  }

  it('over a funding coin alone, and over one of several token coins', async () => {
    const at = setting('funding');
    const pay = at.chain.transfer({ from: [at.deploy.coin(0)], to: [[at.bob, 100n]] });
    const plain = at.chain.build({ inputs: pay.spends.slice(1), outputs: [{ lock: p2pkh(at.alice) }] });
    const partly = at.chain.doubleSpend(pay, { coins: pay.spends.slice(0, 1) });
    const beefs = [at.deploy, pay, plain, partly].map((tx) => at.chain.beef(tx));
    await fed(at, beefs, (node) => {
      assert.deepEqual(
        [pay, plain, partly].map((tx) => statusOf(node, tx)),
        ['active', 'conflicted', 'conflicted'],
      );
    });
  });

  it('a plain payment of the funding that came first stands, and the token transfer does not', async () => {
    const at = setting('funding first');
    const { chain, deploy, bob, alice } = at;
    const coin = chain.purseCoin();
    // Another output of the same purse transaction pays for something known, so that the purse is held.
    const before = chain.build({ inputs: [deploy.coin(0), coin], outputs: [{ lock: p2pkh(bob) }] });
    const other = chain.deployMint(5n, { owner: alice });
    const pay = chain.transfer({ from: [other.coin(0)], to: [[bob, 5n]] });
    const plain = chain.build({ inputs: pay.spends.slice(1), outputs: [{ lock: p2pkh(alice) }] });
    chain.mine([other]);
    await withNode({ tokens: [deploy.tokenId(), other.tokenId()] }, async (node) => {
      await node.headers(chain.headerBytes({ from: 1 }));
      const beefs = [deploy, before, other, plain, pay].map((tx) => chain.beef(tx));
      for (const beef of beefs) await node.offer(beef);
      assert.equal(statusOf(node, pay), 'conflicted');
      await assertState(node, viewOfBeefs(beefs, chain.headers()));
    });
  });

  it('descendants of the loser are out with it, and of two waiting children the first seen wins', async () => {
    const at = setting('descendants');
    const { chain, deploy, alice, bob } = at;
    const pay = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 100n]] });
    const rival = chain.doubleSpend(pay, { to: alice });
    const heirs = chain.transferChain(rival.coin(0), [bob, alice, bob]);
    const others = chain.transferChain(pay.coin(0), [alice, alice]);
    const second = chain.doubleSpend(others[0]!, { to: bob });
    const purse = chain.purse.map((tx) => chain.beef(tx));
    const bare = (tx: TestTx) => chain.beef(tx, { parents: 'none' });
    const orders: TestTx[][] = [
      [deploy, pay, rival, ...heirs, ...others, second],
      [deploy, ...heirs.toReversed(), rival, second, ...others, pay],
      [second, ...others, pay, deploy, rival, ...heirs],
      [...others.toReversed(), ...heirs, rival, second, pay, deploy],
    ];
    for (const order of orders) {
      for (const atOnce of [true, false])
        await fed(
          at,
          [...purse, ...order.map(bare)],
          (node) => {
            const purse = new Set(chain.purse.map((tx) => tx.txid));
            assert.deepEqual(
              waitingTxids(node).filter((txid) => !purse.has(txid)),
              [],
            );
          },
          { atOnce },
        );
    }
  });

  it('a child that came before its parent is seen when the parent comes', async () => {
    const at = setting('late parent');
    const { chain, deploy, alice, bob } = at;
    const shared = chain.purseCoin();
    const parent = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 100n]] });
    const child = chain.build({ inputs: [parent.coin(0), shared], outputs: [{ lock: p2pkh(bob) }] });
    const rival = chain.build({ inputs: [shared], outputs: [{ lock: p2pkh(alice) }] });
    const purse = chain.purse.map((tx) => chain.beef(tx));
    const bare = (tx: TestTx) => chain.beef(tx, { parents: 'none' });
    for (const order of [
      [deploy, child, rival, parent],
      [deploy, child, parent, rival],
      [deploy, rival, child, parent],
      [child, rival, parent, deploy],
    ]) {
      const first = chain.transfer({ from: [], to: [], tokenId: deploy.tokenId() });
      for (const atOnce of [false, true]) {
        // `first` makes the purse known.
        await fed(at, [chain.beef(first), ...purse, ...order.map(bare)], () => undefined, { atOnce });
      }
    }
  });

  it('an arrival is kept when a complete BEEF comes after the child alone', async () => {
    const at = setting('arrival kept');
    const { chain, deploy, alice, bob } = at;
    const shared = chain.purseCoin();
    const parent = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 100n]] });
    chain.mine([parent]);
    const child = chain.build({ inputs: [parent.coin(0), shared], outputs: [{ lock: p2pkh(bob) }] });
    const rival = chain.build({
      inputs: [shared],
      outputs: [{ lock: p2pkh(alice), token: token.transfer(deploy.tokenId(), 0n) }],
    });
    const beefs = [
      chain.beef(deploy),
      chain.beef(child, { parents: 'none' }),
      chain.beef(rival),
      chain.beef(child),
    ];
    await fed(at, beefs, (node) => assert.equal(statusOf(node, child), 'active'));
  });
});

describe('C3: the loser is mined', () => {
  it('swaps, in every order of rival, chain of three on the loser, and proof', async () => {
    const at = setting('loser mined');
    const { chain, deploy, alice, bob } = at;
    const pay = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 100n]] });
    const heirs = chain.transferChain(pay.coin(0), [alice, bob, alice]);
    const rival = chain.doubleSpend(pay, { to: alice });
    const base = [deploy, ...chain.purse].map((tx) => chain.beef(tx));
    const unmined = [pay, ...heirs, rival].map((tx) => chain.beef(tx));
    chain.mine([rival]);
    const proof = chain.beef(rival, { parents: 'none' });
    await fed(at, [...base, ...unmined, proof], (node) => {
      assert.equal(statusOf(node, rival), 'active');
      for (const tx of [pay, ...heirs]) assert.equal(statusOf(node, tx), 'conflicted');
    });
    await fed(at, [...base, proof, ...unmined], (node) => assert.equal(statusOf(node, rival), 'active'));
    await fed(at, [...base, unmined[0]!, proof, ...unmined.slice(1)], () => undefined);
    await fed(at, [...base, ...unmined, proof], () => undefined, { atOnce: true });
  });

  it('a mined child proves its unmined, conflicted parent, also through one that comes last', async () => {
    const at = setting('proven by child');
    const { chain, deploy, alice, bob } = at;
    const pay = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 100n]] });
    const rival = chain.doubleSpend(pay, { to: alice });
    const [middle, last] = chain.transferChain(rival.coin(0), [bob, alice]) as [TestTx, TestTx];
    const unproven = { proof: false } as const;
    const [first, second] = [pay, rival].map((tx) => chain.beef(tx, unproven)) as [Buffer, Buffer];
    const between = chain.beef(middle, { parents: 'none' });
    chain.mine([rival, middle, last]);
    const base = [deploy, ...chain.purse].map((tx) => chain.beef(tx));
    const proof = chain.beef(last, { parents: 'none' });
    const orders = [
      [first, second, between, proof],
      [first, second, proof, between],
      [first, proof, between, second],
      [proof, between, first, second],
      [proof, first, second, between],
    ];
    for (const order of orders) {
      for (const atOnce of [false, true]) {
        await fed(
          at,
          [...base, ...order],
          (node) => {
            assert.equal(statusOf(node, rival), 'active');
            assert.equal(statusOf(node, pay), 'conflicted');
          },
          { atOnce },
        );
      }
    }
  });

  it('an ancestor needs neither proof nor parents of its own if a mined transaction spends it', async () => {
    const at = setting('bare ancestor');
    const { chain, deploy, alice, bob } = at;
    const [one, two] = chain.transferChain(deploy.coin(0), [bob, alice]) as [TestTx, TestTx];
    const bareOne = chain.beef(one, { parents: 'none' });
    chain.mine([one, two]);
    const proof = chain.beef(two, { parents: 'none' });
    const together = chain.beef(two, { parents: 'all', withhold: [one, deploy, ...chain.purse] });
    for (const beefs of [
      [proof, bareOne, chain.beef(deploy)],
      [bareOne, proof, chain.beef(deploy)],
      [chain.beef(deploy), together],
      [together, chain.beef(deploy)],
    ]) {
      await fed(at, beefs, (node) => {
        assert.equal(node.reader.tx(two.txid)?.tokens[0]?.outputs[0]?.verdict, 'valid');
      });
    }
  });

  it('a mined spend of all tokens speaks for a parent of which nothing else is known, in both orders', async () => {
    const at = setting('spend speaks');
    const { chain, deploy, alice, bob } = at;
    const pay = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 100n]] });
    const gone = chain.build({ inputs: [pay.coin(0)], outputs: [{ lock: p2pkh(alice) }] });
    const beefs = [chain.beef(pay, { parents: 'none' })];
    chain.mine([pay, gone]);
    beefs.push(chain.beef(gone, { parents: 'none' }));
    for (const order of [beefs, beefs.toReversed()]) {
      for (const atOnce of [false, true]) {
        await fed(at, order, (node) => assert.equal(statusOf(node, pay), 'active'), { atOnce });
      }
    }
  });

  it('a plain, mined descendant speaks for a token transfer as well', async () => {
    const at = setting('plain descendant');
    const { chain, deploy, alice, bob } = at;
    const pay = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 100n]] });
    const rival = chain.build({
      inputs: [deploy.coin(0)],
      outputs: [{ lock: anyone(), satoshis: 300 }],
    });
    const plain = chain.build({ inputs: [rival.coin(0)], outputs: [{ lock: p2pkh(alice), satoshis: 100 }] });
    const unmined = [pay, rival].map((tx) => chain.beef(tx));
    chain.mine([rival, plain]);
    const proof = chain.beef(plain, { parents: 'none' });
    const base = [deploy, ...chain.purse].map((tx) => chain.beef(tx));
    await fed(at, [...base, ...unmined, proof], (node) => assert.equal(statusOf(node, rival), 'active'));
    await fed(at, [...base, proof, ...unmined], (node) => assert.equal(statusOf(node, rival), 'active'));
    // Both in one BEEF: what is of no token comes along with what it spends.
    const together = chain.beef(plain, { parents: 'all', withhold: [rival] });
    await fed(at, [...base, unmined[0]!, together], (node) => assert.equal(statusOf(node, rival), 'active'));
  });
});
