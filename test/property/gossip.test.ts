import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MAX_MESSAGE_BYTES, MIN_BEEF_BYTES } from '../../protocols/gossip/constants.ts';
import { GossipError } from '../../protocols/gossip/errors.ts';
import {
  type Announcement,
  encodeAnnouncements,
  encodeBeefs,
  type GossipMessage,
} from '../../protocols/gossip/message.ts';
import { messageId } from '../../protocols/gossip/message-id.ts';
import { parseGossip } from '../../protocols/gossip/parse.ts';

const RUNS = process.env['BTCFED_TEST_LONG'] === '1' ? 200_000 : 1_000;
const FORM_1 = 0xf1;

const beef = fc.uint8Array({ minLength: MIN_BEEF_BYTES, maxLength: 400 });
const txid = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex'));
const announcement: fc.Arbitrary<Announcement> = fc.record({
  txid,
  size: fc.option(fc.integer({ min: 1, max: 2 ** 40 }), { nil: undefined }),
  height: fc.option(fc.integer({ min: 0, max: 0xffff_ffff }), { nil: undefined }),
});
const again = fc.nat({ max: 255 });

/** Bytes of a message in each of the forms that are read. */
const ofBeefs = fc
  .tuple(fc.array(beef, { minLength: 1, maxLength: 8 }), again)
  .map(([list, n]) => encodeBeefs(list, n));
const ofAnnouncements = fc
  .tuple(fc.array(announcement, { minLength: 1, maxLength: 20 }), again)
  .map(([list, n]) => encodeAnnouncements(list, n));
const ofHex = txid.map((text) => Buffer.from(text));
const list = (itemBytes: number) =>
  fc
    .array(fc.uint8Array({ minLength: itemBytes, maxLength: itemBytes }), { maxLength: 4 })
    .map((items) => Buffer.concat([Buffer.of(items.length), ...items]));
const ofJson = fc
  .tuple(
    fc.uint8Array({ minLength: 32, maxLength: 32 }),
    list(4),
    list(4),
    list(4),
    list(32),
    fc.uint8Array({ minLength: 12, maxLength: 12 }),
  )
  .map(([id, ...rest]) => Buffer.concat([Buffer.of(2), id, ...rest]))
  .map((data) => Buffer.from(JSON.stringify({ name: 'tm_x', data: data.toString('base64') })));

const edits = fc.array(
  fc.record({
    at: fc.nat({ max: 4_000 }),
    kind: fc.constantFrom('set', 'cut', 'put'),
    byte: fc.nat({ max: 255 }),
  }),
  { minLength: 1, maxLength: 6 },
);

function edited(
  bytes: Uint8Array,
  changes: readonly { at: number; kind: string; byte: number }[],
): Uint8Array {
  const all = [...bytes];
  for (const { at, kind, byte } of changes) {
    const place = all.length === 0 ? 0 : at % all.length;
    if (kind === 'set') all[place] = byte;
    else all.splice(place, kind === 'cut' ? 1 : 0, ...(kind === 'put' ? [byte] : []));
  }
  return Uint8Array.from(all);
}

function written(message: GossipMessage, repetition: number): Uint8Array {
  return message.kind === 'beefs'
    ? encodeBeefs(message.beefs, repetition)
    : encodeAnnouncements(message.announcements, repetition);
}

/** Whatever the bytes: a message, and of our own form these bytes alone; or a GossipError; soon, and never much. */
function check(bytes: Uint8Array): 'read' | 'refused' {
  const startMs = performance.now();
  try {
    const message = parseGossip(bytes);
    if (bytes[0] === FORM_1)
      assert.deepEqual(Buffer.from(written(message, bytes[2] as number)), Buffer.from(bytes));
    else assert.equal(message.kind === 'announcements' && message.announcements.length, 1);
    return 'read';
  } catch (error) {
    if (!(error instanceof GossipError)) throw error;
    return 'refused';
  } finally {
    assert.ok(performance.now() - startMs < 1_000, 'reading took too long');
  }
}

describe('gossip messages', () => {
  for (const [name, message] of Object.entries({ ofBeefs, ofAnnouncements, ofHex, ofJson })) {
    it(`${name}: read, and damaged refused or another message`, () => {
      const seen = { read: 0, refused: 0 };
      fc.assert(
        fc.property(message, edits, fc.nat(), (bytes, changes, cut) => {
          assert.equal(check(bytes), 'read');
          seen[check(edited(bytes, changes))]++;
          seen[check(bytes.subarray(0, cut % bytes.length))]++;
        }),
        { numRuns: RUNS },
      );
      assert.ok(seen.refused > 0, JSON.stringify(seen));
    });
  }

  it('any bytes, with each first byte that means something', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0xf1, 0xf2, 0x7b, 0x30, 0x00),
        fc.uint8Array({ maxLength: 300 }),
        (first, rest) => {
          check(Uint8Array.of(first, ...rest));
          check(Uint8Array.of(first, 1 + (rest.length % 2), 0, ...rest));
        },
      ),
      { numRuns: RUNS },
    );
  });

  it('one content has one form, and one id a topic', () => {
    fc.assert(
      fc.property(ofBeefs, edits, (bytes, changes) => {
        const other = edited(bytes, changes);
        const isSame = Buffer.compare(bytes, other) === 0;
        const ids = [bytes, other].map((data) => Buffer.from(messageId('tm_a', data)).toString('hex'));
        assert.equal(ids[0] === ids[1], isSame);
        assert.notEqual(Buffer.from(messageId('tm_b', bytes)).toString('hex'), ids[0]);
      }),
      { numRuns: RUNS },
    );
  });

  it('a message of the largest size is read, one byte more is not', () => {
    const largest = encodeBeefs([Buffer.alloc(MAX_MESSAGE_BYTES - 7, 1)]);
    assert.equal(largest.length, MAX_MESSAGE_BYTES);
    assert.equal(check(largest), 'read');
    assert.equal(check(Buffer.concat([largest, Buffer.of(0)])), 'refused');
  });
});
