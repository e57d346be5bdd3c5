import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TestChain } from '../../support/corpus/scenario.ts';
import { p2pkh, token } from '../../support/corpus/script.ts';
import type { TestTx } from '../../support/corpus/testtx.ts';
import { viewOfBeefs } from '../../support/corpus/view.ts';
import { withNode } from '../../support/node.ts';
import { assertState, nodeState, waitingTxids } from '../../support/node-state.ts';

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [item, ...rest]),
  );
}

/** Feeds the BEEFs in every order, each order to a node of its own; all must end as the model says, and the same. */
async function everyOrder(
  chain: TestChain,
  tokens: readonly string[],
  beefs: readonly Buffer[],
  options: { readonly restart?: boolean; readonly atOnce?: boolean } = {},
): Promise<void> {
  for (const order of permutations(beefs)) {
    await withNode({ tokens, cacheEntries: 4 }, async (first, use) => {
      let node = first;
      await node.headers(chain.headerBytes({ from: 1 }));
      if (options.atOnce === true) await node.offerAll(order);
      else {
        for (const [i, beef] of order.entries()) {
          await node.offer(beef);
          // After each of a few, in the middle of many: a restart takes 25 ms.
          const isDue = order.length <= 3 || i === order.length >> 1;
          if (options.restart === true && isDue) node = use(await node.restart());
        }
      }
      await assertState(node, viewOfBeefs(order, chain.headers()));
      const purse = new Set(chain.purse.map((tx) => tx.txid));
      assert.deepEqual(
        waitingTxids(node).filter((txid) => !purse.has(txid)),
        [],
      );
    });
  }
}

function threeDeep(mined: boolean): { chain: TestChain; txs: TestTx[]; tokens: string[] } {
  const chain = new TestChain(`three deep ${mined}`);
  const [alice, bob] = [chain.key('alice'), chain.key('bob')];
  const deploy = chain.deployMint(100n, { owner: alice });
  const [one, two] = chain.transferChain(deploy.coin(0), [bob, alice]) as [TestTx, TestTx];
  chain.mine([deploy]);
  if (mined) {
    chain.mine([one]);
    chain.mine([two]);
  }
  return { chain, txs: [deploy, one, two], tokens: [deploy.tokenId()] };
}

describe('L3, L6: late parents', () => {
  for (const mined of [true, false]) {
    for (const restart of [true, false]) {
      const what = `${mined ? 'proven' : 'unproven'}${restart ? ', with a restart after each' : ''}`;
      it(`a chain of three, ${what}, each BEEF with its own transaction and funding only, in all six orders`, async () => {
        const { chain, txs, tokens } = threeDeep(mined);
        // Funding parents come along, token parents do not.
        const beefs = txs.map((tx) => {
          const funding = tx.parents.filter((parent) => chain.purse.includes(parent));
          return chain.beef(tx, { parents: 'none', extra: mined ? [] : funding });
        });
        await everyOrder(chain, tokens, beefs, { restart });
      });
    }

    it(`a chain of three, ${mined ? 'proven' : 'unproven'}, as complete BEEFs, in all six orders, at once`, async () => {
      const { chain, txs, tokens } = threeDeep(mined);
      await everyOrder(
        chain,
        tokens,
        txs.map((tx) => chain.beef(tx)),
        { atOnce: true },
      );
    });
  }

  it('diamond ancestry in all 24 orders', async () => {
    const chain = new TestChain('diamond');
    const [alice, bob] = [chain.key('alice'), chain.key('bob')];
    const deploy = chain.deployMint(10n, { owner: alice });
    const split = chain.transfer({
      from: [deploy.coin(0)],
      to: [
        [alice, 4n],
        [bob, 6n],
      ],
    });
    const side = chain.transfer({ from: [split.coin(1)], to: [[alice, 6n]] });
    const join = chain.transfer({ from: [split.coin(0), side.coin(0)], to: [[bob, 10n]] });
    chain.mine([deploy]);
    chain.mine([split, side, join]);
    const beefs = [deploy, split, side, join].map((tx) => chain.beef(tx, { parents: 'none' }));
    await everyOrder(chain, [deploy.tokenId()], beefs, { atOnce: true });
  });

  it('an unmined child before its parent waits, names the parent, and counts when it comes', async () => {
    const { chain, txs, tokens } = threeDeep(false);
    const [deploy, one, two] = txs as [TestTx, TestTx, TestTx];
    await withNode({ tokens }, async (node) => {
      await node.headers(chain.headerBytes({ from: 1 }));
      await node.offer(chain.beef(deploy));
      const outcome = await node.offer(chain.beef(two, { parents: 'none' }));
      assert.equal(outcome.status, 'pending');
      const missing = two.spends.map(({ tx, vout }) => tx.outpoint(vout));
      assert.deepEqual([...(outcome.status === 'pending' ? outcome.missing : [])].sort(), missing.sort());
      assert.deepEqual(waitingTxids(node), [two.txid]);
      assert.equal(node.reader.tx(two.txid)?.status, 'waiting');
      assert.equal((await node.offer(chain.beef(one))).status, 'admitted');
      assert.deepEqual(waitingTxids(node), []);
      assert.equal((await node.offer(chain.beef(two, { parents: 'none' }))).status, 'known');
      const fed = [chain.beef(deploy), chain.beef(two, { parents: 'none' }), chain.beef(one)];
      await assertState(node, viewOfBeefs(fed, chain.headers()));
    });
  });

  for (const proven of [true, false]) {
    it(`funding that arrives before, and not with, its ${proven ? 'proven' : 'unproven'} spender`, async () => {
      const chain = new TestChain(`funding ${proven}`);
      const bob = chain.key('bob');
      const deploy = chain.deployMint(10n, { owner: chain.key('alice') });
      const plain = chain.build({ outputs: [{ lock: p2pkh(bob), satoshis: 500 }] });
      const pay = chain.build({
        inputs: [deploy.coin(0), plain.coin(0)],
        outputs: [{ lock: p2pkh(bob), token: token.transfer(deploy.tokenId(), 10n) }],
      });
      chain.mine(proven ? [deploy, plain] : [deploy]);
      const parts = [deploy, plain, pay].map((tx) => chain.beef(tx, { parents: 'none' }));
      const purse = chain.beef(plain.parents[0]!);
      const beefs = proven ? parts : [...parts, purse];
      await everyOrder(chain, [deploy.tokenId()], beefs, { restart: true });
      await everyOrder(chain, [deploy.tokenId()], beefs, { atOnce: true });
    });
  }
});

