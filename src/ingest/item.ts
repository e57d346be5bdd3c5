import type { Bump } from '../spv/bump.ts';
import type { SpvError } from '../spv/errors.ts';
import type { Transaction } from '../spv/transaction.ts';
import type { BlockPlace } from '../store/records.ts';
import type { OpenProof } from '../store/waiting-row.ts';
import type { IngestError } from './errors.ts';
import type { TokenGroup } from './evaluate.ts';
import type { Outcome, Refusal, Source, TxSet } from './outcome.ts';

/** How far SPV came with a transaction. */
export type Checked =
  /** Its merkle root is that of a header of the best chain. */
  | { readonly kind: 'proven'; readonly place: BlockPlace; readonly path: Uint8Array }
  /** Scripts ran, signatures hold, values are conserved; its parents are judged on their own. */
  | { readonly kind: 'verified' }
  /** An output that it spends was nowhere to be found, so its scripts could not run. */
  | { readonly kind: 'parentsUnknown' }
  /** Nothing but a proof can speak for it (a coinbase, scripts that we refuse), and no header for that is known yet. */
  | { readonly kind: 'headerUnknown' }
  | { readonly kind: 'refused'; readonly error: SpvError | IngestError }
  /** No longer true: its block was undone meanwhile, or the check broke off. */
  | { readonly kind: 'overtaken' };

/** What a transaction's outputs say of tokens. */
export interface TokenContent {
  /** Outputs of followed tokens. */
  readonly groups: readonly TokenGroup[];
  /** Ids of other tokens in its outputs. */
  readonly otherTokens: readonly string[];
  /** Followed tokens that also move in BRC-162 outputs here. */
  readonly binaryTokens: readonly string[];
}

/** A transaction of an offered BEEF that the store does not hold yet, or not with this proof. */
export interface Item {
  readonly tx: Transaction;
  /** At most one, but for a transaction that waited with several. */
  readonly bumps: readonly Bump[];
  /** Paths of waiting proofs that are tried here: they stay only if they are still open after it. */
  readonly tried: readonly Uint8Array[];
  content: TokenContent;
  /** Version of the book that `content` was sorted with. */
  bookVersion: number;
  /** Set by the checks, before the writer sees it. */
  checked: Checked | undefined;
  /** The same: proofs to keep until their header is known. */
  openProofs: readonly OpenProof[];
}

/** One transaction of a decoded offer, with what comes along to prove it. */
export interface Carried extends Pick<Item, 'tx' | 'bumps' | 'tried'> {
  /** A waiting transaction tried again: what came out of earlier tries says nothing. */
  readonly isRetry: boolean;
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
  /** A transaction that waits instead of a BEEF. */
  readonly retryTxid: string | undefined;
  /** Decoded transactions instead of a BEEF. */
  readonly set?: TxSet;
  /** `refused`: those of its transactions that are refused, by txid. */
  readonly resolve: (outcome: Outcome, refused: ReadonlyMap<string, Refusal>) => void;
  /** Set when it has to be offered again: its transactions whose arrival is kept meanwhile. */
  reserved?: Set<string>;
}

/** An offer after decoding and SPV. */
export interface PreparedOffer {
  readonly offer: Offer;
  readonly subjectTxid: string | undefined;
  /** Of a set: those said to be of a token, though nothing in them may show it. */
  readonly listed?: ReadonlySet<string>;
  /** Parents first. */
  readonly items: readonly Item[];
  /** The BEEF as a whole could not be read. */
  readonly error: SpvError | IngestError | undefined;
  /** Of a transaction that waited. */
  readonly firstSeen: FirstSeen | undefined;
}
