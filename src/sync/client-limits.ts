/** Peers that are asked at once; with more connected, those that follow our tokens go first. */
export const MAX_SESSIONS = 64;
/** Transfers under way at once, of all tokens: each holds up to CHUNK_CREDIT chunks in memory. */
export const MAX_LANES = 6;
/** Transfers of one peer at once: with the two streams that a renewal has for a moment it fills MAX_STREAMS_PER_PEER. */
export const LANES_PER_PEER = 2;
/** Chunks of a transfer that are on their way or not yet committed: enough that neither side waits for the other. */
export const CHUNK_CREDIT = 6;
/** Listings of an answer that are on their way. */
export const LISTING_CREDIT = 4;

/** A range with so few transactions is asked on the stream that is there: a new one would cost a round trip. */
export const SMALL_RANGE_ENTRIES = 1_024;
/** Expected transactions of one part that is dealt out, at least: below it the question costs more than it spreads. */
export const MIN_UNIT_ENTRIES = 512;
/** An interval of so few transactions is listed, not searched further. It grows fourfold with each listing of a hunt. */
export const LISTING_ENTRIES = 256;
export const MAX_LISTING_ENTRIES = 16_384;
/** Blocks of a listing in which something is missing that are asked one by one; if there are more, the whole range is. */
export const MAX_SINGLE_BLOCKS = 8;
/** Single transactions that are fetched in one hunt because much may wait for them. */
export const MAX_PROBES = 16;
/** Steps of one hunt: what is left then is for the next. */
export const MAX_HUNT_STEPS = 64;
/** An idle peer takes over the rest of a transfer that has brought nothing for so long. */
export const STALL_MS = 2_000;
/** Heights over which a TAC is continued by ourselves; beyond it the peer is asked. */
export const MAX_CONTINUED_HEIGHTS = 2_016;

/** Own commits are looked at together. */
export const TURN_DELAY_MS = 50;
/** Turns of one token are at least so far apart, but for the first look at a peer. */
export const TURN_INTERVAL_MS = 200;
/** Where the index follows the header chain, or a token's stored history is evaluated: time to the next look. */
export const NOT_READY_MS = 100;
/** A comparison waits so long for headers that a peer has; then it is made at our own tip. */
export const HEADERS_WAIT_MS = 3_000;
/** A new block: who agreed until now has its proofs first, and gossip brings them. Only a difference that lasts is gone after. */
export const BLOCK_LASTS_MS = 2_000;
/** More blocks at once than these are a history that is missing. */
export const MAX_MOVED_BLOCKS = 2;
/** Unmined sets differ all the time while transactions travel: a difference counts when it has lasted. */
export const UNMINED_LASTS_MS = 2_000;
/** The same after a look that brought nothing, doubled with each one. */
export const MAX_UNMINED_WAIT_MS = 60_000;
/** While gossip has messages to take in, what is lacked is probably among them: the look waits so much longer. */
export const ARRIVING_MS = 10_000;
/** Longest wait before transactions that are here, and whose verdict is open, are asked for again: each time all history is read. */
export const MAX_OPEN_WAIT_MS = 3_600_000;
/** Transactions whose fetching changed nothing here (conflicts, mostly), of one token: not fetched again. */
export const MAX_FUTILE = 8_192;
/** So many hunts in a row that bring nothing say that a peer does not give what it tells of. */
export const MAX_BARREN = 7;
/** First wait after a hunt that brought nothing, doubled with each one. */
export const BARREN_MS = 1_000;
/** The same while the peer's history changes: it is filling up from somebody. */
export const MAX_MOVING_WAIT_MS = 8_000;
export const MAX_BARREN_WAIT_MS = 300_000;

/** A peer that has another history than ours, of which we have all, is in dispute with us when it stays so. */
export const DISPUTE_MS = 60_000;
/** How long an agreement at our tip counts after the tip has moved on: blocks do not reach everybody at once. */
export const TIP_GRACE_MS = 60_000;
/** Discovery is asked for more peers of a token that nobody confirms, at most so often. */
export const SEEK_MS = 30_000;
/** The rate of a transfer is measured over this time. */
export const RATE_WINDOW_MS = 10_000;

/** After this time a stream is replaced by a new one: whatever was missed on it is found then. */
export const RENEW_MS = 600_000;
/** First wait before a stream that failed is opened again, doubled with each failure. */
export const REOPEN_MS = 500;
export const MAX_REOPEN_MS = 60_000;
/** A peer of another network or other rules is asked again after this. */
export const INCOMPATIBLE_MS = 3_600_000;
/** To open a stream. */
export const OPEN_TIMEOUT_MS = 10_000;
/** Messages of a peer that nobody asked for: so many at once, and so many a second. */
export const UNASKED_BURST = 30;
export const UNASKED_PER_SECOND = 3;

/** Transactions that wait to be fetched for others that wait for them. */
export const MAX_WANTED = 1_024;
/** Of them in one question. */
export const WANTED_AT_ONCE = 64;
/** Peers that are asked for one of them. */
export const WANTED_TRIES = 3;
