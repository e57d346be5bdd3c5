import assert from 'node:assert/strict';
import { availableParallelism } from 'node:os';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { ShardReport, ShardTask } from '../support/spend/shard.ts';

/**
 * The direct path (src/spv/direct.ts) and the interpreter, as src/spv/spend.ts runs it, against `Spend` of @bsv/sdk
 * with the flags that nodes use today. Every case must come out the same.
 *
 * Replay: the message names seed and index; BTCFED_SPEND_SEED and BTCFED_SPEND_CASES set both for a whole run.
 *
 * Known differences from `Spend` WITHOUT flags (never from the one with the network's flags), counted here too:
 *   hash type without FORKID      `Spend` then takes the original digest; nodes refuse such signatures since 2017
 *   original digest in version 1  CHRONICLE with FORKID: nodes take it in every version, `Spend` from version 2 on
 *   negative version              nodes read it signed: rules against malleability hold; `Spend` reads a large number
 * NULLFAIL in version 1 and the single OP_ELSE after Genesis are demanded too, but need scripts not generated here.
 */

const SEED = process.env['BTCFED_SPEND_SEED'] ?? 'spend';
const CASES = Number(process.env['BTCFED_SPEND_CASES'] ?? 21_000);
const KNOWN = ['hash type without FORKID', 'original digest in version 1', 'negative version'];

describe('direct path and Spend agree', () => {
  it(`on ${CASES} generated and changed spends (seed ${SEED})`, { timeout: 600_000 }, async (t) => {
    const reports = await runShards(Math.max(2, availableParallelism()));
    const disagreements = reports.flatMap((report) => report.disagreements);
    const counts = sum(reports.map((report) => report.counts));
    const divergences = sum(reports.map((report) => report.divergences));
    t.diagnostic(`paths ${JSON.stringify(pick(counts, /^(direct|interpreter) /))}`);
    t.diagnostic(`Spend without flags differs: ${JSON.stringify(divergences)}`);

    assert.equal(disagreements.length, 0, disagreements.slice(0, 3).join('\n\n'));
    assertShare(counts, 'direct valid', 0.2);
    assertShare(counts, 'direct invalid', 0.2);
    assertShare(counts, 'interpreter valid', 0.03);
    assertShare(counts, 'interpreter invalid', 0.1);
    for (const [form, count] of Object.entries(pick(counts, /^form /))) {
      assert.ok(count >= CASES / 50, `${form} came up ${count} times only`);
    }
    // Each of these changes must have made some spends invalid and, where the rules allow it, left others valid.
    for (const change of [
      'high S',
      'hash type exchanged',
      'signature empty',
      'signed by another',
      'S padded',
    ]) {
      assert.ok((counts[`change ${change} invalid`] ?? 0) > 0, `no invalid spend by "${change}"`);
    }
    for (const change of ['high S', 'single without output', 'original digest', 'signature pushed long']) {
      assert.ok((counts[`change ${change} valid`] ?? 0) > 0, `no valid spend with "${change}"`);
    }
    assert.deepEqual(
      Object.keys(divergences).filter((reason) => !KNOWN.includes(reason)),
      [],
    );
  });
});

function runShards(shards: number): Promise<ShardReport[]> {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  const url = new URL(`../support/spend/shard${extension}`, import.meta.url);
  return Promise.all(
    Array.from({ length: shards }, (_, from) => {
      const workerData: ShardTask = { seed: SEED, from, step: shards, cases: CASES, defaultEvery: 8 };
      return new Promise<ShardReport>((resolve, reject) => {
        const worker = new Worker(url, { workerData });
        worker.once('message', resolve);
        worker.once('error', reject);
        worker.once('exit', () => reject(new Error('a shard ended without a report')));
      });
    }),
  );
}

function sum(records: readonly Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const record of records) {
    for (const [key, count] of Object.entries(record)) total[key] = (total[key] ?? 0) + count;
  }
  return total;
}

function pick(counts: Record<string, number>, pattern: RegExp): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([key]) => pattern.test(key)));
}

function assertShare(counts: Record<string, number>, key: string, atLeast: number): void {
  const count = counts[key] ?? 0;
  assert.ok(count >= atLeast * CASES, `${key}: ${count} of ${CASES} cases, too few to mean anything`);
}
