import { base58btc } from 'multiformats/bases/base58';

/** Identity multihash of a protobuf Ed25519 public key. */
const PREFIX = Buffer.from('002408011220', 'hex');
export const PUBLIC_KEY_BYTES = 32;
/** Length of such an id in base58. */
const TEXT_CHARS = 52;

/** PeerId text (`12D3Koo…`) of a raw Ed25519 key. */
export function peerIdOfKey(publicKey: Uint8Array): string {
  // Without the multibase prefix `z`, as PeerIds are written.
  return base58btc.encode(Buffer.concat([PREFIX, publicKey])).slice(1);
}

/** Raw key of an Ed25519 PeerId; undefined for other ids and for text that is none. */
export function keyOfPeerId(peerId: string): Uint8Array | undefined {
  if (peerId.length !== TEXT_CHARS) return undefined;
  let bytes: Uint8Array;
  try {
    bytes = base58btc.decode(`z${peerId}`);
  } catch {
    return undefined;
  }
  const isEd25519 =
    bytes.length === PREFIX.length + PUBLIC_KEY_BYTES && PREFIX.every((b, i) => bytes[i] === b);
  return isEd25519 ? bytes.slice(PREFIX.length) : undefined;
}
