/** Preferred name first; the others are spellings of the requirements and lead to the same handler. */
export const PROTOCOL_IDS = [
  '/btc-federation/v1',
  '/vtcp/btc-foundation/v1.0.0',
  'vtcp/btc-foundation/v1.0.0',
] as const;

/** Version of the message rules; absent on the wire means 1. */
export const MESSAGE_VERSION = 1;

/** One message without its length prefix. The largest honest one is a full answer: about 25 KB. */
export const MAX_FRAME_BYTES = 65_536;
/** A response whose records would pass this is cut; leaves room for the other fields. */
export const MAX_RESPONSE_BYTES = MAX_FRAME_BYTES - 256;

/** 100 records an answer bring 512 nodes to 95 % in 3 rounds, 16 take 14 (simulated). */
export const MAX_RECORDS_PER_RESPONSE = 100;
/** Of an answer that cannot hold all: peers that the answerer reached itself, before a random choice. */
export const MAX_PROVED_FIRST = 16;
export const MAX_RECORDS_PER_ANNOUNCEMENT = 10;
export const MAX_ADDRESSES_PER_RECORD = 8;
/** Binary form and text form alike. */
export const MAX_ADDRESS_BYTES = 256;
export const MAX_RECORD_BYTES = 2_048;

/** SHA-256 cut to this; a collision hides a difference until the next change, nothing worse. */
export const DIGEST_BYTES = 16;
/** Answers are confined to the buckets that differ, so that one missing peer costs about one record. */
export const DIGEST_BUCKETS = 32;
export const BUCKET_BYTES = 2;

/** Transaction id in display order, then the output index in big-endian. */
export const TOKEN_ID_BYTES = 36;
export const MAX_TOKENS = 256;
/** First bytes of SHA-256 of a token id. */
export const TOKEN_HINT_BYTES = 4;
export const MAX_TOKEN_HINT_BYTES = 64 * TOKEN_HINT_BYTES;

/** Answers to one peer: 1 per 10 s, burst 3. The budget is kept by PeerId and survives a reconnect. */
export const REQUEST_INTERVAL_MS = 10_000;
export const REQUEST_BURST = 3;
/** What we ask of one peer is a little slower, so that timing never makes an honest node exceed. */
export const ASK_INTERVAL_MS = 10_500;
/** So many requests over the budget (one is forgiven per `REQUEST_INTERVAL_MS`) end the connection. */
export const MAX_EXCESS_REQUESTS = 10;

/** Records taken unasked from one peer: 0.1/s, burst 20. The highest honest rate seen is about 0.025/s. */
export const UNSOLICITED_INTERVAL_MS = 10_000;
export const UNSOLICITED_BURST = 20;
/** What we send unasked stays below that. */
export const RELAY_INTERVAL_MS = 10_500;
export const RELAY_BURST = 18;
/** Unasked records over the budget that are forgiven before they end the connection. */
export const MAX_EXCESS_RECORDS = 100;

/** Any message of one peer: 2/s, burst 40. */
export const MESSAGE_INTERVAL_MS = 500;
export const MESSAGE_BURST = 40;

/** Budgets are remembered for this many peers. */
export const MAX_BUDGETS = 4_096;

export const RELAY_FANOUT = 8;
export const RELAY_MAX_AGE_S = 600;
export const MAX_SEEN = 5_000;
/** Relays to one peer within this time share a message. */
export const RELAY_BATCH_MS = 250;
/** Waiting for one peer; above it the oldest are dropped, the periodic exchange brings them. */
export const MAX_RELAY_QUEUE = 40;

export const DEFAULT_EXCHANGE_INTERVAL_MS = 30_000;
export const MIN_EXCHANGE_INTERVAL_MS = 1_000;
/** Each wait is the interval times a random factor in [1 - x, 1 + x]. */
export const EXCHANGE_JITTER = 0.25;
/** Peers asked at one tick: the cost of an interval grows with the nodes, not with their connections. */
export const EXCHANGE_FANOUT = 8;
/** After so many incomplete answers without anything new a peer is not asked until its digest changes. */
export const MAX_BARREN_ANSWERS = 3;

/** Above 100 peers all requests of this time are served from one random order. */
export const ANSWER_CACHE_MS = 30_000;

/** A new connection is greeted within this. */
export const GREETING_DEADLINE_MS = 5_000;
/** From the opening of a stream of ours to the end of the answer. */
export const REQUEST_TIMEOUT_MS = 10_000;
/** For the first message on an opened stream: silence is reset before 5 s. */
export const SILENCE_TIMEOUT_MS = 4_000;
export const WRITE_TIMEOUT_MS = 4_000;
/** Streams served at once, of all peers together. */
export const MAX_SERVED_STREAMS = 128;
/** Streams at once per connection. */
export const MAX_INBOUND_STREAMS = 8;
export const MAX_OUTBOUND_STREAMS = 8;
/** Requests of ours under way at once. */
export const MAX_ASKS = 16;
