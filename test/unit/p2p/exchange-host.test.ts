import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { PROTOCOL_IDS } from '../../../protocols/peer-exchange/constants.ts';
import type { Log } from '../../../src/observe/log.ts';
import { AddressBook } from '../../../src/p2p/address-book.ts';
import { PeerExchange } from '../../../src/p2p/exchange.ts';
import type { Libp2pHost } from '../../../src/p2p/host.ts';
import { HOST_CLOCK } from '../../../src/p2p/host-clock.ts';
import type { FrameStream } from '../../../src/p2p/types.ts';
import { TestJudge } from '../../support/exchange-net.ts';
import { makeHost, targetOf } from '../../support/p2p.ts';

const SILENT: Log = { event() {}, debug() {}, with: () => SILENT };
const STREAMS = { maxFrameBytes: 1 << 20, maxInboundStreams: 8, maxOutboundStreams: 8 };

interface Node {
  readonly host: Libp2pHost;
  readonly book: AddressBook;
  readonly exchange: PeerExchange;
  readonly judge: TestJudge;
}

async function makeNode(t: TestContext): Promise<Node> {
  const host = await makeHost(t);
  const book = new AddressBook({ clock: HOST_CLOCK, self: host.peerId });
  const judge = new TestJudge();
  const exchange = new PeerExchange(
    { intervalMs: 30_000, privateAddresses: 'auto' },
    { host, book, judge, clock: HOST_CLOCK, random: Math.random, log: SILENT },
  );
  await exchange.start();
  t.after(() => exchange.stop());
  return { host, book, exchange, judge };
}

/** Resolves when the exchange that this dial sets off is done; milliseconds from the first SYN. */
async function contact(from: Node, to: Node): Promise<number> {
  const began = performance.now();
  const done = new Promise<void>((resolve) => {
    const end = from.exchange.onExchanged((peerId) => {
      if (peerId !== to.host.peerId) return;
      end();
      resolve();
    });
  });
  await from.host.dial(targetOf(to.host), AbortSignal.timeout(5_000));
  await done;
  return performance.now() - began;
}

test('real hosts: a newcomer knows the others as soon as the exchange of its first contact is done', {
  timeout: 30_000,
}, async (t) => {
  const nodes = await Promise.all(Array.from({ length: 6 }, () => makeNode(t)));
  const [hub, ...rest] = nodes as [Node, ...Node[]];
  const times: number[] = [];
  for (const node of rest) times.push(await contact(node, hub));
  const last = rest.at(-1)!;
  assert.deepEqual(
    new Set(last.book.peers().map(({ peerId }) => peerId)),
    new Set(nodes.filter((node) => node !== last).map(({ host }) => host.peerId)),
  );
  assert.ok(last.book.peers().every(({ isSigned }) => isSigned));
  assert.deepEqual(
    nodes.flatMap(({ judge }) => judge.codes),
    [],
  );
  console.log(`# first contact to exchange done: ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`);
});

test('real hosts: each of the three names leads to the handler', { timeout: 30_000 }, async (t) => {
  const node = await makeNode(t);
  const client = await makeHost(t);
  await client.dial(targetOf(node.host), AbortSignal.timeout(5_000));
  const listed = client.peer(node.host.peerId)?.identified?.protocols ?? [];
  for (const id of PROTOCOL_IDS) {
    assert.ok(listed.includes(id), id);
    const stream = await client.openStream(node.host.peerId, [id], STREAMS, AbortSignal.timeout(5_000));
    assert.equal(stream.protocol, id);
    // An empty request: answered with what there is, that is nobody but us two.
    await stream.write(Buffer.from('1a00', 'hex'), AbortSignal.timeout(5_000));
    const answer = await stream.read(AbortSignal.timeout(5_000));
    assert.ok(answer.length > 0 && answer.length < 64);
    await stream.close(AbortSignal.timeout(5_000));
  }
});

test('real hosts: a frame above the limit, garbage and a truncated one are reset and scored, then a good request works', {
  timeout: 30_000,
}, async (t) => {
  const node = await makeNode(t);
  const client = await makeHost(t);
  await client.dial(targetOf(node.host), AbortSignal.timeout(5_000));
  const send = async (bytes: Uint8Array): Promise<FrameStream> => {
    const stream = await client.openStream(
      node.host.peerId,
      PROTOCOL_IDS,
      STREAMS,
      AbortSignal.timeout(5_000),
    );
    await stream.write(bytes, AbortSignal.timeout(5_000));
    return stream;
  };
  // So lenient a judge never hangs up.
  node.judge.points.set(client.peerId, -1_000);
  for (const bytes of [new Uint8Array(65_537), Uint8Array.of(0xff, 0xff), Uint8Array.of(0x1a, 0x05, 0x0a)]) {
    const stream = await send(bytes);
    await assert.rejects(stream.read(AbortSignal.timeout(5_000)), { code: 'STREAM_RESET' });
  }
  assert.deepEqual(node.judge.codes, ['FRAME_TOO_LARGE', 'FRAME_MALFORMED', 'FRAME_MALFORMED']);
  const good = await send(Buffer.from('1a00', 'hex'));
  assert.ok((await good.read(AbortSignal.timeout(5_000))).length > 0);
  assert.equal(node.exchange.stats().serving, 0);
});