describe('L1, L4, L5: what is decided when', () => {
  it('value that suffices is valid at once; what else is missing delays nothing', async () => {
    const chain = new TestChain('early');
    const [alice, bob] = [chain.key('alice'), chain.key('bob')];
    const deploy = chain.deployMint(10n, { owner: alice });
    const split = chain.transfer({
      from: [deploy.coin(0)],
      to: [
        [alice, 5n],
        [alice, 5n],
      ],
    });
    const far = chain.transfer({ from: [split.coin(1)], to: [[alice, 5n]] });
    const id = deploy.tokenId();
    const pay = chain.transfer({ from: [split.coin(0), far.coin(0)], to: [[bob, 5n]] });
    const more = chain.transfer({ from: [far.coin(0)], to: [[bob, 5n]] });
    chain.mine([deploy, split, far]);
    chain.mine([pay]);
    const [first, second, late, last] = [deploy, split, pay, far].map((tx) =>
      chain.beef(tx, { parents: 'none' }),
    ) as [Buffer, Buffer, Buffer, Buffer];
    await withNode({ tokens: [id] }, async (node) => {
      await node.headers(chain.headerBytes({ from: 1 }));
      await node.offerAll([first, second]);
      assert.equal((await node.offer(late)).status, 'admitted');
      const part = node.reader.tx(pay.txid)?.tokens[0];
      assert.equal(part?.outputs[0]?.verdict, 'valid');
      assert.deepEqual(part?.undecided.length, 2);
      await assertState(node, viewOfBeefs([first, second, late], chain.headers()));
      await node.offer(last);
      const done = node.reader.tx(pay.txid)?.tokens[0];
      assert.deepEqual([done?.valueIn, done?.lost], [10n, 5n]);
      const rival = await node.offer(chain.beef(more));
      assert.deepEqual(rival, { status: 'conflict', txid: more.txid, conflictsWith: [pay.txid] });
      await assertState(node, viewOfBeefs([first, second, late, last, chain.beef(more)], chain.headers()));
    });
  });

  it('pending names every outpoint that could decide it, through the transactions between', async () => {
    const { chain, txs, tokens } = threeDeep(true);
    const [deploy, one, two] = txs as [TestTx, TestTx, TestTx];
    await withNode({ tokens }, async (node) => {
      await node.headers(chain.headerBytes({ from: 1 }));
      const [a, b, c] = [deploy, one, two].map((tx) => chain.beef(tx, { parents: 'none' })) as [
        Buffer,
        Buffer,
        Buffer,
      ];
      const missingOf = (tx: TestTx) => tx.spends.map(({ tx: parent, vout }) => parent.outpoint(vout));
      assert.deepEqual(await node.offer(c), {
        status: 'pending',
        txid: two.txid,
        waitingFor: 'history',
        missing: missingOf(two).sort(),
      });
      await assertState(node, viewOfBeefs([c], chain.headers()));
      await node.offer(b);
      assert.deepEqual(await node.offer(c), {
        status: 'pending',
        txid: two.txid,
        waitingFor: 'history',
        missing: [...missingOf(one), ...missingOf(two).filter((id) => id !== one.outpoint(0))].sort(),
      });
      await node.offer(a);
      assert.equal((await node.offer(c)).status, 'known');
      await assertState(node, viewOfBeefs([c, b, a], chain.headers()));
    });
  });
});

