import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Block } from '../../support/corpus/blocks.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import type { TestTx } from '../../support/corpus/testtx.ts';
import { viewOfBeefs } from '../../support/corpus/view.ts';
import { GatedVerifier, type TestNode, withNode } from '../../support/node.ts';
import { assertState } from '../../support/node-state.ts';

interface Setting {
  readonly chain: TestChain;
  readonly deploy: TestTx;
  /** In `left` at the place where `rival` is in `right`. */
  readonly pay: TestTx;
  readonly rival: TestTx;
  /** Unmined, of another coin; its check can be held back. */
  readonly slow: TestTx;
  readonly left: Block;
  readonly right: Block;
  readonly tokens: readonly string[];
}

function setting(seed: string): Setting {
  const chain = new TestChain(seed);
  const [alice, bob] = [chain.key('alice'), chain.key('bob')];
  const deploy = chain.deployMint(100n, { owner: alice });
  const other = chain.deployMint(5n, { owner: alice });
  const base = chain.mine([deploy, other]);
  const pay = chain.transfer({ from: [deploy.coin(0)], to: [[bob, 100n]] });
  // Another transaction, for the same owner.
  const rival = chain.transfer({
    from: [deploy.coin(0)],
    to: [
      [bob, 60n],
      [bob, 40n],
    ],
  });
  assert.notEqual(rival.txid, pay.txid);
  const slow = chain.transfer({ from: [other.coin(0)], to: [[bob, 5n]] });
  const left = chain.mine([pay]);
  const right = chain.mine([], { on: chain.mine([rival], { on: base }) });
  return { chain, deploy, pay, rival, slow, left, right, tokens: [deploy.tokenId(), other.tokenId()] };
}

const proof = (chain: TestChain, tx: TestTx, tip: Block): Buffer => chain.beef(tx, { parents: 'none', tip });

/** Headers as they come while something else is under way. */
function addHeaders(node: TestNode, chain: TestChain, tip: Block): Promise<unknown> {
  return node.chain.add(chain.headerBytes({ tip, from: 1 }));
}

describe('a reorganisation while a batch is under way', () => {
  it('what the batch proved in a block that is gone by then is checked again', async () => {
    const { chain, deploy, pay, rival, slow, left, right, tokens } = setting('overtaken');
    const verifier = new GatedVerifier();
    verifier.held.add(slow.txid);
    await withNode({ tokens, verifier }, async (node) => {
      await node.headers(chain.headerBytes({ tip: left, from: 1 }));
      await node.offer(chain.beef(deploy));
      const offers = [chain.beef(slow), proof(chain, pay, left)].map((beef) =>
        node.ingest.offer(beef, 'rpc'),
      );
      await verifier.reached;
      await addHeaders(node, chain, right);
      // Joins the check that is under way.
      offers.push(node.ingest.offer(proof(chain, pay, left), 'rpc'));
      verifier.release();
      await Promise.all(offers);
      await node.settled();
      const fed = [deploy, slow].map((tx) => chain.beef(tx)).concat(proof(chain, pay, left));
      await assertState(node, viewOfBeefs(fed, chain.headers(right)));
      await node.offer(proof(chain, rival, right));
      await assertState(node, viewOfBeefs([...fed, proof(chain, rival, right)], chain.headers(right)));
    });
  });

  it('what has to be checked again is not seen later for it', async () => {
    const { chain, deploy, pay, slow, left, tokens } = setting('not later');
    const rival = chain.doubleSpend(pay, { to: chain.key('thief') });
    const longer = chain.mineEmpty(2, left.parent!);
    const verifier = new GatedVerifier();
    verifier.held.add(slow.txid);
    await withNode({ tokens, verifier }, async (node) => {
      await node.headers(chain.headerBytes({ tip: left, from: 1 }));
      await node.offer(chain.beef(deploy));
      const fed = [chain.beef(slow), chain.beef(pay, { parents: 'all', tip: left })];
      const answers = fed.map((beef) => node.ingest.offer(beef, 'rpc'));
      await verifier.reached;
      await addHeaders(node, chain, longer);
      fed.push(chain.beef(rival));
      answers.push(node.ingest.offer(fed[2]!, 'rpc'));
      verifier.release();
      await Promise.all(answers);
      await node.settled();
      assert.equal(node.reader.tx(pay.txid)?.status, 'active');
      assert.equal(node.reader.tx(rival.txid)?.status, 'conflicted');
      await assertState(node, viewOfBeefs([chain.beef(deploy), ...fed], chain.headers(longer)));
    });
  });

  it('the blocks are undone before the batch is placed: no answer speaks of another chain', async () => {
    const { chain, deploy, pay, rival, slow, left, right, tokens } = setting('before placing');
    const verifier = new GatedVerifier();
    verifier.held.add(slow.txid);
    await withNode({ tokens, verifier }, async (node) => {
      await node.headers(chain.headerBytes({ tip: left, from: 1 }));
      await node.offerAll([
        chain.beef(deploy),
        chain.beef(pay, { proof: false, tip: left }),
        proof(chain, pay, left),
      ]);
      const answer = node.ingest.offer(chain.beef(slow), 'rpc');
      await verifier.reached;
      await addHeaders(node, chain, right);
      const next = node.ingest.offer(proof(chain, rival, right), 'rpc');
      verifier.release();
      await answer;
      assert.equal(node.reader.tx(pay.txid)?.position, undefined);
      // It takes the place of the other, height and index, with the same owner.
      await next;
      await node.settled();
      const fed = [
        chain.beef(deploy),
        chain.beef(pay, { proof: false, tip: left }),
        chain.beef(slow),
        proof(chain, rival, right),
      ];
      await assertState(node, viewOfBeefs(fed, chain.headers(right)));
    });
  });

  it('a kill between the headers and the index undoes them at the next start', async () => {
    const { chain, deploy, pay, slow, left, right, tokens } = setting('kill between');
    const verifier = new GatedVerifier();
    verifier.held.add(slow.txid);
    await withNode({ tokens, verifier }, async (node, use) => {
      await node.headers(chain.headerBytes({ tip: left, from: 1 }));
      const fed = [chain.beef(deploy), chain.beef(pay, { proof: false, tip: left }), proof(chain, pay, left)];
      await node.offerAll(fed);
      // The writer is busy with this one when the headers come.
      const answer = node.ingest.offer(chain.beef(slow), 'rpc');
      await verifier.reached;
      await addHeaders(node, chain, right);
      const next = node.crash();
      setTimeout(() => verifier.release(), 50);
      const after = use(await next);
      await answer;
      assert.equal(after.reader.tx(pay.txid)?.position, undefined);
      await assertState(after, viewOfBeefs(fed, chain.headers(right)));
    });
  });

  it('a kill after a commit that came between leaves nothing unnoticed', async () => {
    const { chain, deploy, pay, slow, left, right, tokens } = setting('kill after');
    await withNode({ tokens }, async (node, use) => {
      await node.headers(chain.headerBytes({ tip: left, from: 1 }));
      const fed = [chain.beef(deploy), chain.beef(pay, { proof: false, tip: left }), proof(chain, pay, left)];
      await node.offerAll(fed);
      node.isDeaf = true;
      await addHeaders(node, chain, right);
      await node.offer(chain.beef(slow));
      const after = use(await node.crash());
      assert.equal(after.reader.tx(pay.txid)?.position, undefined);
      await assertState(after, viewOfBeefs([...fed, chain.beef(slow)], chain.headers(right)));
    });
  });
});

