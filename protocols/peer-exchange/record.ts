import { type ExchangeAddress, isNear, isNowhere, parseAddressBytes } from './address.ts';
import { MAX_ADDRESSES_PER_RECORD } from './constants.ts';
import { contentHash } from './digest.ts';
import { ExchangeError } from './errors.ts';

/** `auto`: addresses nearby are taken over connections that are nearby themselves. */
export type PrivateAddresses = 'auto' | 'yes' | 'no';

/** What a signed record says, after its signature was found good. */
export interface SignedFacts {
  readonly peerId: string;
  /** Raw Ed25519 key. */
  readonly publicKey: Uint8Array;
  readonly seq: bigint;
  /** The signed bytes, in memory of their own. */
  readonly envelope: Uint8Array;
  /** Binary multiaddrs in the record's order. */
  readonly addresses: readonly Uint8Array[];
}

/** A peer as the book may take it. */
export interface CheckedRecord {
  readonly peerId: string;
  readonly publicKey: Uint8Array;
  /** Usable ones in canonical form, each once, in the record's order; at least one. */
  readonly addresses: readonly ExchangeAddress[];
  /** Absent: the peer told this itself, without a signature. */
  readonly signed?: {
    readonly envelope: Uint8Array;
    readonly seq: bigint;
    /** What it adds to a digest. */
    readonly content: Uint8Array;
  };
  readonly tokenHints?: Uint8Array | undefined;
  /** Age of the last sign of life that somebody on the way saw itself. */
  readonly seenS?: number | undefined;
}

/** True if an address of that class may be taken from, or given to, a peer over such a connection. */
export function isAllowed(address: ExchangeAddress, policy: PrivateAddresses, isPrivate: boolean): boolean {
  if (isNowhere(address.class)) return false;
  if (!isNear(address.class)) return true;
  return policy === 'yes' || (policy === 'auto' && isPrivate);
}

/** Same facts, same parse: the same record comes from many peers. */
const parsed = new WeakMap<SignedFacts, { addresses: readonly ExchangeAddress[]; content: Uint8Array }>();

/**
 * A signed record as the book may take it.
 * @throws ExchangeError TOO_MANY_ADDRESSES | RECORD_NO_ADDRESS
 */
export function checkSigned(
  facts: SignedFacts,
  allows: (address: ExchangeAddress) => boolean,
): CheckedRecord {
  const { peerId, publicKey, seq, envelope } = facts;
  let known = parsed.get(facts);
  if (known === undefined) {
    known = { addresses: parseAll(facts.addresses), content: contentHash(publicKey, facts.addresses) };
    parsed.set(facts, known);
  }
  const addresses = atLeastOne(known.addresses.filter(allows));
  return { peerId, publicKey, addresses, signed: { envelope, seq, content: known.content } };
}

/**
 * What a peer told of itself without a signature.
 * @throws ExchangeError TOO_MANY_ADDRESSES | RECORD_NO_ADDRESS
 */
export function checkUnsigned(
  peerId: string,
  publicKey: Uint8Array,
  binary: readonly Uint8Array[],
  allows: (address: ExchangeAddress) => boolean,
): CheckedRecord {
  return { peerId, publicKey, addresses: atLeastOne(parseAll(binary).filter(allows)) };
}

/** TCP addresses in canonical form, each once. Other transports are left out without a word: honest peers have them. */
function parseAll(binary: readonly Uint8Array[]): readonly ExchangeAddress[] {
  if (binary.length > MAX_ADDRESSES_PER_RECORD) {
    const data = { addresses: binary.length };
    throw new ExchangeError('TOO_MANY_ADDRESSES', `record has ${binary.length} addresses`, data);
  }
  const usable = new Map<string, ExchangeAddress>();
  for (const bytes of binary) {
    const address = parseAddressBytes(bytes);
    if (typeof address !== 'string') usable.set(address.text, address);
  }
  return [...usable.values()];
}

function atLeastOne(addresses: readonly ExchangeAddress[]): readonly ExchangeAddress[] {
  if (addresses.length === 0) throw new ExchangeError('RECORD_NO_ADDRESS', 'record has no usable address');
  return addresses;
}
