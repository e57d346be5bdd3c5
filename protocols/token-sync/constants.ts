/** The one name of the protocol. */
export const PROTOCOL_ID = '/btc-federation/bsv21-sync/1';

/** Version of the message rules; absent on the wire means 1. */
export const MESSAGE_VERSION = 1;
/** Version of the token rules (which transactions are a token's history): nodes of two versions do not compare. */
export const RULES_VERSION = 1;

/** One message without its length prefix. */
export const MAX_FRAME_BYTES = 1024 * 1024;

export const HASH_BYTES = 32;
export const SALT_BYTES = 16;
/** A salted digest of a token id: a collision of two tokens of one hello has a probability of 2^-104. */
export const DIGEST_BYTES = 16;
/** Tokens of one hello. */
export const MAX_TOKENS = 4_096;
export const MAX_NETWORK_BYTES = 16;

/** Heights of one question: 200,000 blocks are searched in 3 round trips, 900,000 in 4. */
export const MAX_ANCHOR_HEIGHTS = 64;

/** A chunk is ended when it has so many bytes; one more transaction may still go beyond. */
export const CHUNK_TARGET_BYTES = 256 * 1024;
/** A chunk of any content, with room for the fields around it. */
export const MAX_CHUNK_BYTES = MAX_FRAME_BYTES - 4_096;
/** Transactions of a chunk: those of the token, and those that come along. */
export const MAX_CHUNK_TXS = 4_096;
/** Blocks of a chunk, and of a listing. */
export const MAX_CHUNK_BLOCKS = 4_096;
/** A raw transaction above this comes in pieces before its chunk. */
export const MAX_INLINE_TX_BYTES = 512 * 1024;
export const PIECE_BYTES = 512 * 1024;
/** One raw transaction, whole. Larger ones are not synced. */
export const MAX_TX_BYTES = 16 * 1024 * 1024;
/** A compound BUMP, as it stands in a block of a chunk. */
export const MAX_BUMP_BYTES = MAX_CHUNK_BYTES;
/** Runs of one block: a pair of numbers needs at least two bytes. */
export const MAX_RUN_BYTES = 256 * 1024;
/** Places in one block. */
export const MAX_BLOCK_ENTRIES = 1_000_000;

/** Frames granted and not sent yet: what a reader may have to buffer. */
export const MAX_CREDIT = 64;

/** Unmined transactions of a token fall into so many buckets, by the first byte of their txid in internal order. */
export const UNMINED_BUCKETS = 256;
export const BUCKET_SUM_BYTES = 16;
export const SHORT_ID_BYTES = 8;
/** Short ids of one answer. */
export const MAX_SHORT_IDS = 65_536;

/** Ids of one fetch. */
export const MAX_FETCH_IDS = 1_024;
/** Unproven ancestors that are sent with what was asked, over the whole answer. */
export const MAX_FETCH_ANCESTORS = 10_000;
/** Raw bytes of the answer to a fetch; one transaction goes through whatever its size. */
export const MAX_FETCH_BYTES = 32 * 1024 * 1024;

/** From the opening of a stream to the hello. */
export const HELLO_TIMEOUT_MS = 5_000;
/** From a question to the first frame of the answer. */
export const ANSWER_TIMEOUT_MS = 20_000;
/** For one frame to get through. */
export const WRITE_TIMEOUT_MS = 20_000;
/** Without a credit from the asker while an answer waits for one. */
export const CREDIT_TIMEOUT_MS = 60_000;

/** Updates of one stream are at least so far apart. */
export const UPDATE_INTERVAL_MS = 1_000;

/** Streams of one peer served at once, and of all peers together. */
export const MAX_STREAMS_PER_PEER = 4;
export const MAX_SERVED_STREAMS = 128;

/**
 * What a peer may make us do, in units of about a tenth of a millisecond of work: a token bucket of its own, kept by
 * PeerId beyond the stream.
 */
export const WORK_PER_SECOND = 4_000;
export const WORK_BURST = 40_000;
/** Units of each thing; see README.md. */
export const COST = {
  hello: 20,
  /** A token of a hello. */
  digest: 0.1,
  /** A token that both follow. */
  token: 2,
  request: 5,
  anchor: 4,
  /** A transaction that is sent, and a kilobyte of them. */
  entry: 0.2,
  kilobyte: 0.1,
  /** A listed block, a listed place, and an unmined transaction that is looked at. */
  block: 0.1,
  listed: 0.02,
  unmined: 0.03,
} as const;
/** Budgets are remembered for this many peers. */
export const MAX_BUDGETS = 4_096;

/** Codes of a failure on the wire. */
export const FAILURE_CODES = {
  /** The version, the network or the token rules differ: the stream ends. */
  INCOMPATIBLE: 1,
  /** The token is not shared, or no longer. */
  NOT_SHARED: 2,
  /** Headers and index are about to change, or the token's stored history is not evaluated yet. */
  NOT_READY: 3,
  /** Over its budget. In answer to a hello the stream ends. */
  BUSY: 4,
  /** More than one answer may hold. */
  TOO_LARGE: 5,
  /** The sender cannot read its store, or is stopping. */
  UNAVAILABLE: 6,
  /** The question breaks a rule: the stream ends. This implementation resets the stream instead. */
  BAD_REQUEST: 7,
} as const;
export type FailureCode = keyof typeof FAILURE_CODES;
