import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { tokenToPurge } from '../../../src/ingest/purge.ts';
import { storeOptions } from '../../../src/node/core.ts';
import { Database } from '../../../src/store/database.ts';
import { afterPrefix, PREFIX } from '../../../src/store/keys.ts';
import { purgeTestCore, rebuildTestCore, testCoreModules, testCoreOptions } from '../../support/core.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { p2pkh, token } from '../../support/corpus/script.ts';
import type { TestTx } from '../../support/corpus/testtx.ts';
import { viewOfBeefs } from '../../support/corpus/view.ts';
import { type TestNode, withNode } from '../../support/node.ts';
import { assertState, waitingTxids } from '../../support/node-state.ts';
import { answersTo, differences, heldTxids, planFor, purged } from '../../support/purge.ts';

/** Two tokens of alice's, deployed in one block; `gone` is the one to be purged. */
function setting(seed: string) {
  const chain = new TestChain(seed);
  const [alice, bob] = [chain.key('alice'), chain.key('bob')];
  const stays = chain.deployMint(100n, { owner: alice, sym: 'STAYS' });
  const gone = chain.deployMint(100n, { owner: alice, sym: 'GONE' });
  chain.mine([stays, gone]);
  /** All of the token, from output `vout`, together with other coins. */
  const move = (from: TestTx, vout: number, id: string, ...coins: ReturnType<TestTx['coin']>[]): TestTx =>
    chain.build({
      inputs: [from.coin(vout), ...coins],
      outputs: [{ lock: p2pkh(bob), token: token.transfer(id, 100n) }],
    });
  const change = (tx: TestTx) => tx.coin(tx.outputs.length - 1);
  const pay = (...coins: ReturnType<TestTx['coin']>[]): TestTx =>
    chain.build({ inputs: coins, outputs: [{ lock: p2pkh(bob), satoshis: 100 }] });
  return { chain, alice, bob, stays, gone, X: stays.tokenId(), T: gone.tokenId(), move, change, pay };
}

interface Story {
  readonly beefs: readonly Buffer[];
  /** Of its transactions: those that are held after the purge, and those that are not. */
  readonly kept: readonly TestTx[];
  readonly dropped: readonly TestTx[];
  /** After the purge. */
  readonly check?: (node: TestNode) => void | Promise<void>;
}

/** Tells a node a story of both tokens, purges one, and holds what it says of the other against what it said before. */
async function told(at: ReturnType<typeof setting>, story: Story): Promise<void> {
  const { chain, X, T } = at;
  await withNode({ tokens: [X, T] }, async (first, use) => {
    await first.headers(chain.headerBytes({ from: 1 }));
    for (const beef of story.beefs) await first.offer(beef);
    await assertState(first, viewOfBeefs(story.beefs, chain.headers()));
    const plan = await planFor(first, [X]);
    const before = await answersTo(first, plan);
    const heldBefore = await heldTxids(first);
    for (const tx of [...story.kept, ...story.dropped]) assert.ok(heldBefore.includes(tx.txid));
    const node = use(await purged(first, T, [X]));
    assert.deepEqual(differences(await answersTo(node, plan), before), []);
    const held = await heldTxids(node);
    assert.deepEqual(
      [story.kept, story.dropped].map((txs) => txs.map(({ txid }) => held.includes(txid))),
      [story.kept.map(() => true), story.dropped.map(() => false)],
    );
    assert.ok(!existsSync(join(node.folder, 'index.damaged')));
    for (const prefix of [PREFIX.history, PREFIX.balance, PREFIX.coin, PREFIX.holder]) {
      for await (const { key } of node.store.database.rows(Buffer.of(prefix), Buffer.of(prefix + 1)))
        assert.equal(key.readUInt32BE(1), node.store.tokenNos.get(X));
    }
    await node.audit();
    await story.check?.(node);
  });
}

