import { GOSSIP_PENALTIES } from '../../protocols/gossip/errors.ts';
import { PENALTY_POINTS as HEADERS_POINTS } from '../../protocols/headers/errors.ts';
import { PENALTY_POINTS } from '../../protocols/peer-exchange/errors.ts';
import { PENALTY_POINTS as TOKEN_SYNC_POINTS } from '../../protocols/token-sync/errors.ts';

/** What a peer did wrong, as the protocols report it. */
export interface PenaltyRow {
  readonly weight: number;
  /**
   * What happens to honest peers too: so many at once and so many a second cost nothing. A peer that only reconnects
   * and asks again each time stays below it (the keeper dials a flapping peer 3 times in 10 s at most).
   */
  readonly free?: { readonly burst: number; readonly perSecond: number };
}

/** At this sum the peer is disconnected, at that one banned. */
export const DISCONNECT_AT = 50;
export const BAN_AT = 100;
/** A sum halves in this time. */
export const HALF_LIFE_MS = 600_000;
/** For codes that have no row. */
export const UNKNOWN_WEIGHT = 10;

/**
 * Rows of our own; weights are fractions of BAN_AT: 100 is sure malice (a forgery cannot happen by mistake), 25 a
 * fault that no honest program makes, 10 one that a broken connection or version may.
 */
const OWN: Readonly<Record<string, PenaltyRow>> = {
  BAD_FRAME: { weight: 25 },
  FRAME_TOO_LARGE: { weight: 50 },
  // Slow is not malicious: a frozen or overloaded peer looks the same.
  STREAM_TIMEOUT: { weight: 5, free: { burst: 2, perSecond: 1 / 60 } },
  TOO_MANY_STREAMS: { weight: 5, free: { burst: 10, perSecond: 0.2 } },
  // The tenth excess in a row disconnects, the fifteenth bans.
  RATE_EXCEEDED: { weight: 10, free: { burst: 5, perSecond: 0.2 } },
  UNSOLICITED_FLOOD: { weight: 10, free: { burst: 5, perSecond: 0.1 } },
  INVALID_TOKEN_DATA: { weight: 25 },
  // What token sync finds out beyond its messages: a forged proof or signature does not come about by mistake.
  PROOF_ROOT_MISMATCH: { weight: 100 },
  SCRIPT_FAILED: { weight: 100 },
  VALUES_NOT_CONSERVED: { weight: 100 },
  OUTPUT_ABSENT: { weight: 100 },
  COMMITMENT_WRONG: { weight: 50 },
  WITHHELD: { weight: 50 },
  ENTRIES_UNRELATED: { weight: 50 },
};

function rowsOf(points: Readonly<Record<string, number>>): Readonly<Record<string, PenaltyRow>> {
  return Object.fromEntries(Object.entries(points).map(([code, weight]) => [code, { weight }]));
}

/**
 * The table: our own rows and those of the protocols, which keep theirs beside their codes. Where two have the same code
 * each gives its weight with the penalty.
 */
export const PENALTIES: Readonly<Record<string, PenaltyRow>> = {
  ...OWN,
  ...GOSSIP_PENALTIES,
  ...rowsOf(HEADERS_POINTS),
  ...rowsOf(TOKEN_SYNC_POINTS),
  ...rowsOf(PENALTY_POINTS),
};
