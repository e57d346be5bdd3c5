import type { TxRecord } from '../store/records.ts';
import { GOSSIP_LIMITS } from './gossip-limits.ts';
import type { Change } from './gossip-log.ts';
import type { Told } from './told.ts';

export interface Situation {
  readonly nowMs: number;
  readonly tipHeight: number;
  /** The event was written before a pause in which nobody listened. */
  readonly isStale: boolean;
}

/**
 * Whether a change is gossiped. `now`: it came to us first, as far as we know. `later`: others may be about to tell it too,
 * so it is told after a random pause, by those who have not heard it by then. Not at all: what is old news (an import of
 * history, a sync), what the sync brought, and what is no longer so.
 */
export function choiceOf(
  change: Change,
  record: TxRecord,
  told: Told,
  at: Situation,
): 'now' | 'later' | undefined {
  const { height } = change;
  if (record.status !== 'active' || record.place?.height !== height) return undefined;
  if (told.has(change) || told.isHushed(record.txid, height)) return undefined;
  if (at.isStale && at.nowMs - record.firstSeenMs > GOSSIP_LIMITS.staleMs) return undefined;
  if (height === undefined) return told.isHeard(change.arrival) ? 'later' : 'now';
  const blocks = change.isNew ? GOSSIP_LIMITS.newBlocks : GOSSIP_LIMITS.proofBlocks;
  return height > at.tipHeight - blocks ? 'later' : undefined;
}
