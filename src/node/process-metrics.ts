import { readdirSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from '../observe/metrics.ts';

/** 50 wake-ups a second cost 0.2 % of a core (measured); shorter delays than this are not of interest. */
const RESOLUTION_MS = 20;
const QUANTILES = [
  ['0.5', 50],
  ['0.99', 99],
] as const;

/** Tells what the process itself takes; the result stops it. */
export function measureProcess(metrics: Metrics, startedAtMs: number): () => void {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  metrics.set('start_timestamp_seconds', {}, startedAtMs / 1000);
  const forget = metrics.onRead(() => {
    const { user, system } = process.cpuUsage();
    metrics.total('cpu_seconds_total', {}, (user + system) / 1e6);
    tellMemory(metrics);
    tellDescriptors(metrics);
    tellDelay(metrics, delay);
  });
  return () => {
    forget();
    delay.disable();
  };
}

function tellMemory(metrics: Metrics): void {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  metrics.set('resident_memory_bytes', {}, rss);
  metrics.set('heap_bytes', { part: 'used' }, heapUsed);
  metrics.set('heap_bytes', { part: 'total' }, heapTotal);
  metrics.set('heap_bytes', { part: 'external' }, external);
}

function tellDescriptors(metrics: Metrics): void {
  const { open, max } = descriptors();
  if (open !== undefined) metrics.set('open_descriptors', {}, open);
  if (max !== undefined) metrics.set('max_descriptors', {}, max);
}

/** The monitor measures from one of its wake-ups to the next. What it was asked to wait is no delay. */
function tellDelay(metrics: Metrics, delay: ReturnType<typeof monitorEventLoopDelay>): void {
  const seconds = (ns: number) => (delay.count === 0 ? 0 : Math.max(0, ns / 1e6 - RESOLUTION_MS) / 1000);
  for (const [quantile, percent] of QUANTILES) {
    metrics.set('event_loop_lag_seconds', { quantile }, seconds(delay.percentile(percent)));
  }
  metrics.set('event_loop_lag_seconds', { quantile: '1' }, seconds(delay.max));
  delay.reset();
}

/** Open files and sockets, and how many there may be; undefined where the system does not tell (no /proc). */
export function descriptors(): { readonly open: number | undefined; readonly max: number | undefined } {
  try {
    // The listing itself has one open.
    const open = readdirSync('/proc/self/fd').length - 1;
    const limit = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return { open, max: limit === null ? undefined : Number(limit[1]) };
  } catch {
    return { open: undefined, max: undefined };
  }
}
