import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseAddress, parseAddressBytes } from '../../protocols/peer-exchange/address.ts';
import {
  decodeMessage,
  encodeMessage,
  type MessageBody,
  type WireRecord,
} from '../../protocols/peer-exchange/codec.ts';
import {
  MAX_ADDRESSES_PER_RECORD,
  MAX_RECORDS_PER_RESPONSE,
} from '../../protocols/peer-exchange/constants.ts';
import { contentHash, DigestSum } from '../../protocols/peer-exchange/digest.ts';
import { ExchangeError } from '../../protocols/peer-exchange/errors.ts';
import { ExchangeNet, type SimNode } from '../support/exchange-net.ts';
import { plain } from '../support/exchange-vectors.ts';
import { MemoryStream } from '../support/memory-stream.ts';

const IS_LONG = process.env['BTCFED_TEST_LONG'] === '1';
/** Each target runs for so long; those of a whole node, one a message, take 10 s together in continuous integration. */
const FUZZ_MS = IS_LONG ? 10_000 : 1_500;
const CI_FUZZ_MS = 2_000;
const NODE_FUZZ_MS = process.env['CI'] === undefined ? FUZZ_MS : Math.max(FUZZ_MS, CI_FUZZ_MS);

const digest = fc.uint8Array({ minLength: 16, maxLength: 16 });
const record: fc.Arbitrary<WireRecord> = fc.record(
  {
    envelope: fc.uint8Array({ maxLength: 300 }),
    addresses: fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: MAX_ADDRESSES_PER_RECORD }),
    tokenHints: fc.uint8Array({ minLength: 4, maxLength: 4 }),
    seenS: fc.nat({ max: 0xffff_ffff }),
  },
  { requiredKeys: [] },
);
const tokens = fc.array(fc.uint8Array({ minLength: 36, maxLength: 36 }), { maxLength: 4 });
const BODIES: { readonly [K in Exclude<MessageBody['kind'], 'unknown'>]: fc.Arbitrary<MessageBody> } = {
  request: fc.record(
    {
      kind: fc.constant('request' as const),
      digest,
      buckets: fc.uint8Array({ minLength: 64, maxLength: 64 }),
      have: digest,
    },
    { requiredKeys: ['kind'] },
  ),
  response: fc.record(
    {
      kind: fc.constant('response' as const),
      digest,
      isComplete: fc.boolean(),
      records: fc.array(record, { maxLength: 12 }),
    },
    { requiredKeys: ['kind', 'isComplete', 'records'] },
  ),
  announcement: fc.record(
    {
      kind: fc.constant('announcement' as const),
      digest,
      records: fc.array(record, { maxLength: 10 }),
      tokens,
    },
    { requiredKeys: ['kind', 'records'] },
  ),
  update: fc.record(
    { kind: fc.constant('update' as const), digest, record, tokens },
    { requiredKeys: ['kind'] },
  ),
};

/** Bytes of a good message with a few of them changed, cut or added. */
function mutated(body: fc.Arbitrary<MessageBody>): fc.Arbitrary<Uint8Array> {
  const change = fc.record({
    at: fc.nat(),
    byte: fc.integer({ min: 0, max: 255 }),
    how: fc.integer({ min: 0, max: 3 }),
  });
  return fc.tuple(body, fc.array(change, { maxLength: 6 })).map(([message, changes]) => {
    let bytes = Buffer.from(encodeMessage({ correlation: 1, body: message }));
    for (const { at, byte, how } of changes) {
      const place = bytes.length === 0 ? 0 : at % bytes.length;
      if (how === 0) bytes[place] = byte;
      else if (how === 1) bytes = bytes.subarray(0, place);
      else if (how === 2)
        bytes = Buffer.concat([bytes.subarray(0, place), Buffer.of(byte), bytes.subarray(place)]);
      else bytes = Buffer.concat([bytes, bytes.subarray(place)]);
    }
    return bytes;
  });
}

