import { base58btc } from 'multiformats/bases/base58';
import { decodeBase64 } from './key.ts';
import type { ReadContext, ValueType, YamlValue } from './value.ts';

export const PUBLIC_KEY_BYTES = 32;

export const EXPECTED_KEY = "base64 of the 32 bytes of the peer's Ed25519 public key";
const EXPECTED_PEER = "a peer's public key as in peers.yaml, or its id as `btcfed peers` shows it";

/** Multihash "identity, 36 bytes" of libp2p's protobuf form of an Ed25519 key. */
const PEER_ID_PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20);

/** PeerId (`12D3Koo...`) of a public key in base64. */
export function peerIdOf(publicKey: string): string {
  return base58btc.baseEncode(Buffer.concat([PEER_ID_PREFIX, Buffer.from(publicKey, 'base64')]));
}

export function isPublicKey(text: string): boolean {
  return decodeBase64(text)?.length === PUBLIC_KEY_BYTES;
}

/** `public_key` of an entry in peers.yaml, in base64. */
export function readPublicKey(input: YamlValue, context: ReadContext): string | undefined {
  if (input === null || input === '') return context.fail('NO_VALUE', 'has no value', EXPECTED_KEY);
  // No part of the value goes into a message: people paste the wrong key.
  if (typeof input !== 'string') return context.fail('WRONG_TYPE', 'is not a text', EXPECTED_KEY);
  if (isPublicKey(input)) return input;
  const message = looksLikePeerId(input) ? 'is a PeerId, not a public key' : wrongForm(input);
  return context.fail('BAD_VALUE', message, EXPECTED_KEY);
}

/** One peer, by its key or by its id; held as the id. */
export const peerName: ValueType<string> = {
  name: 'public key or peer id',
  expected: EXPECTED_PEER,
  read(input, context) {
    if (typeof input !== 'string') return context.fail('WRONG_TYPE', 'is not a text', EXPECTED_PEER);
    if (input === '') return context.fail('NO_VALUE', 'has no value', EXPECTED_PEER);
    if (isPublicKey(input)) return peerIdOf(input);
    if (isPeerId(input)) return input;
    const message = looksLikePeerId(input) ? 'is not a whole PeerId of an Ed25519 key' : wrongForm(input);
    return context.fail('BAD_VALUE', message, EXPECTED_PEER);
  },
  show: (value) => value,
};

function isPeerId(text: string): boolean {
  try {
    const bytes = base58btc.baseDecode(text);
    const publicKey = Buffer.from(bytes.subarray(PEER_ID_PREFIX.length)).toString('base64');
    return isPublicKey(publicKey) && peerIdOf(publicKey) === text;
  } catch {
    return false;
  }
}

function looksLikePeerId(text: string): boolean {
  return /^(?:12D3Koo[1-9A-HJ-NP-Za-km-z]+|Qm[1-9A-HJ-NP-Za-km-z]{44})$/.test(text);
}

/** Names the form that a key was given in, where it is one that people have. */
function wrongForm(text: string): string {
  const bytes = decodeBase64(text);
  if (text.includes(' KEY-----')) return 'is in PEM form';
  if (text.trim() !== text) return 'has spaces around it';
  if (/^[0-9a-fA-F]{64}$/.test(text)) return 'is in hex';
  if (bytes?.length === 2 * PUBLIC_KEY_BYTES)
    return 'is 64 bytes: a private key, which only conf.yaml may hold';
  if (bytes?.length === PUBLIC_KEY_BYTES + 4) return "is in libp2p's protobuf form, not the raw 32 bytes";
  if (bytes !== undefined) return `is ${bytes.length} bytes`;
  if (/^[A-Za-z0-9+/]{43}=$/.test(text))
    return 'is not canonical base64: its last letter holds bits of no byte';
  if (/^[A-Za-z0-9+/]+$/.test(text)) return 'is not padded base64';
  if (/^[A-Za-z0-9_=-]+$/.test(text)) return 'is base64url, not standard base64';
  return 'is not base64';
}
