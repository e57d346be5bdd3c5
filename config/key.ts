import { createPrivateKey, createPublicKey } from 'node:crypto';
import { REDACTED, Secret } from './secret.ts';
import type { ValueType } from './value.ts';

const SEED_BYTES = 32;
const PUBLIC_KEY_BYTES = 32;
const PRIVATE_KEY_BYTES = SEED_BYTES + PUBLIC_KEY_BYTES;

/** DER of a PKCS #8 Ed25519 key up to the seed (RFC 8410, section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Length of libp2p's protobuf form: four bytes of header before the same 64. */
const LIBP2P_KEY_BYTES = PRIVATE_KEY_BYTES + 4;

const EXPECTED = 'base64 of 64 bytes, seed then public key, as `btcfed keygen` prints it, or "" to make one';

export interface KeyPair {
  /** Base64 of 64 bytes: seed, then public key. */
  readonly privateKey: string;
  /** Base64 of 32 bytes. */
  readonly publicKey: string;
}

/** Bytes of standard, padded, canonical base64; undefined for anything else (Node's own decoder ignores garbage). */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/** The key pair of a 32-byte seed. */
export function keyPairOf(seed: Uint8Array): KeyPair {
  const key = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, seed]),
    format: 'der',
    type: 'pkcs8',
  });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const publicKey = spki.subarray(spki.length - PUBLIC_KEY_BYTES);
  return {
    privateKey: Buffer.concat([seed, publicKey]).toString('base64'),
    publicKey: publicKey.toString('base64'),
  };
}

/** A fresh pair; `randomBytes` is the system's generator, or a test's. */
export function generateKeyPair(randomBytes: (count: number) => Uint8Array): KeyPair {
  return keyPairOf(randomBytes(SEED_BYTES));
}

/** Base64 of the public key that belongs to a private key as `Config` holds it. */
export function publicKeyOf(privateKey: Secret): string {
  return Buffer.from(privateKey.reveal(), 'base64').subarray(SEED_BYTES).toString('base64');
}

/**
 * The node's key. An empty value, and the PRD sample's `<...>`, mean that one is to be made: the empty secret.
 * Halves that do not belong together are accepted, as the Go node does, but only the seed counts: signing with a
 * foreign public half would give the secret away.
 */
export const privateKey: ValueType<Secret> = {
  name: 'base64, 64 bytes',
  expected: EXPECTED,
  takesNull: true,
  read(input, context) {
    if (input === null || input === '') return new Secret('');
    // No part of the value ever goes into a message.
    if (typeof input !== 'string') return context.fail('WRONG_TYPE', 'is not a text', EXPECTED);
    if (/^<.*>$/.test(input)) return new Secret('');
    const bytes = decodeBase64(input);
    if (bytes?.length !== PRIVATE_KEY_BYTES)
      return context.fail('BAD_VALUE', wrongForm(input, bytes), EXPECTED);
    const pair = keyPairOf(bytes.subarray(0, SEED_BYTES));
    if (pair.privateKey !== input) {
      context.warn(
        'KEY_HALVES_DIFFER',
        'its public half does not belong to its seed; only the seed is used, peers must list this node as ' +
          pair.publicKey,
        'the public half of the seed; `btcfed keygen` makes a matching pair',
      );
    }
    return new Secret(pair.privateKey);
  },
  show: (value, secrets) => (secrets === 'reveal' ? value.reveal() : REDACTED),
};

/** Names the form that a key was given in, where it is one that people have. */
function wrongForm(text: string, bytes: Buffer | undefined): string {
  if (text.includes('PRIVATE KEY')) return 'is in PEM form';
  if (text.trim() !== text) return 'has spaces around it';
  if (/^[0-9a-fA-F]{64,}$/.test(text)) return 'is in hex';
  if (bytes?.length === SEED_BYTES) return 'is 32 bytes: a seed or a public key alone';
  if (bytes?.length === LIBP2P_KEY_BYTES) return "is in libp2p's protobuf form, not the raw 64 bytes";
  if (bytes !== undefined) return `is ${bytes.length} bytes`;
  if (/^[A-Za-z0-9+/]+$/.test(text)) return 'is not padded base64';
  if (/^[A-Za-z0-9_=-]+$/.test(text)) return 'is base64url, not standard base64';
  return 'is not base64';
}
