import { availableParallelism } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { simulate } from './simulation.ts';

/** What became of one seed. */
export interface SeedOutcome {
  readonly seed: number;
  /** Undefined: all was as it must be. */
  readonly failure: string | undefined;
  readonly calmMs: number;
  readonly ms: number;
  readonly fingerprint: string;
  readonly counts: readonly (readonly [string, number])[];
  readonly peaks: readonly (readonly [string, number])[];
  readonly daemons: number;
}

/** A simulation waits for threads of the database a third of its time. */
const MAX_WORKERS = 3;

/** Runs these seeds on a few threads, until the deadline (Unix ms) if there is one. */
export async function runSeeds(seeds: readonly number[], deadlineMs?: number): Promise<SeedOutcome[]> {
  const count = Math.min(MAX_WORKERS, availableParallelism() + 1, seeds.length);
  const shards = Array.from({ length: count }, (_, i) => seeds.filter((_seed, at) => at % count === i));
  const outcomes = await Promise.all(shards.map((shard) => runShard(shard, deadlineMs)));
  return outcomes.flat().sort((a, b) => a.seed - b.seed);
}

function runShard(simulatedSeeds: readonly number[], deadlineMs: number | undefined): Promise<SeedOutcome[]> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { simulatedSeeds, deadlineMs } });
    const outcomes: SeedOutcome[] = [];
    worker.on('message', (outcome: SeedOutcome) => outcomes.push(outcome));
    worker.on('error', reject);
    worker.on('exit', () => resolve(outcomes));
  });
}

async function outcomeOf(seed: number): Promise<SeedOutcome> {
  const startMs = performance.now();
  try {
    const { plan, calmMs, fingerprint, counts, peaks } = await simulate(seed);
    const ms = performance.now() - startMs;
    const found = { calmMs, fingerprint, counts: [...counts.all()], peaks: [...peaks] };
    return { seed, failure: undefined, ms, daemons: plan.daemons, ...found };
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    const none = { calmMs: 0, fingerprint: '', counts: [], peaks: [], daemons: 0 };
    return { seed, failure, ms: performance.now() - startMs, ...none };
  }
}

async function work(seeds: readonly number[], deadlineMs = Number.POSITIVE_INFINITY): Promise<void> {
  for (const seed of seeds) {
    if (Date.now() > deadlineMs) return;
    parentPort?.postMessage(await outcomeOf(seed));
  }
}

if (!isMainThread && workerData?.simulatedSeeds !== undefined)
  await work(workerData.simulatedSeeds, workerData.deadlineMs);
