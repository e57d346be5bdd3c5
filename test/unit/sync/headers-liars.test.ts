import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { HEADER_BYTES, MAX_HEADERS } from '../../../protocols/headers/constants.ts';
import type { HeadersBody, StatusBody } from '../../../protocols/headers/messages.ts';
import { headerHash } from '../../../src/chain/header.ts';
import { meetsTarget } from '../../../src/chain/target.ts';
import { mineChain, nth, REGTEST_BITS, REGTEST_GENESIS } from '../../support/chain.ts';
import {
  HeadersNet,
  type MemoryHost,
  type NetNode,
  regtestWork,
  scripted,
  send,
  statusOf,
  tipOf,
} from '../../support/headers-net.ts';

const MUCH = 10n ** 12n;
const TRUNK = mineChain(4_500);

async function honest(t: TestContext): Promise<{ net: HeadersNet; node: NetNode; full: NetNode }> {
  const net = new HeadersNet();
  t.after(() => net.stop());
  return { net, full: await net.add(TRUNK), node: await net.add(TRUNK.subarray(0, 100 * HEADER_BYTES)) };
}

function liar(
  net: HeadersNet,
  status: StatusBody,
  answer: (locator: Uint8Array, count: number) => HeadersBody | undefined,
): MemoryHost {
  const host = net.host();
  host.handler = scripted(() => status, answer);
  return host;
}

function headersBody(headers: Uint8Array, tip: HeadersBody['tip']): HeadersBody {
  return { kind: 'headers', tip, headers, isApart: false };
}

/** Connects the liar first, and then an honest peer: the headers must come, and the liar must have its code. */
async function judged(t: TestContext, make: (net: HeadersNet) => MemoryHost): Promise<readonly string[]> {
  const { net, node, full } = await honest(t);
  const host = make(net);
  net.connect(node, host);
  await net.until(() => node.penalties.length > 0, 15_000);
  net.connect(node, full);
  await net.until(() => node.chain.tip().hash === full.chain.tip().hash, 5_000);
  const codes = node.penalties.map((line) => line.replace(`${host.peerId} `, ''));
  // Again only after a while, and not at all while it claims nothing.
  await net.pass(5_000);
  assert.equal(node.penalties.length, codes.length);
  return codes;
}

test('much claimed, little work given', async (t) => {
  const weak = mineChain(3, { on: nth(TRUNK, 94) });
  const tip = tipOf(weak, MUCH, 98);
  assert.deepEqual(await judged(t, (net) => liar(net, statusOf(tip), () => headersBody(weak, tip))), [
    'CLAIM_FALSE 50',
  ]);
});

test('a height that is not that of the block', async (t) => {
  const tip = tipOf(TRUNK.subarray(0, 200 * HEADER_BYTES), MUCH, 1_000_000);
  const rest = TRUNK.subarray(100 * HEADER_BYTES, 200 * HEADER_BYTES);
  assert.deepEqual(await judged(t, (net) => liar(net, statusOf(tip), () => headersBody(rest, tip))), [
    'CLAIM_FALSE 50',
  ]);
});

test('much claimed first, less in the end', async (t) => {
  const some = mineChain(2, { on: nth(TRUNK, 99) });
  const tip = tipOf(some, regtestWork(102), 102);
  const boast = statusOf(tipOf(mineChain(9), MUCH, 5_000));
  assert.deepEqual(await judged(t, (net) => liar(net, boast, () => headersBody(some, tip))), [
    'CLAIM_FALSE 50',
  ]);
});

test('much claimed, nothing given, or less than a page that does not end at the tip', async (t) => {
  const tip = tipOf(mineChain(9), MUCH, 5_000);
  const nothing = (net: HeadersNet) => liar(net, statusOf(tip), () => headersBody(new Uint8Array(0), tip));
  assert.deepEqual(await judged(t, nothing), ['HEADERS_WITHHELD 25']);
  const some = mineChain(7, { on: nth(TRUNK, 99) });
  assert.deepEqual(await judged(t, (net) => liar(net, statusOf(tip), () => headersBody(some, tip))), [
    'HEADERS_WITHHELD 25',
  ]);
});

test('the same headers for ever: known ones, and pages that begin anew', async (t) => {
  const tip = tipOf(mineChain(9), MUCH, 5_000_000);
  const page = TRUNK.subarray(0, MAX_HEADERS * HEADER_BYTES);
  let asked = 0;
  const again = (net: HeadersNet) =>
    liar(net, statusOf(tip), () => {
      asked += 1;
      return headersBody(page, tip);
    });
  assert.deepEqual(await judged(t, again), ['HEADERS_WITHHELD 25']);
  assert.ok(asked < 10, `${asked} pages`);
});

test('headers that nobody asked for', async (t) => {
  const loose = mineChain(3, { on: nth(mineChain(1), 0) });
  const tip = tipOf(loose, MUCH, 103);
  assert.deepEqual(await judged(t, (net) => liar(net, statusOf(tip), () => headersBody(loose, tip))), [
    'HEADERS_UNLINKED 50',
  ]);
  const broken = Buffer.concat([mineChain(2, { on: nth(TRUNK, 99) }), loose]);
  assert.deepEqual(await judged(t, (net) => liar(net, statusOf(tip), () => headersBody(broken, tip))), [
    'HEADERS_UNLINKED 50',
  ]);
});

