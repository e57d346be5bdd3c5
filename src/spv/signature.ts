import { createRequire } from 'node:module';

/** What we use of secp256k1. `ecdsaVerify` throws on a key or signature it cannot read. */
interface Secp256k1 {
  ecdsaVerify(signature: Uint8Array, digest: Uint8Array, key: Uint8Array): boolean;
  signatureNormalize(signature: Uint8Array): Uint8Array;
}

export type SignatureBackend = 'native' | 'javascript';

const require = createRequire(import.meta.url);
const { curve, backend } = load();

/**
 * Which implementation checks signatures. The package falls back to JavaScript silently where no prebuilt binary fits,
 * 30 times slower, so whoever starts the program should ask and say so.
 */
export function signatureBackend(): SignatureBackend {
  return backend;
}

function load(): { curve: Secp256k1; backend: SignatureBackend } {
  try {
    return { curve: require('secp256k1/bindings.js') as Secp256k1, backend: 'native' };
  } catch {
    return { curve: require('secp256k1/elliptic.js') as Secp256k1, backend: 'javascript' };
  }
}

/** Lengths of a signature with its hash type byte; 9 is 30 06 02 01 r 02 01 s t. */
export const MIN_SIGNATURE_BYTES = 9;
export const MAX_SIGNATURE_BYTES = 73;

/**
 * Reads the signature at bytes[start, end), hash type in the last byte, into `compact`: r and s, 32 bytes each.
 *
 * Strict DER (BIP-66), which nodes and `Spend` demand of every non-empty signature. False if it is not, and also if r
 * or s have more than 32 bytes: then they are above the curve's order and no key fits.
 */
export function decodeSignature(bytes: Uint8Array, start: number, end: number, compact: Uint8Array): boolean {
  const length = end - start;
  if (length < MIN_SIGNATURE_BYTES || length > MAX_SIGNATURE_BYTES) return false;
  const rBytes = bytes[start + 3] as number;
  const sAt = start + 6 + rBytes;
  const sBytes = length - 7 - rBytes;
  return (
    bytes[start] === 0x30 &&
    bytes[start + 1] === length - 3 &&
    sBytes > 0 &&
    bytes[start + 2] === 0x02 &&
    bytes[sAt - 2] === 0x02 &&
    bytes[sAt - 1] === sBytes &&
    decodeInteger(bytes, start + 4, rBytes, compact, 0) &&
    decodeInteger(bytes, sAt, sBytes, compact, 32)
  );
}

/** A positive DER integer of the shortest form, as 32 bytes. */
function decodeInteger(bytes: Uint8Array, at: number, length: number, to: Uint8Array, toAt: number): boolean {
  const first = bytes[at] as number;
  if (length === 0 || (first & 0x80) !== 0) return false;
  const padded = first === 0 && length > 1;
  if (padded && ((bytes[at + 1] as number) & 0x80) === 0) return false;
  const skip = padded ? 1 : 0;
  const size = length - skip;
  if (size > 32) return false;
  to.fill(0, toAt, toAt + 32 - size);
  for (let i = 0; i < size; i++) to[toAt + 32 - size + i] = bytes[at + skip + i] as number;
  return true;
}

/** Half of the curve's order, rounded down: the largest low S. */
const HALF_ORDER = Buffer.from('7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0', 'hex');

/** True if s is in the upper half; the other half signs the same, so transactions of version 1 may not use it. */
export function isHighS(compact: Uint8Array): boolean {
  for (let i = 0; i < 32; i++) {
    const difference = (compact[32 + i] as number) - (HALF_ORDER[i] as number);
    if (difference !== 0) return difference > 0;
  }
  return false;
}

/** Key forms that nodes and `Spend` take: 02 or 03 with 33 bytes, 04 with 65. Hybrid keys (06, 07) are refused. */
export function isKeyForm(first: number | undefined, length: number): boolean {
  return length === 33 ? first === 0x02 || first === 0x03 : length === 65 && first === 0x04;
}

/**
 * True if `compact` (r and s) is the signature of `digest` by `key`, s in either half; changes `compact`.
 * False also for a key that is not on the curve and for r or s above the curve's order.
 *
 * The native check says false for a high S, so it is normalised first; whether high S is allowed is the caller's.
 */
export function verifySignature(compact: Uint8Array, digest: Uint8Array, key: Uint8Array): boolean {
  try {
    const lowS = isHighS(compact) ? curve.signatureNormalize(compact) : compact;
    return curve.ecdsaVerify(lowS, digest, key);
  } catch {
    return false;
  }
}
