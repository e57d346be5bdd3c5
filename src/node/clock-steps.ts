import type { Health } from '../observe/health.ts';
import type { Clock } from '../p2p/types.ts';

/** NTP slews less than this; what is more was set by hand, or the machine slept. */
const STEP_MS = 10_000;
/** So long `status` says it: stamps from before and after do not compare. */
const SHOW_MS = 10 * 60_000;

/** Compares the clock of the day with one that never goes back, and warns for a while when they part. */
export class ClockSteps {
  private readonly modules: { readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>; readonly health: Health };
  private offsetMs: number;
  private clearAtMs: number | undefined;

  constructor(modules: ClockSteps['modules']) {
    this.modules = modules;
    this.offsetMs = this.offset();
  }

  /** To be called every few seconds. */
  check(): void {
    const { clock, health } = this.modules;
    const offsetMs = this.offset();
    const stepMs = offsetMs - this.offsetMs;
    this.offsetMs = offsetMs;
    if (Math.abs(stepMs) >= STEP_MS) {
      const seconds = Math.round(Math.abs(stepMs) / 1000);
      const way = stepMs > 0 ? 'ahead' : 'back';
      health.raise('CLOCK_STEPPED', `by ${seconds} s ${way}; times from before and after do not compare`);
      this.clearAtMs = clock.monotonicMs() + SHOW_MS;
    } else if (this.clearAtMs !== undefined && clock.monotonicMs() >= this.clearAtMs) {
      health.clear('CLOCK_STEPPED');
      this.clearAtMs = undefined;
    }
  }

  private offset(): number {
    const { clock } = this.modules;
    return clock.nowMs() - clock.monotonicMs();
  }
}
