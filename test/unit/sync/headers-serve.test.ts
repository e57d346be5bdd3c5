import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { encodeMessage } from '../../../protocols/headers/codec.ts';
import * as c from '../../../protocols/headers/constants.ts';
import type { HeadersBody, MessageBody } from '../../../protocols/headers/messages.ts';
import { internalBytes } from '../../../src/chain/header.ts';
import { hashOf, mineChain, nth, REGTEST_GENESIS_HASH, rootOf } from '../../support/chain.ts';
import type { MemoryStream } from '../../support/frame-pair.ts';
import {
  chainTip,
  HeadersNet,
  type MemoryHost,
  type NetNode,
  receive,
  send,
  statusOf,
} from '../../support/headers-net.ts';
import { plain } from '../../support/headers-vectors.ts';

const TRUNK = mineChain(3_000);

interface Asker {
  readonly net: HeadersNet;
  readonly node: NetNode;
  readonly host: MemoryHost;
  /** A stream that has exchanged statuses. */
  greeted(): Promise<MemoryStream>;
}

async function asker(t: TestContext): Promise<Asker> {
  const net = new HeadersNet();
  t.after(() => net.stop());
  const node = await net.add(TRUNK);
  const host = net.host();
  host.handler = async () => undefined;
  net.connect(node, host);
  await net.pass(100);
  const greeted = async (): Promise<MemoryStream> => {
    const stream = await host.openStream(node.peerId);
    await send(stream, statusOf(chainTip(node.chain)));
    const { kind } = await receive(stream);
    assert.equal(kind, 'status');
    return stream;
  };
  return { net, node, host, greeted };
}

async function ask(stream: MemoryStream, locator: readonly string[], count = 2_000): Promise<HeadersBody> {
  await send(stream, { kind: 'getHeaders', locator: Buffer.concat(locator.map(internalBytes)), count });
  const body = await receive(stream);
  assert.equal(body.kind, 'headers');
  return body as HeadersBody;
}

test('a status is answered with ours, a question with what follows the locator', async (t) => {
  const { node, host } = await asker(t);
  const stream = await host.openStream(node.peerId);
  await send(stream, statusOf(chainTip(node.chain)));
  assert.deepEqual(plain(await receive(stream)), plain(statusOf(chainTip(node.chain))));
  const some = await ask(stream, [rootOf('unknown'), hashOf(nth(TRUNK, 99)), REGTEST_GENESIS_HASH], 3);
  assert.deepEqual(Buffer.from(some.headers), TRUNK.subarray(100 * 80, 103 * 80));
  assert.deepEqual(plain(some.tip), plain(chainTip(node.chain)));
  const full = await ask(stream, [REGTEST_GENESIS_HASH]);
  assert.equal(full.headers.length, 2_000 * 80);
  const atTip = await ask(stream, [node.chain.tip().hash]);
  assert.deepEqual([atTip.headers.length, atTip.isApart], [0, false]);
  const apart = await ask(stream, [rootOf('unknown')]);
  assert.deepEqual([apart.headers.length, apart.isApart], [0, true]);
  const all = await ask(stream, [], 1);
  assert.equal(hashOf(all.headers), REGTEST_GENESIS_HASH);
  await stream.close(AbortSignal.timeout(100));
  assert.deepEqual(node.penalties, []);
  assert.equal(node.sync.facts().headersGiven, 2_004);
});

test('what is below the base is refused politely, what is above it is given', async (t) => {
  const { net, node } = await asker(t);
  const { hash } = node.chain.header(1_000)!;
  const checkpoint = { height: 1_000, hash, chainWork: 2n * 1_001n };
  const upper = await net.add(TRUNK.subarray(1_000 * 80), { checkpoint });
  const host = net.host();
  host.handler = async () => undefined;
  net.connect(upper, host);
  const stream = await host.openStream(upper.peerId);
  await send(stream, statusOf(chainTip(node.chain)));
  assert.deepEqual(plain(await receive(stream)), plain(statusOf(chainTip(upper.chain), 1_001)));
  assert.equal((await ask(stream, [hashOf(nth(TRUNK, 10)), REGTEST_GENESIS_HASH])).isApart, true);
  const above = await ask(stream, [hash], 2);
  assert.deepEqual(Buffer.from(above.headers), TRUNK.subarray(1_000 * 80, 1_002 * 80));
  await stream.close(AbortSignal.timeout(100));
  assert.deepEqual(upper.penalties, []);
});

