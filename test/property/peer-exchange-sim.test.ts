import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeNet, type SimNode } from '../support/exchange-net.ts';

const IS_LONG = process.env['BTCFED_TEST_LONG'] === '1';
const INTERVAL_MS = 30_000;

async function started(count: number, seed = 1): Promise<ExchangeNet> {
  const net = new ExchangeNet({ seed, intervalMs: INTERVAL_MS });
  const first = await net.add();
  for (let i = 1; i < count; i++) await net.add([first]);
  return net;
}

for (const count of [5, 20, 64]) {
  test(`${count} nodes that were given one: all know all after 3 intervals`, async () => {
    const net = await started(count);
    await net.clock.advance(3 * INTERVAL_MS);
    const { mean, least } = net.known();
    console.log(`# ${count} nodes: known ${(100 * mean).toFixed(2)} % (least ${(100 * least).toFixed(2)} %)`);
    assert.equal(least, 1);
    assert.ok(net.nodes.every((node) => node.judge.codes.length === 0));
    await net.stop();
    assert.equal(net.clock.pending, 0);
  });
}

test('512 nodes that were given one: 95 % known after 3 intervals', async () => {
  const seeds = IS_LONG ? [1, 2, 3] : [1];
  for (const seed of seeds) {
    const net = await started(512, seed);
    await net.clock.advance(3 * INTERVAL_MS);
    const { mean, least } = net.known();
    const kib = Math.round(net.bytes / 1_024 / 512);
    console.log(
      `# 512 nodes, seed ${seed}: known ${(100 * mean).toFixed(2)} % (least ${(100 * least).toFixed(2)} %),` +
        ` ${net.frames} frames, ${kib} KiB a node`,
    );
    assert.ok(mean >= 0.95, `${mean}`);
    assert.ok(net.nodes.every((node) => node.judge.codes.length === 0));
    await net.stop();
  }
});

test('a join costs messages in proportion to the nodes, and reaches all of them', async () => {
  const perNode: number[] = [];
  const sizes = IS_LONG ? [32, 64, 128, 256, 512] : [32, 64, 128];
  for (const count of sizes) {
    const net = await started(count);
    await net.clock.advance(8 * INTERVAL_MS);
    const before = { frames: net.frames, bytes: net.bytes };
    await net.clock.advance(10_000);
    const idle = { frames: net.frames - before.frames, bytes: net.bytes - before.bytes };
    const joined = await net.add([net.nodes[3]!]);
    await net.clock.advance(10_000);
    const frames = net.frames - before.frames - 2 * idle.frames;
    const bytes = net.bytes - before.bytes - 2 * idle.bytes;
    console.log(
      `# join of ${count} nodes: ${frames} messages, ${bytes} bytes; idle 10 s: ${idle.frames} messages`,
    );
    perNode.push(frames / count);
    await net.clock.advance(INTERVAL_MS - 5_000);
    assert.ok(net.nodes.every((node) => node.book.isKnown(joined.key.peerId) || node === joined));
    await net.stop();
  }
  for (const each of perNode) assert.ok(each <= 12, `${perNode.join(', ')} messages a node`);
  // Eight times the nodes must not mean more for each of them.
  assert.ok(perNode.at(-1)! <= 1.5 * perNode[0]!, `${perNode.join(', ')} messages a node`);
});

test('a full mesh of 50 nodes: a join costs O(n) messages in 10 s', async () => {
  const net = new ExchangeNet({ intervalMs: INTERVAL_MS, dials: 49 });
  const first = await net.add();
  for (let i = 1; i < 50; i++) await net.add([first]);
  await net.clock.advance(8 * INTERVAL_MS);
  const links = net.nodes.reduce((sum, node) => sum + node.links.size, 0);
  assert.equal(links, 50 * 49);
  const before = net.frames;
  await net.add([first]);
  await net.clock.advance(10_000);
  console.log(`# join of a full mesh of 50: ${net.frames - before} messages in 10 s`);
  assert.ok(net.frames - before <= 20 * 50, `${net.frames - before}`);
  await net.stop();
});

test('unchanged books: at most one small frame per peer and interval', async () => {
  const net = await started(20);
  await net.clock.advance(6 * INTERVAL_MS);
  const before = { frames: net.frames, bytes: net.bytes };
  const pairs = net.nodes.reduce((sum, node) => sum + node.links.size, 0) / 2;
  await net.clock.advance(10 * INTERVAL_MS);
  const frames = (net.frames - before.frames) / 10;
  const bytes = (net.bytes - before.bytes) / (net.frames - before.frames);
  console.log(
    `# unchanged: ${frames.toFixed(1)} frames an interval over ${pairs} connections, ${bytes.toFixed(0)} bytes each`,
  );
  assert.ok(frames <= 2 * pairs);
  assert.ok(bytes <= 128);
  await net.stop();
});

test('10 nodes split 5 and 5 for 60 s, with changes on both sides, agree within 3 intervals of healing', async () => {
  const net = new ExchangeNet({ intervalMs: INTERVAL_MS, dials: 4 });
  const first = await net.add();
  for (let i = 1; i < 10; i++) await net.add([first]);
  await net.clock.advance(4 * INTERVAL_MS);
  const left = new Set<SimNode>(net.nodes.slice(0, 5));
  net.canReach = (a, b) => left.has(a) === left.has(b);
  for (const a of left) for (const b of net.nodes) if (!left.has(b)) net.disconnect(a, b);
  await net.clock.advance(20_000);
  left.add(await net.add([net.nodes[1]!]));
  await net.add([net.nodes[7]!]);
  await net.clock.advance(40_000);
  assert.ok(net.known().least < 1);
  net.canReach = () => true;
  // Somebody has to reach over; the keeper dials operator peers for ever.
  net.connect(net.nodes[8]!, net.nodes[0]!);
  await net.clock.advance(3 * INTERVAL_MS);
  assert.equal(net.known().least, 1);
  const digests = new Set(net.nodes.map((node) => Buffer.from(node.digest()).toString('hex')));
  assert.equal(digests.size, 1);
  await net.stop();
});

test('two books that will never be equal stop costing answers', async () => {
  const net = new ExchangeNet({ intervalMs: INTERVAL_MS, dials: 0, privateAddresses: 'no' });
  const [a, b] = [await net.add(), await net.add()];
  const odd = await net.add();
  odd.record = await odd.key.sign(['/ip4/10.0.0.1/tcp/1', '/ip4/8.8.8.8/tcp/1'], 5n);
  net.connect(odd, a);
  await net.clock.advance(1_000);
  assert.ok(a.book.isKnown(odd.key.peerId));
  net.disconnect(odd, a);
  // b has been told by its operator to forget that peer.
  b.book.setOperator([odd.fileEntry()]);
  b.book.setOperator([]);
  net.connect(a, b);
  await net.clock.advance(3 * INTERVAL_MS);
  const before = net.kinds['response'];
  await net.clock.advance(10 * INTERVAL_MS);
  assert.equal(b.book.isKnown(odd.key.peerId), false);
  assert.ok(before !== undefined && before > 0);
  assert.equal(net.kinds['response'], before);
  await net.stop();
});
