/** The last header of a peer's best chain. */
export interface Tip {
  readonly height: number;
  /** 32 bytes, internal order. */
  readonly hash: Uint8Array;
  /** Expected hashes of this header and all before it, as the peer says. */
  readonly work: bigint;
}

/** What one side has. */
export interface StatusBody {
  readonly kind: 'status';
  readonly network: string;
  /** Lowest height held; one above the tip while nothing is held. */
  readonly base: number;
  readonly tip: Tip;
}

export interface GetHeadersBody {
  readonly kind: 'getHeaders';
  /** 32 bytes each, best known first; empty: from the first header held. */
  readonly locator: Uint8Array;
  /** 1 to MAX_HEADERS. */
  readonly count: number;
}

export interface HeadersBody {
  readonly kind: 'headers';
  readonly tip: Tip;
  /** 80 bytes each. */
  readonly headers: Uint8Array;
  /** No hash of the locator is known. */
  readonly isApart: boolean;
}

/** A kind of a later version of the protocol: ignored. */
export interface UnknownBody {
  readonly kind: 'unknown';
}

export type MessageBody = StatusBody | GetHeadersBody | HeadersBody | UnknownBody;
