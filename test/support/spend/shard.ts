import { parentPort, workerData } from 'node:worker_threads';
import { verifyDirect } from '../../../src/spv/direct.ts';
import { layoutOf } from '../../../src/spv/layout.ts';
import { Sighash } from '../../../src/spv/sighash.ts';
import { SpendRunner } from '../../../src/spv/spend.ts';
import { parseTransaction } from '../../../src/spv/transaction.ts';
import { type SpendCase, spendCase } from './cases.ts';
import { spendSays } from './oracle.ts';

/** One thread of the comparison: runs its part of the cases and says what it saw. */

export interface ShardTask {
  readonly seed: string;
  readonly from: number;
  readonly step: number;
  readonly cases: number;
  /** One case in so many is also given to `Spend` without flags. */
  readonly defaultEvery: number;
}

export interface ShardReport {
  /** Cases by path and result, by form, by change (with result). */
  readonly counts: Record<string, number>;
  /** Where our result is not that of `Spend` with the network's flags. */
  readonly disagreements: string[];
  /** Where `Spend` without flags says something else; each with the reason if it is a known one. */
  readonly divergences: Record<string, number>;
}

export function runShard(task: ShardTask): ShardReport {
  const counts: Record<string, number> = {};
  const divergences: Record<string, number> = {};
  const disagreements: string[] = [];
  const count = (key: string) => {
    counts[key] = (counts[key] ?? 0) + 1;
  };
  for (let index = task.from; index < task.cases; index += task.step) {
    const spend = spendCase(task.seed, index);
    const { path, valid } = ours(spend);
    const expected = spendSays(spend, 'network');
    count(`${path} ${valid ? 'valid' : 'invalid'}`);
    count(`form ${spend.form}`);
    for (const change of new Set(spend.changes)) count(`change ${change} ${valid ? 'valid' : 'invalid'}`);
    if (valid !== expected) disagreements.push(describe(spend, path, valid, expected));
    if (index % task.defaultEvery === 0 && spendSays(spend, 'default') !== expected) {
      const reason = divergenceOf(spend);
      divergences[reason] = (divergences[reason] ?? 0) + 1;
    }
  }
  return { counts, disagreements, divergences };
}

function ours(spend: SpendCase): { path: 'direct' | 'interpreter'; valid: boolean } {
  const sighash = new Sighash(layoutOf(spend.tx.raw));
  const verdict = verifyDirect(sighash, spend.vin, spend.satoshis, spend.lock);
  if (verdict !== undefined) return { path: 'direct', valid: verdict === true };
  const runner = new SpendRunner(parseTransaction(spend.tx.raw));
  return { path: 'interpreter', valid: runner.run(spend.vin, spend.satoshis, spend.lock).kind === 'valid' };
}

/** Why `Spend` without flags may differ from `Spend` with the network's flags; 'unknown' otherwise. */
function divergenceOf(spend: SpendCase): string {
  const has = (pattern: RegExp) => spend.changes.some((change) => pattern.test(change));
  const version = spend.tx.raw.readInt32LE(0);
  if (version < 0) return 'negative version';
  if (has(/without FORKID|any hash type|hash type exchanged|bit flipped/)) return 'hash type without FORKID';
  if (has(/original digest/) && version <= 1) return 'original digest in version 1';
  return 'unknown';
}

function describe(spend: SpendCase, path: string, valid: boolean, expected: boolean): string {
  const input = parseTransaction(spend.tx.raw).inputs[spend.vin];
  return [
    `case ${spend.label}: ${path} says ${valid}, Spend says ${expected}`,
    `form ${spend.form}; changes ${spend.changes.join(', ') || 'none'}; input ${spend.vin}; satoshis ${spend.satoshis}`,
    `tx ${spend.tx.raw.toString('hex')}`,
    `unlock ${Buffer.from(input?.script ?? []).toString('hex')}`,
    `lock ${spend.lock.toString('hex')}`,
  ].join('\n  ');
}

if (parentPort && workerData) parentPort.postMessage(runShard(workerData as ShardTask));
