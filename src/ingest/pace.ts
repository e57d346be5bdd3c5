/**
 * A batch costs 1.2 ms whatever is in it (calls of threads and of LevelDB, one fsync), a transaction in it 0.3 ms
 * (measured): at 1,000 offers a second, taken as they came, 0.7 ms each.
 */
const INTERVAL_MS = 8;
/** After a batch of so many: it is busy, and who waits longer is served sooner than if nobody did. */
const BUSY_OFFERS = 8;
const BUSY_INTERVAL_MS = 20;
/** So many begin a batch at once. */
const WORTH_A_BATCH = 32;

export interface PaceClock {
  monotonicMs(): number;
  after(ms: number, run: () => void): () => void;
}

/** When the next batch may begin: at once after a rest, else a little later, with whatever has come until then. */
export class Pace {
  private readonly clock: PaceClock;
  private lastMs = Number.NEGATIVE_INFINITY;
  private lastOffers = 0;
  private cancel: (() => void) | undefined;

  constructor(clock: PaceClock) {
    this.clock = clock;
  }

  /** True: a batch of so many offers may begin now, and is counted as begun. Otherwise `wake` is called when it may. */
  begins(offers: number, wake: () => void): boolean {
    const nowMs = this.clock.monotonicMs();
    const intervalMs = this.lastOffers >= BUSY_OFFERS ? BUSY_INTERVAL_MS : INTERVAL_MS;
    const dueMs = offers >= WORTH_A_BATCH ? nowMs : this.lastMs + intervalMs;
    if (dueMs > nowMs) {
      this.cancel ??= this.clock.after(dueMs - nowMs, () => {
        this.cancel = undefined;
        wake();
      });
      return false;
    }
    this.stop();
    this.lastMs = nowMs;
    this.lastOffers = offers;
    return true;
  }

  /** Leaves no timer. */
  stop(): void {
    this.cancel?.();
    this.cancel = undefined;
  }
}
