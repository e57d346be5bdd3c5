import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  decodeSignature,
  isHighS,
  isKeyForm,
  signatureBackend,
  verifySignature,
} from '../../../src/spv/signature.ts';
import { CURVE_ORDER, der, derInteger, derOf, KEYS, sign } from '../../support/spend/scripts.ts';

const TYPE = Buffer.of(0x41);
const HALF = CURVE_ORDER / 2n;
const key = KEYS[0] as (typeof KEYS)[number];
const digest = Buffer.alloc(32, 0x5a);

function decode(signature: Uint8Array): bigint[] | undefined {
  const compact = Buffer.alloc(64, 0xee);
  const around = Buffer.concat([Buffer.of(1, 2, 3), signature, Buffer.of(4, 5)]);
  if (!decodeSignature(around, 3, 3 + signature.length, compact)) return undefined;
  return [0, 32].map((at) => BigInt(`0x${compact.toString('hex', at, at + 32)}`));
}

function compactOf(r: bigint, s: bigint): Buffer {
  const hex = (value: bigint) => value.toString(16).padStart(64, '0');
  return Buffer.from(hex(r) + hex(s), 'hex');
}

describe('signature', () => {
  it('is checked by native code on this machine', () => {
    assert.equal(signatureBackend(), 'native');
  });

  it('is read from strict DER, whatever the length of r and s', () => {
    for (const r of [1n, 0x7fn, 0x80n, 0xffffn, HALF, CURVE_ORDER - 1n, (1n << 256n) - 1n]) {
      for (const s of [1n, 0x80n, HALF, HALF + 1n, CURVE_ORDER - 1n]) {
        assert.deepEqual(decode(Buffer.concat([der(r, s), TYPE])), [r, s]);
      }
    }
  });

  it('is refused in any other form', () => {
    const { r, s } = sign(digest, key);
    const good = der(r, s);
    const [rBytes, sBytes] = [derInteger(r), derInteger(s)];
    const zero = Buffer.of(0);
    const wrong: Record<string, Uint8Array> = {
      empty: Buffer.alloc(0),
      'hash type only': TYPE,
      'no hash type': good,
      'tag of sequence': Buffer.concat([Buffer.of(0x31), good.subarray(1), TYPE]),
      'length of sequence': Buffer.concat([Buffer.of(0x30, (good[1] as number) + 1), good.subarray(2), TYPE]),
      'long form of length': Buffer.concat([
        Buffer.of(0x30, 0x81, good[1] as number),
        good.subarray(2),
        TYPE,
      ]),
      'byte behind': Buffer.concat([good, zero, TYPE]),
      'r padded': Buffer.concat([derOf(Buffer.concat([zero, rBytes]), sBytes), TYPE]),
      's padded': Buffer.concat([derOf(rBytes, Buffer.concat([zero, sBytes])), TYPE]),
      'r negative': Buffer.concat([derOf(Buffer.of(0x81), sBytes), TYPE]),
      's negative': Buffer.concat([derOf(rBytes, Buffer.of(0x81, ...sBytes.subarray(1, 20))), TYPE]),
      'r empty': Buffer.concat([derOf(Buffer.alloc(0), sBytes), TYPE]),
      's empty': Buffer.concat([derOf(rBytes, Buffer.alloc(0)), TYPE]),
      'r of 33 bytes': Buffer.concat([derOf(derInteger(1n << 256n), sBytes), TYPE]),
    };
    for (const [name, bytes] of Object.entries(wrong)) assert.equal(decode(bytes), undefined, name);
    assert.deepEqual(decode(Buffer.concat([good, TYPE])), [r, s]);
  });

  it('has a high S above half the order', () => {
    for (const s of [0n, 1n, HALF - 1n, HALF]) assert.equal(isHighS(compactOf(1n, s)), false, `${s}`);
    for (const s of [HALF + 1n, CURVE_ORDER - 1n, (1n << 256n) - 1n])
      assert.equal(isHighS(compactOf(1n, s)), true);
  });

  it('verifies with S in either half, and with the right key only', () => {
    const { r, s } = sign(digest, key);
    assert.equal(verifySignature(compactOf(r, s), digest, key.compressed), true);
    assert.equal(verifySignature(compactOf(r, s), digest, key.uncompressed), true);
    assert.equal(verifySignature(compactOf(r, CURVE_ORDER - s), digest, key.compressed), true);
    assert.equal(verifySignature(compactOf(r, s), Buffer.alloc(32, 1), key.compressed), false);
    assert.equal(verifySignature(compactOf(r, s), digest, (KEYS[1] as typeof key).compressed), false);
  });

  it('is invalid, without an exception, for numbers and keys outside the curve', () => {
    const { r, s } = sign(digest, key);
    const offCurve = Buffer.concat([Buffer.of(2), Buffer.alloc(31), Buffer.of(5)]);
    assert.equal(verifySignature(compactOf(r, s), digest, offCurve), false);
    for (const [badR, badS] of [
      [0n, s],
      [r, 0n],
      [CURVE_ORDER, s],
      [r, CURVE_ORDER],
      [r, (1n << 256n) - 1n],
    ] as const) {
      assert.equal(verifySignature(compactOf(badR, badS), digest, key.compressed), false);
    }
  });

  it('takes compressed and uncompressed keys, hybrid ones not', () => {
    assert.deepEqual(
      [0, 2, 3, 4, 5, 6, 7].filter((first) => isKeyForm(first, 33)),
      [2, 3],
    );
    assert.deepEqual(
      [0, 2, 3, 4, 5, 6, 7].filter((first) => isKeyForm(first, 65)),
      [4],
    );
    for (const length of [0, 32, 34, 64, 66])
      assert.equal(isKeyForm(2, length) || isKeyForm(4, length), false);
  });
});