test('more headers than a message may hold, and answers that are none', async (t) => {
  const tip = tipOf(TRUNK, MUCH);
  const many = TRUNK.subarray(100 * HEADER_BYTES, (101 + MAX_HEADERS) * HEADER_BYTES);
  assert.deepEqual(await judged(t, (net) => liar(net, statusOf(tip), () => headersBody(many, tip))), [
    'TOO_MANY 50',
  ]);
  const status = statusOf(tip);
  const twice = (net: HeadersNet) => liar(net, status, () => status as unknown as HeadersBody);
  assert.deepEqual(await judged(t, twice), ['MESSAGE_UNEXPECTED 25']);
});

test('headers without work, or with another difficulty', async (t) => {
  const good = mineChain(1, { on: nth(TRUNK, 99) });
  const unworked = mineChain(1, { on: good });
  // On regtest every other nonce is a proof of work.
  while (meetsTarget(headerHash(unworked), REGTEST_BITS))
    unworked.writeUInt32LE(unworked.readUInt32LE(76) + 1, 76);
  for (const bad of [unworked, mineChain(1, { on: good, bits: 0x2000ffff })]) {
    const headers = Buffer.concat([good, bad]);
    const tip = tipOf(headers, MUCH, 102);
    assert.deepEqual(await judged(t, (net) => liar(net, statusOf(tip), () => headersBody(headers, tip))), [
      'HEADERS_INVALID 100',
    ]);
  }
});

test('endless weak headers end at what is kept of side branches', async (t) => {
  const net = new HeadersNet();
  t.after(() => net.stop());
  const full = await net.add(TRUNK);
  const node = await net.add(TRUNK, { sideHeaders: 1_000 });
  const weak = mineChain(4_000, { on: REGTEST_GENESIS });
  const tip = tipOf(mineChain(9), MUCH, 5_000_000);
  let given = 0;
  const host = liar(net, statusOf(tip), () => {
    const page = weak.subarray(given * HEADER_BYTES, (given + MAX_HEADERS) * HEADER_BYTES);
    given += MAX_HEADERS;
    return headersBody(page, tip);
  });
  net.connect(node, host);
  await net.until(() => node.penalties.length > 0);
  assert.deepEqual(node.penalties, [`${host.peerId} HEADERS_OTHER_CHAIN 10`]);
  assert.ok(node.chain.sideCount() <= 1_000);
  assert.equal(node.chain.tip().hash, full.chain.tip().hash);
});

test('a silent peer is not waited for, whether it says nothing at all or stops in the middle', async (t) => {
  for (const says of ['nothing', 'status', 'page'] as const) {
    const { net, node, full } = await honest(t);
    const tip = tipOf(mineChain(9), MUCH, 5_000_000);
    let pages = 0;
    const host = liar(net, statusOf(tip), () => {
      const page = TRUNK.subarray(100 * HEADER_BYTES, (100 + MAX_HEADERS) * HEADER_BYTES);
      return says === 'page' && pages++ === 0 ? headersBody(page, tip) : undefined;
    });
    if (says === 'nothing') host.handler = () => new Promise(() => undefined);
    net.connect(node, host);
    if (says === 'page') await net.until(() => node.chain.tip().height === 2_100);
    net.connect(node, full);
    await net.until(() => node.chain.tip().hash === full.chain.tip().hash, 2_500);
    await net.until(() => node.penalties.length > 0, 11_000);
    assert.deepEqual([...new Set(node.penalties)], [`${host.peerId} SILENT 5`], says);
    net.disconnect(node, host);
  }
});

test('a slow peer loses its place as soon as another one is there, and keeps it while there is none', async (t) => {
  const { net, node, full } = await honest(t);
  const host = net.host();
  const tip = tipOf(TRUNK, MUCH);
  let at = 100;
  host.handler = async (stream) => {
    const never = new AbortController().signal;
    await stream.read(never);
    await send(stream, statusOf(tip));
    for (;;) {
      await stream.read(never);
      await new Promise<void>((resolve) => void net.clock.after(3_000, resolve));
      await send(
        stream,
        headersBody(TRUNK.subarray(at * HEADER_BYTES, (at + MAX_HEADERS) * HEADER_BYTES), tip),
      );
      at += MAX_HEADERS;
    }
  };
  net.connect(node, host);
  await net.until(() => node.chain.tip().height === 2_100, 4_000);
  assert.deepEqual(node.penalties, []);
  net.connect(node, full);
  await net.until(() => node.chain.tip().height === 4_500, 2_500);
  await net.until(() => node.sync.facts().rounds === 0, 4_000);
  for (const line of node.penalties) assert.equal(line, `${host.peerId} SLOW 2`);
  net.disconnect(node, host);
  net.faults.length = 0;
});

test('ten silent peers with the best claims cost a newcomer seconds, not minutes', async (t) => {
  const { net, node, full } = await honest(t);
  for (let i = 0; i < 10; i++) {
    net.connect(
      node,
      liar(net, statusOf(tipOf(mineChain(9), MUCH + BigInt(i), 5_000)), () => undefined),
    );
  }
  net.connect(node, full);
  await net.until(() => node.chain.tip().hash === full.chain.tip().hash, 30_000);
  assert.ok(node.sync.facts().rounds <= 4);
});

test('what a liar claims is not shown once it has failed', async (t) => {
  const { net, node, full } = await honest(t);
  const tip = tipOf(mineChain(9), MUCH, 2_000_000_000);
  const host = liar(net, statusOf(tip), () => headersBody(new Uint8Array(0), tip));
  net.connect(node, host);
  net.connect(node, full);
  await net.until(() => node.penalties.length > 0);
  await net.until(() => node.chain.tip().height === 4_500);
  await net.pass(100);
  assert.equal(node.sync.source.state().remoteHeight, 4_500);
});
