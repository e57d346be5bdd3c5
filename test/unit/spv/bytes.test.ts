import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ByteReader,
  ByteWriter,
  displayHex,
  displayHexAt,
  encodeVarint,
  internalBytes,
  sha256d,
  txidOf,
} from '../../../src/spv/bytes.ts';
import { throwsSpv } from '../../support/assert-spv.ts';
import { hash256, varint } from '../../support/spv.ts';

const reader = (hex: string) => new ByteReader(Buffer.from(hex, 'hex'));

test('integers are little-endian and unsigned', () => {
  const r = reader('ff0102fffffffe0102030405061f00');
  assert.equal(r.u8('a'), 0xff);
  assert.equal(r.u16('b'), 0x0201);
  assert.equal(r.u32('c'), 0xfeffffff);
  assert.equal(r.u64('d'), 0x1f060504030201);
  assert.equal(r.remaining, 0);
  r.finish('all');
});

test('u64 goes up to 2^53 - 1 and names what is above', () => {
  assert.equal(reader('ffffffffffff1f00').u64('x'), Number.MAX_SAFE_INTEGER);
  throwsSpv(() => reader('0000000000002000').u64('x'), 'NUMBER_TOO_LARGE', { field: 'x', offset: 0 });
  throwsSpv(() => reader('ffffffffffffffff').u64('x'), 'NUMBER_TOO_LARGE');
});

test('reading past the end says where, what was needed and what is left', () => {
  for (const [name, call] of [
    ['u16', (r: ByteReader) => r.u16('f')],
    ['u32', (r: ByteReader) => r.u32('f')],
    ['u64', (r: ByteReader) => r.u64('f')],
    ['view', (r: ByteReader) => r.view(9, 'f')],
    ['skip', (r: ByteReader) => r.skip(9, 'f')],
  ] as const) {
    const r = reader('aabb');
    r.u8('first');
    const needed = { u16: 2, u32: 4, u64: 8, view: 9, skip: 9 }[name];
    throwsSpv(() => call(r), 'UNEXPECTED_END', { field: 'f', offset: 1, needed, remaining: 1 });
  }
  throwsSpv(() => reader('').u8('f'), 'UNEXPECTED_END', { needed: 1, remaining: 0 });
  throwsSpv(() => reader('fe0102').varint('f'), 'UNEXPECTED_END', { offset: 1, needed: 4 });
});

test('varint takes any form, minimalVarint the shortest only', () => {
  for (const value of [0, 1, 0xfc, 0xfd, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000, 2 ** 53 - 1]) {
    const bytes = varint(value);
    assert.deepEqual(Buffer.from(encodeVarint(value)), bytes);
    assert.equal(new ByteReader(bytes).varint('v'), value);
    assert.equal(new ByteReader(bytes).minimalVarint('v'), value);
    for (const width of [3, 5, 9] as const) {
      if (width <= bytes.length) continue;
      const long = varint(value, width);
      assert.equal(new ByteReader(long).varint('v'), value);
      throwsSpv(() => new ByteReader(long).minimalVarint('v'), 'VARINT_NOT_MINIMAL', { value, bytes: width });
    }
  }
  throwsSpv(() => reader('ff0000000000002000').varint('v'), 'NUMBER_TOO_LARGE');
  for (const bad of [-1, 1.5, 2 ** 53, Number.NaN]) throwsSpv(() => encodeVarint(bad), 'NUMBER_TOO_LARGE');
});

test('a count is held against the remaining bytes, then against its limit', () => {
  assert.equal(reader('02aabbccdd').count('n', 2, 10), 2);
  throwsSpv(() => reader('03aabbccdd').count('n', 2, 10), 'COUNT_TOO_LARGE', {
    count: 3,
    remaining: 4,
    minBytes: 2,
    offset: 0,
  });
  throwsSpv(() => reader('ffffffffffffff1f00').count('n', 41, 10), 'COUNT_TOO_LARGE');
  throwsSpv(() => reader('03aabbcc').count('n', 1, 2), 'LIMIT_EXCEEDED', { value: 3, max: 2, offset: 0 });
});

test('views share memory with the input, a pooled Buffer included', () => {
  const bytes = Buffer.from('000102030405', 'hex');
  const r = new ByteReader(bytes);
  r.skip(2, 's');
  const view = r.view(3, 'v');
  assert.deepEqual([...view], [2, 3, 4]);
  bytes[3] = 99;
  assert.equal(view[1], 99);
  throwsSpv(() => r.finish('thing'), 'TRAILING_BYTES', { offset: 5, trailing: 1 });
});

test('ByteWriter writes what ByteReader reads', () => {
  const writer = new ByteWriter(64);
  writer.u8(7);
  writer.u32(0xfeff_ffff);
  for (const value of [0, 0xfd, 0x1_0000, 2 ** 40]) writer.varint(value);
  writer.append(Buffer.from('beef', 'hex'));
  const r = new ByteReader(writer.take());
  assert.equal(r.u8('a'), 7);
  assert.equal(r.u32('b'), 0xfeff_ffff);
  for (const value of [0, 0xfd, 0x1_0000, 2 ** 40]) assert.equal(r.minimalVarint('c'), value);
  assert.equal(Buffer.from(r.view(2, 'd')).toString('hex'), 'beef');
  r.finish('writer');
});

test('sha256d, txid and display order', () => {
  // Block 0: its header and its hash are known.
  const genesis = Buffer.from(
    `01000000${'00'.repeat(32)}3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c`,
    'hex',
  );
  const hash = '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f';
  assert.equal(txidOf(genesis), hash);
  assert.equal(displayHex(sha256d(genesis)), hash);
  assert.equal(displayHexAt(genesis, 36), '4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b');
  assert.deepEqual(internalBytes(hash), sha256d(genesis));
  for (const length of [0, 1, 55, 56, 64, 1000]) {
    const bytes = Buffer.alloc(length, 0xa5);
    assert.deepEqual(sha256d(bytes), hash256(bytes));
  }
});

test('what sha256d returns stays when it is called again', () => {
  const first = sha256d(Buffer.of(1));
  const copy = Buffer.from(first);
  sha256d(Buffer.of(2));
  txidOf(Buffer.of(3));
  assert.deepEqual(first, copy);
});

test('internalBytes refuses what is not 64 hex digits', () => {
  for (const bad of ['', '00', `${'0'.repeat(63)}g`, 'z'.repeat(64), '0'.repeat(66)]) {
    throwsSpv(() => internalBytes(bad), 'BAD_HEX', { length: bad.length });
  }
});
