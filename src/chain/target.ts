// Compact difficulty ("bits"): one byte of size, three of mantissa, the top mantissa bit a sign.
const TWO_256 = 1n << 256n;

/** Target of compact bits; undefined for a negative, zero or overflowing one, which no header may carry. */
export function targetOfBits(bits: number): bigint | undefined {
  const size = bits >>> 24;
  const mantissa = bits & 0x007fffff;
  if ((bits & 0x00800000) !== 0 && mantissa !== 0) return undefined;
  if (mantissa === 0) return undefined;
  if (size > 34 || (size > 33 && mantissa > 0xff) || (size > 32 && mantissa > 0xffff)) return undefined;
  const target =
    size <= 3 ? BigInt(mantissa >>> (8 * (3 - size))) : BigInt(mantissa) << BigInt(8 * (size - 3));
  return target === 0n ? undefined : target;
}

/** Compact form of a target of at most 256 bits; digits below the three leading bytes are dropped. */
export function bitsOfTarget(target: bigint): number {
  let size = (target.toString(16).length + 1) >>> 1;
  if (target === 0n) size = 0;
  let mantissa = Number(size <= 3 ? target << BigInt(8 * (3 - size)) : target >> BigInt(8 * (size - 3)));
  if ((mantissa & 0x00800000) !== 0) {
    mantissa >>>= 8;
    size += 1;
  }
  return ((size << 24) | mantissa) >>> 0;
}

let lastBits = 0;
let lastWork = 0n;

/**
 * Expected number of hashes for a block of these bits: 2^256 / (target + 1); 0 for bits that are no target.
 * The last answer is kept, since neighbours mostly share their bits before cw-144 and always on regtest.
 */
export function workOfBits(bits: number): bigint {
  if (bits === lastBits) return lastWork;
  const target = targetOfBits(bits);
  lastWork = target === undefined ? 0n : TWO_256 / (target + 1n);
  lastBits = bits;
  return lastWork;
}

/** Target whose expected work is at least `work` (> 0) hashes. */
export function targetOfWork(work: bigint): bigint {
  return (TWO_256 - work) / work;
}

/**
 * Exact proof of work: hash <= target, on bytes (internal order = least significant byte first): 0.03 us, against 0.3
 * for comparing two BigInts. False for bits that are no target.
 */
export function meetsTarget(hash: Uint8Array, bits: number): boolean {
  const size = bits >>> 24;
  const mantissa = bits & 0x007fffff;
  if (mantissa === 0 || (bits & 0x00800000) !== 0) return false;
  if (size <= 3 || size > 32) {
    const target = targetOfBits(bits);
    return target !== undefined && BigInt(`0x${Buffer.from(hash).reverse().toString('hex')}`) <= target;
  }
  for (let i = 31; i >= size; i--) if (hash[i] !== 0) return false;
  const top = (hash[size - 1]! << 16) | (hash[size - 2]! << 8) | hash[size - 3]!;
  if (top !== mantissa) return top < mantissa;
  for (let i = size - 4; i >= 0; i--) if (hash[i] !== 0) return false;
  return true;
}
