import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { encodeAnnouncements, encodeBeefs } from '../../../protocols/gossip/message.ts';
import { topicOf } from '../../../protocols/gossip/topics.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { p2pkh, token } from '../../support/corpus/script.ts';
import type { TestTx } from '../../support/corpus/testtx.ts';
import { settled } from '../../support/fake-clock.ts';
import { type HostNode, type NotingJudge, openHostNode, untilListening } from '../../support/gossip.ts';
import { connectHosts } from '../../support/p2p.ts';

const COINS = 6;

/** A deploy and a split far below the tip, which all hold. */
function setting(seed: string) {
  const chain = new TestChain(seed);
  const alice = chain.key('alice');
  const deploy = chain.deployMint(BigInt(COINS), { owner: alice });
  const split = chain.transfer({
    from: [deploy.coin(0)],
    to: Array.from({ length: COINS }, () => [alice, 1n] as const),
  });
  chain.mine([deploy, split]);
  chain.mineEmpty(5);
  const pay = (vout: number): TestTx =>
    chain.transfer({ from: [split.coin(vout)], to: [[chain.key(`owner ${vout}`), 1n]] });
  return { chain, deploy, split, pay, tokenId: deploy.tokenId(), topic: topicOf(deploy.tokenId()) };
}

type Setting = ReturnType<typeof setting>;

async function open(t: TestContext, at: Setting, judge?: NotingJudge): Promise<HostNode> {
  const node = await openHostNode(t, {
    ...{ tokens: [at.tokenId], chain: at.chain },
    ...(judge === undefined ? {} : { judge }),
  });
  for (const tx of [at.deploy, at.split])
    assert.equal((await node.submit(at.chain.beef(tx))).status, 'admitted');
  return node;
}

/** A - B - C: A and C do not know one another. */
async function line(t: TestContext, at: Setting): Promise<readonly [HostNode, HostNode, HostNode]> {
  const [a, b, c] = [await open(t, at), await open(t, at), await open(t, at)] as const;
  await connectHosts(a.host, b.host);
  await connectHosts(b.host, c.host);
  await untilListening(
    [
      [a, 1],
      [b, 2],
      [c, 1],
    ],
    at.topic,
  );
  return [a, b, c];
}

const has = (node: HostNode, txid: string) => () => node.core.store.tx(txid)?.status === 'active';

/** The last byte of the lock time changed: no signature fits any more. */
function forged(beef: Uint8Array): Uint8Array {
  const bytes = Buffer.from(beef);
  bytes[bytes.length - 2]! ^= 1;
  return bytes;
}

