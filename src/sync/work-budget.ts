import { MAX_BUDGETS, WORK_BURST, WORK_PER_SECOND } from '../../protocols/token-sync/constants.ts';

interface Budget {
  units: number;
  atMs: number;
}

/** What each peer may still make us do, in units of about 0.1 ms; kept by PeerId, so that a new stream brings no new budget. */
export class WorkBudgets {
  private readonly nowMs: () => number;
  /** Least recently used first. */
  private readonly budgets = new Map<string, Budget>();

  /** `nowMs`: monotonic. */
  constructor(nowMs: () => number) {
    this.nowMs = nowMs;
  }

  /** Takes the units if the budget has any left; else the milliseconds until it covers them. One question may go below zero. */
  take(peerId: string, units: number): number {
    const budget = this.of(peerId);
    if (budget.units < Math.min(units, WORK_BURST)) return waitMs(Math.min(units, WORK_BURST) - budget.units);
    budget.units -= units;
    return 0;
  }

  /** Takes units for what was done already; milliseconds until the budget is out of debt. */
  charge(peerId: string, units: number): number {
    const budget = this.of(peerId);
    budget.units -= units;
    return budget.units >= 0 ? 0 : waitMs(-budget.units);
  }

  private of(peerId: string): Budget {
    const nowMs = this.nowMs();
    const budget = this.budgets.get(peerId) ?? { units: WORK_BURST, atMs: nowMs };
    budget.units = Math.min(WORK_BURST, budget.units + ((nowMs - budget.atMs) * WORK_PER_SECOND) / 1000);
    budget.atMs = nowMs;
    this.budgets.delete(peerId);
    this.budgets.set(peerId, budget);
    if (this.budgets.size > MAX_BUDGETS) {
      const oldest = this.budgets.keys().next().value;
      if (oldest !== undefined) this.budgets.delete(oldest);
    }
    return budget;
  }
}

function waitMs(units: number): number {
  return Math.ceil((units * 1000) / WORK_PER_SECOND);
}
