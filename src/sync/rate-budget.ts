import type { PeerIdText } from '../p2p/types.ts';

interface Budget {
  units: number;
  atMs: number;
}

export interface RateLimits {
  readonly burst: number;
  readonly perSecond: number;
  /** Budgets are remembered for this many peers. */
  readonly maxPeers: number;
}

/** What each peer has used of a rate; kept by PeerId, so that a new stream or connection brings no new budget. */
export class RateBudgets {
  private readonly limits: RateLimits;
  private readonly nowMs: () => number;
  /** Least recently used first. */
  private readonly budgets = new Map<PeerIdText, Budget>();

  /** `nowMs`: monotonic. */
  constructor(limits: RateLimits, nowMs: () => number) {
    this.limits = limits;
    this.nowMs = nowMs;
  }

  get size(): number {
    return this.budgets.size;
  }

  /** Takes units, into debt if need be; milliseconds until the debt is paid off. */
  charge(peerId: PeerIdText, units: number): number {
    const budget = this.of(peerId);
    budget.units -= units;
    return budget.units >= 0 ? 0 : Math.ceil((-budget.units * 1000) / this.limits.perSecond);
  }

  private of(peerId: PeerIdText): Budget {
    const { burst, perSecond, maxPeers } = this.limits;
    const nowMs = this.nowMs();
    const budget = this.budgets.get(peerId) ?? { units: burst, atMs: nowMs };
    budget.units = Math.min(burst, budget.units + ((nowMs - budget.atMs) * perSecond) / 1000);
    budget.atMs = nowMs;
    this.budgets.delete(peerId);
    this.budgets.set(peerId, budget);
    const oldest = this.budgets.size > maxPeers ? this.budgets.keys().next().value : undefined;
    if (oldest !== undefined) this.budgets.delete(oldest);
    return budget;
  }
}
