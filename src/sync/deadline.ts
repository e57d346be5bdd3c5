import type { Clock } from '../p2p/types.ts';

/** Runs a call that ends by its signal, which fires after `ms` or with `parent`; leaves neither timer nor listener. */
export async function within<T>(
  clock: Pick<Clock, 'after'>,
  ms: number,
  parent: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const end = (): void => controller.abort();
  if (parent.aborted) end();
  parent.addEventListener('abort', end, { once: true });
  const cancel = clock.after(ms, end);
  try {
    return await run(controller.signal);
  } finally {
    cancel();
    parent.removeEventListener('abort', end);
  }
}

/** Resolves after `ms`, or at once when the signal ends. */
export function pause(clock: Pick<Clock, 'after'>, ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.after(ms, end);
    signal.addEventListener('abort', end, { once: true });
  });
}
