import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { HEADER_BYTES } from '../../../protocols/headers/constants.ts';
import { mineChain, nth, sharedFile } from '../../support/chain.ts';
import {
  HeadersNet,
  type NetNode,
  regtestWork,
  scripted,
  statusOf,
  tipOf,
} from '../../support/headers-net.ts';

function netOf(t: TestContext): HeadersNet {
  const net = new HeadersNet();
  t.after(() => net.stop());
  return net;
}

function isEqual(a: NetNode, b: NetNode): boolean {
  return a.chain.tip().hash === b.chain.tip().hash;
}

function firstOf(headers: Uint8Array, count: number): Uint8Array {
  return headers.subarray(0, count * HEADER_BYTES);
}

test('a new daemon takes the whole chain from a peer', async (t) => {
  const net = netOf(t);
  const full = await net.add(mineChain(9_001));
  const fresh = await net.add();
  net.connect(fresh, full);
  await net.until(() => fresh.chain.tip().height >= 2_000);
  assert.ok(fresh.sync.isTakingFor(full.host.peerId));
  assert.ok(!full.sync.isTakingFor(fresh.host.peerId));
  await net.until(() => isEqual(fresh, full));
  await net.until(() => fresh.sync.facts().rounds === 0);
  assert.ok(!fresh.sync.isTakingFor(full.host.peerId));
  assert.deepEqual(fresh.penalties, []);
  assert.equal(full.sync.facts().headersGiven, 9_001);
  const { source, running, remoteHeight, behind, headersAdded, failuresInARow } = fresh.sync.source.state();
  assert.deepEqual(
    { source, running, remoteHeight, behind, headersAdded, failuresInARow },
    {
      source: 'peers',
      running: true,
      remoteHeight: 9_001,
      behind: 0,
      headersAdded: 9_001,
      failuresInARow: 0,
    },
  );
});

test('a block, and a reorganisation, reach a peer of a peer at once', async (t) => {
  const net = netOf(t);
  const trunk = mineChain(30);
  const [a, b, c] = [await net.add(trunk), await net.add(trunk), await net.add(trunk)];
  net.connect(a, b);
  net.connect(b, c);
  await net.pass(1_000);
  await a.chain.add(mineChain(1, { on: nth(trunk, -1) }));
  await net.until(() => isEqual(a, c), 200);
  await net.pass(1_000);
  const undone: unknown[] = [];
  c.chain.onChange((update) => undone.push(update.undone));
  await a.chain.add(mineChain(12, { on: nth(trunk, 19) }));
  assert.equal(a.chain.tip().height, 32);
  await net.until(() => isEqual(a, c), 200);
  assert.deepEqual(undone, [{ from: 21, to: 31 }]);
});

test('a reorganisation is taken in one exchange, however deep', async (t) => {
  const net = netOf(t);
  const trunk = mineChain(6_000);
  for (const depth of [1, 9, 100, 5_000]) {
    const fork = mineChain(depth + 1, { on: nth(trunk, 6_000 - depth - 1) });
    const a = await net.add(trunk);
    const b = await net.add(Buffer.concat([firstOf(trunk, 6_000 - depth), fork]));
    const before = net.streams;
    net.connect(a, b);
    await net.until(() => isEqual(a, b), 100);
    await net.until(() => a.host.openStreams + b.host.openStreams === 0, 100);
    // A greeting each way and the taking.
    assert.equal(net.streams - before, 3, `depth ${depth}`);
    assert.deepEqual([...a.penalties, ...b.penalties], []);
  }
});

test('the best tip comes first, and only what is missing comes', async (t) => {
  const net = netOf(t);
  const chain = mineChain(5_000);
  const sizes = [1_000, 5_000, 3_000];
  const full = await Promise.all(sizes.map((size) => net.add(firstOf(chain, size))));
  const fresh = await net.add();
  await fresh.sync.source.stop();
  for (const node of full) net.connect(fresh, node);
  await net.until(() => full.every((node) => node.sync.facts().serving === 0), 1_000);
  fresh.sync.source.start();
  await net.until(() => isEqual(fresh, full[1] as NetNode));
  const given = full.map((node) => node.sync.facts().headersGiven);
  assert.deepEqual([given[0], given[2]], [0, 0]);
});

