import {
  BARREN_MS,
  BLOCK_LASTS_MS,
  MAX_BARREN,
  MAX_BARREN_WAIT_MS,
  MAX_MOVED_BLOCKS,
  MAX_MOVING_WAIT_MS,
  MAX_UNMINED_WAIT_MS,
  UNMINED_LASTS_MS,
} from './client-limits.ts';
import type { Asked, Claim, Comparison } from './compare.ts';
import type { HuntEnd } from './hunt.ts';
import type { Session } from './session.ts';
import type { PeerView, Relation } from './status.ts';

/** How we stand with one peer on one token, and when what is to be asked of it next. Times are monotonic ms. */
export class Standing {
  relation: Relation;
  /** What it was last found to claim. */
  claim: Claim | undefined;
  /** What it answered about its commitment, where what it says unasked does not tell. */
  asked: Asked | undefined;
  /** Its commitment was ours at our tip when last compared, and last at all. */
  private isAtTip = false;
  private agreedMs = Number.NEGATIVE_INFINITY;
  /** Since when a peer that agreed has told another commitment, which new blocks explain. */
  private movedSinceMs: number | undefined;
  /** Since when its tip has been unknown to our chain. */
  headersSinceMs: number | undefined;
  /** Of the claim whose history was gone through to the end. */
  private examinedKey: string | undefined;
  /** Hunts in a row that brought nothing. */
  private barren = 0;
  private huntAtMs = 0;
  /** The same for the claim that was examined. */
  private examineAtMs = 0;
  /** Since when the digests of the unmined sets have differed. */
  private unminedSinceMs: number | undefined;
  private unminedAtMs = 0;
  private unminedBarren = 0;
  /** They were equal once, or were looked at. */
  private isUnminedKnown = false;

  constructor(nowMs: number) {
    this.relation = { kind: 'unknown', sinceMs: nowMs };
  }

  /** A comparison of both commitments. */
  compared(
    found: Extract<Comparison, { kind: 'agrees' | 'differs' }>,
    tipHeight: number,
    nowMs: number,
  ): void {
    const { claim } = found;
    this.claim = claim;
    this.atTip(found.kind === 'agrees' && claim.height >= tipHeight, nowMs);
    if (found.kind === 'agrees') this.agrees(claim, nowMs);
    else if (!this.isMoving(claim, nowMs)) this.differs(found, nowMs);
  }

  /** When a commitment that may only be ahead by a new block is to be compared again. */
  movedDueMs(): number | undefined {
    return this.movedSinceMs === undefined ? undefined : this.movedSinceMs + BLOCK_LASTS_MS;
  }

  untold(nowMs: number): void {
    this.movedSinceMs = undefined;
    this.atTip(false, nowMs);
    this.become({ kind: 'unknown', sinceMs: nowMs });
  }

  /** What was found to be so was so on another chain. */
  chainUndone(): void {
    this.movedSinceMs = undefined;
    this.examinedKey = undefined;
    this.barren = 0;
    this.huntAtMs = 0;
  }

  /** A hunt for its claim came to an end; `isGain`: something came in. */
  hunted(end: HuntEnd, isGain: boolean, nowMs: number): void {
    const isFinal = end.kind === 'lacks' || end.kind === 'refused';
    this.barren = isGain ? 0 : this.barren + 1;
    this.huntAtMs = nowMs + waitOf(this.barren, isFinal ? MAX_MOVING_WAIT_MS : MAX_BARREN_WAIT_MS);
    if (isFinal) this.examined({ ...end, sinceMs: nowMs }, nowMs);
    else this.giveUp(undefined, nowMs);
  }

  /** Asking it failed; `fault`: it did something that no honest peer does, and this stands against it here. */
  failed(fault: string | undefined, firstHeight: number | undefined, nowMs: number): void {
    this.barren++;
    this.huntAtMs = nowMs + waitOf(this.barren, MAX_BARREN_WAIT_MS);
    if (fault === undefined) this.giveUp(firstHeight, nowMs);
    else this.examined({ kind: 'refused', sinceMs: nowMs, firstHeight, code: fault }, nowMs);
  }

  /** When its history is to be gone through; undefined: there is nothing to be had. */
  huntDueMs(): number | undefined {
    const { claim, relation } = this;
    if (claim === undefined || claim.entries === 0 || this.headersSinceMs !== undefined) return undefined;
    if (relation.kind === 'agrees' || relation.kind === 'unknown') return undefined;
    return this.examinedKey === claim.key ? this.examineAtMs : this.huntAtMs;
  }

  /** Only a difference that lasts counts: sets differ all the time while transactions travel. The first look is due at once. */
  unminedDiffers(differs: boolean, nowMs: number): void {
    if (!differs) {
      this.unminedSinceMs = undefined;
      this.unminedBarren = 0;
      this.isUnminedKnown ||= this.relation.kind === 'agrees';
      return;
    }
    if (this.unminedSinceMs !== undefined) return;
    this.unminedSinceMs = nowMs;
    const fromMs = this.isUnminedKnown ? nowMs + UNMINED_LASTS_MS : nowMs;
    this.unminedAtMs = Math.max(this.unminedAtMs, fromMs);
  }

