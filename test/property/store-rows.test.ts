import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { StoreError } from '../../src/store/errors.ts';
import * as keys from '../../src/store/keys.ts';
import { RowReader, RowWriter } from '../../src/store/row-bytes.ts';
import { amount, CODECS, owner, type RowCodec, type SealedRow } from '../support/store-rows.ts';

const RUNS = process.env['BTCFED_TEST_LONG'] === '1' ? 100_000 : 1000;
const w = new RowWriter();

function isDamaged(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'STORE_ROW_DAMAGED';
}

/** Bytes compare by content, whatever class their view has. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
}

function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[bit >> 3] = copy[bit >> 3]! ^ (1 << (bit & 7));
  return copy;
}

/** A value with a seal that holds, whatever its fields are. */
function sealed(key: Buffer, fields: Uint8Array): Buffer {
  const seal = Buffer.alloc(4);
  seal.writeUInt32BE(crc32(fields, crc32(key)));
  return Buffer.concat([fields, seal]);
}

test('every kind of row has a codec here', () => {
  const known = new Set<string>(CODECS.map(({ name }) => name));
  const elsewhere = ['header', 'misc'];
  assert.deepEqual(
    Object.keys(keys.PREFIX).filter((name) => !known.has(name)),
    elsewhere,
  );
});

for (const each of CODECS) {
  const { name, records, encode, decode } = each as RowCodec<unknown>;

  test(`${name}: written and read back it is the same, and written again the same bytes`, () => {
    fc.assert(
      fc.property(records, (record) => {
        const row = encode(record);
        assert.equal(row.key[0], keys.PREFIX[name]);
        const read = decode(row);
        assert.deepEqual(plain(read), plain(record));
        assert.deepEqual(encode(read), row);
      }),
      { numRuns: RUNS },
    );
  });

  test(`${name}: cut anywhere, longer, or with any bit flipped, it is a damaged row`, () => {
    fc.assert(
      fc.property(records, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 9 }), (record, at, more) => {
        const { key, value } = encode(record);
        const damaged: SealedRow[] = [
          { key, value: value.subarray(0, at % value.length) },
          { key, value: Buffer.concat([value, more]) },
          { key, value: Buffer.concat([more, value]) },
          { key, value: flipped(value, at % (8 * value.length)) },
          { key: flipped(key, at % (8 * key.length)), value },
          { key: key.subarray(0, at % key.length), value },
        ];
        for (const row of damaged) assert.throws(() => decode(row), isDamaged);
      }),
      { numRuns: RUNS },
    );
  });

  test(`${name}: whatever stands under a seal that holds, it is a value or a damaged row`, () => {
    fc.assert(
      fc.property(records, fc.nat(), fc.uint8Array({ maxLength: 60 }), (record, at, noise) => {
        const { key, value } = encode(record);
        const fields = value.subarray(0, -4);
        const cut = fields.subarray(0, at % (fields.length + 1));
        const shortKey = key.subarray(0, 1 + (at % key.length));
        const rows = [
          { key, value: sealed(key, cut) },
          { key, value: sealed(key, noise) },
          { key, value: sealed(key, Buffer.concat([cut, noise])) },
          { key: shortKey, value: sealed(shortKey, fields) },
        ];
        for (const row of rows) {
          try {
            decode(row);
          } catch (error) {
            assert.ok(isDamaged(error), String(error));
          }
        }
      }),
      { numRuns: RUNS },
    );
  });
}

/** The order of keys is the order of what they say. */
function assertOrder(a: Buffer, b: Buffer, expected: number): void {
  assert.equal(Math.sign(Buffer.compare(a, b)), Math.sign(expected));
}

const numbers = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  fc.constantFrom(2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER),
);

test('holders are in order of balance, largest first, beyond 2^64 too; equal ones in order of owner', () => {
  fc.assert(
    fc.property(amount, amount, owner, owner, fc.nat(5), (x, y, of, other, tokenNo) => {
      const key = (balance: bigint, who: Buffer) =>
        Buffer.from(keys.holderKey(w, tokenNo, balance + 1n, who));
      const byOwner = Buffer.compare(of, other);
      assertOrder(key(x, of), key(y, other), x === y ? byOwner : x > y ? -1 : 1);
    }),
    { numRuns: RUNS },
  );
});

test('histories are in order of block and of place in it, unmined ones last and in order of arrival', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 2), fc.nat(2 ** 32 - 2), numbers, numbers, owner, (h1, h2, o1, o2, who) => {
      const key = (height: number, order: number) => Buffer.from(keys.historyKey(w, 7, who, height, order));
      assertOrder(key(h1, o1), key(h2, o2), h1 - h2 || o1 - o2);
      assertOrder(key(h1, o1), key(keys.UNMINED_HEIGHT, o2), -1);
      assertOrder(key(keys.UNMINED_HEIGHT, o1), key(keys.UNMINED_HEIGHT, o2), o1 - o2);
    }),
    { numRuns: RUNS },
  );
});