test('while taking is off headers are given, and heard of; on, they are taken at once', async (t) => {
  const net = netOf(t);
  const trunk = mineChain(10);
  const [a, b] = [await net.add(trunk), await net.add(firstOf(trunk, 5))];
  await b.sync.source.stop();
  net.connect(a, b);
  await net.pass(120_000, 1_000);
  assert.equal(b.chain.tip().height, 5);
  assert.deepEqual([b.sync.source.state().remoteHeight, b.sync.source.state().behind], [10, 5]);
  assert.equal(b.sync.source.state().running, false);
  await b.chain.add(firstOf(trunk, 10));
  await b.chain.add(mineChain(2, { on: nth(trunk, -1) }));
  await net.until(() => isEqual(a, b), 2_000);
  await a.chain.add(mineChain(3, { on: nth(trunk, -1) }));
  await net.pass(2_000);
  assert.equal(isEqual(a, b), false);
  b.sync.source.start();
  await net.until(() => isEqual(a, b), 0);
});

test('in agreement next to nothing is said', async (t) => {
  const net = netOf(t);
  const trunk = mineChain(10);
  const [a, b] = [await net.add(trunk), await net.add(trunk)];
  net.connect(a, b);
  await net.pass(2_000);
  const before = net.bytes;
  await net.pass(3_600_000, 10_000);
  const perSecond = (net.bytes - before) / 3_600;
  assert.ok(perSecond < 20, `${perSecond} bytes/s`);
  t.diagnostic(`${perSecond.toFixed(2)} bytes/s`);
});

test('a lost announcement is made up for', async (t) => {
  const net = netOf(t);
  const trunk = mineChain(10);
  const [a, b] = [await net.add(trunk), await net.add(trunk)];
  net.connect(a, b);
  await net.pass(2_000);
  a.host.onOpen = (near) => near.abort('LOST');
  await a.chain.add(mineChain(1, { on: nth(trunk, -1) }));
  await net.pass(5_000);
  assert.equal(isEqual(a, b), false);
  a.host.onOpen = () => undefined;
  await net.until(() => isEqual(a, b), 60_000);
});

test('many changes are few announcements', async (t) => {
  const net = netOf(t);
  const trunk = mineChain(10);
  const [a, b] = [await net.add(trunk), await net.add(trunk)];
  net.connect(a, b);
  await net.pass(2_000);
  const before = net.streams;
  const more = mineChain(200, { on: nth(trunk, -1) });
  for (let i = 0; i < 200; i++) {
    await a.chain.add(nth(more, i));
    await net.clock.advance(10);
  }
  await net.until(() => isEqual(a, b), 2_000);
  assert.ok(net.streams - before <= 10, `${net.streams - before} streams`);
});

test('poke asks and takes at once; in a row it asks once', async (t) => {
  const net = netOf(t);
  const trunk = mineChain(10);
  const [a, b] = [await net.add(trunk), await net.add(trunk)];
  net.connect(a, b);
  await net.pass(2_000);
  a.host.onOpen = (near) => near.abort('LOST');
  await a.chain.add(mineChain(1, { on: nth(trunk, -1) }));
  const before = net.streams;
  const poked = Promise.all([b.sync.poke(a.peerId), b.sync.poke(a.peerId), b.sync.poke('nobody')]);
  await net.until(() => isEqual(a, b), 100);
  await poked;
  await b.sync.poke();
  assert.equal(net.streams - before, 2);
  a.host.onOpen = () => undefined;
});

