import { MAX_ANCHOR_HEIGHTS } from '../../protocols/token-sync/constants.ts';
import type { Clock } from '../p2p/types.ts';
import { Bulk } from './bulk.ts';
import {
  LISTING_ENTRIES,
  MAX_HUNT_STEPS,
  MAX_LISTING_ENTRIES,
  MAX_PROBES,
  MIN_UNIT_ENTRIES,
} from './client-limits.ts';
import type { SyncHeaders, SyncIndex } from './client-modules.ts';
import type { Anchor } from './commitments.ts';
import type { Claim } from './compare.ts';
import { joinUnits, type Unit } from './deal.ts';
import { SyncError } from './errors.ts';
import { tacsFrom } from './own-tacs.ts';
import { askAnchors } from './questions.ts';
import type { Session } from './session.ts';
import { type Interval, Settling } from './settle.ts';
import type { Transfers } from './transfer.ts';

export interface HuntModules {
  readonly index: SyncIndex;
  readonly headers: SyncHeaders;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly transfers: Transfers;
}

/** Peers that made the same claim, so that they have the same history up to its block. */
export interface Camp {
  readonly tokenId: string;
  readonly claim: Claim;
  /** Who is asked for anchors and lists. */
  readonly leader: Session;
  /** All of them that are there now, the leader among them. */
  readonly members: () => readonly Session[];
}

/** What came of a hunt. `firstHeight`: of the first difference that stays. */
export type HuntEnd =
  /** Everything that the claim stands for is in our index, and nothing else. */
  | { readonly kind: 'agrees' }
  /** Everything that it stands for, and more. */
  | { readonly kind: 'lacks'; readonly firstHeight: number }
  /** Something of it cannot be taken in: our rules do not count it. */
  | { readonly kind: 'refused'; readonly firstHeight: number; readonly code: string }
  /** It did not come to an end: the peer's history, ours or the chain changed, or too much is different. */
  | { readonly kind: 'moved' };

/**
 * Brings everything that the peers of a camp have of a token, and we lack, into our index. Finds the first block at which
 * the commitments differ by anchors at up to 64 heights at a time; parts of which we have little are fetched as they are, else
 * the peer lists its places there and what is missing is fetched alone. Then it goes on above, from the peer's commitment: what
 * we have and the peer lacks hides nothing that lies higher.
 *
 * Durable progress is the index itself: whatever was taken in lies below the next first difference, or is counted there, so
 * a hunt after a kill or a cut asks only for what is still missing. No row of its own is needed for that, and none could
 * contradict the index.
 */
export class Hunt {
  private readonly modules: HuntModules;
  private readonly camp: Camp;
  private readonly signal: AbortSignal;
  private readonly settling: Settling;
  private listingEntries = LISTING_ENTRIES;
  private probes = 0;
  private bulkGap = Number.POSITIVE_INFINITY;
  /** First height at which we have what the peer lacks: above it our own commitments say nothing of his. */
  private kept: number | undefined;
  private lowest: number | undefined;

  constructor(modules: HuntModules, camp: Camp, signal: AbortSignal) {
    this.modules = modules;
    this.camp = camp;
    this.signal = signal;
    this.settling = new Settling(modules, camp, signal);
  }

  /** The first difference is not below this height; undefined: not looked for yet. */
  get firstHeight(): number | undefined {
    return this.lowest;
  }

  /** @throws PeerFault, TokenSyncError: the leader's; SyncError; what ended its stream; the reason of the signal */
  async run(): Promise<HuntEnd> {
    const { claim } = this.camp;
    let base = await this.bottom();
    for (let step = 0; step < MAX_HUNT_STEPS; step++) {
      if (base.height >= claim.height) return this.end();
      const next = await this.step(base);
      if (next === 'none') return this.end();
      if ('kind' in next) return next;
      base = next;
    }
    return { kind: 'moved' };
  }

  private end(): HuntEnd {
    return this.kept === undefined ? { kind: 'agrees' } : { kind: 'lacks', firstHeight: this.kept };
  }

  /** Below the first transaction of either side both commitments are zeros. */
  private async bottom(): Promise<Anchor> {
    const { claim, tokenId } = this.camp;
    const { firstHeight } = await this.modules.index.commitments.tip(tokenId);
    const firsts = [firstHeight, claim.firstHeight].filter((height) => height !== undefined);
    const height = Math.max(0, Math.min(claim.height, ...firsts) - 1);
    return { height, tac: Buffer.alloc(32), entries: 0 };
  }