test('transactions, events, commits, proofs and coins are in order of their numbers', () => {
  fc.assert(
    fc.property(numbers, numbers, fc.nat(9), fc.nat(9), (a, b, v1, v2) => {
      const pairs = [keys.txKey, keys.eventKey, keys.commitKey];
      for (const make of pairs) assertOrder(Buffer.from(make(w, a)), Buffer.from(make(w, b)), a - b);
      const who = Buffer.alloc(20, 7);
      const coin = (arrival: number, vout: number) => Buffer.from(keys.coinKey(w, 1, who, arrival, vout));
      assertOrder(coin(a, v1), coin(b, v2), a - b || v1 - v2);
      const proof = (height: number, index: number) =>
        Buffer.from(keys.proofKey(w, height, 'ab'.repeat(32), index));
      assertOrder(proof(v1, a), proof(v2, b), v1 - v2 || a - b);
    }),
    { numRuns: RUNS },
  );
});

test('rows of one owner lie between its prefix and the key behind it, rows of others do not', () => {
  const bytes = fc.uint8Array({ maxLength: 40 }).map((b) => Buffer.from(b));
  fc.assert(
    fc.property(
      bytes,
      bytes,
      fc.nat(2 ** 32 - 1),
      numbers,
      fc.nat(3),
      (of, other, tokenNo, arrival, more) => {
        const prefix = Buffer.from(keys.ownerPrefix(w, keys.PREFIX.coin, tokenNo, of));
        const end = keys.afterPrefix(prefix);
        const isInside = (key: Buffer) => Buffer.compare(prefix, key) <= 0 && Buffer.compare(key, end) < 0;
        assert.ok(isInside(Buffer.from(keys.coinKey(w, tokenNo, of, arrival, more))));
        assert.equal(isInside(Buffer.from(keys.coinKey(w, tokenNo, other, arrival, more))), of.equals(other));
        assert.equal(isInside(Buffer.from(keys.coinKey(w, (tokenNo + 1) >>> 0, of, arrival, more))), false);
      },
    ),
    { numRuns: RUNS },
  );
});

test('the key behind a prefix is behind all that begins with it, and before all else that is behind it', () => {
  const byte = fc.oneof(fc.constantFrom(0, 0xfe, 0xff), fc.nat(255));
  const bytes = fc.array(byte, { minLength: 1, maxLength: 5 });
  // Those of rows begin with a letter.
  const prefixes = bytes.filter((prefix) => prefix.some((each) => each !== 0xff));
  fc.assert(
    fc.property(prefixes, bytes, (prefix, tail) => {
      const start = Buffer.from(prefix);
      const end = keys.afterPrefix(start);
      assert.ok(Buffer.compare(Buffer.concat([start, Buffer.from(tail)]), end) < 0);
      const other = Buffer.from(tail);
      const isBehind = Buffer.compare(other, start) > 0 && !other.subarray(0, start.length).equals(start);
      if (isBehind) assert.ok(Buffer.compare(other, end) >= 0);
    }),
    { numRuns: RUNS },
  );
});

test('a reader never reads past its bytes: every field is inside, or the row is damaged', () => {
  const step = fc.constantFrom(
    'u8',
    'u32',
    'u64',
    'varint',
    'amount',
    'shortBytes',
    'hash',
    'text',
    'count',
    'view',
  );
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 40 }),
      fc.nat(8),
      fc.nat(8),
      fc.array(fc.tuple(step, fc.nat(50)), { maxLength: 10 }),
      (fields, before, behind, steps) => {
        // The row lies in the middle of other bytes, as in a chunk of the writer.
        const all = Buffer.concat([Buffer.alloc(before, 0xee), fields, Buffer.alloc(behind, 0xdd)]);
        const reader = new RowReader(Buffer.from('k'), all, before, before + fields.length);
        let remaining = fields.length;
        for (const [name, n] of steps) {
          try {
            const read =
              name === 'view' ? reader.view(n) : name === 'count' ? reader.count(n + 1) : reader[name]();
            if (read instanceof Uint8Array) {
              assert.ok(read.byteOffset + read.length <= all.byteOffset + before + fields.length);
              assert.ok(!read.includes(0xdd) || Buffer.from(fields).includes(0xdd));
            }
          } catch (error) {
            assert.ok(isDamaged(error), String(error));
            return;
          }
          assert.ok(
            reader.remaining >= 0 && reader.remaining <= remaining,
            `${reader.remaining} of ${remaining}`,
          );
          remaining = reader.remaining;
        }
      },
    ),
    { numRuns: RUNS },
  );
});

test('integers of every width come back', () => {
  fc.assert(
    fc.property(numbers, fc.nat(0xffff_ffff), amount, fc.string(), (n, small, big, text) => {
      const key = Buffer.from('k');
      const value = w
        .begin()
        .u64(n)
        .varint(n)
        .u32(small)
        .amount(big)
        .text(text)
        .u8(small & 0xff)
        .seal(key);
      const r = RowReader.open(key, value);
      const back = [r.u64(), r.varint(), r.u32(), r.amount(), r.text(), r.u8()];
      r.finish();
      assert.deepEqual(back, [n, n, small, big, Buffer.from(text, 'utf8').toString('utf8'), small & 0xff]);
    }),
    { numRuns: RUNS },
  );
});
