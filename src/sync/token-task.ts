import type { PeerIdText } from '../p2p/types.ts';
import { restAfter } from './bulk.ts';
import { faultOf, isAnswer, isStreamError } from './client-faults.ts';
import {
  ARRIVING_MS,
  HEADERS_WAIT_MS,
  NOT_READY_MS,
  SEEK_MS,
  TURN_DELAY_MS,
  TURN_INTERVAL_MS,
  UNMINED_LASTS_MS,
} from './client-limits.ts';
import type { SyncModules } from './client-modules.ts';
import { type Claim, type Comparison, compare } from './compare.ts';
import { codeOf } from './error-code.ts';
import { SyncError } from './errors.ts';
import { type Camp, Hunt } from './hunt.ts';
import { OpenVerdicts } from './open-verdicts.ts';
import { askAnchors } from './questions.ts';
import { Rate } from './rate.ts';
import type { Session } from './session.ts';
import { Standing } from './standing.ts';
import { nextChangeMs, type OwnView, type PeerView, statusOf, type TokenStatus } from './status.ts';
import type { Transfers } from './transfer.ts';
import { UnminedDiff } from './unmined-diff.ts';

export interface TaskModules extends SyncModules {
  readonly transfers: Transfers;
  /** Those that share the token now. */
  readonly sessions: (tokenId: string) => readonly Session[];
  readonly onState: (tokenId: string, status: TokenStatus) => void;
}

/**
 * One followed token: compares with every peer that follows it, fetches what we lack from the best of them, then looks at
 * unmined transactions. A turn compares; a hunt and a look run beside it. Turns are caused by what peers say, by commits, by
 * the header chain and by time; none is needed while nothing changes.
 */
export class TokenTask {
  readonly tokenId: string;
  private readonly modules: TaskModules;
  private readonly over = new AbortController();
  private readonly standings = new Map<Session, Standing>();
  private readonly unminedDiff: UnminedDiff;
  private readonly openVerdicts: OpenVerdicts;
  private readonly rate = new Rate();
  private hunting: Promise<void> | undefined;
  private looking: Promise<void> | undefined;
  private readonly asking = new Map<Session, Promise<void>>();
  private turning: Promise<void> | undefined;
  /** Something changed while a turn was running. */
  private isDue = false;
  private last: TokenStatus | undefined;
  private tipHeight = 0;
  private turnAtMs: number | undefined;
  private lastTurnMs = Number.NEGATIVE_INFINITY;
  private seekAtMs = 0;
  private cancelTimer: (() => void) | undefined;

  constructor(modules: TaskModules, tokenId: string) {
    this.modules = modules;
    this.tokenId = tokenId;
    this.unminedDiff = new UnminedDiff(modules, tokenId);
    this.openVerdicts = new OpenVerdicts(modules, tokenId);
    this.wake(0);
  }

  get isHunting(): boolean {
    return this.hunting !== undefined;
  }

  /** A peer said something of this token, or of its tip. */
  told(): void {
    this.wake(0);
  }

  /** A peer is gone, or follows it no longer. */
  gone(session: Session): void {
    if (this.standings.delete(session)) this.wake(0);
  }

  /** Our own history changed: what is mined tells at once, what is not when the difference has lasted. */
  changed(isMined: boolean): void {
    if (this.standings.size > 0) this.wake(isMined ? TURN_DELAY_MS : UNMINED_LASTS_MS / 2);
  }

  /** Transactions may have been missed: unmined sets are compared as soon as a difference has lasted. Called often. */
  compareSoon(): void {
    for (const standing of this.standings.values()) standing.lookSoon(this.nowMs());
    if (this.standings.size > 0) this.wake(UNMINED_LASTS_MS);
  }

  /** Another tip of the header chain. */
  chainChanged(isUndone: boolean): void {
    if (isUndone) for (const standing of this.standings.values()) standing.chainUndone();
    this.wake(TURN_DELAY_MS);
  }

  /** Transactions of this token came in from a peer. */
  taken(entries: number): void {
    this.rate.add(entries, this.nowMs());
  }

  /** Ends everything under way; resolves when nothing of it is left. */
  async stop(): Promise<void> {
    this.over.abort(new SyncError('STOPPED', 'the token is no longer followed'));
    this.cancelTimer?.();
    this.cancelTimer = undefined;
    await Promise.all([this.turning, this.hunting, this.looking, ...this.asking.values()]);
    this.standings.clear();
  }

