import type { Bump } from '../spv/bump.ts';
import type { Transaction } from '../spv/transaction.ts';

/** Where a BEEF came from; decides nothing about its verdict. */
export type Source = 'rpc' | 'import' | 'gossip' | 'sync';

/** The caller's answer for the subject of an offered BEEF, given after the commit it depends on. */
export type Outcome =
  | { readonly status: 'admitted'; readonly txid: string; readonly tokens: readonly string[] }
  | { readonly status: 'known'; readonly txid: string }
  | {
      readonly status: 'pending';
      readonly txid: string;
      /** parents: unmined ancestors missing; header: its block's header is unknown; history: token history before it. */
      readonly waitingFor: 'parents' | 'header' | 'history';
      /** Outpoints `<txid>_<vout>`; for `header` empty. */
      readonly missing: readonly string[];
      readonly height?: number;
    }
  | { readonly status: 'conflict'; readonly txid: string; readonly conflictsWith: readonly string[] }
  | {
      readonly status: 'rejected';
      readonly txid?: string;
      readonly code: string;
      readonly data: Readonly<Record<string, string | number | boolean | readonly string[]>>;
    };

/** Why a transaction is refused. */
export interface Refusal {
  readonly code: string;
  readonly data: Readonly<Record<string, string | number | boolean | readonly string[]>>;
}

/**
 * Transactions as another daemon gives them, without a subject: parents first, those of a block with one compound BUMP.
 * Whatever is of a followed token is taken, the rest as far as that needs it.
 */
export interface TxSet {
  readonly txs: readonly { readonly tx: Transaction; readonly bump?: Bump }[];
  /** Those said to be of a token: one that only spends tokens waits for the parents that show it (A8). */
  readonly listed: ReadonlySet<string>;
  /** What it counts as in the bounds of the queue. */
  readonly bytes: number;
}

export interface SetOutcome {
  /** Set if nothing of it was looked at: QUEUE_FULL, UNAVAILABLE. */
  readonly failed?: string;
  /** Those that are refused, by txid; nothing else of the set suffers from it. */
  readonly refused: ReadonlyMap<string, Refusal>;
}

export interface IngestFacts {
  readonly queued: number;
  readonly inFlight: number;
  readonly admitted: number;
  readonly rejectedByCode: Readonly<Record<string, number>>;
}

/** The one way in. Resolves after the durable commit; never rejects on bad input (that is an outcome). */
export interface Offers {
  offer(beef: Uint8Array, source: Source): Promise<Outcome>;
  /** Resolves after the durable commit; the same as if each transaction had been offered. */
  offerSet(set: TxSet, source: Source): Promise<SetOutcome>;
  /** Resolves when there is room for more; callers that stream must await it. */
  ready(): Promise<void>;
  /** Resolves when everything offered so far is decided, retries of what waited included. */
  drained(): Promise<void>;
  /** What `offer` would say of a transaction now that was pending before; undefined if it was let go since. */
  outcome(txid: string): Outcome | undefined;
  facts(): IngestFacts;
}
