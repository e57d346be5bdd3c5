import { setImmediate } from 'node:timers/promises';
import { type HeapTimer, TimerHeap } from './timer-heap.ts';

interface Timer extends HeapTimer {
  readonly run: () => void;
  isCancelled: boolean;
}

/** Time that only moves when told to: timers in order, each followed by everything it set off. */
export class SimClock {
  #nowMs = 0;
  #wallMs = Date.UTC(2026, 10, 20);
  #order = 0;
  readonly #heap = new TimerHeap<Timer>();

  nowMs(): number {
    return this.#wallMs + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, ms), order: this.#order++, run, isCancelled: false };
    this.#heap.push(timer);
    return () => {
      timer.isCancelled = true;
    };
  }

  /** Sets the wall clock. */
  step(ms: number): void {
    this.#wallMs += ms;
  }

  /** Timers that would still run. */
  get pending(): number {
    return this.#heap.count(({ isCancelled }) => !isCancelled);
  }

  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await setImmediate();
    for (let next = this.#heap.first; next !== undefined && next.atMs <= untilMs; next = this.#heap.first) {
      this.#heap.pop();
      if (next.isCancelled) continue;
      this.#nowMs = next.atMs;
      next.run();
      // Everything at this instant, then what it set off.
      if (this.#heap.first?.atMs !== this.#nowMs) await setImmediate();
    }
    this.#nowMs = untilMs;
    await setImmediate();
  }
}
