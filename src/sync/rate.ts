import { RATE_WINDOW_MS } from './client-limits.ts';

/** How fast something comes, over the last seconds. */
export class Rate {
  private readonly samples: { readonly atMs: number; readonly count: number }[] = [];
  private total = 0;

  add(count: number, nowMs: number): void {
    this.total += count;
    const last = this.samples.at(-1);
    // Ten samples a second are enough, however small the pieces.
    if (last !== undefined && nowMs - last.atMs < 100) this.samples.pop();
    this.samples.push({
      atMs: last !== undefined && nowMs - last.atMs < 100 ? last.atMs : nowMs,
      count: this.total,
    });
    while ((this.samples[0]?.atMs ?? nowMs) < nowMs - RATE_WINDOW_MS) this.samples.shift();
  }

  perSecond(nowMs: number): number {
    const first = this.samples[0];
    const last = this.samples.at(-1);
    if (first === undefined || last === undefined) return 0;
    const ms = nowMs - first.atMs;
    if (ms > 2 * RATE_WINDOW_MS || ms < 100) return 0;
    return ((last.count - first.count) * 1_000) / ms;
  }
}
