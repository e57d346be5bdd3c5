import type { LockType, TokenOp } from '../token/types.ts';
import type { LockBalance } from './owner-rows.ts';

/** Place of a mined transaction: block height and index in the block (0 = coinbase). */
export interface Position {
  readonly height: number;
  readonly index: number;
}

/** What the node knows of a token id. `unfollowed`: seen in a transaction or followed once, but not followed now. */
export type TokenState = 'followed' | 'unfollowed' | 'unknown';

/** Supply figures of token-rules §4; exact, and `lost` provisional while `undecided` is not 0. */
export interface Supply {
  readonly issued: bigint;
  readonly burned: bigint;
  readonly lost: bigint;
  readonly circulating: bigint;
}

export interface TokenInfo {
  readonly tokenId: string;
  readonly state: 'followed' | 'unfollowed';
  /** False while the deploy transaction has not arrived: symbol and decimals are unknown, nothing can be valid. */
  readonly deployed: boolean;
  readonly sym?: string;
  readonly icon?: string;
  readonly dec: number;
  readonly supply: Supply;
  /** Owners with a balance above 0. */
  readonly holders: number;
  /** Valid unspent value outputs. */
  readonly coins: number;
  /** Active transactions that touch the token (its history length). */
  readonly transactions: number;
  /** Active transactions whose verdict waits for the history before them. */
  readonly undecided: number;
  /** True once an output in the BRC-162 binary form carries this id: figures are then incomplete (token-rules §11). */
  readonly binaryOutputsSeen: boolean;
}

/** An owner's coins that no active transaction spends; marketplace listings (ordlock) apart, since anyone may buy those. */
export interface Balance {
  /** Coins of mined transactions. */
  readonly confirmed: bigint;
  /** Coins of unmined transactions. */
  readonly unconfirmed: bigint;
  readonly coins: number;
  /** Tokens the owner offers for sale under ordlock; not in the figures above. */
  readonly listed: bigint;
  readonly byLock: readonly LockBalance[];
}

export interface Coin {
  /** `<txid>_<vout>` */
  readonly outpoint: string;
  readonly op: TokenOp;
  readonly amt: bigint;
  readonly lock: LockType;
  readonly owner: Uint8Array;
  /** Absent while unmined. */
  readonly position?: Position;
}

export interface HistoryEntry {
  readonly txid: string;
  /** Absent while unmined. */
  readonly position?: Position;
  /** Unix seconds: the block's time if mined, else when this node first saw it. Absent where the block's header is not held. */
  readonly time?: number;
  /** Sums over the valid outputs and spent coins of the owner asked for, or of all owners. */
  readonly received: bigint;
  readonly sent: bigint;
}

export interface HistoryFilter {
  readonly owner?: Uint8Array;
  readonly fromHeight?: number;
  readonly toHeight?: number;
  /** Unix seconds, inclusive. */
  readonly fromTime?: number;
  readonly toTime?: number;
}

export interface Holder {
  readonly owner: Uint8Array;
  readonly balance: bigint;
}

/** A page of a list; `cursor` present = there is more, and it stays good while rows are written. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly cursor?: string;
}

export interface PageRequest {
  readonly limit: number;
  readonly cursor?: string;
}

/**
 * What happened to one output, in the order it was committed. `created` / `spent` carry the position of that
 * transaction once mined; `createdMined` / `spentMined` tell a position that came later, `createdUnmined` /
 * `spentUnmined` one that was undone; `removed` / `unspent` take back `created` / `spent`.
 */
export type EventType =
  | 'created'
  | 'createdMined'
  | 'createdUnmined'
  | 'removed'
  | 'spent'
  | 'spentMined'
  | 'spentUnmined'
  | 'unspent';

export interface TokenEvent {
  /** From 1, without gaps. */
  readonly sequence: bigint;
  readonly type: EventType;
  readonly tokenId: string;
  readonly outpoint: string;
  readonly op: TokenOp;
  readonly amt: bigint;
  readonly owner: Uint8Array;
  readonly lock: LockType;
  /** The transaction that created or spends the output. */
  readonly txid: string;
  readonly position?: Position;
}

