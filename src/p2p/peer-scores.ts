import type { Log } from '../observe/log.ts';
import type { BanFile, BanRow } from './ban-file.ts';
import { BanSaver } from './ban-saver.ts';
import { Bans } from './bans.ts';
import {
  BAN_AT,
  DISCONNECT_AT,
  HALF_LIFE_MS,
  PENALTIES,
  type PenaltyRow,
  UNKNOWN_WEIGHT,
} from './penalties.ts';
import type { Clock, PeerIdText, PeerJudge } from './types.ts';

/** Peers with a sum at once; the lowest sum goes first. */
export const MAX_SCORES = 2_048;
/** A sum below this is forgotten. */
const FORGET_BELOW = 1;
/** Longest sleep of the timer that reports ends of bans. */
const LOOK_AGAIN_MS = 3_600_000;

type Verdict = 'none' | 'disconnect' | 'ban';

export interface PeerScoresModules {
  readonly file: BanFile;
  /** True for a peer that the operator wrote into the list: warned about, never banned. */
  readonly isOperator: (peerId: PeerIdText) => boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** Further rows, by code, of protocols that have their own. */
  readonly penalties?: Readonly<Record<string, PenaltyRow>>;
}

interface Score {
  sum: number;
  /** Monotonic ms of `sum`. */
  atMs: number;
  /** Of codes with a free allowance: what is used of it, at which time. */
  readonly used: Map<string, { readonly count: number; readonly atMs: number }>;
  /** An operator peer that was warned about; again only after it fell below DISCONNECT_AT. */
  isWarned: boolean;
}

/** Sums up what peers did wrong; sums fade, bans last. Keyed by PeerId, so that a reconnect changes nothing. */
export class PeerScores implements PeerJudge {
  readonly #modules: PeerScoresModules;
  readonly #penalties: Readonly<Record<string, PenaltyRow>>;
  readonly #scores = new Map<PeerIdText, Score>();
  readonly #bans: Bans;
  readonly #saver: BanSaver;
  readonly #counts = new Map<string, number>();
  readonly #listeners = new Set<(peerId: PeerIdText, verdict: 'disconnect' | 'ban', code: string) => void>();
  #isRunning = false;
  #cancelTimer: (() => void) | undefined;

  constructor(modules: PeerScoresModules) {
    this.#modules = modules;
    this.#penalties = { ...PENALTIES, ...modules.penalties };
    this.#bans = new Bans(modules.clock);
    const { file, clock, log } = modules;
    this.#saver = new BanSaver({ file, rows: () => this.#bans.rows(), clock, log });
  }

  /** Reads the bans of the last run. */
  async start(): Promise<void> {
    this.#bans.load(await this.#saver.load());
    this.#isRunning = true;
    this.#watchEnds();
  }