  /** The state as it is at this moment. */
  status(): TokenStatus {
    return statusOf(this.own(), this.views(), this.last, this.nowMs());
  }

  private wake(ms: number): void {
    if (this.over.signal.aborted) return;
    const { clock, sessions } = this.modules;
    const nowMs = this.nowMs();
    // The first look at somebody is not held back.
    const isNew = ms === 0 && sessions(this.tokenId).some((session) => !this.standings.has(session));
    const atMs = isNew ? nowMs : Math.max(nowMs + ms, this.lastTurnMs + TURN_INTERVAL_MS);
    if (this.turnAtMs !== undefined && this.turnAtMs <= atMs) return;
    this.turnAtMs = atMs;
    this.cancelTimer?.();
    this.cancelTimer = clock.after(atMs - nowMs, () => {
      this.turnAtMs = undefined;
      this.cancelTimer = undefined;
      this.turn();
    });
  }

  private turn(): void {
    if (this.turning !== undefined) {
      this.isDue = true;
      return;
    }
    this.turning = this.turnNow()
      .catch((error: unknown) => this.fault(error))
      .finally(() => {
        this.turning = undefined;
        if (this.isDue) this.wake(0);
        this.isDue = false;
      });
  }

  private async turnNow(): Promise<void> {
    const { index, sessions } = this.modules;
    this.lastTurnMs = this.nowMs();
    if (!index.tokens.isComplete(this.tokenId)) {
      this.wake(NOT_READY_MS);
      return;
    }
    this.tipHeight = index.commitments.indexTip().height;
    const there = sessions(this.tokenId);
    for (const session of this.standings.keys()) if (!there.includes(session)) this.standings.delete(session);
    for (const session of there) {
      if (!this.standings.has(session)) this.standings.set(session, new Standing(this.nowMs()));
    }
    for (const [session, standing] of this.standings) await this.compareWith(session, standing);
    if (this.over.signal.aborted) return;
    this.beginHunt();
    this.beginLook();
    this.conclude();
    this.plan();
  }

  private async compareWith(session: Session, standing: Standing): Promise<void> {
    // While much is coming in our own commitment changes all the time, and to compare is to read it again.
    if (this.hunting !== undefined && standing.claim !== undefined) return;
    const nowMs = this.nowMs();
    const waitedMs = nowMs - (standing.headersSinceMs ?? nowMs);
    const options = { asked: standing.asked, waitedMs };
    const found = await compare(this.modules, session, this.tokenId, options);
    if (found.kind === 'headers') {
      standing.headersSinceMs ??= nowMs;
      return;
    }
    if (found.kind === 'ask') {
      this.ask(session, standing, found);
      return;
    }
    standing.headersSinceMs = undefined;
    if (found.kind === 'untold') standing.untold(nowMs);
    else standing.compared(found, this.tipHeight, nowMs);
    const theirs = session.of(this.tokenId)?.facts;
    if (theirs?.unminedDigest === undefined) return;
    const { unminedDigest } = await this.modules.index.commitments.tip(this.tokenId);
    const differs = theirs.unmined > 0 && Buffer.compare(theirs.unminedDigest, unminedDigest) !== 0;
    standing.unminedDiffers(differs, nowMs);
  }

  /** Its commitment at our tip, beside the turns: a peer that does not answer holds up no other. */
  private ask(session: Session, standing: Standing, at: Extract<Comparison, { kind: 'ask' }>): void {
    if (this.asking.has(session) || session.restMs() > 0) return;
    const asking = askAnchors(session.conversation(), this.tokenId, [at.height], this.over.signal)
      .then(({ anchors: [anchor] }) => {
        if (anchor !== undefined) standing.asked = { ...anchor, key: at.key, hash: at.hash };
      })
      .catch((error: unknown) => this.peerFailed(session, standing, error))
      .finally(() => {
        this.asking.delete(session);
        this.wake(TURN_DELAY_MS);
      });
    this.asking.set(session, asking);
  }

  private beginHunt(): void {
    const camp = this.hunting === undefined ? this.camp() : undefined;
    if (camp === undefined) return;
    this.rate.add(0, this.nowMs());
    this.hunting = this.hunt(camp).finally(() => {
      this.hunting = undefined;
      this.lastTurnMs = Number.NEGATIVE_INFINITY;
      this.wake(0);
    });
  }

