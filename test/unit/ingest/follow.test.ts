import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TestChain } from '../../support/corpus/scenario.ts';
import { p2pkh, token } from '../../support/corpus/script.ts';
import type { TestTx } from '../../support/corpus/testtx.ts';
import { viewOfBeefs } from '../../support/corpus/view.ts';
import { GatedVerifier, type TestNode, withNode } from '../../support/node.ts';
import { assertState, nodeState } from '../../support/node-state.ts';

interface Setting {
  readonly chain: TestChain;
  readonly gold: string;
  readonly tin: string;
  /** In order; every one touches gold, so that a node that follows gold alone holds them all. */
  readonly txs: readonly TestTx[];
}

function setting(seed: string): Setting {
  const chain = new TestChain(seed);
  const [alice, bob] = [chain.key('alice'), chain.key('bob')];
  const issue = chain.build({
    outputs: [
      { lock: p2pkh(alice), token: token.deployMint(100n, { sym: 'GOLD' }) },
      { lock: p2pkh(alice), token: token.deployMint(50n, { sym: 'TIN', dec: '3' }) },
      { lock: p2pkh(bob), token: token.deployAuth() },
    ],
  });
  const [gold, tin, lead] = [0, 1, 2].map((vout) => issue.outpoint(vout)) as [string, string, string];
  const both = (inputs: TestTx['spends'], goldAmt: bigint, tinAmt: bigint) =>
    chain.build({
      inputs,
      outputs: [
        { lock: p2pkh(bob), token: token.transfer(gold, goldAmt) },
        { lock: p2pkh(alice), token: token.transfer(tin, tinAmt) },
      ],
    });
  const move = both([issue.coin(0), issue.coin(1)], 100n, 50n);
  const less = both([move.coin(0), move.coin(1)], 90n, 30n);
  const over = both([less.coin(0), less.coin(1)], 80n, 31n);
  const gone = chain.build({
    inputs: [over.coin(0), issue.coin(2)],
    outputs: [
      { lock: p2pkh(bob), token: token.transfer(gold, 80n) },
      { lock: p2pkh(bob), token: token.mint(lead, 5n) },
    ],
  });
  chain.mine([issue, move]);
  chain.mine([less]);
  return { chain, gold, tin, txs: [issue, move, less, over, gone] };
}

async function begin(node: TestNode, { chain }: Setting): Promise<void> {
  await node.headers(chain.headerBytes({ from: 1 }));
}

