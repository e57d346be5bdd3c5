import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { encodeBeefs } from '../../../protocols/gossip/message.ts';
import { parseGossip } from '../../../protocols/gossip/parse.ts';
import { topicOf } from '../../../protocols/gossip/topics.ts';
import { HOST_CLOCK } from '../../../src/p2p/host-clock.ts';
import { decodeBeef } from '../../../src/spv/beef.ts';
import { GOSSIP_LIMITS } from '../../../src/sync/gossip-limits.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { p2pkh, token } from '../../support/corpus/script.ts';
import type { TestTx } from '../../support/corpus/testtx.ts';
import { FakeNet, type GossipNode, type GossipNodeOptions, openGossipNode } from '../../support/gossip.ts';

const COINS = 12;

/** A deploy and a split in blocks far below the tip, so that nothing of it is news. */
function setting(seed: string) {
  const chain = new TestChain(seed, { purseCoins: 96 });
  const alice = chain.key('alice');
  const deploy = chain.deployMint(BigInt(COINS), { owner: alice });
  const to = Array.from({ length: COINS }, () => [alice, 1n] as const);
  const split = chain.transfer({ from: [deploy.coin(0)], to });
  chain.mine([deploy, split]);
  chain.mineEmpty(200);
  const tokenId = deploy.tokenId();
  const pay = (vout: number, from: TestTx = split) =>
    chain.transfer({ from: [from.coin(vout)], to: [[chain.key(`owner ${vout}`), 1n]] });
  return { chain, deploy, split, tokenId, topic: topicOf(tokenId), pay };
}

type Setting = ReturnType<typeof setting>;

async function open(
  t: TestContext,
  at: Setting,
  options: Partial<GossipNodeOptions> = {},
): Promise<GossipNode<FakeNet>> {
  const net = new FakeNet();
  const node = await openGossipNode(t, net, {
    ...{ tokens: [at.tokenId], chain: at.chain, random: () => 0 },
    ...options,
  });
  if (options.path === undefined) {
    await admitted(node, at.chain.beef(at.deploy));
    await admitted(node, at.chain.beef(at.split));
  }
  return node;
}

async function admitted(
  node: GossipNode<FakeNet>,
  beef: Uint8Array,
  source: 'rpc' | 'import' = 'rpc',
): Promise<void> {
  const outcome = await node.core.ingest.offer(beef, source);
  assert.equal(outcome.status, 'admitted', JSON.stringify(outcome));
}

/** Txids of everything in the BEEFs of one published message, subjects last. */
function bodies(data: Uint8Array): string[][] {
  const message = parseGossip(data);
  assert.equal(message.kind, 'beefs');
  return message.kind === 'beefs'
    ? message.beefs.map((beef) => decodeBeef(beef).txs.map(({ txid }) => txid))
    : [];
}