  /** Saves what is unsaved; leaves no timer. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    await this.#saver.close();
  }

  /** Called after each verdict other than `none`: one place hangs up for all protocols. The result ends it. */
  onVerdict(listener: (peerId: PeerIdText, verdict: 'disconnect' | 'ban', code: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  penalise(peerId: PeerIdText, code: string, weight?: number): Verdict {
    this.#counts.set(this.#countedAs(code), this.count(code) + 1);
    // What was still under way when the ban began must not make it two.
    if (this.isBanned(peerId)) return 'ban';
    const score = this.#scoreOf(peerId);
    const row = this.#row(code);
    const points = this.#isFree(score, code, row) ? 0 : Math.max(0, weight ?? row.weight);
    score.sum += points;
    this.#modules.log.debug('penalty', { peer: peerId, code, points, score: Math.round(score.sum) });
    const verdict = points === 0 ? 'none' : verdictOf(score.sum);
    if (verdict === 'none') {
      score.isWarned &&= score.sum >= DISCONNECT_AT;
      return 'none';
    }
    if (this.#modules.isOperator(peerId)) return this.#warn(peerId, code, score);
    if (verdict === 'ban') this.#ban(peerId, code);
    for (const listener of this.#listeners) listener(peerId, verdict, code);
    return verdict;
  }

  isBanned(peerId: PeerIdText): boolean {
    return this.#bans.isBanned(peerId) && !this.#modules.isOperator(peerId);
  }

  /** The sum as it is now. */
  penalty(peerId: PeerIdText): number {
    const score = this.#scores.get(peerId);
    return score === undefined ? 0 : this.#faded(score);
  }

  /** Running bans; ends in Unix ms. */
  bans(): readonly BanRow[] {
    return this.#bans.running().filter(({ peerId }) => !this.#modules.isOperator(peerId));
  }

  /** Ends a ban and forgets what led to it. True if there was something to forgive. */
  pardon(peerId: PeerIdText): boolean {
    const hadScore = this.#scores.delete(peerId);
    const hadBan = this.#bans.delete(peerId);
    if (hadBan) this.#saver.changed();
    return hadBan || hadScore;
  }

  /** Penalties so far with this code; codes without a row count together, as `OTHER`. */
  count(code: string): number {
    return this.#counts.get(this.#countedAs(code)) ?? 0;
  }

  counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  #ban(peerId: PeerIdText, code: string): void {
    const { ms, bans } = this.#bans.add(peerId, code);
    // A ban settles the account: afterwards the peer starts anew, and its next ban is twice as long.
    this.#scores.delete(peerId);
    this.#modules.log.event('peer.banned', { peer: peerId, code, seconds: ms / 1_000, bans });
    this.#saver.changed();
    this.#watchEnds();
  }

  /** Operator peers stay connected; one line when the sum passes the threshold, not one a message. */
  #warn(peerId: PeerIdText, code: string, score: Score): 'none' {
    if (!score.isWarned) {
      this.#modules.log.event('peer.misbehaves', { peer: peerId, code, score: Math.round(score.sum) });
    }
    score.isWarned = true;
    score.sum = Math.min(score.sum, BAN_AT);
    return 'none';
  }

  #isFree(score: Score, code: string, { free }: PenaltyRow): boolean {
    if (free === undefined) return false;
    const now = this.#modules.clock.monotonicMs();
    const used = score.used.get(code) ?? { count: 0, atMs: now };
    const leaked = Math.max(0, used.count - ((now - used.atMs) / 1_000) * free.perSecond);
    const isFree = leaked + 1 <= free.burst;
    score.used.set(code, { count: isFree ? leaked + 1 : leaked, atMs: now });
    return isFree;
  }

  #row(code: string): PenaltyRow {
    const row = Object.hasOwn(this.#penalties, code) ? this.#penalties[code] : undefined;
    return row ?? { weight: UNKNOWN_WEIGHT };
  }

  /** Codes come from our own protocols, but a bounded map must not depend on that. */
  #countedAs(code: string): string {
    return Object.hasOwn(this.#penalties, code) ? code : 'OTHER';
  }

  #scoreOf(peerId: PeerIdText): Score {
    const now = this.#modules.clock.monotonicMs();
    const before = this.#scores.get(peerId);
    if (before !== undefined) {
      before.sum = this.#faded(before);
      before.atMs = now;
      return before;
    }
    const score: Score = { sum: 0, atMs: now, used: new Map(), isWarned: false };
    this.#scores.set(peerId, score);
    if (this.#scores.size > MAX_SCORES) this.#forgetSome(peerId);
    return score;
  }

  #faded({ sum, atMs }: Score): number {
    return sum * 0.5 ** ((this.#modules.clock.monotonicMs() - atMs) / HALF_LIFE_MS);
  }

  /** All that faded away, or else whoever has the least. */
  #forgetSome(newest: PeerIdText): void {
    let least: PeerIdText | undefined;
    let leastSum = Number.POSITIVE_INFINITY;
    for (const [peerId, score] of this.#scores) {
      if (peerId === newest) continue;
      const sum = this.#faded(score);
      if (sum < leastSum) {
        least = peerId;
        leastSum = sum;
      }
      const isIdle = this.#modules.clock.monotonicMs() - score.atMs > HALF_LIFE_MS;
      if (sum < FORGET_BELOW && isIdle) this.#scores.delete(peerId);
    }
    if (this.#scores.size > MAX_SCORES && least !== undefined) this.#scores.delete(least);
  }

  #watchEnds(): void {
    if (!this.#isRunning) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const { peerId, bans } of this.#bans.ended()) {
      this.#modules.log.event('peer.ban_ended', { peer: peerId, bans });
    }
    const nextMs = this.#bans.nextEndInMs();
    if (nextMs === undefined) return;
    this.#cancelTimer = this.#modules.clock.after(Math.min(nextMs, LOOK_AGAIN_MS), () => {
      this.#cancelTimer = undefined;
      this.#watchEnds();
    });
  }
}

function verdictOf(sum: number): Verdict {
  if (sum >= BAN_AT) return 'ban';
  return sum >= DISCONNECT_AT ? 'disconnect' : 'none';
}
