import assert from 'node:assert/strict';
import { it } from 'node:test';
import { topicOf } from '../../../protocols/gossip/topics.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { p2pkh } from '../../support/corpus/script.ts';
import { FakeNet, openGossipNode, txidsOf } from '../../support/gossip.ts';

/** Found by the simulation: who lacked the transaction before it could not see that it is of the token, and blamed the sender. */
it('a mined transaction that only spends tokens is no fault of its sender where its history is missing', async (t) => {
  const chain = new TestChain('only spends');
  const alice = chain.key('alice');
  const deploy = chain.deployMint(100n, { owner: alice });
  const transfer = chain.transfer({ from: [deploy.coin(0)], to: [[alice, 100n]] });
  const spend = chain.build({ inputs: [transfer.coin(0)], outputs: [{ lock: p2pkh(alice) }] });
  chain.mine([deploy, transfer]);
  chain.mine([spend]);
  const tokens = [deploy.tokenId()];
  const topic = topicOf(deploy.tokenId());
  const from = await openGossipNode(t, new FakeNet(), { tokens, chain });
  const to = await openGossipNode(t, new FakeNet(), { tokens, chain });
  for (const tx of [deploy, transfer]) await from.submit(chain.beef(tx));
  await from.net.untilPublished(transfer.txid);
  await from.submit(chain.beef(spend));
  await from.net.untilPublished(spend.txid);
  const message = from.net.published.find((each) => txidsOf(each.data).includes(spend.txid));
  const verdict = to.net.deliver(topic, 'peer', message!.data);
  const { txid, why } = await to.nextMissing();
  assert.deepEqual([txid, why], [spend.txid, 'history']);
  assert.deepEqual(to.judge.codes, []);
  await to.close();
  assert.equal(await verdict, 'ignore');
});
