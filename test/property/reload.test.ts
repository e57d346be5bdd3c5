import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import type { ReloadState } from '../../src/api/reload-outcome.ts';
import { confOf, type Fault, ReloadBench } from '../support/reload.ts';

/** One edit of the file and one reload, with what goes wrong in it. */
interface Step {
  readonly file: 'valid' | 'invalid' | 'restart' | 'same';
  readonly level: string;
  readonly maxPeers: number;
  readonly timeout: string;
  readonly part: number;
  readonly fault: Exclude<Fault, 'rollback'> | undefined;
  readonly trigger: 'rpc' | 'signal';
  readonly times: number;
}

const steps: fc.Arbitrary<Step> = fc.record({
  file: fc.constantFrom('valid', 'valid', 'valid', 'invalid', 'restart', 'same'),
  level: fc.constantFrom('debug', 'info', 'warn', 'error'),
  maxPeers: fc.integer({ min: 1, max: 4096 }),
  timeout: fc.constantFrom('1s', '5s', '10s', '1m'),
  part: fc.integer({ min: 0, max: 2 }),
  fault: fc.constantFrom(undefined, undefined, undefined, 'prepare', 'apply', 'prepare hangs', 'apply hangs'),
  trigger: fc.constantFrom('rpc', 'signal'),
  times: fc.integer({ min: 1, max: 4 }),
});

const NEXT: Readonly<Record<ReloadState, readonly ReloadState[]>> = {
  idle: ['validating'],
  validating: ['updating', 'rolling_back', 'idle'],
  updating: ['rolling_back', 'idle'],
  rolling_back: ['idle', 'failed'],
  failed: ['validating'],
};

async function turns(): Promise<void> {
  for (let i = 0; i < 25; i += 1) await nextTurn();
}

/** What the parts run with and readers see: always that of one file that was taken whole. */
async function play(bench: ReloadBench, step: Step): Promise<void> {
  const before = bench.values();
  const { level, maxPeers, timeout, part, fault, trigger, times } = step;
  if (step.file === 'valid') bench.text = confOf({ level, maxPeers, timeout });
  if (step.file === 'invalid') bench.text = confOf({ level: 'loud', maxPeers });
  if (step.file === 'restart') bench.text = confOf({ level, maxPeers, network: 'main' });
  if (fault !== undefined) bench.parts[part]!.faults.add(fault);
  const asked = Array.from({ length: times }, () => bench.reloader.request(trigger));
  for (let i = 0; i < 3; i += 1) {
    await turns();
    bench.clock.forward(10_100);
  }
  const outcomes = await Promise.all(asked);
  bench.parts[part]!.faults.clear();
  bench.parts[part]!.release();
  await turns();
  const last = outcomes.reduce((a, b) => (a.number > b.number ? a : b));
  const isTaken = outcomes.some(({ verdict }) => verdict === 'applied' || verdict === 'unchanged');
  if (!isTaken) assert.deepEqual(bench.values(), before, `${last.verdict} changed something`);
  const { config, digest } = bench.running.loaded;
  assert.deepEqual(
    bench.parts.map(({ value, held }) => [value, held]),
    [
      [config.logging.level, 0],
      [config.peers.maxPeers, 0],
      [config.peers.connectionTimeoutMs, 0],
    ],
    'parts and readers agree, and nothing is left over',
  );
  if (last.verdict === 'applied') assert.equal(digest, last.digest);
  assert.equal(bench.clock.timers, 0);
}

test('any sequence of edits, faults and requests: each reload is whole or not at all', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 1, maxLength: 12 }), async (sequence) => {
      const bench = new ReloadBench();
      for (const step of sequence) await play(bench, step);
      let state: ReloadState = 'idle';
      for (const next of bench.states) {
        assert.ok(NEXT[state].includes(next), `${state} -> ${next}`);
        state = next;
      }
      assert.equal(state, 'idle');
      // A right file is always taken in the end.
      bench.text = confOf({ level: 'error', maxPeers: 7, timeout: '7s' });
      assert.equal((await bench.reloader.request('rpc')).refusal, undefined);
      assert.deepEqual(
        bench.parts.map(({ value }) => value),
        ['error', 7, 7_000],
      );
    }),
    { numRuns: 150 },
  );
});