describe('following', () => {
  it('a token later gives the same as from the start, in every order of arrival', async () => {
    const at = setting('later');
    const beefs = at.txs.map((tx) => at.chain.beef(tx));
    for (const order of [beefs, beefs.toReversed()]) {
      await withNode({ tokens: [at.gold] }, async (first, use) => {
        let node = first;
        await begin(node, at);
        await node.offerAll(order);
        assert.equal(node.reader.tokenState(at.tin), 'unfollowed');
        await assertState(node, viewOfBeefs(order, at.chain.headers()));
        await node.follow([at.gold, at.tin]);
        const state = await assertState(node, viewOfBeefs(order, at.chain.headers()));
        assert.equal(node.reader.token(at.tin)?.sym, 'TIN');
        assert.equal(node.reader.token(at.tin)?.dec, 3);
        node = use(await node.restart());
        assert.deepEqual(await nodeState(node), state);
        await withNode({ tokens: [at.tin, at.gold] }, async (other) => {
          await begin(other, at);
          await other.offerAll(order);
          assert.deepEqual((await nodeState(other)).tokens, state.tokens);
          assert.equal((await other.audit()).stateDigest, (await node.audit()).stateDigest);
        });
      });
    }
  });

  it('a token again after a time without it: what came in between counts', async () => {
    const at = setting('again');
    const beefs = at.txs.map((tx) => at.chain.beef(tx));
    for (let split = 0; split <= beefs.length; split++) {
      for (const restart of [false, true]) {
        await withNode({ tokens: [at.gold, at.tin] }, async (first, use) => {
          let node = first;
          await begin(node, at);
          await node.offerAll(beefs.slice(0, split));
          await node.follow([at.gold]);
          if (restart) node = use(await node.restart());
          await node.offerAll(beefs.slice(split));
          await assertState(node, viewOfBeefs(beefs, at.chain.headers()));
          await node.follow([at.tin, at.gold]);
          await assertState(node, viewOfBeefs(beefs, at.chain.headers()));
        });
      }
    }
  });

  it('conflicts and blocks go on for transactions of a token that is no longer followed', async () => {
    const at = setting('no longer');
    const { chain } = at;
    const [issue, move, less] = at.txs as [TestTx, TestTx, TestTx];
    const rival = chain.doubleSpend(less, { to: chain.key('thief') });
    const left = chain.tip;
    const right = chain.mineEmpty(1, chain.mine([rival], { on: chain.blockAt(left.height - 1) }));
    const beefs = [issue, move].map((tx) => chain.beef(tx));
    const more = [chain.beef(less, { tip: left }), chain.beef(rival, { proof: false, tip: left })];
    await withNode({ tokens: [at.gold, at.tin] }, async (node) => {
      await node.headers(chain.headerBytes({ from: 1, tip: left }));
      await node.offerAll([...beefs, ...more]);
      await node.follow([at.gold]);
      await node.headers(chain.headerBytes({ from: 1, tip: right }));
      const proof = chain.beef(rival, { tip: right });
      await node.offer(proof);
      await assertState(node, viewOfBeefs([...beefs, ...more, proof], chain.headers(right)));
      await node.follow([at.tin]);
      await assertState(node, viewOfBeefs([...beefs, ...more, proof], chain.headers(right)));
      await node.follow([]);
      await node.audit();
      await node.follow([at.tin, at.gold]);
      await assertState(node, viewOfBeefs([...beefs, ...more, proof], chain.headers(right)));
    });
  });

  it('brings in what waited because nobody knew whether it mattered', async () => {
    const at = setting('waited');
    const [issue] = at.txs as [TestTx];
    const beef = at.chain.beef(issue, { parents: 'none' });
    await withNode({ tokens: [] }, async (node) => {
      await begin(node, at);
      const outcome = await node.offer(beef);
      assert.equal(outcome.status === 'pending' && outcome.waitingFor, 'history');
      await node.follow([at.tin]);
      await assertState(node, viewOfBeefs([beef], at.chain.headers()));
      assert.equal(node.reader.token(at.tin)?.supply.issued, 50n);
    });
  });

  it('holds for offers that are under way when it changes', async () => {
    const at = setting('under way');
    const slow = at.chain.deployMint(1n, { owner: at.chain.key('alice') });
    const beefs = at.txs.map((tx) => at.chain.beef(tx));
    const verifier = new GatedVerifier();
    verifier.held.add(slow.txid);
    const tokens = [at.gold, slow.tokenId()];
    await withNode({ tokens, verifier }, async (node) => {
      await begin(node, at);
      const answers = [node.ingest.offer(at.chain.beef(slow), 'rpc')];
      await verifier.reached;
      // The writer is busy: the change of tokens waits for it, and is not known yet when these are prepared.
      const following = node.follow([...tokens, at.tin]);
      answers.push(...beefs.map((beef) => node.ingest.offer(beef, 'rpc')));
      for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
      verifier.release();
      await Promise.all([...answers, following]);
      await node.settled();
      await assertState(node, viewOfBeefs([at.chain.beef(slow), ...beefs], at.chain.headers()));
    });
  });

  it('flags a token that also moves in binary outputs, now and when it is followed later', async () => {
    const chain = new TestChain('binary');
    const alice = chain.key('alice');
    const gold = chain.deployMint(5n, { owner: alice });
    const id = Buffer.from(gold.txid, 'hex').reverse();
    const binary = Buffer.concat([Buffer.of(0x20), id, Buffer.of(0x55, 0x6d, 0x51)]);
    const move = chain.build({
      inputs: [gold.coin(0)],
      outputs: [{ lock: { kind: 'script', script: binary, unlock: Buffer.alloc(0) }, satoshis: 1 }],
    });
    chain.mine([gold]);
    for (const later of [false, true]) {
      const other = `${'1'.repeat(64)}_0`;
      await withNode({ tokens: later ? [gold.tokenId(), other] : [gold.tokenId()] }, async (node) => {
        await node.headers(chain.headerBytes({ from: 1 }));
        await node.offer(chain.beef(gold));
        if (later) await node.follow([other]);
        assert.equal(node.reader.token(gold.tokenId())?.binaryOutputsSeen, false);
        await node.offer(chain.beef(move));
        if (later) await node.follow([gold.tokenId()]);
        assert.equal(node.reader.token(gold.tokenId())?.binaryOutputsSeen, true);
        await node.audit();
      });
    }
  });
});