describe('a purge keeps what the other token needs', () => {
  it('drops what is of the purged token alone, with its funding', async () => {
    const at = setting('alone');
    const { chain, stays, gone, T, X, move, change, pay } = at;
    const one = move(gone, 0, T);
    const two = move(one, 0, T);
    const spent = pay(change(two));
    const other = move(stays, 0, X);
    const payment = pay(change(other));
    chain.mine([one, other]);
    const beefs = [stays, gone, one, other, two, spent, payment].map((tx) => chain.beef(tx));
    await told(at, {
      beefs,
      // A payment with what it spends: who comes later may spend the same.
      kept: [stays, other, payment],
      dropped: [gone, one, two, spent],
      check: async (node) => {
        assert.equal(node.reader.tokenState(T), 'unknown');
        const late = at.move(other, 0, X, change(other));
        assert.equal((await node.offer(chain.beef(late))).status, 'conflict');
      },
    });
  });

  it('keeps a transaction of both; followed and told again, the purged token is whole', async () => {
    const at = setting('both');
    const { chain, stays, gone, T, X, bob, move } = at;
    const swap = chain.build({
      inputs: [stays.coin(0), gone.coin(0)],
      outputs: [T, X].map((id) => ({ lock: p2pkh(bob), token: token.transfer(id, 100n) })),
    });
    const after = move(swap, 0, T);
    chain.mine([swap]);
    const beefs = [stays, gone, swap, after].map((tx) => chain.beef(tx));
    await told(at, {
      beefs,
      kept: [stays, gone, swap],
      dropped: [after],
      check: async (node) => {
        assert.equal(node.reader.tokenState(T), 'unfollowed');
        const [raw] = node.reader.tx(swap.txid)?.tokens ?? [];
        assert.equal(raw?.tokenId, X);
        await node.follow([X, T]);
        for (const beef of beefs) await node.offer(beef);
        await assertState(node, viewOfBeefs(beefs, chain.headers()));
        assert.equal(node.reader.token(T)?.transactions, 3);
      },
    });
  });

  it('the parents of a proven one, which the purged token paid for, and no more of them', async () => {
    const at = setting('paid');
    const { chain, stays, gone, T, X, move, change } = at;
    const one = move(gone, 0, T);
    const two = move(one, 0, T);
    const other = move(stays, 0, X, change(two));
    chain.mine([one, two, other]);
    const beefs = [stays, gone, one, two, other].map((tx) => chain.beef(tx));
    await told(at, { beefs, kept: [stays, two, other], dropped: [gone, one] });
  });

  it('all that an unproven one descends from, back to proven ones', async () => {
    const at = setting('descends');
    const { chain, stays, gone, T, X, move, change } = at;
    const chainOf = [gone];
    for (let i = 0; i < 4; i++) chainOf.push(move(chainOf.at(-1)!, 0, T));
    const [, one, two, three, last] = chainOf as [TestTx, TestTx, TestTx, TestTx, TestTx];
    chain.mine([one]);
    const other = move(stays, 0, X, change(three));
    const beefs = [stays, ...chainOf, other].map((tx) => chain.beef(tx));
    // `last` spends from an unproven one that stays: mined, it would speak for it.
    await told(at, { beefs, kept: [stays, one, two, three, last, other], dropped: [gone] });
  });

  for (const mined of [false, true]) {
    for (const kind of ['of the purged token', 'of no token'] as const) {
      it(`a rival ${kind}, ${mined ? 'mined' : 'first seen'}, still stands`, async () => {
        const at = setting(`rival ${kind} ${mined}`);
        const { chain, stays, gone, T, X, move, pay } = at;
        const coin = chain.purseCoin();
        const before = move(gone, 0, T);
        const rival = kind === 'of no token' ? pay(coin) : move(before, 0, T, coin);
        const loser = move(stays, 0, X, coin);
        const heir = move(loser, 0, X);
        const bare = [rival, loser, heir].map((tx) => chain.beef(tx));
        // The purse transaction is held by then, so that the payment matters.
        const known = chain.build({
          inputs: [chain.purseCoin()],
          outputs: [{ lock: p2pkh(at.bob), token: token.transfer(X, 0n) }],
        });
        const beefs = [stays, gone, before, known].map((tx) => chain.beef(tx));
        if (mined) chain.mine([before, rival]);
        const proofs = mined ? [chain.beef(before), chain.beef(rival)] : [];
        await told(at, {
          beefs: [...beefs, ...(mined ? bare.slice(1) : bare), ...(mined ? [bare[0]!] : []), ...proofs],
          kept: [stays, rival, loser, heir],
          dropped: mined ? [gone] : [],
          check: (node) => {
            const statuses = [rival, loser, heir].map((tx) => node.reader.tx(tx.txid)?.status);
            assert.deepEqual(statuses, ['active', 'conflicted', 'conflicted']);
          },
        });
      });
    }
  }

  it('a mined one of the purged token that speaks for an unproven one', async () => {
    const at = setting('speaks');
    const { chain, stays, gone, T, X, move, change } = at;
    const first = move(stays, 0, X);
    const second = move(stays, 0, X);
    const unproven = [first, second].map((tx) => chain.beef(tx));
    const speaker = move(gone, 0, T, change(second));
    chain.mine([second, speaker]);
    const beefs = [
      chain.beef(stays),
      chain.beef(gone),
      ...unproven,
      chain.beef(speaker, { parents: 'none' }),
    ];
    await told(at, {
      beefs,
      kept: [first, second, speaker],
      dropped: [gone],
      check: (node) => assert.equal(node.reader.tx(second.txid)?.status, 'active'),
    });
  });

  it('what spends tokens of both without a part of them, since it does not stand', async () => {
    const at = setting('no part');
    const { chain, stays, gone, T, alice, bob, pay } = at;
    const coin = chain.purseCoin();
    const known = chain.build({
      inputs: [gone.coin(0)],
      outputs: [alice, bob].map((owner) => ({ lock: p2pkh(owner), token: token.transfer(T, 50n) })),
    });
    const winner = pay(known.coin(0), coin);
    // A8: its outputs do not show that it spends all of the other token.
    const spend = pay(stays.coin(0), known.coin(1), coin);
    const beefs = [stays, gone, known, winner, spend].map((tx) => chain.beef(tx));
    await told(at, {
      beefs,
      kept: [stays, known, winner, spend],
      dropped: [],
      check: (node) => assert.equal(node.reader.tx(spend.txid)?.status, 'conflicted'),
    });
  });

  it('a mined rival with its parents: undone, its scripts run', async () => {
    const at = setting('undone');
    const { chain, stays, gone, T, X, move } = at;
    const coin = chain.purseCoin();
    const parent = move(gone, 0, T);
    const below = chain.mine([parent]);
    const rival = move(parent, 0, T, coin);
    const loser = move(stays, 0, X, coin);
    const late = chain.beef(loser);
    chain.mine([rival]);
    const beefs = [stays, gone, parent, rival].map((tx) => chain.beef(tx));
    await told(at, {
      beefs: [...beefs, late],
      kept: [stays, parent, rival, loser],
      dropped: [gone],
      check: async (node) => {
        await node.headers(chain.headerBytes({ tip: chain.mineEmpty(2, below), from: 1 }));
        const statuses = [rival, loser].map((tx) => node.reader.tx(tx.txid)?.status);
        assert.deepEqual(statuses, ['active', 'conflicted']);
      },
    });
  });

  it('the parents of one that was found to pay before it was found to be a rival', async () => {
    const at = setting('found twice');
    const { chain, stays, gone, T, X, alice, move, change } = at;
    const coin = chain.purseCoin();
    const parent = move(gone, 0, T);
    const rival = move(parent, 0, T, coin);
    const loser = chain.build({
      inputs: [coin],
      outputs: [{ lock: p2pkh(alice), token: token.transfer(T, 0n) }],
    });
    const heir = chain.build({
      inputs: [change(loser)],
      outputs: [{ lock: p2pkh(alice), token: token.transfer(X, 0n) }],
    });
    const unmined = [loser, heir].map((tx) => chain.beef(tx));
    const other = move(stays, 0, X, change(rival));
    chain.mine([parent, rival, other]);
    const beefs = [...[stays, gone, parent, rival, other].map((tx) => chain.beef(tx)), ...unmined];
    await told(at, { beefs, kept: [stays, parent, rival, loser, heir, other], dropped: [gone] });
  });
});

