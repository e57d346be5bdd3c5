import type { Clock } from '../../src/p2p/types.ts';

interface Timer {
  readonly atMs: number;
  readonly run: () => void;
}

/** Time that passes when a test says so; what is due runs in order, and all that it leads to before the next. */
export class FakeClock implements Clock {
  #monotonicMs = 1_000_000;
  #wallMs: number;
  readonly #timers = new Set<Timer>();

  constructor(nowMs = Date.UTC(2026, 0, 1)) {
    this.#wallMs = nowMs;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#monotonicMs + Math.max(0, ms), run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** The operator, or NTP, sets the wall clock. */
  step(ms: number): void {
    this.#wallMs += ms;
  }

  async advance(ms: number): Promise<void> {
    const endMs = this.#monotonicMs + ms;
    await settled();
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.atMs > endMs) break;
      this.#pass(next.atMs);
      this.#timers.delete(next);
      next.run();
      await settled();
    }
    this.#pass(endMs);
  }

  /** The one that was set first among those that are due first. */
  #next(): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) if (next === undefined || timer.atMs < next.atMs) next = timer;
    return next;
  }

  #pass(untilMs: number): void {
    this.#wallMs += untilMs - this.#monotonicMs;
    this.#monotonicMs = untilMs;
  }
}

/** When all that waits for promises alone has gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A repeatable source of fractions (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
