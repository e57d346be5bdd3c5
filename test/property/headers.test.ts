import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeMessage, encodeMessage } from '../../protocols/headers/codec.ts';
import {
  HEADER_BYTES,
  MAX_HEADERS,
  MAX_HEIGHT,
  MAX_LOCATOR_HASHES,
} from '../../protocols/headers/constants.ts';
import { HeadersError } from '../../protocols/headers/errors.ts';
import type { MessageBody, Tip } from '../../protocols/headers/messages.ts';
import { mineChain, nth } from '../support/chain.ts';
import { settled } from '../support/fake-clock.ts';
import { HeadersNet, type NetNode } from '../support/headers-net.ts';
import { plain } from '../support/headers-vectors.ts';

const IS_LONG = process.env['BTCFED_TEST_LONG'] === '1';
/** Each target runs for so long. */
const FUZZ_MS = IS_LONG ? 10_000 : 500;
const FUZZ = { numRuns: 1_000_000, interruptAfterTimeLimit: FUZZ_MS, markInterruptAsFailure: false };
const SEEDS = IS_LONG ? 200 : 12;

function bytes(unit: number, most: number): fc.Arbitrary<Uint8Array> {
  return fc.nat({ max: most }).chain((n) => fc.uint8Array({ minLength: unit * n, maxLength: unit * n }));
}

const tip: fc.Arbitrary<Tip> = fc.record({
  height: fc.nat({ max: MAX_HEIGHT }),
  hash: bytes(32, 0).chain(() => fc.uint8Array({ minLength: 32, maxLength: 32 })),
  work: fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }),
});
const BODIES: { readonly [K in Exclude<MessageBody['kind'], 'unknown'>]: fc.Arbitrary<MessageBody> } = {
  status: fc
    .record({
      kind: fc.constant('status' as const),
      network: fc.constantFrom('main', 'test', 'regtest', 'x'.repeat(16)),
      tip,
      below: fc.nat(),
    })
    .map(({ below, ...body }) => ({ ...body, base: Math.max(0, body.tip.height + 1 - below) })),
  getHeaders: fc.record({
    kind: fc.constant('getHeaders' as const),
    locator: bytes(32, MAX_LOCATOR_HASHES),
    count: fc.integer({ min: 1, max: MAX_HEADERS }),
  }),
  headers: fc
    .record({
      kind: fc.constant('headers' as const),
      tip,
      headers: bytes(HEADER_BYTES, 5),
      apart: fc.boolean(),
    })
    .map(({ apart, ...body }) => ({ ...body, isApart: apart && body.headers.length === 0 })),
};

/** Bytes of a good message with a few of them changed, cut or added. */
function mutated(body: fc.Arbitrary<MessageBody>): fc.Arbitrary<Uint8Array> {
  const change = fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }), how: fc.nat({ max: 3 }) });
  return fc.tuple(body, fc.array(change, { minLength: 1, maxLength: 6 })).map(([message, changes]) => {
    let frame = Buffer.from(encodeMessage(message));
    for (const { at, byte, how } of changes) {
      const place = frame.length === 0 ? 0 : at % frame.length;
      const [before, after] = [frame.subarray(0, place), frame.subarray(place)];
      if (how === 0) frame[place] = byte;
      else if (how === 1) frame = before;
      else frame = Buffer.concat(how === 2 ? [before, Buffer.of(byte), after] : [frame, after]);
    }
    return frame;
  });
}

/** Either refused by a code, or within its bounds; and then it comes back from its own bytes. */
function judge(frame: Uint8Array): void {
  let body: MessageBody;
  try {
    body = decodeMessage(frame);
  } catch (error) {
    assert.ok(error instanceof HeadersError, String(error));
    return;
  }
  if (body.kind === 'getHeaders') assert.ok(body.locator.length <= 32 * MAX_LOCATOR_HASHES);
  if (body.kind === 'headers') assert.ok(body.headers.length <= HEADER_BYTES * MAX_HEADERS);
  if (body.kind !== 'unknown') assert.deepEqual(plain(decodeMessage(encodeMessage(body))), plain(body));
}

