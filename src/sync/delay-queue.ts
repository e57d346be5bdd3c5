import type { Clock } from '../p2p/types.ts';

/** Items that are due a fixed time after they were put in; one timer for all of them. */
export class DelayQueue<T> {
  private readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  private readonly delayMs: number;
  private readonly run: (item: T) => void;
  private items: { readonly item: T; readonly dueMs: number }[] = [];
  private cancel: (() => void) | undefined;

  constructor(clock: Pick<Clock, 'monotonicMs' | 'after'>, delayMs: number, run: (item: T) => void) {
    this.clock = clock;
    this.delayMs = delayMs;
    this.run = run;
  }

  get size(): number {
    return this.items.length;
  }

  add(item: T): void {
    this.items.push({ item, dueMs: this.clock.monotonicMs() + this.delayMs });
    this.cancel ??= this.clock.after(this.delayMs, () => this.look());
  }

  /** Ends the timer; gives back what was waiting. */
  clear(): T[] {
    this.cancel?.();
    this.cancel = undefined;
    const rest = this.items.map(({ item }) => item);
    this.items = [];
    return rest;
  }

  private look(): void {
    this.cancel = undefined;
    const nowMs = this.clock.monotonicMs();
    // Timers may fire a fraction of a millisecond early.
    const later = this.items.findIndex(({ dueMs }) => dueMs > nowMs + 1);
    const due = this.items.splice(0, later < 0 ? this.items.length : later);
    const [next] = this.items;
    if (next !== undefined) this.cancel = this.clock.after(next.dueMs - nowMs, () => this.look());
    for (const { item } of due) this.run(item);
  }
}