  /** The peers whose claim has the most that we may lack, and of these the one that has least to do. */
  private camp(): Camp | undefined {
    const nowMs = this.nowMs();
    let best: { readonly leader: Session; readonly claim: Claim; readonly load: number } | undefined;
    for (const [leader, standing] of this.standings) {
      const { claim } = standing;
      const dueMs = standing.huntDueMs();
      if (claim === undefined || dueMs === undefined || dueMs > nowMs || !isFree(leader)) continue;
      const load = leader.conversation().load + this.modules.random();
      const entries = best?.claim.entries ?? -1;
      if (claim.entries < entries || (claim.entries === entries && load >= (best?.load ?? 0))) continue;
      best = { leader, claim, load };
    }
    if (best === undefined) return undefined;
    const { leader, claim } = best;
    return { tokenId: this.tokenId, leader, claim, members: () => this.members(claim) };
  }

  private members(claim: Claim): Session[] {
    return [...this.standings].flatMap(([session, standing]) => {
      const isMember = standing.claim !== undefined && isSame(standing.claim, claim);
      return isMember && session.of(this.tokenId) !== undefined ? [session] : [];
    });
  }

  private async hunt(camp: Camp): Promise<void> {
    const before = this.entries();
    const { leader } = camp;
    const standing = this.standings.get(leader);
    const hunt = new Hunt(this.modules, camp, this.over.signal);
    try {
      const end = await hunt.run();
      const gained = this.entries() - before;
      this.trace('hunt', leader.peerId, { end: end.kind, gained });
      const members = end.kind === 'moved' ? [leader] : camp.members();
      for (const session of members) this.standings.get(session)?.hunted(end, gained > 0, this.nowMs());
    } catch (error) {
      if (this.over.signal.aborted) return;
      this.trace('hunt', leader.peerId, { end: codeOf(error) ?? '', gained: this.entries() - before });
      const isMoved = error instanceof SyncError && error.code === 'NOT_READY';
      if (isMoved) standing?.hunted({ kind: 'moved' }, this.entries() > before, this.nowMs());
      else if (standing !== undefined) this.peerFailed(leader, standing, error, hunt.firstHeight);
    }
  }

  private beginLook(): void {
    if (this.looking !== undefined || this.hunting !== undefined) return;
    const looking = this.nextLook();
    if (looking === undefined) return;
    this.looking = looking.finally(() => {
      this.looking = undefined;
      this.lastTurnMs = Number.NEGATIVE_INFINITY;
      this.wake(0);
    });
  }

  /** At somebody's unmined transactions; where none is due, for what decides our own. */
  private nextLook(): Promise<void> | undefined {
    const nowMs = this.nowMs();
    for (const [session, standing] of this.standings) {
      if ((this.lookDueMs(standing) ?? Number.POSITIVE_INFINITY) <= nowMs && isFree(session))
        return this.look(session, standing);
    }
    if ((this.openVerdicts.dueMs(nowMs) ?? Number.POSITIVE_INFINITY) > nowMs) return undefined;
    const chosen = this.openVerdicts.pick(this.agreeing());
    return chosen === undefined ? undefined : this.decide(...chosen);
  }

  private lookDueMs(standing: Standing): number | undefined {
    const dueMs = standing.unminedDueMs();
    return dueMs !== undefined && this.modules.isArriving?.() === true ? dueMs + ARRIVING_MS : dueMs;
  }

  private agreeing(): (readonly [Session, Standing])[] {
    return [...this.standings].filter(
      ([session, { relation }]) => relation.kind === 'agrees' && isFree(session),
    );
  }

  private async decide(session: Session, standing: Standing): Promise<void> {
    try {
      const decided = await this.openVerdicts.run(session, this.over.signal);
      this.trace('open verdicts', session.peerId, { decided });
    } catch (error) {
      this.peerFailed(session, standing, error);
    }
  }

  private async look(session: Session, standing: Standing): Promise<void> {
    try {
      const { lacked, gained } = await this.unminedDiff.run(session, this.over.signal);
      this.trace('unmined', session.peerId, { lacked, gained });
      standing.lookedAt(gained, this.nowMs());
    } catch (error) {
      if (this.over.signal.aborted) return;
      standing.lookedAt(undefined, this.nowMs());
      this.peerFailed(session, standing, error);
    }
  }

