/** So many at once; the others wait in order. */
export class Lanes {
  private readonly limit: number;
  private used = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.limit = limit;
  }

  get inUse(): number {
    return this.used;
  }

  /** One more would not have to wait. */
  get hasRoom(): boolean {
    return this.used < this.limit;
  }

  /** Runs it when there is room; rejects with the signal's reason if that ends first. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.enter(signal);
    try {
      return await work();
    } finally {
      this.used--;
      this.waiting.shift()?.();
    }
  }

  private enter(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.used < this.limit) {
      this.used++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener('abort', end);
        this.used++;
        resolve();
      };
      const end = (): void => {
        this.waiting.splice(this.waiting.indexOf(enter), 1);
        reject(signal.reason);
      };
      this.waiting.push(enter);
      signal.addEventListener('abort', end, { once: true });
    });
  }
}
