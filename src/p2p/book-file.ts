import { type ExchangeAddress, parseAddress } from '../../protocols/peer-exchange/address.ts';
import { keyOfPeerId, PUBLIC_KEY_BYTES, peerIdOfKey } from '../../protocols/peer-exchange/peer-id.ts';
import { type BookEntry, dialAddresses } from './book-entry.ts';
import type { PeerIdText } from './types.ts';

const PROVED = 'proved';

/** An entry of peers.yaml as far as the book looks at it (config/peers.ts has the same fields). */
export interface BookFileEntry {
  /** Base64 of the raw Ed25519 key. */
  readonly publicKey: string;
  readonly addresses: readonly string[];
  readonly lastSeenMs?: number | undefined;
  /** Of learned ones: `proved`, or the PeerId of who told of it. */
  readonly source?: string | undefined;
}

export interface FiledPeer {
  readonly peerId: PeerIdText;
  readonly publicKey: Uint8Array;
  /** Usable ones, each once. */
  readonly addresses: readonly ExchangeAddress[];
  readonly lastSeenMs: number | undefined;
  readonly isProved: boolean;
  /** PeerId of who told of it, or `file`. */
  readonly source: string;
}

/** Undefined if the key is none; addresses that are none are left out. */
export function fromFile(entry: BookFileEntry): FiledPeer | undefined {
  const publicKey = new Uint8Array(Buffer.from(entry.publicKey, 'base64'));
  const isCanonical = Buffer.from(publicKey).toString('base64') === entry.publicKey;
  if (publicKey.length !== PUBLIC_KEY_BYTES || !isCanonical) return undefined;
  const addresses = new Map<string, ExchangeAddress>();
  for (const text of entry.addresses) {
    const address = parseAddress(text);
    if (typeof address !== 'string') addresses.set(address.text, address);
  }
  return {
    peerId: peerIdOfKey(publicKey),
    publicKey,
    addresses: [...addresses.values()],
    lastSeenMs: entry.lastSeenMs,
    isProved: entry.source === PROVED,
    source: keyOfPeerId(entry.source ?? '') === undefined ? 'file' : entry.source!,
  };
}

export function toFile(entry: BookEntry, lastSeenMs: number | undefined): BookFileEntry {
  return {
    publicKey: Buffer.from(entry.publicKey).toString('base64'),
    addresses: dialAddresses(entry),
    source: entry.state === 'proved' ? PROVED : entry.source,
    ...(lastSeenMs === undefined ? {} : { lastSeenMs }),
  };
}
