import { ExchangeError, type ExchangeErrorCode } from './errors.ts';
import type { ExchangeClock } from './interfaces.ts';

/** Runs something that ends by its signal: after `ms`, or when the parent ends. */
export async function within<T>(
  clock: ExchangeClock,
  ms: number,
  parent: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const end = () => own.abort(parent.reason);
  if (parent.aborted) end();
  parent.addEventListener('abort', end);
  const cancel = clock.after(ms, () => own.abort(new ExchangeError('TIMEOUT', `not done after ${ms} ms`)));
  try {
    return await run(own.signal);
  } catch (thrown) {
    // The transport has its own words for an ended signal; what ended it is the better reason.
    throw own.signal.aborted ? own.signal.reason : thrown;
  } finally {
    cancel();
    parent.removeEventListener('abort', end);
  }
}

/** The code of a thrown value; anything that is not ours is our own fault. */
export function codeOf(thrown: unknown): ExchangeErrorCode {
  return thrown instanceof ExchangeError ? thrown.code : 'INTERNAL';
}