describe('A8, A9, T2 across order', () => {
  it('A8: a spend without token outputs, before and after what it spends, mined and not', async () => {
    for (const mined of [true, false]) {
      const chain = new TestChain(`pure spend ${mined}`);
      const alice = chain.key('alice');
      const deploy = chain.deployMint(10n, { owner: alice });
      const split = chain.transfer({
        from: [deploy.coin(0)],
        to: [
          [alice, 4n],
          [alice, 6n],
        ],
      });
      const gone = chain.build({ inputs: [split.coin(0)], outputs: [{ lock: p2pkh(alice) }] });
      chain.mine([deploy]);
      if (mined) chain.mine([split, gone]);
      const funding = (tx: TestTx) =>
        mined ? [] : tx.parents.filter((parent) => chain.purse.includes(parent));
      const beefs = [deploy, split, gone].map((tx) =>
        chain.beef(tx, { parents: 'none', extra: funding(tx) }),
      );
      await everyOrder(chain, [deploy.tokenId()], beefs, { atOnce: true });
      await everyOrder(chain, [deploy.tokenId()], beefs, { restart: true });
    }
  });

  it('A9, A5, A7: spending an invalid output, an over-spend, a burn, in every order', async () => {
    const chain = new TestChain('invalid');
    const [alice, bob] = [chain.key('alice'), chain.key('bob')];
    const deploy = chain.deployMint(10n, { owner: alice });
    const id = deploy.tokenId();
    const over = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 11n]] });
    const after = chain.transfer({ from: [over.coin(0)], to: [[alice, 1n]] });
    const other = chain.deployAuth({ owner: alice });
    const mint = chain.mint({ from: [other.coin(0)], to: [[bob, 7n]], heir: alice });
    const burn = chain.burn(3n, { from: [mint.coin(0)], to: [[bob, 4n]] });
    const unburn = chain.transfer({ from: [burn.coin(0)], to: [[bob, 3n]] });
    chain.mine([deploy, over, after, other, mint, burn, unburn]);
    const beef = (tx: TestTx) => chain.beef(tx, { parents: 'none' });
    await everyOrder(chain, [id, other.tokenId()], [deploy, over, after].map(beef));
    await everyOrder(chain, [id, other.tokenId()], [other, mint, burn, unburn].map(beef), { atOnce: true });
  });

  it('T2: a token whose parent is missing neither delays nor spoils the other in the same transaction', async () => {
    const chain = new TestChain('swap');
    const [alice, bob] = [chain.key('alice'), chain.key('bob')];
    const gold = chain.deployMint(10n, { owner: alice });
    const tin = chain.deployMint(20n, { owner: bob });
    const swap = chain.build({
      inputs: [gold.coin(0), tin.coin(0)],
      outputs: [
        { lock: p2pkh(bob), token: token.transfer(gold.tokenId(), 10n) },
        { lock: p2pkh(alice), token: token.transfer(tin.tokenId(), 20n) },
      ],
    });
    chain.mine([gold, tin, swap]);
    const tokens = [gold.tokenId(), tin.tokenId()];
    const beefs = [gold, tin, swap].map((tx) => chain.beef(tx, { parents: 'none' }));
    await everyOrder(chain, tokens, beefs);
    await everyOrder(chain, tokens.toReversed(), beefs, { atOnce: true });
    await withNode({ tokens }, async (node) => {
      await node.headers(chain.headerBytes({ from: 1 }));
      await node.offerAll([beefs[0]!, beefs[2]!]);
      const state = await nodeState(node);
      assert.match(state.tokens[gold.tokenId()]!.outputs.join('\n'), new RegExp(`${swap.txid}_0 .* valid`));
      assert.match(state.tokens[tin.tokenId()]!.outputs.join('\n'), new RegExp(`${swap.txid}_1 .* pending`));
    });
  });
});