for (const [kind, body] of Object.entries(BODIES)) {
  test(`fuzz: ${kind} comes back as it was sent`, () => {
    fc.assert(
      fc.property(body, fc.nat({ max: 0xffff_ffff }), (sent, correlation) => {
        const got = decodeMessage(encodeMessage({ correlation, body: sent }));
        assert.equal(got.correlation, correlation);
        assert.deepEqual(normal(got.body), normal(sent));
      }),
      { numRuns: 200 },
    );
  });

  test(`fuzz: a damaged ${kind} is read within its bounds or refused by a code`, () => {
    fc.assert(
      fc.property(mutated(body), (bytes) => {
        try {
          checkBounds(decodeMessage(bytes).body);
        } catch (error) {
          assert.ok(error instanceof ExchangeError, String(error));
        }
      }),
      { numRuns: 1_000_000, interruptAfterTimeLimit: FUZZ_MS, markInterruptAsFailure: false },
    );
  });

  test(`fuzz: whatever ${kind} a peer sends, the node answers, resets and stays well`, async () => {
    const net = new ExchangeNet({ dials: 0, latencyMs: 0 });
    const node = await net.add();
    const peer = await net.add();
    net.connect(peer, node);
    await net.clock.advance(1_000);
    await fc.assert(
      fc.asyncProperty(mutated(body), async (bytes) => {
        await sendRaw(net, node, peer, bytes);
      }),
      { numRuns: 1_000_000, interruptAfterTimeLimit: NODE_FUZZ_MS, markInterruptAsFailure: false },
    );
    assert.equal(node.counts.view().faults.INTERNAL, undefined);
    assert.equal(node.service.stats().serving, 0);
    assert.ok(node.book.size <= 1 + 20);
    await net.stop();
    assert.equal(net.clock.pending, 0);
  });
}

test('fuzz: random bytes are refused by a code', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      try {
        checkBounds(decodeMessage(bytes).body);
      } catch (error) {
        assert.ok(error instanceof ExchangeError, String(error));
      }
    }),
    { numRuns: 1_000_000, interruptAfterTimeLimit: FUZZ_MS, markInterruptAsFailure: false },
  );
});

test('an address in canonical form is its own canonical form', () => {
  const host = fc.oneof(
    fc.ipV4().map((ip) => `/ip4/${ip}`),
    fc.ipV6().map((ip) => `/ip6/${ip}`),
    fc.domain().map((name) => `/dns4/${name}`),
  );
  fc.assert(
    fc.property(host, fc.integer({ min: 1, max: 65_535 }), (text, port) => {
      const address = parseAddress(`${text}/tcp/${port}`);
      if (typeof address === 'string') return;
      assert.deepEqual(parseAddress(address.text), address);
    }),
  );
});

test('no bytes are an address and something else at once', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const address = parseAddressBytes(bytes);
      if (typeof address !== 'string') assert.deepEqual(parseAddress(address.text), address);
    }),
  );
});

test('a digest is the same whatever way a set was reached', () => {
  const peer = fc.record({
    key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    address: fc.uint8Array({ maxLength: 9 }),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(peer, { selector: ({ key }) => String(key), maxLength: 20 }),
      fc.nat(),
      (peers, cut) => {
        const contents = peers.map(({ key, address }) => ({ key, content: contentHash(key, [address]) }));
        const straight = new DigestSum();
        for (const { key, content } of contents) straight.toggle(key, content);
        const detour = new DigestSum();
        const rest = contents.slice(0, cut % (contents.length + 1));
        for (const { key, content } of [...rest, ...contents.toReversed(), ...rest])
          detour.toggle(key, content);
        assert.deepEqual(detour.value(), straight.value());
      },
    ),
  );
});

async function sendRaw(net: ExchangeNet, node: SimNode, peer: SimNode, bytes: Uint8Array): Promise<void> {
  if (!node.links.has(peer.key.peerId)) {
    node.judge.points.clear();
    net.connect(peer, node);
  }
  const [near, far] = MemoryStream.pair(peer.key.peerId, node.key.peerId);
  await near.write(bytes, new AbortController().signal);
  await node.service.serve(far);
  assert.ok(far.isClosed || far.isReset);
}

function checkBounds(body: MessageBody): void {
  if (!('records' in body)) return;
  assert.ok(body.records.length <= MAX_RECORDS_PER_RESPONSE);
  for (const { addresses = [], envelope } of body.records) {
    assert.ok(addresses.length <= MAX_ADDRESSES_PER_RECORD);
    assert.ok((envelope?.length ?? 0) <= 2_048);
  }
}

/** As JSON, with an empty list of addresses the same as none. */
function normal(body: MessageBody): unknown {
  return JSON.parse(
    JSON.stringify(plain(body), (key, field) =>
      key === 'addresses' && Array.isArray(field) && field.length === 0 ? undefined : field,
    ),
  );
}
