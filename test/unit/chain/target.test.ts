import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bitsOfTarget,
  meetsTarget,
  targetOfBits,
  targetOfWork,
  workOfBits,
} from '../../../src/chain/target.ts';

test('compact bits decode as the consensus rule says, edge cases included', () => {
  const cases: readonly [bits: number, target: bigint | undefined][] = [
    [0x1d00ffff, 0xffffn << 208n],
    [0x207fffff, 0x7fffffn << 232n],
    [0x01123456, 0x12n],
    [0x02123456, 0x1234n],
    [0x03123456, 0x123456n],
    [0x04123456, 0x12345600n],
    [0x05009234, 0x92340000n],
    [0x20123456, 0x123456n << 232n],
    [0x21007fff, 0x7fffn << 240n],
    [0x2200007f, 0x7fn << 248n],
    [0x00123456, undefined], // nothing left of the mantissa
    [0x01003456, undefined],
    [0x04923456, undefined], // negative
    [0x01fedcba, undefined],
    [0x04800000, undefined], // negative zero
    [0x1d000000, undefined], // zero
    [0xff123456, undefined], // overflow
    [0x21010000, undefined],
    [0x22000100, undefined],
    [0x23000001, undefined],
    [0, undefined],
  ];
  for (const [bits, target] of cases) assert.equal(targetOfBits(bits), target, bits.toString(16));
});

test('a target goes to its compact form, digits below three bytes dropped', () => {
  assert.equal(bitsOfTarget(0n), 0);
  assert.equal(bitsOfTarget(0x12n), 0x01120000);
  assert.equal(bitsOfTarget(0x80n), 0x02008000);
  assert.equal(bitsOfTarget(0x1234n), 0x02123400);
  assert.equal(bitsOfTarget(0x12345678n), 0x04123456);
  assert.equal(bitsOfTarget(0x92340000n), 0x05009234);
  assert.equal(bitsOfTarget((1n << 224n) - 1n), 0x1d00ffff);
  assert.equal(bitsOfTarget((1n << 256n) - 1n), 0x2100ffff);
});

test('compact form of a decoded target decodes to the same target', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (bits) => {
      const target = targetOfBits(bits);
      fc.pre(target !== undefined);
      assert.equal(targetOfBits(bitsOfTarget(target ?? 0n)), target);
    }),
    { numRuns: 1000 },
  );
});

test('work is 2^256 / (target + 1)', () => {
  assert.equal(workOfBits(0x1d00ffff), 0x100010001n);
  assert.equal(workOfBits(0x207fffff), 2n);
  assert.equal(workOfBits(0x1d00ffff), 0x100010001n);
  assert.equal(workOfBits(0), 0n);
  assert.equal(workOfBits(0x04923456), 0n);
});

test('the target of some work needs at least that work', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: 1n << 200n }), (work) => {
      const target = targetOfWork(work);
      assert.ok((1n << 256n) / (target + 1n) >= work);
      assert.ok((1n << 256n) / (target + 2n) <= work);
    }),
  );
});

test('the byte-wise proof of work test agrees with comparing numbers', () => {
  const near = fc
    .record({ size: fc.integer({ min: 0, max: 35 }), mantissa: fc.integer({ min: 0, max: 0xffffff }) })
    .chain(({ size, mantissa }) => {
      const bits = ((size << 24) | mantissa) >>> 0;
      const target = targetOfBits(bits) ?? 0n;
      const max = (1n << 256n) - 1n;
      const close = fc
        .bigInt({ min: -3n, max: 3n })
        .map((d) => (target + d < 0n ? 0n : target + d > max ? max : target + d));
      return fc.record({ bits: fc.constant(bits), hash: fc.oneof(close, fc.bigInt({ min: 0n, max })) });
    });
  fc.assert(
    fc.property(near, ({ bits, hash }) => {
      const bytes = Buffer.from(hash.toString(16).padStart(64, '0'), 'hex').reverse();
      const target = targetOfBits(bits);
      assert.equal(meetsTarget(bytes, bits), target !== undefined && hash <= target);
    }),
    { numRuns: 3000 },
  );
});
