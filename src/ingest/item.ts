import type { Bump } from '../spv/bump.ts';
import type { SpvError } from '../spv/errors.ts';
import type { Transaction } from '../spv/transaction.ts';
import type { BlockPlace } from '../store/records.ts';
import type { IngestError } from './errors.ts';
import type { TokenGroup } from './evaluate.ts';
import type { Outcome, Source } from './outcome.ts';

/** How far SPV came with a transaction. */
export type Checked =
  /** Its merkle root is that of a header of the best chain. */
  | { readonly kind: 'proven'; readonly place: BlockPlace; readonly path: Uint8Array }
  /** Scripts ran, signatures hold, values are conserved; its parents are judged on their own. */
  | { readonly kind: 'verified' }
  /** It has a proof, but no header for that height is known. */
  | { readonly kind: 'headerUnknown'; readonly height: number; readonly path: Uint8Array }
  /** An output that it spends was nowhere to be found, so its scripts could not run. */
  | { readonly kind: 'parentsUnknown' }
  | { readonly kind: 'refused'; readonly error: SpvError | IngestError };

/** A transaction of an offered BEEF that the store does not hold yet, or not with this proof. */
export interface Item {
  readonly tx: Transaction;
  readonly bump: Bump | undefined;
  /** Outputs of followed tokens. */
  readonly groups: readonly TokenGroup[];
  /** Ids of other tokens in its outputs. */
  readonly otherTokens: readonly string[];
  /** Followed tokens that also move in BRC-162 outputs here. */
  readonly binaryTokens: readonly string[];
  /** Set by the checks, before the writer sees it. */
  checked: Checked | undefined;
}

/** Arrival that a transaction keeps while it waits. */
export interface FirstSeen {
  readonly arrival: number;
  readonly firstSeenMs: number;
}

/** One call of `offer`, or one waiting transaction tried again. */
export interface Offer {
  readonly source: Source;
  /** The BEEF, until it is decoded. */
  readonly bytes: Uint8Array;
  /** A transaction of the pending set instead of a BEEF. */
  readonly retryTxid: string | undefined;
  readonly resolve: (outcome: Outcome) => void;
}

/** An offer after decoding and SPV. */
export interface PreparedOffer {
  readonly offer: Offer;
  readonly subjectTxid: string | undefined;
  /** Parents first. */
  readonly items: readonly Item[];
  /** The BEEF as a whole could not be read. */
  readonly error: SpvError | IngestError | undefined;
  /** Of a transaction that waited. */
  readonly firstSeen: FirstSeen | undefined;
}
