import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toSpvError, type VerifyJob } from '../../../src/spv/verify.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { p2pkh } from '../../support/corpus/script.ts';
import type { TestTx } from '../../support/corpus/testtx.ts';
import { viewOfBeefs } from '../../support/corpus/view.ts';
import { DirectVerifier, GatedVerifier, withNode } from '../../support/node.ts';
import { assertState, waitingTxids } from '../../support/node-state.ts';

function setting(seed: string): { chain: TestChain; deploy: TestTx; chained: TestTx[]; tokens: string[] } {
  const chain = new TestChain(seed);
  const [alice, bob] = [chain.key('alice'), chain.key('bob')];
  const deploy = chain.deployMint(100n, { owner: alice });
  chain.mine([deploy]);
  const chained = chain.transferChain(deploy.coin(0), [bob, alice, bob, alice, bob]);
  return { chain, deploy, chained, tokens: [deploy.tokenId()] };
}

const bare = (chain: TestChain, tx: TestTx): Buffer =>
  chain.beef(tx, { parents: 'none', extra: tx.parents.filter((parent) => chain.purse.includes(parent)) });

describe('L3: the pending set', () => {
  it('survives a restart, and a kill', async () => {
    for (const how of ['restart', 'crash'] as const) {
      const { chain, deploy, chained, tokens } = setting('survives');
      const beefs = chained.map((tx) => bare(chain, tx));
      await withNode({ tokens }, async (first, use) => {
        let node = first;
        await node.headers(chain.headerBytes({ from: 1 }));
        await node.offerAll(beefs.toReversed());
        const waiting = waitingTxids(node);
        assert.equal(waiting.length, chained.length);
        node = use(await node[how]());
        assert.deepEqual(waitingTxids(node), waiting);
        await node.offer(chain.beef(deploy));
        assert.deepEqual(waitingTxids(node), []);
        await assertState(node, viewOfBeefs([...beefs.toReversed(), chain.beef(deploy)], chain.headers()));
      });
    }
  });

  it('goes on after a kill, or a stop, between the commit of a parent and the retry of its children', async () => {
    for (const how of ['restart', 'crash'] as const) {
      const { chain, deploy, chained, tokens } = setting('between');
      const [one] = chained as [TestTx];
      const verifier = new GatedVerifier();
      verifier.held.add(one.txid);
      await withNode({ tokens, verifier }, async (node, use) => {
        await node.headers(chain.headerBytes({ from: 1 }));
        const funding = one.parents.filter((tx) => tx !== deploy);
        await node.offer(chain.beef(one, { parents: 'none' }));
        for (const tx of funding) await node.offer(chain.beef(tx, { parents: 'none' }));
        assert.equal((await node.ingest.offer(chain.beef(deploy), 'rpc')).status, 'admitted');
        await verifier.reached;
        const next = node[how]();
        // The old one may finish only when the copy of a crash is made: here it finishes, there it is not asked.
        setImmediate(() => setTimeout(() => verifier.release(), how === 'crash' ? 50 : 0));
        const after = use(await next);
        assert.deepEqual(waitingTxids(after), []);
        assert.equal(after.reader.tx(one.txid)?.status, 'active');
      });
    }
  });

  it('is bounded, and says so', async () => {
    const { chain, deploy, chained, tokens } = setting('bounded');
    const pendingLimits = { transactions: 3, bytes: 1_000_000 };
    const beefs = chained.map((tx) => chain.beef(tx, { parents: 'none' }));
    for (const atOnce of [false, true]) {
      await withNode({ tokens, pendingLimits }, async (node) => {
        await node.headers(chain.headerBytes({ from: 1 }));
        const outcomes = atOnce ? await node.offerAll(beefs) : [];
        if (!atOnce) for (const beef of beefs) outcomes.push(await node.offer(beef));
        const codes = outcomes.map((o) => (o.status === 'rejected' ? o.code : o.status));
        assert.deepEqual(codes, ['pending', 'pending', 'pending', 'PENDING_FULL', 'PENDING_FULL']);
        assert.equal(node.reader.facts().pending, 3);
        // The same again takes no room.
        assert.equal((await node.offer(beefs[1]!)).status, 'pending');
        await node.offer(chain.beef(deploy));
        await node.offer(chain.beef(chained[0]!));
        assert.equal(node.reader.facts().pending, 0);
        assert.equal((await node.offer(beefs[4]!)).status, 'pending');
        await node.audit();
      });
    }
    await withNode(
      { tokens, pendingLimits: { transactions: 100, bytes: beefs[0]!.length } },
      async (node) => {
        await node.headers(chain.headerBytes({ from: 1 }));
        const outcomes = await node.offerAll(beefs);
        assert.deepEqual(
          outcomes.map((o) => o.status),
          ['pending', 'rejected', 'rejected', 'rejected', 'rejected'],
        );
      },
    );
  });

  it('loses nothing when a thread of the verifier is lost', async () => {
    const { chain, chained, tokens } = setting('thread lost');
    const [one] = chained as [TestTx];
    const verifier = new DirectVerifier();
    let broken = true;
    const failing = {
      verify: async (jobs: readonly VerifyJob[]) => {
        const lost = { code: 'VERIFIER_FAILED', message: 'not verified', data: {} } as const;
        return broken ? jobs.map(({ tx }) => toSpvError(lost, tx.txid)) : verifier.verify(jobs);
      },
    };
    await withNode({ tokens, verifier: failing }, async (node, use) => {
      await node.headers(chain.headerBytes({ from: 1 }));
      await node.offer(chain.beef(one, { parents: 'none' }));
      for (const tx of one.parents) await node.offer(chain.beef(tx, { parents: 'none' }));
      assert.deepEqual(waitingTxids(node), [one.txid]);
      broken = false;
      const next = use(await node.restart());
      assert.equal(next.reader.tx(one.txid)?.status, 'active');
    });
  });

  it('a parent that waits itself goes on when it is needed, in one batch or several', async () => {
    const chain = new TestChain('waits itself');
    const bob = chain.key('bob');
    const deploy = chain.deployMint(10n, { owner: chain.key('alice') });
    const far = chain.build({ outputs: [{ lock: p2pkh(bob), satoshis: 900 }] });
    const near = chain.build({
      inputs: [far.coin(0)],
      outputs: [{ lock: p2pkh(bob), satoshis: 800 }],
      funding: false,
    });
    const pay = chain.build({
      inputs: [deploy.coin(0), near.coin(0)],
      outputs: [{ lock: p2pkh(bob), satoshis: 700 }],
    });
    chain.mine([deploy, far]);
    const order = [far, near, pay, deploy];
    const beefs = order.map((tx) => chain.beef(tx, { parents: 'none' }));
    for (const atOnce of [true, false]) {
      await withNode({ tokens: [deploy.tokenId()] }, async (node) => {
        await node.headers(chain.headerBytes({ from: 1 }));
        if (atOnce) await node.offerAll(beefs);
        else for (const beef of beefs) await node.offer(beef);
        assert.deepEqual(waitingTxids(node), []);
        await assertState(node, viewOfBeefs(beefs, chain.headers()));
      });
    }
  });

  it('a parent is kept that something of the same batch waits for', async () => {
    const chain = new TestChain('same batch');
    const bob = chain.key('bob');
    const deploy = chain.deployMint(10n, { owner: chain.key('alice') });
    const plain = chain.build({ outputs: [{ lock: p2pkh(bob), satoshis: 900 }] });
    const pay = chain.build({
      inputs: [deploy.coin(0), plain.coin(0)],
      outputs: [{ lock: p2pkh(bob), satoshis: 700 }],
    });
    chain.mine([deploy]);
    const beefs = [chain.beef(deploy), chain.beef(pay, { parents: 'none' }), chain.beef(plain)];
    for (const atOnce of [true, false]) {
      await withNode({ tokens: [deploy.tokenId()] }, async (node) => {
        await node.headers(chain.headerBytes({ from: 1 }));
        if (atOnce) await node.offerAll(beefs);
        else for (const beef of beefs) await node.offer(beef);
        assert.equal(node.reader.tx(pay.txid)?.status, 'active');
        await assertState(node, viewOfBeefs(beefs, chain.headers()));
      });
    }
  });
});