test('what may not come here has its code', async (t) => {
  const { net, node, host, greeted } = await asker(t);
  const question: MessageBody = { kind: 'getHeaders', locator: new Uint8Array(0), count: 1 };
  const status = statusOf(chainTip(node.chain));
  const tooMany = Buffer.from(encodeMessage({ ...question, count: c.MAX_HEADERS + 1 }));
  const cases: readonly (readonly [string, readonly Uint8Array[]])[] = [
    ['MESSAGE_UNEXPECTED 25', [encodeMessage(question)]],
    ['MESSAGE_UNEXPECTED 25', [encodeMessage(status), encodeMessage(status)]],
    ['FRAME_EMPTY 25', [new Uint8Array(0)]],
    ['FRAME_MALFORMED 25', [Buffer.from('1205', 'hex')]],
    ['TOO_MANY 50', [encodeMessage(status), tooMany]],
  ];
  for (const [code, frames] of cases) {
    node.penalties.length = 0;
    const stream = await host.openStream(node.peerId);
    for (const frame of frames) await stream.write(frame, AbortSignal.timeout(100));
    await net.until(() => node.penalties.length > 0, 100);
    assert.deepEqual(node.penalties, [`${host.peerId} ${code}`]);
  }
  node.penalties.length = 0;
  // Of a later version, and politely gone: nothing is wrong with that.
  const later = await greeted();
  await later.write(Buffer.from('a20600', 'hex'), AbortSignal.timeout(100));
  assert.equal((await ask(later, [], 1)).headers.length, 80);
  await later.close(AbortSignal.timeout(100));
  const silent = await host.openStream(node.peerId);
  await net.pass(c.STATUS_TIMEOUT_MS + 100);
  assert.deepEqual(node.penalties, [`${host.peerId} SILENT 5`]);
  await assert.rejects(receive(silent), { code: 'STREAM_RESET' });
});

test('a stream without questions ends, which is no fault', async (t) => {
  const { net, node, greeted } = await asker(t);
  await greeted();
  assert.equal(node.sync.facts().serving, 1);
  await net.pass(c.QUESTION_TIMEOUT_MS + 100);
  assert.equal(node.sync.facts().serving, 0);
  assert.deepEqual(node.penalties, []);
});

test('who asks for more than his budget waits for it; a reconnect brings no new one', async (t) => {
  const { net, node, host, greeted } = await asker(t);
  const stream = await greeted();
  const pages = Math.ceil(c.SERVE_BURST / (c.MAX_HEADERS + c.QUESTION_COST));
  for (let i = 0; i < pages - 1; i++) await ask(stream, [REGTEST_GENESIS_HASH]);
  net.disconnect(node, host);
  net.connect(node, host);
  const again = await host.openStream(node.peerId);
  await send(again, statusOf(chainTip(node.chain)));
  await receive(again);
  const start = net.clock.monotonicMs();
  let done = 0;
  const asking = (async () => {
    for (let i = 0; i < 10; i++, done++) await ask(again, [REGTEST_GENESIS_HASH]);
  })();
  await net.until(() => done === 10, 10_000);
  await asking;
  const ms = net.clock.monotonicMs() - start;
  assert.ok(ms > 1_500 && ms < 3_500, `${ms} ms for ten pages`);
  assert.deepEqual(node.penalties, []);
});

test('no more streams than a limit, and a peer that left is no peer', async (t) => {
  const { net, node, host } = await asker(t);
  const streams: MemoryStream[] = [];
  for (let i = 0; i < c.MAX_SERVED_STREAMS + 1; i++) streams.push(await host.openStream(node.peerId));
  assert.equal(node.sync.facts().serving, c.MAX_SERVED_STREAMS);
  await assert.rejects(receive(streams.at(-1)!), { code: 'STREAM_RESET' });
  net.disconnect(node, host);
  await net.until(() => node.sync.facts().serving === 0, 100);
  assert.equal(node.sync.facts().peers, 0);
});
