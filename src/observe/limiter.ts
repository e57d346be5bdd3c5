/** Lines of one key in a window before the rest is only counted. */
export const LINES_PER_WINDOW = 10;
export const WINDOW_MS = 60_000;
/** Keys remembered at once; the oldest goes first, and its count is reported then. */
export const MAX_KEYS = 1_024;

interface Window {
  startMs: number;
  lines: number;
  suppressed: number;
}

export interface Suppressed {
  readonly key: string;
  readonly count: number;
}

/** Lets a bounded number of equal lines through in a window and counts the others, so that no count is lost. */
export class RepeatLimiter {
  readonly #windows = new Map<string, Window>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** True if the line may be written. */
  take(key: string): boolean {
    const now = this.#nowMs();
    const window = this.#windows.get(key);
    if (window === undefined) {
      this.#windows.set(key, { startMs: now, lines: 1, suppressed: 0 });
      return true;
    }
    if (now - window.startMs >= WINDOW_MS || now < window.startMs) {
      // Its count of suppressed lines stays until `expired` has reported it.
      window.startMs = now;
      window.lines = 0;
    }
    if (window.lines < LINES_PER_WINDOW) {
      window.lines += 1;
      return true;
    }
    window.suppressed += 1;
    return false;
  }

  /** Counts that are due: of windows that ended, and of the oldest keys above the bound. They are forgotten. */
  expired(all = false): readonly Suppressed[] {
    const now = this.#nowMs();
    const due: Suppressed[] = [];
    let excess = this.#windows.size - MAX_KEYS;
    for (const [key, window] of this.#windows) {
      const over = all || excess > 0 || now - window.startMs >= WINDOW_MS;
      if (!over) continue;
      excess -= 1;
      if (window.suppressed > 0) due.push({ key, count: window.suppressed });
      this.#windows.delete(key);
    }
    return due;
  }
}
