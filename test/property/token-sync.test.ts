import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeMessage, encodeMessage } from '../../protocols/token-sync/codec.ts';
import { MAX_FRAME_BYTES } from '../../protocols/token-sync/constants.ts';
import { TokenSyncError } from '../../protocols/token-sync/errors.ts';
import { decodeRuns, encodeRuns } from '../../protocols/token-sync/runs.ts';
import { KINDS } from '../../protocols/token-sync/shapes.ts';
import { messageOf, plain } from '../support/sync-messages.ts';

const RUNS = process.env['BTCFED_TEST_LONG'] === '1' ? 100_000 : 500;

/** Whatever the bytes: a message that is the same when written and read again, or a TokenSyncError; and soon. */
function checkBytes(bytes: Uint8Array): 'read' | 'refused' {
  const startMs = performance.now();
  try {
    const message = decodeMessage(bytes);
    const again = decodeMessage(encodeMessage(message));
    assert.deepEqual(plain(again), plain(message));
    return 'read';
  } catch (error) {
    if (!(error instanceof TokenSyncError)) throw error;
    return 'refused';
  } finally {
    assert.ok(performance.now() - startMs < 1_000, 'decoding took too long');
  }
}

/** A valid message with some bytes changed, cut out or put in. */
const edits = fc.array(
  fc.record({
    at: fc.nat({ max: 1_000 }),
    kind: fc.constantFrom('set', 'cut', 'put'),
    byte: fc.nat({ max: 255 }),
  }),
  { minLength: 1, maxLength: 6 },
);

function edited(
  bytes: Uint8Array,
  changes: readonly { at: number; kind: string; byte: number }[],
): Uint8Array {
  const list = [...bytes];
  for (const { at, kind, byte } of changes) {
    const place = list.length === 0 ? 0 : at % list.length;
    if (kind === 'set') list[place] = byte;
    else list.splice(place, kind === 'cut' ? 1 : 0, ...(kind === 'put' ? [byte] : []));
  }
  return Uint8Array.from(list);
}

describe('messages of the token sync', () => {
  for (const kind of KINDS) {
    it(`${kind}: written and read again it is the same; damaged it is refused or another message`, () => {
      const seen = { read: 0, refused: 0 };
      fc.assert(
        fc.property(messageOf(kind), edits, fc.nat(), (message, changes, cut) => {
          const bytes = encodeMessage(message);
          assert.deepEqual(plain(decodeMessage(bytes)), plain(message));
          seen[checkBytes(edited(bytes, changes))]++;
          seen[checkBytes(bytes.subarray(0, cut % bytes.length))]++;
        }),
        { numRuns: RUNS },
      );
      assert.ok(seen.read > 0 && seen.refused > 0, JSON.stringify(seen));
    });
  }

  it('any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        checkBytes(bytes);
      }),
      { numRuns: 3 * RUNS },
    );
  });

  it('a frame full of the smallest parts is refused before they are made', () => {
    // Field 2 of a chunk (loose), empty, half a million times.
    const inner = Buffer.alloc(MAX_FRAME_BYTES - 16, Buffer.from([0x12, 0x00]));
    const length = Buffer.from([
      (inner.length & 0x7f) | 0x80,
      ((inner.length >> 7) & 0x7f) | 0x80,
      inner.length >> 14,
    ]);
    const frame = Buffer.concat([Buffer.from([0x10, 0x01, 0x5a]), length, inner]);
    const startMs = performance.now();
    assert.throws(() => decodeMessage(frame), { name: 'TokenSyncError', code: 'TOO_MANY' });
    assert.ok(performance.now() - startMs < 50);
  });
});

describe('runs', () => {
  it('any places come back; any bytes are their own only form, or refused', () => {
    const place = fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 0xffff_ffff }));
    fc.assert(
      fc.property(fc.uniqueArray(place, { maxLength: 40 }), (list) => {
        const places = list.sort((a, b) => a - b);
        assert.deepEqual(decodeRuns(encodeRuns(places), 40), places);
      }),
      { numRuns: RUNS },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        try {
          assert.deepEqual([...encodeRuns(decodeRuns(bytes, 10_000))], [...bytes]);
        } catch (error) {
          if (!(error instanceof TokenSyncError)) throw error;
        }
      }),
      { numRuns: 3 * RUNS },
    );
  });
});