export type TxStatus =
  | 'active'
  /** Verified, but an output it spends is spent by a transaction that goes before it (token-rules §7). */
  | 'conflicted'
  /** Its bytes are kept; parents or a header are missing, nothing is counted. */
  | 'waiting'
  /** It can never be mined (token-rules G3). */
  | 'dead';

export interface TxTokenView {
  readonly tokenId: string;
  /** False while an input's token value is still unknown. */
  readonly decided: boolean;
  readonly valueIn: bigint;
  readonly lost: bigint;
  /** Outpoints whose transaction is not here, or is itself undecided. */
  readonly undecided: readonly string[];
  readonly outputs: readonly {
    readonly vout: number;
    readonly op: TokenOp;
    readonly amt: bigint;
    readonly verdict: 'valid' | 'invalid' | 'pending';
    readonly lock: LockType;
    readonly owner: Uint8Array;
    /** txid of the active spender */
    readonly spentBy?: string;
  }[];
}

export interface TxView {
  readonly txid: string;
  readonly status: TxStatus;
  readonly position?: Position;
  readonly blockHash?: string;
  /** Unix milliseconds. */
  readonly firstSeenMs: number;
  readonly raw: Uint8Array;
  readonly tokens: readonly TxTokenView[];
  /** Known spenders of the same outputs that lost or won against it. */
  readonly conflictsWith: readonly string[];
  /** For `waiting`: txids of missing parents, and the height of the header it waits for. */
  readonly missingParents: readonly string[];
  /** Those of them that are here, and wait themselves; with the block whose header they wait for. */
  readonly waitingParents?: readonly { readonly txid: string; readonly height?: number }[];
  readonly missingHeight?: number;
}

/** Transactions that damage took and that are not back: figures may be wrong until they are. */
export interface LostFacts {
  readonly count: number;
  /** The first of them, as far as their names are known. */
  readonly txids: readonly string[];
  /** True if there may be more than `count`. */
  readonly uncertain: boolean;
}

export interface StoreFacts {
  readonly transactions: number;
  readonly outputs: number;
  readonly pending: number;
  readonly conflicts: number;
  /** Number of the last commit and of the last event. */
  readonly commit: bigint;
  readonly sequence: bigint;
  readonly format: number;
  readonly databaseId: string;
  /** Absent if nothing was lost. */
  readonly lost?: LostFacts;
}

/** Result of a full check of the store against its raw transactions. `problems` is bounded, `problemCount` is not. */
export interface VerifyReport {
  readonly rows: number;
  readonly transactions: number;
  readonly problemCount: number;
  readonly problems: readonly { readonly code: string; readonly what: string }[];
  /** SHA-256 over the state (not over arrival): equal on every node with the same transactions. */
  readonly stateDigest: string;
  /** Absent if nothing was lost. */
  readonly lost?: LostFacts;
}

/** Read-only view of the store. Every answer is of one commit; damaged rows throw `StoreError`. */
export interface StoreView {
  facts(): StoreFacts;
  tokenState(tokenId: string): TokenState;
  tokens(): readonly TokenInfo[];
  token(tokenId: string): TokenInfo | undefined;
  balance(tokenId: string, owner: Uint8Array): Promise<Balance>;
  coins(tokenId: string, owner: Uint8Array | undefined, page: PageRequest): Promise<Page<Coin>>;
  history(tokenId: string, filter: HistoryFilter, page: PageRequest): Promise<Page<HistoryEntry>>;
  holders(tokenId: string, page: PageRequest): Promise<Page<Holder>>;
  /** Events with sequence > `after`, oldest first. */
  events(after: bigint, limit: number, tokenIds?: readonly string[]): Promise<readonly TokenEvent[]>;
  tx(txid: string): TxView | undefined;
  /** Atomic BEEF (BRC-95) of a held transaction, built from rows. Undefined if unknown or not provable yet. */
  beef(txid: string): Uint8Array | undefined;
}