describe('C5, invariant 1: a write that fails', () => {
  it('leaves nothing of its batch, answers so, and what is offered again is admitted', async () => {
    const { chain, deploy, chained, tokens } = setting('write fails');
    await withNode({ tokens }, async (node) => {
      await node.headers(chain.headerBytes({ from: 1 }));
      await node.offer(chain.beef(deploy));
      const before = node.store.tip();
      const { database } = node.store;
      const write = database.write.bind(database);
      database.write = () => Promise.reject(new Error('disk full'));
      const outcomes = await Promise.all(chained.map((tx) => node.ingest.offer(chain.beef(tx), 'rpc')));
      assert.deepEqual(
        outcomes.map((o) => o.status === 'rejected' && o.code),
        chained.map(() => 'UNAVAILABLE'),
      );
      assert.equal(node.store.tip(), before);
      assert.ok(node.failures.length > 0);
      node.failures.length = 0;
      database.write = write;
      const again = await node.offerAll(chained.map((tx) => chain.beef(tx)));
      assert.deepEqual(
        again.map((o) => o.status),
        chained.map(() => 'admitted'),
      );
      const fed = [deploy, ...chained].map((tx) => chain.beef(tx));
      await assertState(node, viewOfBeefs(fed, chain.headers()));
    });
  });

  it('a read that fails while a batch is prepared spoils no other batch', async () => {
    const { chain, deploy, chained, tokens } = setting('read fails');
    await withNode({ tokens }, async (node) => {
      await node.headers(chain.headerBytes({ from: 1 }));
      const { store } = node;
      const prefetch = store.prefetch.bind(store);
      // The second read of the first batch: its transactions are known to others by then, and not checked.
      let failed = false;
      store.prefetch = (txids, spends) => {
        const wanted = [...spends];
        if (failed || wanted.length === 0) return prefetch(txids, wanted);
        failed = true;
        return Promise.reject(new Error('read failed'));
      };
      const beef = chain.beef(deploy);
      const first = node.ingest.offer(beef, 'rpc');
      await new Promise<void>((resolve) => setImmediate(resolve));
      const second = node.ingest.offer(beef, 'rpc');
      assert.equal((await first).status, 'rejected');
      assert.equal((await second).status, 'admitted');
      node.failures.length = 0;
      await node.offerAll(chained.map((tx) => chain.beef(tx)));
      await assertState(
        node,
        viewOfBeefs(
          [deploy, ...chained].map((tx) => chain.beef(tx)),
          chain.headers(),
        ),
      );
    });
  });
});