describe('three hosts in a line', () => {
  it('a transaction that one takes in is soon with all, verified once by each', async (t) => {
    const at = setting('line');
    const [a, b, c] = await line(t, at);
    const chain = at.chain.transferChain(
      at.split.coin(0),
      ['a', 'b', 'c'].map((name) => at.chain.key(name)),
    );
    const before = [a, b, c].map(({ core }) => core.pool.stats().answered);
    for (const tx of chain) assert.equal((await a.submit(at.chain.beef(tx))).status, 'admitted');
    await c.until(() => chain.every(({ txid }) => has(c, txid)()));
    const verified = [a, b, c].map(({ core }, i) => core.pool.stats().answered - before[i]!);
    assert.deepEqual(verified, [3, 3, 3]);
    assert.deepEqual([...a.judge.codes, ...b.judge.codes, ...c.judge.codes], []);
    assert.deepEqual([...b.missing, ...c.missing], []);
    assert.equal(b.gossip.facts().outbound.txs, 0, 'what came by gossip is passed on, not published again');
  });

  it('the proof of a mined transaction follows it', async (t) => {
    const at = setting('mined');
    const [a, b, c] = await line(t, at);
    const pay = at.pay(0);
    await a.submit(at.chain.beef(pay));
    await c.until(has(c, pay.txid));
    at.chain.mine([pay]);
    // B is late with the header: the proof waits for it in the index, and B tells of it then.
    for (const { core } of [a, c]) await core.chain.add(at.chain.headerBytes({ from: 1 }));
    const waits = b.until(() => b.core.store.tx(pay.txid)?.place !== undefined);
    await a.submit(at.chain.beef(pay));
    await turnsUntil(() => b.gossip.facts().inbound.ignored === 1);
    await b.core.chain.add(at.chain.headerBytes({ from: 1 }));
    await waits;
    await c.until(() => c.core.store.tx(pay.txid)?.place !== undefined);
    assert.deepEqual(b.judge.codes, []);
  });

  it('an invalid one is not passed on, and scored where it arrives', async (t) => {
    const at = setting('invalid');
    const [a, b, c] = await line(t, at);
    const good = at.pay(1);
    await a.net.publish(at.topic, encodeBeefs([forged(at.chain.beef(at.pay(0)))]));
    await a.net.publish(at.topic, Buffer.from('nonsense'));
    await a.submit(at.chain.beef(good));
    await c.until(has(c, good.txid));
    assert.deepEqual(
      new Set(b.judge.penalties.map(({ peerId, code }) => `${peerId} ${code}`)),
      new Set([`${a.host.peerId} TX_INVALID`, `${a.host.peerId} GOSSIP_MALFORMED`]),
    );
    assert.deepEqual(c.judge.codes, []);
    assert.equal(c.gossip.facts().inbound.refused, 0);
  });

  it('an undecided one is handed to be fetched, and passed on when it is decided', async (t) => {
    const at = setting('undecided');
    const [a, b, c] = await line(t, at);
    const [first, second] = at.chain.transferChain(at.split.coin(0), [
      at.chain.key('x'),
      at.chain.key('y'),
    ]) as [TestTx, TestTx];
    const bare = at.chain.beef(second, { parents: 'none' });
    const asked = b.nextMissing();
    await a.net.publish(at.topic, encodeBeefs([bare]));
    assert.deepEqual(await asked, {
      peerId: a.host.peerId,
      tokenId: at.tokenId,
      txid: second.txid,
      why: 'parents',
    });
    assert.equal(has(c, second.txid)(), false);
    // What the sync client would bring.
    await b.gossip.quiet().offer(at.chain.beef(first), 'sync');
    const fetched = c.nextMissing();
    assert.equal((await fetched).txid, second.txid, 'C lacks the parent as well');
    await c.gossip.quiet().offer(at.chain.beef(first), 'sync');
    await c.until(has(c, second.txid));
    assert.deepEqual([...b.judge.codes, ...c.judge.codes], []);
  });

  it('one that is too large for a message is announced hop by hop', async (t) => {
    const at = setting('large');
    const [a, b, c] = await line(t, at);
    const ballast = Buffer.alloc(300_000);
    const rawScript = Buffer.concat([Buffer.from('006a4ee0930400', 'hex'), ballast]);
    const large = at.chain.build({
      inputs: [at.split.coin(0)],
      outputs: [
        { lock: p2pkh(at.chain.key('bob')), token: token.transfer(at.tokenId, 1n) },
        { lock: p2pkh(at.chain.key('nobody')), satoshis: 0, rawScript },
      ],
    });
    const beef = at.chain.beef(large);
    const [atB, atC] = [b.nextMissing(), c.nextMissing()];
    await a.submit(beef);
    const missing = await atB;
    assert.deepEqual([missing.peerId, missing.txid, missing.why], [a.host.peerId, large.txid, 'announced']);
    await b.gossip.quiet().offer(beef, 'sync');
    const next = await atC;
    assert.deepEqual([next.peerId, next.txid, next.why], [b.host.peerId, large.txid, 'announced']);
    await c.gossip.quiet().offer(beef, 'sync');
    await c.until(has(c, large.txid));
  });

  it('a bare txid is taken as an announcement', async (t) => {
    const at = setting('foreign');
    const [a, b] = await line(t, at);
    const pay = at.pay(0);
    const asked = b.nextMissing();
    await a.net.publish(at.topic, Buffer.from(pay.txid));
    assert.deepEqual(await asked, {
      peerId: a.host.peerId,
      tokenId: at.tokenId,
      txid: pay.txid,
      why: 'announced',
    });
    const known = b.nextMissing();
    await a.net.publish(at.topic, encodeAnnouncements([{ txid: at.split.txid, size: 1, height: undefined }]));
    const other = at.pay(1);
    await a.net.publish(at.topic, Buffer.from(other.txid));
    assert.equal((await known).txid, other.txid, 'what is here is not asked for');
  });

  it('a topic that is left is silent, and speaks again when it is joined', async (t) => {
    const at = setting('leave');
    const [a, b, c] = await line(t, at);
    c.gossip.setTokens([]);
    await untilSubscribers(b, at.topic, 1);
    const [first, second] = [at.pay(0), at.pay(1)];
    await a.submit(at.chain.beef(first));
    await b.until(has(b, first.txid));
    assert.equal(has(c, first.txid)(), false);
    c.gossip.setTokens([at.tokenId]);
    await untilListening([[b, 2]], at.topic);
    await b.submit(at.chain.beef(second));
    await c.until(has(c, second.txid));
  });
});

/** Lets the event loop turn until it is so: for what no event tells. */
async function turnsUntil(isSo: () => boolean): Promise<void> {
  while (!isSo()) await settled();
}

function untilSubscribers({ net }: HostNode, topic: string, count: number): Promise<void> {
  if (net.subscribers(topic) === count) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = net.onSubscribers(() => {
      if (net.subscribers(topic) !== count) return;
      stop();
      resolve();
    });
  });
}