  /** Asking it failed. What it did wrong stands against it on this token; a stream that broke off does not. */
  private peerFailed(session: Session, standing: Standing, error: unknown, firstHeight?: number): void {
    if (this.over.signal.aborted) return;
    session.blame(error);
    if (error instanceof SyncError && error.code === 'NOT_READY') return;
    standing.failed(faultOf(error)?.code, firstHeight, this.nowMs());
    restAfter(session, error);
    const isKnown = faultOf(error) !== undefined || isStreamError(error) || isAnswer(error);
    if (!isKnown) this.fault(error);
  }

  private conclude(): void {
    const status = this.status();
    const isNew = this.last?.state !== status.state;
    this.last = status;
    if (isNew) this.modules.onState(this.tokenId, status);
    const isLonely = status.agree.length === 0 && status.state !== 'behind';
    if (!isLonely || this.nowMs() < this.seekAtMs) return;
    this.seekAtMs = this.nowMs() + SEEK_MS;
    this.modules.peers?.seek(this.tokenId);
  }

  /** The next turn that time alone calls for. */
  private plan(): void {
    const nowMs = this.nowMs();
    const times: number[] = [];
    const isIdle = this.hunting === undefined;
    for (const [session, standing] of this.standings) {
      const freeMs = nowMs + session.restMs();
      const huntMs = isIdle ? standing.huntDueMs() : undefined;
      if (huntMs !== undefined) times.push(Math.max(huntMs, freeMs));
      const lookMs = isIdle && this.looking === undefined ? this.lookDueMs(standing) : undefined;
      if (lookMs !== undefined) times.push(Math.max(lookMs, freeMs));
      if (standing.headersSinceMs !== undefined) times.push(nowMs + HEADERS_WAIT_MS / 3);
      const movedMs = standing.movedDueMs();
      if (movedMs !== undefined) times.push(movedMs);
    }
    const openMs = isIdle && this.looking === undefined ? this.openVerdicts.dueMs(nowMs) : undefined;
    if (openMs !== undefined && this.agreeing().length > 0) times.push(openMs);
    const views = this.views();
    if (views.some(({ isHeadersDue }) => isHeadersDue)) times.push(nowMs + HEADERS_WAIT_MS / 3);
    const changeMs = nextChangeMs(this.own(), views, nowMs);
    if (changeMs !== undefined) times.push(changeMs);
    const isLonely = this.last?.agree.length === 0 && this.last.state !== 'behind';
    if (isLonely && this.modules.peers !== undefined) times.push(this.seekAtMs);
    const nextMs = Math.min(...times);
    if (nextMs < Number.POSITIVE_INFINITY) this.wake(Math.max(TURN_DELAY_MS, nextMs - nowMs));
  }

  private own(): OwnView {
    const perSecond = this.rate.perSecond(this.nowMs());
    return { tipHeight: this.tipHeight, entries: this.entries(), perSecond };
  }

  private views(): PeerView[] {
    const { headers } = this.modules;
    return [...this.standings].flatMap(([session, standing]) => {
      const isHeadersDue = headers.isTaking?.(session.peerId) === true;
      return standing.view(session, this.tokenId, isHeadersDue) ?? [];
    });
  }

  private entries(): number {
    const { store } = this.modules.index;
    const tokenNo = store.tokenNos.get(this.tokenId);
    return (tokenNo === undefined ? undefined : store.tokens.get(tokenNo)?.transactions) ?? 0;
  }

  /** Something of ours failed: tried again soon, and told unless it will pass by itself. */
  private fault(error: unknown): void {
    if (this.over.signal.aborted) return;
    this.wake(NOT_READY_MS);
    if (error instanceof SyncError && error.code === 'NOT_READY') return;
    const message = error instanceof Error ? error.message : String(error);
    this.modules.report?.('sync.fault', {
      token: this.tokenId,
      code: codeOf(error) ?? '',
      err_message: message,
    });
  }

  private trace(message: string, peer: PeerIdText, fields: Readonly<Record<string, string | number>>): void {
    this.modules.trace?.(message, { token: this.tokenId, peer, ...fields });
  }

  private nowMs(): number {
    return this.modules.clock.monotonicMs();
  }
}

function isFree(session: Session): boolean {
  return session.state.kind === 'talking' && session.restMs() === 0;
}

function isSame(a: Claim, b: Claim): boolean {
  return a.height === b.height && a.hash === b.hash && a.tac.equals(b.tac);
}
