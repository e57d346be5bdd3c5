/** The one name of the protocol. */
export const PROTOCOL_ID = '/btc-federation/headers/1';

/** Version of the message rules; absent on the wire means 1. */
export const MESSAGE_VERSION = 1;

/** A block header as it is hashed. */
export const HEADER_BYTES = 80;
export const HASH_BYTES = 32;
/** Chain work, big-endian. */
export const WORK_BYTES = 32;
export const MAX_NETWORK_BYTES = 16;
/** No block is so high: a number above it is none. */
export const MAX_HEIGHT = 0x7fff_ffff;

/** Headers of one answer: 160 kB, 10 ms of checking. */
export const MAX_HEADERS = 2_000;
/** Hashes of one locator: ten and then doubling distances are 42 for a chain of 2^32 blocks. */
export const MAX_LOCATOR_HASHES = 64;
/** One message without its length prefix: the largest answer and its other fields. */
export const MAX_FRAME_BYTES = MAX_HEADERS * HEADER_BYTES + 256;

/** From the opening of a stream to its first message. */
export const STATUS_TIMEOUT_MS = 5_000;
/** From a question to its answer. */
export const ANSWER_TIMEOUT_MS = 10_000;
/** A stream without a further question ends after this. */
export const QUESTION_TIMEOUT_MS = 30_000;
/** For one frame to get through. */
export const WRITE_TIMEOUT_MS = 10_000;

/** Streams at once per connection. */
export const MAX_INBOUND_STREAMS = 4;
export const MAX_OUTBOUND_STREAMS = 4;
/** Streams served at once, of all peers together. */
export const MAX_SERVED_STREAMS = 256;

/**
 * What a peer is served, in headers: a whole chain at full speed, then so many a second. Beyond that it waits for its
 * answers, at most `MAX_HEADERS / SERVE_PER_SECOND` seconds each.
 */
export const SERVE_BURST = 2_000_000;
export const SERVE_PER_SECOND = 10_000;
/** A status and a question cost as much as so many headers. */
export const STATUS_COST = 100;
export const QUESTION_COST = 50;
/** Budgets are remembered for this many peers. */
export const MAX_BUDGETS = 4_096;