  /** Its unmined transactions were looked at, or that failed. */
  lookedAt(gained: number | undefined, nowMs: number): void {
    this.unminedBarren = (gained ?? 0) > 0 ? 0 : this.unminedBarren + 1;
    // One that never answers must not keep the token from being called synced.
    this.isUnminedKnown ||= gained !== undefined || this.unminedBarren >= MAX_BARREN;
    // What was compared is of before; what it says next tells.
    this.unminedSinceMs = undefined;
    const waitMs = UNMINED_LASTS_MS * 2 ** Math.min(this.unminedBarren, 10);
    this.unminedAtMs = nowMs + Math.min(MAX_UNMINED_WAIT_MS, waitMs);
  }

  /** Some were lost on the way: earlier looks that brought nothing say nothing of that. */
  lookSoon(nowMs: number): void {
    this.unminedBarren = 0;
    this.unminedAtMs = Math.min(this.unminedAtMs, nowMs + UNMINED_LASTS_MS);
  }

  unminedDueMs(): number | undefined {
    return this.unminedSinceMs === undefined ? undefined : this.unminedAtMs;
  }

  view(session: Session, tokenId: string, isHeadersDue: boolean): PeerView | undefined {
    const told = session.of(tokenId);
    if (told === undefined) return undefined;
    const { relation } = this;
    const isNew = !this.isUnminedKnown && this.unminedSinceMs !== undefined;
    return {
      peerId: session.peerId,
      tipHeight: session.tip?.height ?? told.tip.height,
      entries: told.facts.entries,
      unmined: told.facts.unmined,
      agreedMs: this.agreedMs,
      changedMs: told.changedMs,
      relation,
      isUnminedDue: relation.kind === 'agrees' && isNew,
      isHeadersDue,
    };
  }

  /** Nothing is compared while nothing changes: what was so was so until now. */
  private atTip(isAtTip: boolean, nowMs: number): void {
    if (isAtTip || this.isAtTip) this.agreedMs = nowMs;
    this.isAtTip = isAtTip;
  }

  /** It agreed a few blocks ago, and gossip may bring what is new. */
  private isMoving(claim: Claim, nowMs: number): boolean {
    const { relation } = this;
    if (relation.kind !== 'agrees' || claim.height > relation.height + MAX_MOVED_BLOCKS) {
      this.movedSinceMs = undefined;
      return false;
    }
    this.movedSinceMs ??= nowMs;
    const isMoving = nowMs < (this.movedDueMs() ?? nowMs);
    if (!isMoving) this.movedSinceMs = undefined;
    return isMoving;
  }

  private agrees({ height, hash }: Claim, nowMs: number): void {
    this.movedSinceMs = undefined;
    this.become({ kind: 'agrees', sinceMs: nowMs, height, hash });
    this.barren = 0;
    this.huntAtMs = 0;
  }

  private differs(
    { claim, entries, firstHeight: ownFirst }: Extract<Comparison, { kind: 'agrees' | 'differs' }>,
    nowMs: number,
  ): void {
    // It stands as it was found to be.
    if (this.examinedKey === claim.key && 'firstHeight' in this.relation) return;
    const known = 'firstHeight' in this.relation ? this.relation.firstHeight : undefined;
    const firstHeight = claim.entries === 0 ? ownFirst : known;
    const kind = claim.entries > 0 && claim.entries >= entries ? 'ahead' : 'lacks';
    this.become({ kind, sinceMs: nowMs, firstHeight });
  }

  /** It says that it has more, and for a minute or so nothing of it came: it is tried on, but does not count as more. */
  private giveUp(firstHeight: number | undefined, nowMs: number): void {
    if (this.barren < MAX_BARREN || this.relation.kind !== 'ahead') return;
    const known = this.relation.firstHeight ?? firstHeight;
    this.examined({ kind: 'refused', sinceMs: nowMs, firstHeight: known, code: 'NOT_GIVEN' }, nowMs);
  }

  private examined(relation: Extract<Relation, { kind: 'lacks' | 'refused' }>, nowMs: number): void {
    this.examinedKey = this.claim?.key;
    this.examineAtMs = nowMs + Math.max(MAX_MOVING_WAIT_MS, waitOf(this.barren, MAX_BARREN_WAIT_MS));
    this.become(relation);
  }

  /** For as long as it has been of this kind. */
  private become(relation: Relation): void {
    const { sinceMs, kind } = this.relation;
    this.relation = kind === relation.kind ? { ...relation, sinceMs } : relation;
  }
}

function waitOf(barren: number, mostMs: number): number {
  return barren === 0 ? 0 : Math.min(mostMs, BARREN_MS * 2 ** Math.min(barren - 1, 12));
}
