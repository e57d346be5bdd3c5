import type { ExchangeErrorCode } from '../../protocols/peer-exchange/errors.ts';
import type {
  ExchangeCounter,
  ExchangeMetrics,
  TakeOutcome,
} from '../../protocols/peer-exchange/interfaces.ts';

export interface ExchangeCountsView {
  readonly counters: Readonly<Partial<Record<ExchangeCounter, number>>>;
  /** Records by what became of them. */
  readonly records: Readonly<Partial<Record<TakeOutcome | ExchangeErrorCode, number>>>;
  readonly faults: Readonly<Partial<Record<ExchangeErrorCode, number>>>;
}

/** Counts since the start; metrics read them when they are asked. */
export class ExchangeCounts implements ExchangeMetrics {
  readonly #counters = new Map<ExchangeCounter, number>();
  readonly #records = new Map<TakeOutcome | ExchangeErrorCode, number>();
  readonly #faults = new Map<ExchangeErrorCode, number>();

  count(counter: ExchangeCounter, by = 1): void {
    bump(this.#counters, counter, by);
  }

  record(outcome: TakeOutcome | ExchangeErrorCode): void {
    bump(this.#records, outcome, 1);
  }

  fault(code: ExchangeErrorCode): void {
    bump(this.#faults, code, 1);
  }

  view(): ExchangeCountsView {
    return {
      counters: Object.fromEntries(this.#counters),
      records: Object.fromEntries(this.#records),
      faults: Object.fromEntries(this.#faults),
    };
  }
}

function bump<K>(counts: Map<K, number>, key: K, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