describe('what is published', () => {
  it('unmined transactions after their commit, in one message those that come together', async (t) => {
    const at = setting('batch');
    const node = await open(t, at);
    const pays = [0, 1, 2, 3].map((i) => at.pay(i));
    await Promise.all(pays.map((pay) => admitted(node, at.chain.beef(pay))));
    await node.net.untilPublished(...pays.map(({ txid }) => txid));
    assert.deepEqual(new Set(node.net.txids(at.topic)), new Set(pays.map(({ txid }) => txid)));
    assert.ok(node.net.published.length < 4, `${node.net.published.length} messages`);
    const { txs, announced, unheard } = node.gossip.facts().outbound;
    assert.deepEqual([txs, announced, unheard], [4, 0, 0]);
  });

  it('history that is imported is not, unmined ones of the import are', async (t) => {
    const at = setting('import');
    const node = await open(t, at);
    const [mined, unmined] = [at.pay(0), at.pay(1)];
    at.chain.mine([mined]);
    at.chain.mineEmpty(10);
    await node.core.chain.add(at.chain.headerBytes({ from: 1 }));
    await admitted(node, at.chain.beef(mined), 'import');
    await admitted(node, at.chain.beef(unmined), 'import');
    await node.net.untilPublished(unmined.txid);
    assert.deepEqual(node.net.txids(), [unmined.txid]);
  });

  it('the proof of one that becomes mined, whoever held it unmined', async (t) => {
    const at = setting('proof');
    const node = await open(t, at);
    const [pay, next] = [at.pay(0), at.pay(1)];
    await admitted(node, at.chain.beef(pay));
    await node.net.untilPublished(pay.txid);
    node.net.published.length = 0;
    at.chain.mine([pay]);
    await node.core.chain.add(at.chain.headerBytes({ from: 1 }));
    await admitted(node, at.chain.beef(pay));
    await node.net.untilPublished(pay.txid);
    const [message] = node.net.published;
    // With the funding, for those who have not heard of it before; what it spends of the token is history.
    const [funding] = pay.parents.filter(({ txid }) => txid !== at.split.txid);
    assert.deepEqual(bodies(message!.data), [[funding?.txid, pay.txid]]);
    // Its proof is known to peers now, so it is not sent with what spends it, but as a proven parent it is whole.
    await admitted(node, at.chain.beef(next));
    await node.net.untilPublished(next.txid);
  });

  it('the proof of another block at the same height, after a reorganisation', async (t) => {
    const at = setting('reorg');
    const node = await open(t, at);
    const pay = at.pay(0);
    await admitted(node, at.chain.beef(pay));
    await node.net.untilPublished(pay.txid);
    const trunk = at.chain.tip;
    const rootsTold: number[] = [];
    for (const fork of ['first', 'second']) {
      node.net.published.length = 0;
      const block = at.chain.mine([pay], { on: trunk });
      if (fork === 'second') at.chain.makeActive(block);
      await node.core.chain.add(at.chain.headerBytes({ from: 1 }));
      await node.core.chainSettled();
      await admitted(node, at.chain.beef(pay));
      await node.net.untilPublished(pay.txid);
      rootsTold.push(node.core.store.tx(pay.txid)?.place?.height ?? 0);
    }
    assert.equal(rootsTold[0], rootsTold[1]);
  });

  it('a proof that somebody else gossips during the pause is not told again', async (t) => {
    const at = setting('heard');
    const node = await open(t, at);
    const pay = at.pay(0);
    await admitted(node, at.chain.beef(pay));
    await node.net.untilPublished(pay.txid);
    node.net.published.length = 0;
    at.chain.mine([pay]);
    await node.core.chain.add(at.chain.headerBytes({ from: 1 }));
    await admitted(node, at.chain.beef(pay));
    assert.equal(await node.net.deliver(at.topic, 'peer', encodeBeefs([at.chain.beef(pay)])), 'accept');
    await admitted(node, at.chain.beef(at.pay(1)));
    const later = at.pay(2);
    at.chain.mine([later]);
    await node.core.chain.add(at.chain.headerBytes({ from: 1 }));
    await admitted(node, at.chain.beef(later));
    await node.net.untilPublished(later.txid);
    assert.ok(!node.net.txids().includes(pay.txid));
  });

  it('nothing that came by gossip, nor what the sync brought', async (t) => {
    const at = setting('echo');
    const node = await open(t, at);
    const [gossiped, synced, own] = [at.pay(0), at.pay(1), at.pay(2)];
    assert.equal(await node.net.deliver(at.topic, 'peer', encodeBeefs([at.chain.beef(gossiped)])), 'accept');
    const { txs } = decodeBeef(at.chain.beef(synced));
    const beef = decodeBeef(at.chain.beef(synced));
    const set = txs.map(({ tx, bump }) =>
      bump === undefined ? { tx: tx! } : { tx: tx!, bump: beef.bumps[bump]! },
    );
    const quiet = node.gossip.quiet();
    await quiet.ready();
    const { refused } = await quiet.offerSet(
      { txs: set, listed: new Set([synced.txid]), bytes: 1_000 },
      'sync',
    );
    assert.equal(refused.size, 0);
    await admitted(node, at.chain.beef(own));
    await node.net.untilPublished(own.txid);
    assert.deepEqual(node.net.txids(), [own.txid]);
  });

  it('what came in a message that was not passed on, after a pause', async (t) => {
    const at = setting('spoiled');
    const node = await open(t, at);
    const good = at.pay(0);
    const bad = Buffer.from(at.chain.beef(at.pay(1)));
    bad[bad.length - 2]! ^= 1;
    const message = encodeBeefs([at.chain.beef(good), bad]);
    assert.equal(await node.net.deliver(at.topic, 'peer', message), 'reject');
    assert.deepEqual(node.judge.codes, ['TX_INVALID']);
    await node.net.untilPublished(good.txid);
    assert.deepEqual(node.net.txids(), [good.txid]);
  });

  it('a chain of unmined ones without what was told before', async (t) => {
    const at = setting('chain');
    const node = await open(t, at);
    const chain = at.chain.transferChain(
      at.split.coin(0),
      ['a', 'b', 'c', 'd'].map((name) => at.chain.key(name)),
    );
    const [first, second, third, fourth] = chain as [TestTx, TestTx, TestTx, TestTx];
    await admitted(node, at.chain.beef(first));
    await node.net.untilPublished(first.txid);
    // Three at once: the ancestors are each sent for themselves, before what spends them.
    await admitted(node, at.chain.beef(fourth));
    await node.net.untilPublished(fourth.txid);
    assert.deepEqual(
      node.net.txids(),
      [first, second, third, fourth].map(({ txid }) => txid),
    );
    const purse = new Set(at.chain.purse.map(({ txid }) => txid));
    const rest = node.net.published
      .flatMap(({ data }) => bodies(data))
      .map((txids) => txids.filter((txid) => !purse.has(txid)));
    assert.deepEqual(rest, [[at.split.txid, first.txid], [second.txid], [third.txid], [fourth.txid]]);
  });

  it('on every topic that it is of and that we are in', async (t) => {
    const at = setting('swap');
    const bob = at.chain.key('bob');
    const other = at.chain.deployMint(5n, { owner: bob });
    at.chain.mine([other]);
    at.chain.mineEmpty(10);
    const node = await open(t, at, { tokens: [at.tokenId, other.tokenId()], topics: [at.tokenId] });
    await admitted(node, at.chain.beef(other));
    const swap = (vout: number, from: TestTx) =>
      at.chain.build({
        inputs: [at.split.coin(vout), from.coin(0)],
        outputs: [
          { lock: p2pkh(bob), token: token.transfer(other.tokenId(), 5n) },
          { lock: p2pkh(bob), token: token.transfer(at.tokenId, 1n) },
        ],
      });
    const first = swap(0, other);
    await admitted(node, at.chain.beef(first));
    await node.net.untilPublished(first.txid);
    const otherTopic = topicOf(other.tokenId());
    assert.deepEqual([node.net.txids(at.topic), node.net.txids(otherTopic)], [[first.txid], []]);
    node.gossip.setTokens([at.tokenId, other.tokenId()]);
    const second = swap(1, first);
    await admitted(node, at.chain.beef(second));
    await node.net.untilPublished(second.txid);
    assert.deepEqual(
      node.net.txids(otherTopic),
      [first.txid, second.txid],
      'with an ancestor that was not told there',
    );
    node.gossip.setTokens([other.tokenId()]);
    assert.deepEqual([...node.net.validators.keys()], [otherTopic]);
  });

  it('one above the size of a message is announced', async (t) => {
    const at = setting('large');
    const node = await open(t, at);
    const ballast = {
      lock: p2pkh(at.chain.key('nobody')),
      satoshis: 0,
      rawScript: Buffer.concat([Buffer.from('006a4e', 'hex'), u32(300_000), Buffer.alloc(300_000)]),
    };
    const large = at.chain.build({
      inputs: [at.split.coin(0)],
      outputs: [{ lock: p2pkh(at.chain.key('bob')), token: token.transfer(at.tokenId, 1n) }, ballast],
    });
    await admitted(node, at.chain.beef(large));
    await node.net.untilPublished(`?${large.txid}`);
    const message = parseGossip(node.net.published[0]!.data);
    assert.equal(message.kind, 'announcements');
    const [announced] = message.kind === 'announcements' ? message.announcements : [];
    assert.ok((announced?.size ?? 0) > 300_000);
    assert.equal(announced?.height, undefined);
    assert.equal(node.gossip.facts().outbound.announced, 1);
  });
});

