const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Learned peers; those of the operator come on top. */
export const MAX_LEARNED = 2_048;
/** Unproved peers told by one source: a quarter of the book (eclipse, poisoning). */
export const MAX_UNPROVED_PER_SOURCE = MAX_LEARNED / 4;
/** Unproved peers in one public /24 or /48, unless the operator listed them. */
export const MAX_UNPROVED_PER_SUBNET = 10;

/**
 * With more unproved peers than this somebody floods us, or us and others: they go sooner, and only what we saw alive
 * ourselves is told to others.
 */
export const PRESSED_UNPROVED = MAX_LEARNED / 2;
export const PRESSED_MAX_FAILURES = 1;
export const PRESSED_MAX_AGE_MS = HOUR_MS;

export const HEARD_MAX_FAILURES = 3;
export const HEARD_MAX_AGE_MS = DAY_MS;
export const PROVED_MAX_FAILURES = 10;
/** Ten failures count only if they go on for so long. */
export const PROVED_FAILING_MS = 7 * DAY_MS;
export const PROVED_MAX_UNSEEN_MS = 30 * DAY_MS;
/** What a file says is never too old to be tried once more: its stamps may be of a wrong clock. */
export const LOADED_GRACE_MS = HOUR_MS;

/** A peer that was given up is not taken from others again for so long, unless they saw it alive since. */
export const FORGOTTEN_AFTER_FAILURES_MS = 600_000;
export const FORGOTTEN_AFTER_AGE_MS = DAY_MS;
/** One that the operator deleted is not taken at all. */
export const FORGOTTEN_BY_OPERATOR_MS = DAY_MS;
export const MAX_FORGOTTEN = 5_000;

export const ANCHORS = 8;
export const SWEEP_MS = 60_000;
/** A wall clock that moved so much against the monotonic one was set. */
export const CLOCK_STEP_MS = 60_000;
