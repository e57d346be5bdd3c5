import { randomBytes } from 'node:crypto';
import type { Clock } from '../p2p/types.ts';
import type { Random } from './core.ts';

/** The machine's own time and randomness. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

export const systemRandom: Random = {
  fraction: () => randomBytes(4).readUInt32BE() / 0x1_0000_0000,
  hex: (bytes) => randomBytes(bytes).toString('hex'),
};