describe('the same transaction under way twice', () => {
  it('alone, and with the parents that the first lacked', async () => {
    const chain = new TestChain('twice');
    const deploy = chain.deployMint(100n, { owner: chain.key('alice') });
    chain.mine([deploy]);
    const chained = chain.transferChain(deploy.coin(0), [
      chain.key('bob'),
      chain.key('alice'),
      chain.key('bob'),
    ]);
    await withNode({ tokens: [deploy.tokenId()] }, async (node) => {
      await node.headers(chain.headerBytes({ from: 1 }));
      const beefs = chained
        .toReversed()
        .flatMap((tx) => [chain.beef(tx, { parents: 'none' }), chain.beef(tx)]);
      const answers: Promise<unknown>[] = [];
      for (const beef of [...beefs, ...beefs, chain.beef(deploy), ...beefs]) {
        answers.push(node.ingest.offer(beef, 'rpc'));
        // Batches of their own, three of them under way at a time.
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      await Promise.all(answers);
      await node.settled();
      await assertState(node, viewOfBeefs([...beefs, chain.beef(deploy)], chain.headers()));
    });
  });

  it('with proofs of two branches', async () => {
    const { chain, deploy, pay, slow, left, tokens } = setting('two proofs');
    const right = chain.mine([pay], { on: left.parent! });
    const longer = chain.mineEmpty(2, right);
    const verifier = new GatedVerifier();
    verifier.held.add(slow.txid);
    await withNode({ tokens, verifier }, async (node) => {
      await node.headers(chain.headerBytes({ tip: left, from: 1 }));
      await node.headers(chain.headerBytes({ tip: right, from: 1 }));
      await node.offer(chain.beef(deploy, { tip: left }));
      const offers = [chain.beef(slow, { tip: left }), proof(chain, pay, left)].map((beef) =>
        node.ingest.offer(beef, 'rpc'),
      );
      await verifier.reached;
      // The first is known to be proven by now.
      offers.push(node.ingest.offer(proof(chain, pay, right), 'rpc'));
      for (let turn = 0; turn < 10; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
      verifier.release();
      await Promise.all(offers);
      await node.settled();
      assert.equal(node.reader.tx(pay.txid)?.blockHash, left.hash);
      await node.headers(chain.headerBytes({ tip: longer, from: 1 }));
      assert.equal(node.reader.tx(pay.txid)?.blockHash, right.hash);
    });
  });

  it('with a proof whose header comes between', async () => {
    const { chain, deploy, pay, slow, left, tokens } = setting('header between');
    const verifier = new GatedVerifier();
    verifier.held.add(slow.txid);
    await withNode({ tokens, verifier }, async (node) => {
      await node.headers(chain.headerBytes({ tip: left.parent!, from: 1 }));
      await node.offer(chain.beef(deploy));
      const offers = [chain.beef(slow), proof(chain, pay, left)].map((beef) =>
        node.ingest.offer(beef, 'rpc'),
      );
      await verifier.reached;
      await addHeaders(node, chain, left);
      offers.push(node.ingest.offer(proof(chain, pay, left), 'rpc'));
      verifier.release();
      await Promise.all(offers);
      await node.settled();
      assert.deepEqual(node.reader.tx(pay.txid)?.position, { height: left.height, index: 1 });
      assert.equal(node.reader.facts().pending, 0);
    });
  });
});