  /** Deals with the first difference above `base`, an anchor of the peer. An anchor: go on from there; none: there is none. */
  private async step(base: Anchor): Promise<Anchor | 'none' | HuntEnd> {
    let low = base;
    let high = this.camp.claim.height;
    for (;;) {
      const heights = spread(low.height, high);
      const theirs = await this.theirs(heights);
      if (theirs === undefined) return { kind: 'moved' };
      const ours = await this.ours(low, heights);
      const intervals = intervalsOf(low, theirs, ours);
      const first = intervals.findIndex((at, i) => !at.high.tac.equals((ours[i + 1] as Anchor).tac));
      const interval = intervals[first];
      if (interval === undefined) return high === this.camp.claim.height ? 'none' : { kind: 'moved' };
      this.lowest = interval.low.height + 1;
      const units = this.isHeldUp(intervals.slice(first)) ? [] : this.unitsOf(intervals.slice(first));
      if (units.length > 0) return (await this.fetchAll(units)) ? base : { kind: 'moved' };
      if (interval.high.height === this.lowest || interval.theirs <= this.listingEntries)
        return this.settle(interval);
      low = interval.low;
      high = interval.high.height;
    }
  }

  /** The leader's anchors at these heights. Undefined: it has another history now. */
  private async theirs(heights: readonly number[]): Promise<readonly Anchor[] | undefined> {
    const { leader, claim, tokenId } = this.camp;
    const { anchors } = await askAnchors(leader.conversation(), tokenId, heights, this.signal);
    const top = anchors.at(-1);
    if (top === undefined || anchors.length !== heights.length) return undefined;
    return top.height === claim.height && !top.tac.equals(claim.tac) ? undefined : anchors;
  }

  /** The same at `low` and at these heights if what we have above `low` stood on the peer's history up to there. */
  private async ours(low: Anchor, heights: readonly number[]): Promise<readonly Anchor[]> {
    const { commitments } = this.modules.index;
    const { tokenId } = this.camp;
    const { anchors } = await commitments.anchors(tokenId, [low.height, ...heights]);
    if (anchors.length !== heights.length + 1)
      throw new SyncError('NOT_READY', 'our tip went down meanwhile', { height: low.height });
    if (this.kept === undefined) return anchors;
    const hashAt = this.modules.headers.hashAt.bind(this.modules.headers);
    const tacs = await tacsFrom(commitments, hashAt, tokenId, low, heights);
    return anchors.map((anchor, i) => ({ ...anchor, tac: i === 0 ? low.tac : (tacs[i - 1] as Anchor).tac }));
  }

  /**
   * What is missing may be here already and wait for one transaction before it: then the first one that is missing is fetched
   * alone, and what it decides shows.
   */
  private isHeldUp(intervals: readonly Interval[]): boolean {
    const { store } = this.modules.index;
    const undecided = store.tokens.get(store.tokenNos.get(this.camp.tokenId) ?? 0)?.undecided ?? 0;
    const gap = intervals.reduce((sum, { theirs, ours }) => sum + Math.max(0, theirs - ours), 0);
    if (undecided === 0 || 2 * undecided < gap || this.probes >= MAX_PROBES) return false;
    this.probes++;
    return true;
  }

  /** Parts of which we have at most half. */
  private unitsOf(intervals: readonly Interval[]): Unit[] {
    const units: Unit[] = [];
    let gap = 0;
    for (const { low, high, theirs, ours } of intervals) {
      if (theirs === 0 || 2 * (theirs - ours) < theirs) continue;
      units.push({ from: low.height + 1, to: high.height, entries: theirs });
      gap += theirs - ours;
    }
    // What did not become less by fetching it is looked at place by place.
    if (gap >= this.bulkGap) return [];
    this.bulkGap = gap;
    return joinUnits(units, MIN_UNIT_ENTRIES);
  }

  /** False: nothing more can be asked now. What was not given is looked at place by place. */
  private async fetchAll(units: readonly Unit[]): Promise<boolean> {
    const { tokenId, members, leader } = this.camp;
    await new Bulk(this.modules, { tokenId, units, peers: members }).run(this.signal);
    return leader.state.kind === 'talking' && leader.restMs() === 0;
  }

  private async settle(interval: Interval): Promise<Anchor | HuntEnd> {
    this.listingEntries = Math.min(MAX_LISTING_ENTRIES, this.listingEntries * 4);
    const end = await this.settling.run(interval);
    if (end.kind !== 'settled') return end;
    this.kept ??= end.keptFrom;
    return interval.high;
  }
}

/** Up to MAX_ANCHOR_HEIGHTS heights above `low`, spread evenly, the last of them `high`. */
export function spread(low: number, high: number): number[] {
  const count = Math.min(MAX_ANCHOR_HEIGHTS, high - low);
  return Array.from({ length: count }, (_, i) => low + Math.ceil(((high - low) * (i + 1)) / count));
}

/** `ours` has the anchor at `low` before those at the heights of `theirs`. */
function intervalsOf(low: Anchor, theirs: readonly Anchor[], ours: readonly Anchor[]): Interval[] {
  return theirs.map((high, i): Interval => {
    const from = theirs[i - 1] ?? low;
    const own = (ours[i + 1] as Anchor).entries - (ours[i] as Anchor).entries;
    return { low: from, high, theirs: high.entries - from.entries, ours: own };
  });
}
