import type { BackoffClass } from './errors.ts';
import type { RandomFraction } from './types.ts';

export const FIRST_STEP_MS = 1_000;
export const MAX_STEP_MS = 300_000;
/** From here on a step is MAX_STEP_MS: 1 s x 2^9 = 512 s. */
export const MAX_STEP = 9;
/** Where a peer that answers and says no begins: 32 s. */
export const STUBBORN_STEP = 5;
/**
 * Where a peer begins that we never reached: 16 s. Nobody misses it, and its three failures must not all fall into
 * one restart.
 */
export const UNPROVED_STEP = 4;

/** The longest wait after `step` failures in a row: 1 s x 2^step, 5 minutes at most. */
export function stepMs(step: number): number {
  return Math.min(FIRST_STEP_MS * 2 ** Math.min(step, MAX_STEP), MAX_STEP_MS);
}

/** Full jitter: anything between nothing and the whole step, so that what was lost together does not return together. */
export function jitteredMs(step: number, random: RandomFraction): number {
  return Math.floor(random() * stepMs(step));
}

/** The step that a failure of this class waits by, after `step` failures before it. */
export function stepOf(backoff: BackoffClass, step: number): number {
  if (backoff === 'stubborn') return Math.max(step, STUBBORN_STEP);
  return backoff === 'hopeless' ? MAX_STEP : step;
}
