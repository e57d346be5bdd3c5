import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey, PeerId } from '@libp2p/interface';
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id';
import { P2pError } from './errors.ts';
import type { PeerIdText } from './types.ts';

const SEED_BYTES = 32;
const KEY_BYTES = 64;

/** Who we are on the network. */
export interface Identity {
  readonly key: Ed25519PrivateKey;
  readonly peerId: PeerId;
  readonly text: PeerIdText;
  readonly publicKey: Uint8Array;
}

/**
 * Identity of a key as conf.yaml holds it: 64 bytes, seed and public key, or the seed alone.
 * @throws P2pError KEY_INVALID, also where the halves differ: libp2p would sign with a foreign public half
 */
export async function identityOf(privateKey: Uint8Array): Promise<Identity> {
  if (privateKey.length !== SEED_BYTES && privateKey.length !== KEY_BYTES) {
    throw new P2pError('KEY_INVALID', `a private key has 64 bytes, not ${privateKey.length}`);
  }
  const key = await generateKeyPairFromSeed('Ed25519', privateKey.subarray(0, SEED_BYTES));
  const publicKey = key.publicKey.raw;
  if (privateKey.length === KEY_BYTES && Buffer.compare(privateKey.subarray(SEED_BYTES), publicKey) !== 0) {
    throw new P2pError('KEY_INVALID', 'the public half does not belong to the seed');
  }
  const peerId = peerIdFromPublicKey(key.publicKey);
  return { key, peerId, text: peerId.toString(), publicKey };
}

/** @throws P2pError ADDRESS_INVALID */
export function parsePeerId(text: PeerIdText): PeerId {
  try {
    return peerIdFromString(text);
  } catch (error) {
    throw new P2pError('ADDRESS_INVALID', 'not a peer id', {}, error);
  }
}

/** Raw Ed25519 key of a peer; undefined for other key types. */
export function rawPublicKey(peerId: PeerId): Uint8Array | undefined {
  return peerId.type === 'Ed25519' ? peerId.publicKey.raw : undefined;
}
