/** Dials under way at once. */
export const DIALS_AT_ONCE = 8;
/** Of these, to peers that are probably not there: never proved, or their circuit is open. The others stay free. */
export const DOUBTFUL_AT_ONCE = 5;
/** Between two dials of learned peers that we never proved: nobody steers our dials by what he tells us. */
export const UNPROVED_EVERY_MS = 1_000;
/** Proved peers that a start dials at once, besides the operator's, whoever else is known: against eclipse. */
export const ANCHORS = 8;
/** Connections, inbound ones included, up to which learned peers are dialled. */
export const TARGET_CONNECTIONS = 24;
/** Outbound connections that are kept even if inbound ones reach the target: inbound ones are others' choice. */
export const MIN_OUTBOUND = 8;
/** Of max_peers, what our dials leave for others. */
export const INBOUND_RESERVE = 8;

/** The peer with the larger id waits so long at a first dial, since the other is probably dialling too. */
export const LARGER_WAITS_MS = 2_000;
/** A connection that lived longer was a success; a shorter one counts as one more failure for the next wait. */
export const STABLE_MS = 30_000;
/** Connects and losses further back do not count as flapping. */
export const FLAP_WINDOW_MS = 10_000;
/** Dials of one peer within FLAP_WINDOW_MS once it was lost twice in it. */
export const FLAP_DIALS = 3;
/** The same for a peer that was lost once or never: before it can be lost twice. */
export const BURST_WINDOW_MS = 2_000;

/** After a dial that our own limits refused. */
export const NO_ROOM_WAIT_MS = 10_000;
/** The keeper looks at everything at least so often; bans end and rules change without an event. */
export const LOOK_AGAIN_MS = 30_000;
/** A dial that does not end by itself is ended so much later than it should have. */
export const DIAL_GRACE_MS = 5_000;
/** A stop waits so long for dials that do not end although they were told to. */
export const STOP_WAIT_MS = 2_000;

export interface Room {
  /** Dials of ours never take more, for whomever. */
  readonly operator: number;
  /** Learned peers are dialled while fewer peers are connected or being dialled, inbound ones included, ... */
  readonly learned: number;
  /** ... or while fewer are connected by our own choice. */
  readonly outbound: number;
}

/** What our dials may take of `maxPeers`; at least one, at most what leaves others some room. */
export function roomOf(maxPeers: number): Room {
  const operator = Math.max(1, maxPeers - Math.min(INBOUND_RESERVE, Math.floor(maxPeers / 4)));
  const half = Math.max(1, Math.floor(maxPeers / 2));
  return {
    operator,
    learned: Math.min(TARGET_CONNECTIONS, half),
    outbound: Math.min(MIN_OUTBOUND, half),
  };
}