for (const [kind, body] of Object.entries(BODIES)) {
  test(`fuzz: headers ${kind} comes back as it was sent`, () => {
    fc.assert(
      fc.property(body, (sent) => {
        assert.deepEqual(plain(decodeMessage(encodeMessage(sent))), plain(sent));
      }),
      { numRuns: 200 },
    );
  });

  test(`fuzz: a damaged headers ${kind} is read within its bounds or refused by a code`, () => {
    fc.assert(fc.property(mutated(body), judge), FUZZ);
  });

  test(`fuzz: whatever ${kind} a peer sends, the daemon answers, resets and stays well`, async () => {
    const net = new HeadersNet();
    const node = await net.add(mineChain(20));
    const { hash } = node.chain.tip();
    const peer = net.host();
    // As question, and as answer to whatever the node asks.
    let reply: Uint8Array = Buffer.of(1);
    peer.handler = async (stream) => {
      const { signal } = new AbortController();
      await stream.read(signal).catch(() => undefined);
      await stream.write(reply, signal).catch(() => undefined);
    };
    net.connect(peer, node);
    await fc.assert(
      fc.asyncProperty(mutated(body), async (frame) => {
        reply = frame;
        const stream = await peer.openStream(node.peerId);
        await stream.write(frame, AbortSignal.timeout(1_000)).catch(() => undefined);
        await stream.close(AbortSignal.timeout(1_000));
        await net.clock.advance(1_001);
        const poked = node.sync.poke(peer.peerId);
        for (let i = 0; i < 8; i++) await settled();
        await net.clock.advance(20_000);
        await poked;
        assert.equal(node.sync.facts().serving, 0);
        net.pairs.length = 0;
      }),
      FUZZ,
    );
    assert.equal(node.chain.tip().hash, hash);
    net.faults.length = 0;
    await net.stop();
  });
}

test('fuzz: random bytes are no headers message', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), judge), FUZZ);
});

/** Random chains, links, cuts and blocks; when that ends everybody has the most work. */
async function converge(seed: number): Promise<void> {
  const net = new HeadersNet();
  let state = seed;
  const pick = (n: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const trunk = mineChain(60);
  const nodes: NetNode[] = [];
  for (let i = 0; i < 5; i++) {
    const at = 1 + pick(59);
    const fork = mineChain(1 + pick(20), { on: nth(trunk, at - 1) });
    nodes.push(await net.add(Buffer.concat([trunk.subarray(0, at * HEADER_BYTES), fork])));
  }
  const two = (): [NetNode, NetNode] => {
    const a = pick(5);
    return [nodes[a]!, nodes[(a + 1 + pick(4)) % 5]!];
  };
  for (let step = 0; step < 40; step++) {
    const [a, b] = two();
    const what = pick(4);
    if (what === 0) net.connect(a, b);
    else if (what === 1) net.disconnect(a, b);
    else {
      const { height } = a.chain.tip();
      const on = a.chain.header(height - (what === 2 ? 0 : pick(Math.min(height, 8))))!;
      await a.chain.add(mineChain(1 + pick(6), { on: on.raw }));
    }
    await net.pass(pick(400), 50);
  }
  for (const [i, node] of nodes.entries()) net.connect(node, nodes[(i + 1) % 5]!);
  const most = (): bigint =>
    nodes.reduce((best, { chain }) => (chain.tip().chainWork > best ? chain.tip().chainWork : best), 0n);
  const final = most();
  await net.until(() => nodes.every(({ chain }) => chain.tip().chainWork === final), 120_000);
  // At a tie everybody keeps what came first; one more block decides.
  const winner = nodes[pick(5)]!;
  await winner.chain.add(mineChain(1, { on: winner.chain.header(winner.chain.tip().height)!.raw }));
  await net.until(() => nodes.every(({ chain }) => chain.tip().hash === winner.chain.tip().hash), 120_000);
  assert.deepEqual(
    nodes.flatMap(({ penalties }) => penalties),
    [],
    `seed ${seed}`,
  );
  await net.stop();
}

test(`daemons with forks, cuts and new blocks all end at the most work (${SEEDS} seeds)`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    await converge(seed).catch((error: unknown) => {
      throw new Error(`seed ${seed}`, { cause: error });
    });
  }
});
