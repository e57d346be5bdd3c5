import type { BanRow } from './ban-file.ts';
import type { Clock, PeerIdText } from './types.ts';

export const FIRST_BAN_MS = 600_000;
export const MAX_BAN_MS = 86_400_000;
/** A ban that ended so long ago does not make the next one longer. */
export const FORGET_AFTER_MS = 86_400_000;
/** Bans kept, with past ones that still count; the one that ended or ends first goes first. */
export const MAX_BANS = 1_024;

interface Ban {
  /** Monotonic ms: a step of the wall clock neither ends nor extends it. */
  readonly untilMs: number;
  readonly bans: number;
  readonly code: string;
  /** Its end was not reported yet. */
  isRunning: boolean;
}

/** The n-th ban: 10 minutes, doubling to 24 hours. */
export function banMs(bans: number): number {
  return Math.min(FIRST_BAN_MS * 2 ** Math.min(bans - 1, 20), MAX_BAN_MS);
}

/** Who is banned and how often, with ends on the monotonic clock and stamps on the wall clock for the file. */
export class Bans {
  readonly #bans = new Map<PeerIdText, Ban>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isBanned(peerId: PeerIdText): boolean {
    const ban = this.#bans.get(peerId);
    return ban !== undefined && ban.untilMs > this.#clock.monotonicMs();
  }

  /** Bans from now on. Returns how long, and the how manieth it is. */
  add(peerId: PeerIdText, code: string): { readonly ms: number; readonly bans: number } {
    const now = this.#clock.monotonicMs();
    const before = this.#bans.get(peerId);
    const counts = before !== undefined && now - before.untilMs < FORGET_AFTER_MS;
    const bans = counts ? before.bans + 1 : 1;
    const ms = banMs(bans);
    this.#bans.set(peerId, { untilMs: now + ms, bans, code, isRunning: true });
    this.#bound();
    return { ms, bans };
  }

  /** True if there was something to forget. */
  delete(peerId: PeerIdText): boolean {
    return this.#bans.delete(peerId);
  }

  /** Bans that ended since the last call; past ones that count no more are forgotten. */
  ended(): readonly { readonly peerId: PeerIdText; readonly bans: number }[] {
    const now = this.#clock.monotonicMs();
    const over: { peerId: PeerIdText; bans: number }[] = [];
    for (const [peerId, ban] of this.#bans) {
      if (ban.untilMs > now) continue;
      if (ban.isRunning) over.push({ peerId, bans: ban.bans });
      ban.isRunning = false;
      if (now - ban.untilMs >= FORGET_AFTER_MS) this.#bans.delete(peerId);
    }
    return over;
  }

  /** Until the next ban ends; undefined if nobody is banned. */
  nextEndInMs(): number | undefined {
    const now = this.#clock.monotonicMs();
    const ends = [...this.#bans.values()].map(({ untilMs }) => untilMs).filter((ms) => ms > now);
    return ends.length === 0 ? undefined : Math.min(...ends) - now;
  }

  /** Running bans, with wall-clock ends. */
  running(): readonly BanRow[] {
    const now = this.#clock.nowMs();
    return this.rows().filter(({ untilMs }) => untilMs > now);
  }

  /** Everything as it is kept in the file. */
  rows(): readonly BanRow[] {
    const stepMs = this.#clock.nowMs() - this.#clock.monotonicMs();
    return [...this.#bans].map(([peerId, { untilMs, bans, code }]) => ({
      peerId,
      untilMs: Math.round(untilMs + stepMs),
      bans,
      code,
    }));
  }

  /** Takes rows of the file. A clock that was set back must not make a ban longer than it was. */
  load(rows: readonly BanRow[]): void {
    const { monotonicMs, wallMs } = { monotonicMs: this.#clock.monotonicMs(), wallMs: this.#clock.nowMs() };
    for (const { peerId, untilMs, bans, code } of rows) {
      const leftMs = Math.min(untilMs - wallMs, banMs(bans));
      if (leftMs <= -FORGET_AFTER_MS) continue;
      this.#bans.set(peerId, { untilMs: monotonicMs + leftMs, bans, code, isRunning: leftMs > 0 });
    }
    this.#bound();
  }

  #bound(): void {
    while (this.#bans.size > MAX_BANS) {
      let first: PeerIdText | undefined;
      let firstMs = Number.POSITIVE_INFINITY;
      for (const [peerId, { untilMs }] of this.#bans) {
        if (untilMs >= firstMs) continue;
        first = peerId;
        firstMs = untilMs;
      }
      if (first === undefined) return;
      this.#bans.delete(first);
    }
  }
}
