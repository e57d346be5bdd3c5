/** The pace is that of the last time of this length. */
const PACE_MS = 3_000;

/** How fast a number grows. */
export class Pace {
  private readonly samples: { readonly atMs: number; readonly total: number }[] = [];

  /** The growth a second, with what the number is now. */
  at(total: number, nowMs: number): number {
    this.samples.push({ atMs: nowMs, total });
    while ((this.samples[0]?.atMs ?? nowMs) < nowMs - PACE_MS) this.samples.shift();
    const [first] = this.samples;
    if (first === undefined || first.atMs === nowMs) return 0;
    return ((total - first.total) * 1_000) / (nowMs - first.atMs);
  }
}
