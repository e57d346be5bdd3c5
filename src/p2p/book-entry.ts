import type { SharedRecord } from '../../protocols/peer-exchange/interfaces.ts';
import type { CheckedRecord, PrivateAddresses } from '../../protocols/peer-exchange/record.ts';
import { isAllowed } from '../../protocols/peer-exchange/record.ts';
import {
  HEARD_MAX_AGE_MS,
  HEARD_MAX_FAILURES,
  PRESSED_MAX_AGE_MS,
  PRESSED_MAX_FAILURES,
  PROVED_FAILING_MS,
  PROVED_MAX_FAILURES,
  PROVED_MAX_UNSEEN_MS,
} from './book-limits.ts';
import type { DialCandidate } from './dial-book.ts';
import type { PeerIdText } from './types.ts';

/** heard: somebody told of it; proved: a dial of ours completed its handshake. */
export type PeerState = 'heard' | 'proved';

/** A peer in the book. Times are monotonic unless they say otherwise. */
export interface BookEntry {
  readonly peerId: PeerIdText;
  /** Raw Ed25519 key. */
  readonly publicKey: Uint8Array;
  /** Canonical; undefined: not one of the operator's. */
  operatorAddresses: readonly string[] | undefined;
  /** What others, or it itself, told. */
  addresses: CheckedRecord['addresses'];
  signed: CheckedRecord['signed'] | undefined;
  state: PeerState;
  /** PeerId of who told of it first, `operator` or `file`. */
  source: string;
  /** Learned over a public connection. */
  isPublic: boolean;
  /** Last time that there was news of it. */
  heardMs: number;
  /** Last sign of life, seen by us or on the way of its record. */
  seenMs: number | undefined;
  /** Unix ms of the last sign of life that we saw ourselves, not later than that moment's clock. */
  lastSeenMs: number | undefined;
  /** Unix ms. */
  lastProvedMs: number | undefined;
  failures: number;
  firstFailureMs: number;
  tokenHints: Uint8Array | undefined;
  /** Made when it is first asked for, gone with the next change. */
  shared: SharedRecord | undefined;
}

/** A peer of which nothing but its key is known. */
export function blankEntry(peerId: PeerIdText, publicKey: Uint8Array, heardMs: number): BookEntry {
  return {
    peerId,
    publicKey,
    operatorAddresses: undefined,
    addresses: [],
    signed: undefined,
    state: 'heard',
    source: 'file',
    isPublic: false,
    heardMs,
    seenMs: undefined,
    lastSeenMs: undefined,
    lastProvedMs: undefined,
    failures: 0,
    firstFailureMs: 0,
    tokenHints: undefined,
    shared: undefined,
  };
}

export function isLearned(entry: BookEntry): boolean {
  return entry.operatorAddresses === undefined;
}

/** Counts against the caps of its source and its subnets. */
export function isUnproved(entry: BookEntry): boolean {
  return entry.state === 'heard' && isLearned(entry);
}

/** Unproved, and never connected to us either: others' word alone. */
export function isHearsay(entry: BookEntry): boolean {
  return isUnproved(entry) && entry.lastSeenMs === undefined;
}

/** All places to dial, the operator's first, each once. */
export function dialAddresses(entry: BookEntry): readonly string[] {
  return [...new Set([...(entry.operatorAddresses ?? []), ...entry.addresses.map(({ text }) => text)])];
}

/** Why an entry is to be given up now; `isPressed`: the book is full of unproved ones. Connected peers are not asked about. */
export function expiryOf(entry: BookEntry, nowMs: number, isPressed = false): 'failures' | 'age' | undefined {
  if (!isLearned(entry)) return undefined;
  if (entry.state === 'heard') {
    const isShort = isPressed && isHearsay(entry);
    if (entry.failures >= (isShort ? PRESSED_MAX_FAILURES : HEARD_MAX_FAILURES)) return 'failures';
    return nowMs - entry.heardMs >= (isShort ? PRESSED_MAX_AGE_MS : HEARD_MAX_AGE_MS) ? 'age' : undefined;
  }
  if (entry.failures >= PROVED_MAX_FAILURES && nowMs - entry.firstFailureMs >= PROVED_FAILING_MS) {
    return 'failures';
  }
  return nowMs - (entry.seenMs ?? entry.heardMs) >= PROVED_MAX_UNSEEN_MS ? 'age' : undefined;
}

/** The entry as others may have it; undefined if it is unsigned. */
export function sharedOf(
  entry: BookEntry,
  seenMs: (entry: BookEntry) => number | undefined,
): SharedRecord | undefined {
  const { peerId, publicKey, signed, addresses } = entry;
  if (signed === undefined) return undefined;
  const { envelope, seq } = signed;
  entry.shared ??= {
    isProved: () => entry.state === 'proved',
    peerId,
    publicKey,
    seq,
    envelope,
    tokenHints: () => entry.tokenHints,
    seenMs: () => seenMs(entry),
    isUsefulTo: (isPrivate, policy) => addresses.some((address) => isAllowed(address, policy, isPrivate)),
  };
  return entry.shared;
}

/** The entry as the keeper dials it. */
export function candidateOf(entry: BookEntry, policy: PrivateAddresses): DialCandidate {
  return {
    peerId: entry.peerId,
    addresses: dialAddresses(entry),
    origin: isLearned(entry) ? 'learned' : 'operator',
    isProved: entry.state === 'proved',
    lastProvedMs: entry.lastProvedMs,
    publicOnly: isLearned(entry) && (policy === 'no' || (policy === 'auto' && entry.isPublic)),
    source: entry.source,
    seenMs: entry.seenMs,
  };
}
