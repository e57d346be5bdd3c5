import type { FailureCode } from './constants.ts';

/** Block up to which an index follows the header chain. Hashes: 32 bytes, internal order. */
export interface Tip {
  readonly height: number;
  readonly hash: Uint8Array;
}

/** What one side says of a token; `token` is its place in the hello. */
export interface TokenFacts {
  readonly token: number;
  /** Of the first mined history transaction; undefined: none is. */
  readonly firstHeight: number | undefined;
  /** BRC-136 commitment at the tip; undefined: it cannot be told now. */
  readonly tac: Uint8Array | undefined;
  /** Mined history transactions up to the tip. */
  readonly entries: number;
  readonly unmined: number;
  readonly unminedDigest: Uint8Array | undefined;
}

export interface HelloBody {
  readonly kind: 'hello';
  readonly version: number;
  readonly network: string;
  readonly rules: number;
  readonly salt: Uint8Array;
  /** 16 bytes each. */
  readonly digests: Uint8Array;
}
export interface WelcomeBody {
  readonly kind: 'welcome';
  readonly version: number;
  readonly tip: Tip;
  /** Ascending by token. */
  readonly tokens: readonly TokenFacts[];
}
export interface UpdateBody {
  readonly kind: 'update';
  readonly tip: Tip;
  readonly tokens: readonly TokenFacts[];
  readonly gone: readonly number[];
}
export interface AnchorsRequestBody {
  readonly kind: 'anchorsRequest';
  readonly token: number;
  /** Ascending. */
  readonly heights: readonly number[];
}
export interface AnchorsBody {
  readonly kind: 'anchors';
  readonly tip: Tip;
  /** 32 bytes each. */
  readonly tacs: Uint8Array;
  readonly entries: readonly number[];
}
export interface RangeRequestBody {
  readonly kind: 'rangeRequest';
  readonly token: number;
  readonly fromHeight: number;
  readonly toHeight: number;
  readonly bodies: boolean;
  readonly credit: number;
  /** Runs. */
  readonly only: Uint8Array | undefined;
}
export interface HeadBody {
  readonly kind: 'head';
  readonly tip: Tip;
  readonly entries: number;
}
export interface ListedBlock {
  readonly height: number;
  readonly hash: Uint8Array;
  readonly runs: Uint8Array;
}
export interface ListingBody {
  readonly kind: 'listing';
  readonly blocks: readonly ListedBlock[];
}
export interface ChunkBlock extends ListedBlock {
  readonly bump: Uint8Array;
  /** Raw, in block order; empty: it came in pieces. */
  readonly txs: readonly Uint8Array[];
}
export interface ChunkBody {
  readonly kind: 'chunk';
  readonly blocks: readonly ChunkBlock[];
  readonly loose: readonly Uint8Array[];
  readonly context: readonly Uint8Array[];
  /** Context with its proofs. */
  readonly proven: readonly ChunkBlock[];
}
export interface PieceBody {
  readonly kind: 'piece';
  readonly total: number;
  readonly bytes: Uint8Array;
}
export interface CreditBody {
  readonly kind: 'credit';
  readonly frames: number;
  readonly stop: boolean;
}
export interface UnminedRequestBody {
  readonly kind: 'unminedRequest';
  readonly token: number;
  /** Undefined: the sums are asked. */
  readonly ask: { readonly salt: Uint8Array; readonly buckets: Uint8Array } | undefined;
}
export interface UnminedBody {
  readonly kind: 'unmined';
  readonly sums: Uint8Array | undefined;
  /** 8 bytes each, sorted. */
  readonly shortIds: Uint8Array | undefined;
}
export interface FetchRequestBody {
  readonly kind: 'fetchRequest';
  readonly token: number;
  readonly ids:
    | { readonly by: 'txid'; readonly txids: Uint8Array }
    | { readonly by: 'shortId'; readonly salt: Uint8Array; readonly shortIds: Uint8Array };
  readonly credit: number;
}
export interface DoneBody {
  readonly kind: 'done';
  readonly entries: number;
  readonly missing: readonly number[];
}
export interface FailureBody {
  readonly kind: 'failure';
  /** A code of a later version is UNAVAILABLE. */
  readonly code: FailureCode;
  readonly retryAfterMs: number | undefined;
}
/** A kind of a later version of the protocol: ignored. */
export interface UnknownBody {
  readonly kind: 'unknown';
}

/** What opens a stream, and what is told unasked: without id. */
export type OpeningBody = HelloBody | WelcomeBody | UpdateBody;
export type QuestionBody = AnchorsRequestBody | RangeRequestBody | UnminedRequestBody | FetchRequestBody;
export type AnswerBody =
  | AnchorsBody
  | HeadBody
  | ListingBody
  | ChunkBody
  | PieceBody
  | UnminedBody
  | DoneBody
  | FailureBody;
export type MessageBody = OpeningBody | QuestionBody | AnswerBody | CreditBody | UnknownBody;

export interface SyncMessage {
  /** From 1; 0 where it belongs to no question. */
  readonly id: number;
  readonly body: MessageBody;
}
