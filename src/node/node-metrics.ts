import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiServer } from '../api/server.ts';
import type { HeaderFollower } from '../chain/source-runner.ts';
import type { Health } from '../observe/health.ts';
import { labelOf, REJECT_CODES, WARNING_CODES } from '../observe/metric-labels.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { VerifierPool } from '../spv/pool.ts';
import type { StoreTiming } from '../store/timing.ts';
import type { Core } from './core.ts';

export interface MeasuredParts {
  readonly core: Core;
  readonly runners: readonly HeaderFollower[];
  readonly health: Health;
  /** Folder of the store. */
  readonly storePath: string;
}

/** What the store tells of its reads and writes, as metrics. */
export function storeTiming(metrics: Metrics): StoreTiming {
  return {
    read: (kind, seconds) => metrics.observe('store_read_seconds', { kind }, seconds),
    write: (seconds) => metrics.observe('store_write_seconds', {}, seconds),
    writeFailed: () => metrics.inc('store_write_failures_total', {}),
  };
}

/** The verifier with its time told. */
export function timedVerifier(
  pool: Pick<VerifierPool, 'verify'>,
  metrics: Metrics,
): Pick<VerifierPool, 'verify'> {
  return {
    verify: async (jobs) => {
      const startMs = performance.now();
      const verdicts = await pool.verify(jobs);
      if (jobs.length > 0) metrics.observe('verify_seconds', {}, (performance.now() - startMs) / 1000);
      return verdicts;
    },
  };
}

/** Figures that the parts of a node have anyway are asked for when somebody reads the metrics; the result stops that. */
export function measureNode(parts: MeasuredParts, metrics: Metrics): () => void {
  const { core } = parts;
  const forget = [
    core.chain.onChange(({ undone }) => {
      if (undone !== undefined) metrics.inc('reorganisations_total', {});
    }),
    metrics.onRead(() => {
      tellChain(parts, metrics);
      tellIngest(core, metrics);
      tellHealth(parts.health, metrics);
    }),
    metrics.onRead(async () => {
      metrics.set('store_bytes', {}, await folderBytes(parts.storePath));
    }),
  ];
  return () => {
    for (const stop of forget) stop();
  };
}

/** The RPC socket's own counts. */
export function measureApi(api: ApiServer, metrics: Metrics): () => void {
  return metrics.onRead(() => {
    const { connections, accepted, refused, dropped } = api.facts();
    metrics.set('rpc_connections', {}, connections);
    metrics.total('rpc_clients_total', { result: 'accepted' }, accepted);
    metrics.total('rpc_clients_total', { result: 'refused' }, refused);
    const droppedAll = Object.values(dropped).reduce((sum, n) => sum + n, 0);
    metrics.total('rpc_clients_total', { result: 'dropped' }, droppedAll);
  });
}

function tellChain({ core, runners }: MeasuredParts, metrics: Metrics): void {
  const { chain, store } = core;
  metrics.set('sync_height', {}, store.tip().tipHeight);
  if (!chain.isStarted()) return;
  const { height } = chain.tip();
  metrics.set('header_height', {}, height);
  metrics.set('header_timestamp_seconds', {}, chain.timeAt(height) ?? 0);
  const behind = runners.map((runner) => runner.state().behind ?? 0);
  metrics.set('header_lag_blocks', {}, Math.max(0, ...behind));
}

function tellIngest({ ingest, reader, pool }: Core, metrics: Metrics): void {
  const { queued, admitted, rejectedByCode } = ingest.facts();
  metrics.set('queue_length', { queue: 'ingest' }, queued);
  metrics.set('queue_length', { queue: 'verify' }, pool.stats().waiting);
  metrics.total('queue_dropped_total', { queue: 'ingest' }, rejectedByCode['QUEUE_FULL'] ?? 0);
  metrics.total('transactions_admitted_total', {}, admitted);
  for (const [code, count] of rejectsByLabel(rejectedByCode)) {
    metrics.total('transactions_rejected_total', { code }, count);
  }
  const { transactions, pending, conflicts, sequence } = reader.facts();
  metrics.set('transactions', { state: 'indexed' }, transactions);
  metrics.set('transactions', { state: 'pending' }, pending);
  metrics.set('transactions', { state: 'conflicted' }, conflicts);
  metrics.set('event_sequence', {}, Number(sequence));
}

type RejectLabel = (typeof REJECT_CODES)[number];

/** Codes without a label of their own share one, and so must their counts. */
function rejectsByLabel(counts: Readonly<Record<string, number>>): Map<RejectLabel, number> {
  const sums = new Map<RejectLabel, number>();
  for (const [code, count] of Object.entries(counts)) {
    const label = labelOf(REJECT_CODES, code);
    sums.set(label, (sums.get(label) ?? 0) + count);
  }
  return sums;
}

function tellHealth(health: Health, metrics: Metrics): void {
  const shown = new Set(health.warnings().map((warning) => warning.code));
  for (const code of WARNING_CODES) metrics.set('health_warnings', { code }, shown.has(code) ? 1 : 0);
}

/** Sizes of all files below; those that go away meanwhile count nothing. */
async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      stat(join(entry.parentPath, entry.name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
