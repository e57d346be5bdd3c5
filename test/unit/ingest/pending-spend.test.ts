import assert from 'node:assert/strict';
import { it } from 'node:test';
import { TestChain } from '../../support/corpus/scenario.ts';
import { p2pkh } from '../../support/corpus/script.ts';
import { withNode } from '../../support/node.ts';

/** Found by the simulation of token sync: whoever passed it on by gossip was held to have passed on something invalid. */
it('what only spends tokens whose own history is missing is pending, not invalid', async () => {
  const chain = new TestChain('pending spend');
  const alice = chain.key('alice');
  const deploy = chain.deployMint(100n, { owner: alice });
  const transfer = chain.transfer({ from: [deploy.coin(0)], to: [[alice, 100n]] });
  const spend = chain.build({ inputs: [transfer.coin(0)], outputs: [{ lock: p2pkh(alice) }] });
  chain.mine([deploy, transfer, spend]);
  await withNode({ tokens: [deploy.tokenId()] }, async (node) => {
    await node.headers(chain.headerBytes({ from: 1 }));
    await node.offer(chain.beef(transfer));
    const outcome = await node.offer(chain.beef(spend), 'gossip');
    assert.ok(outcome.status === 'pending' && outcome.waitingFor === 'history', JSON.stringify(outcome));
    assert.ok(outcome.missing.includes(deploy.outpoint(0)));
    await node.offer(chain.beef(deploy));
    assert.equal(node.ingest.outcome(spend.txid)?.status, 'admitted');
    assert.equal(node.reader.token(deploy.tokenId())?.transactions, 3);
  });
});
