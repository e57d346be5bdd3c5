import type { BookDigest } from './digest.ts';
import type { ExchangeErrorCode } from './errors.ts';
import type { CheckedRecord, PrivateAddresses, SignedFacts } from './record.ts';

/** Time from outside. */
export interface ExchangeClock {
  /** Never goes back. */
  monotonicMs(): number;
  /** Runs once after `ms`; the result cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** One stream of the protocol; frames without their length prefix. Every call ends by its signal at the latest. */
export interface ExchangeStream {
  readonly peerId: string;
  /** Undefined: the other side ended in order. @throws ExchangeError FRAME_TOO_LARGE | FRAME_MALFORMED | STREAM_RESET */
  read(signal: AbortSignal): Promise<Uint8Array | undefined>;
  write(frame: Uint8Array, signal: AbortSignal): Promise<void>;
  /** Ends our side in order. */
  close(signal: AbortSignal): Promise<void>;
  /** Resets the stream. */
  abort(code: ExchangeErrorCode): void;
}

/** What the transport knows of a connected peer. */
export interface ExchangePeer {
  readonly peerId: string;
  /** Raw Ed25519 key; undefined for other key types, which are served but never kept. */
  readonly publicKey: Uint8Array | undefined;
  /** True if the connection comes from or goes to a private or loopback address. */
  readonly isPrivate: boolean;
  /** True if we dialled: that side asks first. */
  readonly isDialler: boolean;
}

export interface ExchangeTransport {
  peer(peerId: string): ExchangePeer | undefined;
  /** @throws ExchangeError NOT_CONNECTED | STREAM_RESET | TIMEOUT */
  open(peerId: string, signal: AbortSignal): Promise<ExchangeStream>;
  hangUp(peerId: string, code: ExchangeErrorCode): void;
}

/** What the book did with a record. */
export type TakeOutcome =
  | 'new'
  | 'changed' // other addresses than before
  | 'refreshed' // signed anew, same content
  | 'known'
  | 'stale' // an older signature than the one we have
  | 'self'
  | 'forgotten' // given up not long ago
  | 'source_full'
  | 'subnet_full'
  | 'book_full';

export interface RecordOrigin {
  /** Who told it. */
  readonly source: string;
  /** True if learned over a public connection: names in it must not lead to private addresses. */
  readonly isPublic: boolean;
}

/** A signed record that may be given to others: a living view of the book. */
export interface SharedRecord {
  readonly peerId: string;
  readonly publicKey: Uint8Array;
  readonly seq: bigint;
  readonly envelope: Uint8Array;
  /** True if a connection to it was made, not only heard of. */
  isProved(): boolean;
  /** True if some address of it is of use to a peer over such a connection. */
  isUsefulTo(isPrivate: boolean, policy: PrivateAddresses): boolean;
  tokenHints(): Uint8Array | undefined;
  /** Monotonic milliseconds of the last sign of life seen by us or on the way; undefined: none. */
  seenMs(): number | undefined;
}

export interface ExchangeBook {
  take(record: CheckedRecord, origin: RecordOrigin): TakeOutcome;
  /** Over all that is shareable, and `more`. */
  digest(more?: { readonly publicKey: Uint8Array; readonly content: Uint8Array }): BookDigest;
  shareable(): Iterable<SharedRecord>;
  shared(peerId: string): SharedRecord | undefined;
  readonly shareableCount: number;
  /** What a peer told of itself that it follows, 4 bytes each; given on with its record. */
  setTokenHints(peerId: string, hints: Uint8Array): void;
}

/** Ourselves, as others shall know us. */
export interface ExchangeSelf {
  readonly peerId: string;
  readonly publicKey: Uint8Array;
  /** Our signed record; undefined while we announce nothing. */
  record(): Promise<Uint8Array | undefined>;
  /** What we follow, as 36-byte token ids; at most 256 are told. */
  tokens(): readonly Uint8Array[];
}

export interface RecordOpener {
  /** What these bytes were found to say before; undefined if they have not been verified, or too long ago. */
  known(envelope: Uint8Array): SignedFacts | undefined;
  /** Verifies before it reads. @throws ExchangeError RECORD_FORGED | RECORD_UNREADABLE | RECORD_KEY_TYPE */
  open(envelope: Uint8Array): Promise<SignedFacts>;
}

export interface ExchangeJudge {
  penalise(peerId: string, code: string, weight?: number): 'none' | 'disconnect' | 'ban';
  isBanned(peerId: string): boolean;
}

/** Counted by name; a closed set. */
export type ExchangeCounter =
  | 'frames_in'
  | 'frames_out'
  | 'bytes_in'
  | 'bytes_out'
  | 'requests_sent'
  | 'requests_answered'
  | 'requests_unchanged'
  | 'requests_failed'
  | 'responses_received'
  | 'announcements_sent'
  | 'announcements_received'
  | 'updates_sent'
  | 'updates_received'
  | 'relays_dropped'
  | 'ignored_unknown'
  | 'skipped_unchanged';

export interface ExchangeMetrics {
  count(counter: ExchangeCounter, by?: number): void;
  /** What became of a record: an outcome of the book or the code for which it was refused. */
  record(outcome: TakeOutcome | ExchangeErrorCode): void;
  /** Something of a peer was wrong. */
  fault(code: ExchangeErrorCode): void;
}

/** Trace lines; `correlation` is the same on both sides. */
export type ExchangeLog = (
  message: string,
  fields: Readonly<Record<string, string | number | boolean | undefined>>,
) => void;

/** Called with what others want to know; must not throw. */
export interface ExchangeHooks {
  /** An exchange with the peer is done; `added`: peers that were new to us. */
  exchanged?(peerId: string, added: number): void;
  /** A record of a peer was looked at. */
  taken?(from: string, record: CheckedRecord, outcome: TakeOutcome): void;
  refused?(from: string, code: ExchangeErrorCode): void;
  /** The peer told what it follows (36 bytes each). */
  followed?(peerId: string, tokens: readonly Uint8Array[]): void;
}

export interface ExchangeOptions {
  readonly intervalMs: number;
  readonly privateAddresses: PrivateAddresses;
}

export interface ExchangeModules {
  readonly clock: ExchangeClock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly transport: ExchangeTransport;
  readonly book: ExchangeBook;
  readonly self: ExchangeSelf;
  readonly records: RecordOpener;
  readonly judge: ExchangeJudge;
  readonly metrics: ExchangeMetrics;
  readonly log: ExchangeLog;
  readonly hooks: ExchangeHooks;
}