describe('what waits', () => {
  it('stays, but for what shows the purged token alone and is not needed', async () => {
    const at = setting('waits');
    const { chain, stays, gone, T, X, alice, move, pay, change } = at;
    const [unknown, hidden] = [move(stays, 0, X), move(gone, 0, T)];
    const mixed = move(unknown, 0, X, change(gone));
    const ofGone = move(hidden, 0, T);
    const plain = pay(change(hidden), chain.purseCoin());
    const parent = move(move(gone, 0, T), 0, T);
    const child = chain.build({
      inputs: [change(parent)],
      outputs: [{ lock: p2pkh(alice), token: token.transfer(X, 0n) }],
    });
    const bare = [mixed, ofGone, plain, parent, child].map((tx) => chain.beef(tx, { parents: 'none' }));
    const beefs = [chain.beef(stays), chain.beef(gone), ...bare];
    await told(at, {
      beefs,
      // It pays for one that waits.
      kept: [stays, gone],
      dropped: [],
      check: async (node) => {
        const waits = (tx: TestTx): boolean => waitingTxids(node).includes(tx.txid);
        assert.deepEqual([mixed, plain, parent, child].map(waits), [true, true, true, true]);
        assert.equal(waits(ofGone), false);
        await node.offer(chain.beef(unknown));
        assert.equal(node.reader.tx(mixed.txid)?.status, 'active');
      },
    });
  });

  it('proofs that wait go with their transaction', async () => {
    const at = setting('proofs');
    const { chain, stays, gone, T, X, move } = at;
    const [other, one] = [move(stays, 0, X), move(gone, 0, T)];
    const unmined = [stays, gone, other, one].map((tx) => chain.beef(tx));
    const known = chain.headerBytes({ from: 1 });
    chain.mine([other, one]);
    const proofs = [other, one].map((tx) => chain.beef(tx, { parents: 'none' }));
    await withNode({ tokens: [X, T] }, async (first, use) => {
      await first.headers(known);
      for (const beef of [...unmined, ...proofs]) await first.offer(beef);
      assert.equal(first.store.waiting.size, 2);
      const node = use(await purged(first, T, [X]));
      assert.deepEqual([...node.store.waiting.keys()], [other.txid]);
      await node.headers(chain.headerBytes({ from: 1 }));
      assert.equal(node.reader.tx(other.txid)?.position?.height, 3);
      await node.audit();
    });
  });
});

