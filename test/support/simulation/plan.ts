import type { Prng } from '../corpus/prng.ts';
import { SimHistory } from './history.ts';
import { LIES, type Lie } from './liars.ts';

/** Everything that can go wrong, but for lies. */
export const FAULTS = [
  'reset',
  'cut',
  'delay',
  'reorder',
  'gossipLoss',
  'gossipTwice',
  'partition',
  'halfPartition',
  'crash',
  'restart',
  'reorg',
  'clockJump',
  'unfollow',
  'identifyTwice',
] as const;
export type Fault = (typeof FAULTS)[number];

/** What is counted when one of them has really happened. */
export const TRACES: Readonly<Record<Fault, string>> = {
  ...{ reset: 'reset', cut: 'cut', delay: 'delayed', reorder: 'overtaken' },
  ...{ gossipLoss: 'gossipLost', gossipTwice: 'gossipTwice' },
  ...{ partition: 'parted', halfPartition: 'halfParted' },
  ...{ crash: 'crash', restart: 'restart', reorg: 'undone' },
  ...{ clockJump: 'clockJump', unfollow: 'refollow', identifyTwice: 'identifyTwice' },
};

/** Something that begins at a time and, if it lasts, ends. */
export interface PlannedFault {
  readonly fault: Fault;
  readonly atMs: number;
  readonly forMs: number;
}

/** What one seed means. */
export interface Plan {
  readonly seed: number;
  /** Honest ones; the last of them joins late. */
  readonly daemons: number;
  readonly lie: Lie | undefined;
  readonly history: SimHistory;
  /** Faults happen, and all is told, within this. */
  readonly stormMs: number;
  readonly faults: readonly PlannedFault[];
}

export interface PlanOptions {
  readonly daemons?: number;
  readonly faults?: readonly Fault[];
  readonly lie?: Lie | undefined;
}

/** Few, so that signatures are checked once in a test run; more of them with forks than without. */
const HISTORIES = 12;
/** One in so many has more daemons and a longer history. */
const LARGE_EVERY = 40;
const MAX_DAEMONS = 20;
const histories = new Map<number, SimHistory>();

export function planOf(seed: number, prng: Prng, options: PlanOptions = {}): Plan {
  const kinds = options.faults ?? prng.shuffle(FAULTS).slice(0, prng.between(3, 9));
  const isLarge = seed % LARGE_EVERY === LARGE_EVERY - 1;
  const daemons =
    options.daemons ??
    (isLarge ? (seed === LARGE_EVERY - 1 ? MAX_DAEMONS : prng.between(8, MAX_DAEMONS)) : 5);
  const lie = 'lie' in options ? options.lie : prng.chance(0.6) ? prng.pick(LIES) : undefined;
  const stormMs = prng.between(20, 55) * 1_000;
  const faults = kinds.flatMap((fault) =>
    Array.from({ length: fault === 'reset' ? prng.between(3, 12) : prng.between(1, 3) }, () => {
      const atMs = prng.below(Math.floor(stormMs * 0.7));
      return { fault, atMs, forMs: prng.between(5_000, 40_000) };
    }),
  );
  faults.sort((a, b) => a.atMs - b.atMs);
  const forks = kinds.includes('reorg');
  const history = historyOf(prng.below(HISTORIES), forks, isLarge);
  return { seed, daemons, lie, history, stormMs, faults };
}

function historyOf(number: number, forks: boolean, isLarge: boolean): SimHistory {
  const key = number * 4 + (forks ? 1 : 0) + (isLarge ? 2 : 0);
  let history = histories.get(key);
  if (history === undefined) {
    const steps = (isLarge ? 22 : 6) + (number % 4) * 3;
    history = new SimHistory(`${key}`, {
      steps,
      tokens: 1 + (number % 3),
      forks: forks ? 1 + (number % 3) : 0,
    });
    histories.set(key, history);
  }
  return history;
}