describe('the cursor', () => {
  it('goes on after a restart with what was answered for and told to nobody', async (t) => {
    const at = setting('restart');
    const first = await open(t, at);
    const [told, untold] = [at.pay(0), at.pay(1)];
    await admitted(first, at.chain.beef(told));
    await first.net.untilPublished(told.txid);
    first.net.setListening(0);
    await admitted(first, at.chain.beef(untold));
    await first.close();
    const second = await open(t, at, { path: first.path });
    await second.net.untilPublished(untold.txid);
    assert.deepEqual(second.net.txids(), [untold.txid]);
    await second.close();
  });

  it('stands still while nobody listens, and then tells what is not too old', async (t) => {
    const at = setting('nobody');
    let laterMs = 0;
    const clock = { ...HOST_CLOCK, nowMs: () => Date.now() + laterMs };
    const node = await open(t, at, { clock });
    const [old, fresh, next] = [at.pay(0), at.pay(1), at.pay(2)];
    node.net.setListening(0);
    await admitted(node, at.chain.beef(old));
    laterMs = GOSSIP_LIMITS.staleMs + 1_000;
    node.net.setListening(1);
    await admitted(node, at.chain.beef(next));
    await node.net.untilPublished(next.txid);
    assert.deepEqual(node.net.txids(), [next.txid]);
    node.net.setListening(0);
    laterMs = 0;
    await admitted(node, at.chain.beef(fresh));
    const { cursor } = node.gossip.facts().outbound;
    assert.ok(cursor < node.core.events.newest());
    node.net.setListening(1);
    await node.net.untilPublished(fresh.txid);
    assert.equal(node.gossip.facts().outbound.unheard, 0);
  });

  it('begins at the newest event where there was none before', async (t) => {
    const at = setting('first');
    const path = (await open(t, at, { cursor: { load: () => undefined, save: () => Promise.resolve() } }))
      .path;
    assert.ok(path.length > 0);
    const node = await open(t, at);
    const pay = at.pay(0);
    await admitted(node, at.chain.beef(pay));
    await node.net.untilPublished(pay.txid);
    assert.deepEqual(node.net.txids(), [pay.txid]);
  });
});

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