test('a chain that begins at a checkpoint and a whole one meet where both have heights', async (t) => {
  const net = netOf(t);
  const trunk = mineChain(400);
  const whole = await net.add(firstOf(trunk, 300));
  const { hash } = whole.chain.header(100)!;
  const checkpoint = { height: 100, hash, chainWork: regtestWork(100) };
  const upper = await net.add(undefined, { checkpoint });
  assert.equal(upper.chain.baseHeight(), 101);
  net.connect(upper, whole);
  await net.until(() => isEqual(upper, whole));
  await upper.chain.add(trunk.subarray(300 * HEADER_BYTES));
  await net.until(() => isEqual(upper, whole));
  assert.equal(whole.chain.tip().height, 400);
  // Who is below has nothing to ask, and is not blamed.
  const low = await net.add(firstOf(trunk, 50));
  net.connect(low, upper);
  await net.pass(60_000, 1_000);
  assert.equal(low.chain.tip().height, 50);
  assert.deepEqual([...low.penalties, ...upper.penalties, ...whole.penalties], []);
  assert.equal(low.sync.source.state().behind, 350);
  net.connect(low, whole);
  await net.until(() => isEqual(low, whole));
});

test('a new daemon prefers who has block 0, and else begins at a built-in checkpoint', async (t) => {
  const bytes = sharedFile('vectors', 'headers', 'mainnet-900000-916817.bin');
  if (bytes === undefined) return t.skip('no shared vectors');
  const net = netOf(t);
  const upper = await net.add(firstOf(bytes, 3_000), { network: 'main' });
  const fresh = await net.add(undefined, { network: 'main' });
  net.connect(fresh, upper);
  await net.pass(4_000);
  assert.equal(fresh.chain.isStarted(), false);
  await net.until(() => isEqual(fresh, upper), 2_000);
  assert.equal(fresh.chain.baseHeight(), 900_000);
});

test('another network is left alone', async (t) => {
  const net = netOf(t);
  const regtest = await net.add(mineChain(5));
  const main = await net.add(undefined, { network: 'main' });
  net.connect(regtest, main);
  await net.pass(120_000, 1_000);
  assert.deepEqual([...regtest.penalties, ...main.penalties], []);
  assert.equal(main.sync.source.state().remoteHeight, undefined);
  assert.ok(net.streams <= 2, `${net.streams}`);
});

test("a stop in the middle leaves nothing; a disk that fails is nobody's fault", async () => {
  const net = new HeadersNet();
  const full = await net.add(mineChain(9_000));
  const [fresh, failing] = [await net.add(), await net.add()];
  net.connect(fresh, full);
  await net.until(() => fresh.chain.tip().height >= 2_000);
  await net.stop();
  assert.ok(fresh.chain.tip().height < 9_000);
  const again = new HeadersNet();
  const giver = await again.addWith(full.chain, full.disk);
  const taker = await again.addWith(failing.chain, failing.disk);
  failing.disk.failNext = new Error('no space');
  again.connect(taker, giver);
  await again.until(() => taker.errors.length > 0);
  assert.equal(taker.sync.source.state().lastErrorCode, 'DISK_FAILED');
  assert.deepEqual(taker.penalties, []);
  taker.errors.length = 0;
  await again.until(() => isEqual(taker, giver), 20_000);
  assert.equal(taker.sync.source.state().lastErrorCode, undefined);
  await again.stop();
});

test('a peer that leaves is forgotten, and one that comes back is asked again', async (t) => {
  const net = netOf(t);
  const trunk = mineChain(4_000);
  const [full, fresh] = [await net.add(trunk), await net.add()];
  for (let step = 0; step < 3; step++) {
    net.connect(fresh, full);
    await net.until(() => fresh.chain.tip().height >= step * 500);
    net.disconnect(fresh, full);
    assert.equal(fresh.sync.facts().peers, 0);
  }
  net.connect(fresh, full);
  await net.until(() => isEqual(fresh, full), 10_000);
  // One that claims much and has left is asked no more.
  const gone = net.host();
  gone.handler = scripted(
    () => statusOf(tipOf(mineChain(9), 10n ** 9n)),
    () => undefined,
  );
  net.connect(fresh, gone);
  await net.until(() => fresh.sync.facts().rounds === 1);
  net.disconnect(fresh, gone);
  await net.until(() => fresh.sync.facts().rounds === 0, 100);
  assert.deepEqual(fresh.penalties, []);
});
