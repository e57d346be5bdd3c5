import { formatSeconds } from './format.ts';
import type { CliIo } from './io.ts';

const REDRAW_MS = 100;
const BAR_CHARS = 24;

/** A bar on a terminal's stderr; nothing elsewhere. */
export class Progress {
  readonly #io: CliIo;
  readonly #startMs: number;
  #drawnMs = Number.NEGATIVE_INFINITY;
  #shown = false;

  constructor(io: CliIo) {
    this.#io = io;
    this.#startMs = io.nowMs();
  }

  /** `text` tells what was done so far; the time left is judged by the share done. */
  update(done: number, total: number, text: string): void {
    const now = this.#io.nowMs();
    if (!this.#io.stderr.isTty || now - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = now;
    this.#shown = true;
    const share = total <= 0 ? 0 : Math.min(1, done / total);
    const full = Math.round(share * BAR_CHARS);
    const bar = `${'#'.repeat(full)}${'.'.repeat(BAR_CHARS - full)}`;
    const elapsedMs = now - this.#startMs;
    const left =
      share > 0.01 && share < 1 ? `  ${formatSeconds((elapsedMs / share - elapsedMs) / 1000)} left` : '';
    const line = `[${bar}] ${Math.floor(share * 100)}%  ${text}${left}`;
    this.#io.stderr.write(`\r\u001b[K${line.slice(0, Math.max(20, this.#io.stderr.columns - 1))}`);
  }

  /** Takes the bar away, so that what follows begins a line. */
  clear(): void {
    if (this.#shown) this.#io.stderr.write('\r\u001b[K');
    this.#shown = false;
  }
}