describe('a store that is not as it should be', () => {
  const options = (path: string) =>
    storeOptions(testCoreOptions({ path, follow: [] }).config, testCoreModules);

  async function tamper(path: string, prefix: number, nth: number): Promise<void> {
    const { database } = await Database.open(options(path));
    let seen = 0;
    for await (const { key } of database.rows(Buffer.of(prefix), afterPrefix(Buffer.of(prefix)))) {
      if (++seen === nth) await database.write([{ key, value: undefined }], true);
    }
    await database.compact();
    await database.close();
  }

  it('is refused while a loss is not noted, and keeps the note of an older one', async () => {
    const at = setting('lost');
    const { chain, stays, gone, T, X, move } = at;
    const other = move(stays, 0, X);
    chain.mine([other]);
    await withNode({ tokens: [X, T] }, async (first, use) => {
      await first.headers(chain.headerBytes({ from: 1 }));
      for (const tx of [stays, gone, other]) await first.offer(chain.beef(tx));
      const order = await heldTxids(first);
      const node = use(
        await first.restartAfter(
          async (path) => {
            await tamper(path, PREFIX.tx, order.indexOf(other.txid) + 1);
            const files = readdirSync(path).sort();
            await assert.rejects(purgeTestCore({ path, follow: [X], tokenId: T }), {
              code: 'STORE_INCONSISTENT',
              message: /verify --rebuild/,
            });
            assert.deepEqual(readdirSync(path).sort(), files);
            await rebuildTestCore({ path, follow: [X] });
            const { dropped } = await purgeTestCore({ path, follow: [X], tokenId: T });
            assert.equal(dropped.transactions, 1);
          },
          [X],
        ),
      );
      assert.deepEqual(node.reader.facts().lost, { count: 1, txids: [other.txid], uncertain: false });
      await node.offer(chain.beef(other));
      assert.equal(node.reader.facts().lost, undefined);
    });
  });

  it('nothing is counted as lost by a purge, nor by a rebuild after it', async () => {
    const { chain, stays, gone, T, X } = setting('not lost');
    await withNode({ tokens: [X, T] }, async (first, use) => {
      await first.headers(chain.headerBytes({ from: 1 }));
      for (const tx of [stays, gone]) await first.offer(chain.beef(tx));
      const node = use(await purged(first, T, [X]));
      assert.equal(node.reader.facts().lost, undefined);
      const again = use(
        await node.restartAfter(async (path) => {
          const { transactions } = await rebuildTestCore({ path, follow: [X] });
          assert.equal(transactions.lost, 0);
        }),
      );
      assert.equal(again.reader.facts().lost, undefined);
    });
  });

  it('a token that is no longer followed survives a rebuild and the purge of another, until it is purged', async () => {
    const at = setting('unfollowed');
    const { chain, stays, gone, T, X, move } = at;
    const [one, other] = [move(gone, 0, T), move(stays, 0, X)];
    chain.mine([one, other]);
    const all = [stays, gone, one, other];
    await withNode({ tokens: [X, T] }, async (first, use) => {
      await first.headers(chain.headerBytes({ from: 1 }));
      for (const tx of all) await first.offer(chain.beef(tx));
      let node = use(
        await first.restartAfter(async (path) => {
          assert.equal(await tokenToPurge(options(path), `${'00'.repeat(32)}_0`), undefined);
          assert.equal((await tokenToPurge(options(path), X))?.transactions, 2);
        }, []),
      );
      node = use(
        await node.restartAfter(async (path) => {
          await rebuildTestCore({ path, follow: [] });
          assert.equal((await tokenToPurge(options(path), X))?.transactions, 2);
          await purgeTestCore({ path, follow: [], tokenId: T });
          assert.equal(await tokenToPurge(options(path), T), undefined);
        }, []),
      );
      await node.follow([X]);
      assert.equal(node.reader.token(X)?.transactions, 2);
      await node.follow([]);
      node = use(await purged(node, X, []));
      assert.deepEqual(await heldTxids(node), []);
    });
  });
});
