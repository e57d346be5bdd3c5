import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { encodeBeefs } from '../../protocols/gossip/message.ts';
import { topicOf } from '../../protocols/gossip/topics.ts';
import { SILENT_LOG } from '../../src/observe/log.ts';
import { type GossipTransport, gossipTransport } from '../../src/p2p/gossip-transport.ts';
import { HOST_CLOCK } from '../../src/p2p/host-clock.ts';
import { Prng } from '../support/corpus/prng.ts';
import { TestChain } from '../support/corpus/scenario.ts';
import { p2pkh } from '../support/corpus/script.ts';
import { TestTx } from '../support/corpus/testtx.ts';
import { type Member, startAll } from '../support/federation.ts';
import { importHeaders } from '../support/loopback-token.ts';
import { until } from '../support/operator.ts';
import { makeHost } from '../support/p2p.ts';
import { assertSameState, submit, tokenFederation, untilEqual, withRpc } from '../support/token-members.ts';

// Three daemons in a row that live through payments, blocks and a reorganisation, in order.
const cleanup = { after };
const chain = new TestChain('live', { purseCoins: 160 });
const key = (name: string) => chain.key(name);
const deploys = ['GOLD', 'SILV'].map((sym) => chain.deployMint(1_000n, { owner: key('alice'), sym }));
const [gold, silver] = deploys as [TestTx, TestTx];
chain.mine(deploys);
const tokenIds = deploys.map((tx) => tx.tokenId());
const members = await tokenFederation(cleanup, 3, tokenIds);
const [a, b, c] = members as readonly [Member, Member, Member];
/** History transactions of gold, of silver. */
const counts = { gold: 1, silver: 1 };

async function giveHeaders(member: Member, from: number): Promise<void> {
  await withRpc(member, (rpc) => importHeaders(rpc, chain.headerBytes({ from })));
}

async function untilAllEqual(): Promise<void> {
  await untilEqual(members, [gold.tokenId()], counts.gold);
  await untilEqual(members, [silver.tokenId()], counts.silver);
}

/** Height at which a member has a transaction; undefined: unmined. */
function heightAt(member: Member, { txid }: TestTx): Promise<number | undefined> {
  return withRpc(member, async (rpc) => (await rpc.call('tx.get', { txid })).height);
}

test('what one has reaches the last of the row', async () => {
  b.list(a);
  c.list(b);
  await startAll(members);
  await giveHeaders(a, 1);
  await submit(a, ...deploys.map((tx) => chain.beef(tx)));
  await untilAllEqual();
});

let last: TestTx;

test('payments that follow each other at once, each given to another daemon, in any order: none is lost', async () => {
  const owners = Array.from({ length: 24 }, (_, i) => key(`owner ${i % 5}`));
  const txs = chain.transferChain(gold.coin(0), owners);
  last = txs.at(-1) ?? gold;
  const prng = new Prng('live order');
  await Promise.all(
    txs
      .map((tx) => ({ tx, at: prng.below(1_000) }))
      .sort((x, y) => x.at - y.at)
      .map(({ tx }, i) => submit(members[i % 3] ?? a, chain.beef(tx))),
  );
  counts.gold += txs.length;
  await untilAllEqual();
});

let first: TestTx;
let second: TestTx;

test('who was killed meanwhile has all of it soon after its return', async () => {
  await c.kill();
  first = chain.transfer({
    from: [silver.coin(0)],
    to: [
      [key('bob'), 400n],
      [key('carol'), 600n],
    ],
  });
  await submit(a, chain.beef(first));
  await c.start();
  second = chain.transfer({ from: [first.coin(0)], to: [[key('dave'), 400n]] });
  await submit(b, chain.beef(second));
  counts.silver += 2;
  await untilAllEqual();
});

test('a block and its proofs, given to different daemons, reach all; so does the reorganisation that undoes it', async () => {
  const trunk = chain.tip;
  chain.mine([first, second]);
  await giveHeaders(a, trunk.height + 1);
  await submit(c, chain.beef(first), chain.beef(second));
  await untilAllEqual();
  for (const member of members) assert.equal(await heightAt(member, second), trunk.height + 1);
  const fork = chain.mine([first], { on: chain.mineEmpty(1, trunk) });
  chain.makeActive(fork);
  assert.equal(chain.tip.height, trunk.height + 2);
  await giveHeaders(c, trunk.height + 1);
  await until('the block is undone everywhere', async () => {
    const heights = await Promise.all(members.map((member) => heightAt(member, second)));
    return heights.every((height) => height === undefined);
  });
  await submit(b, chain.beef(first));
  await untilAllEqual();
  for (const member of members) assert.equal(await heightAt(member, first), trunk.height + 2);
  await assertSameState(members);
});

test('a lie told by gossip is not passed on: who told it is penalised, nobody else hears of it', async (t) => {
  const { host, say } = await stranger(t, gold.tokenId());
  await host.dial({ peerId: a.peerId, addresses: a.listen }, AbortSignal.timeout(10_000));
  const thief = { ...last.outputs[0], lock: p2pkh(key('thief')) };
  // The same transaction to all but the signer, who believes that the coin is the thief's.
  const stolen = new TestTx(last.tx, [thief, ...last.outputs.slice(1)], last.spends);
  const lie = chain.transfer({ from: [stolen.coin(0)], to: [[key('thief'), 1_000n]] });
  await say(chain.beef(lie));
  await until('the liar is penalised', async () => {
    const metrics = await a.metrics();
    return [...metrics].some(
      ([series, value]) => series.startsWith('btcfed_peer_penalties_total') && value > 0,
    );
  });
  // What is true goes on its way, and comes behind where the lie would have come.
  const truth = chain.transfer({ from: [last.coin(0)], to: [[key('alice'), 1_000n]] });
  await submit(a, chain.beef(truth));
  counts.gold += 1;
  await untilAllEqual();
  for (const member of [b, c]) {
    const metrics = await member.metrics();
    assert.equal(metrics.get('btcfed_gossip_received_total{result="refused"}'), 0);
    assert.equal(metrics.get('btcfed_gossip_messages_total{verdict="rejected"}'), 0);
  }
  for (const member of members)
    await assert.rejects(
      withRpc(member, (rpc) => rpc.call('tx.get', { txid: lie.txid })),
      {
        code: 'TX_UNKNOWN',
      },
    );
  await assertSameState(members);
  for (const member of members) await member.stop();
});

/** Somebody in the topic of a token who says what he wants. */
async function stranger(t: { after(run: () => void | Promise<void>): void }, tokenId: string) {
  const host = await makeHost<{ gossip: GossipTransport }>(t, {
    services: { gossip: gossipTransport({ clock: HOST_CLOCK, log: SILENT_LOG }) },
  });
  const { gossip } = host.services;
  const topic = topicOf(tokenId);
  gossip.join(topic, () => Promise.resolve('ignore'));
  const say = async (beef: Uint8Array): Promise<void> => {
    await until('somebody listens', async () => gossip.subscribers(topic) > 0);
    assert.ok((await gossip.publish(topic, encodeBeefs([beef]))) > 0);
  };
  return { host, say };
}
