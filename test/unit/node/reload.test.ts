import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { generateKeyPair } from '../../../config/index.ts';
import { refusalLines, successLines } from '../../../src/api/reload-outcome.ts';
import { confOf, type Fault, KEY, ReloadBench } from '../../support/reload.ts';

const ALL = { level: 'debug', maxPeers: 100, timeout: '20s' };

async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i += 1) await nextTurn();
}

describe('a reload of a valid file', () => {
  it('asks every part in order, then tells one after the other, then lets them clean up', async () => {
    const bench = new ReloadBench();
    bench.text = confOf(ALL);
    const outcome = await bench.reloader.request('rpc');
    const steps = ['prepare', 'apply', 'finish'].flatMap((step) =>
      ['log', 'host', 'keeper'].map((part) => `${part}.${step}`),
    );
    assert.deepEqual(bench.said, steps);
    assert.equal(outcome.verdict, 'applied');
    assert.deepEqual(
      outcome.changes.map(({ key, old, new: next }) => [key, old, next]),
      [
        ['peers.connection_timeout', '10s', '20s'],
        ['peers.max_peers', 300, 100],
        ['logging.level', 'info', 'debug'],
      ],
    );
    assert.deepEqual(bench.states, ['validating', 'updating', 'idle']);
    assert.deepEqual(bench.values().slice(0, 3), [
      ['debug', 0],
      [100, 0],
      [20_000, 0],
    ]);
    assert.equal(bench.clock.timers, 0);
  });

  it('shows readers the old configuration until all have applied, then the new one, each whole', async () => {
    const bench = new ReloadBench();
    const before = bench.running.config;
    const seen: unknown[] = [];
    bench.reloader.register({
      name: 'reader',
      prepare: () => ({
        apply: () => void seen.push(bench.running.config),
        rollback: () => undefined,
        finish: () => void seen.push(bench.running.config),
      }),
    });
    bench.text = confOf(ALL);
    await bench.reloader.request('rpc');
    assert.equal(seen[0], before);
    assert.equal(seen[1], bench.running.config);
    assert.ok(Object.isFrozen(bench.running.config.logging));
    assert.deepEqual([before.logging.level, before.peers.maxPeers], ['info', 300]);
  });

  it('that says the same succeeds and says so; comments count as a new file', async () => {
    const bench = new ReloadBench();
    assert.equal((await bench.reloader.request('rpc')).verdict, 'unchanged');
    bench.text = `${confOf()}# nothing new\n`;
    const outcome = await bench.reloader.request('rpc');
    assert.deepEqual([outcome.verdict, outcome.changes], ['unchanged', []]);
    assert.equal(bench.running.loaded.digest, outcome.digest);
    assert.match(successLines(outcome)[0] ?? '', /^nothing changed/);
    assert.ok(!bench.said.some((step) => step.endsWith('.apply')));
  });

  it('stands even where a part cannot clean up after it', async () => {
    const bench = new ReloadBench();
    bench.reloader.register({
      name: 'messy',
      prepare: () => ({ apply() {}, rollback() {}, finish: () => Promise.reject(new Error('left over')) }),
    });
    bench.text = confOf(ALL);
    assert.equal((await bench.reloader.request('rpc')).verdict, 'applied');
    assert.equal(bench.running.config.logging.level, 'debug');
  });
});

describe('a file that cannot be used', () => {
  it('is refused with all its problems, and no part is asked', async () => {
    const bench = new ReloadBench();
    const before = bench.values();
    bench.text = confOf({ level: 'loud', maxPeers: -1, more: 'nope: 1' });
    const outcome = await bench.reloader.request('rpc');
    assert.deepEqual([outcome.verdict, outcome.refusal?.code], ['refused', 'RELOAD_INVALID']);
    assert.deepEqual(
      outcome.refusal?.problems?.map(({ file, line, key }) => [file, line, key]),
      [
        ['conf.yaml', 3, 'peers.max_peers'],
        ['conf.yaml', 4, 'logging.level'],
        ['conf.yaml', 6, 'nope'],
      ],
    );
    assert.deepEqual([bench.said, bench.values()], [[], before]);
  });

  it('is refused whole where a key needs a restart, which is named; live keys beside it are not taken', async () => {
    const bench = new ReloadBench();
    const before = bench.values();
    bench.text = confOf({ ...ALL, network: 'test', more: 'store: { cache_mb: 5 }' });
    const outcome = await bench.reloader.request('rpc');
    assert.equal(outcome.refusal?.code, 'RELOAD_RESTART_NEEDED');
    assert.deepEqual(outcome.refusal?.keys, ['chain.network', 'store.cache_mb']);
    assert.deepEqual([bench.said, bench.values()], [[], before]);
  });

  it('is refused whole where the private key is another one, which no text shows', async () => {
    const bench = new ReloadBench();
    const other = generateKeyPair((count) => Buffer.alloc(count, 8)).privateKey;
    bench.text = confOf({ ...ALL, key: other });
    const outcome = await bench.reloader.request('rpc');
    assert.deepEqual(outcome.refusal?.keys, ['node.private_key']);
    const all = JSON.stringify([outcome, refusalLines(outcome), bench.reloader.facts()]);
    assert.ok(!all.includes(other) && !all.includes(KEY));
  });
});

for (const part of [0, 1, 2]) {
  const cases: [Fault, 'refused' | 'rolled_back', string][] = [
    ['prepare', 'refused', 'RELOAD_VETOED'],
    ['apply', 'rolled_back', 'RELOAD_ROLLED_BACK'],
    ['prepare hangs', 'refused', 'RELOAD_VETOED'],
    ['apply hangs', 'rolled_back', 'RELOAD_ROLLED_BACK'],
  ];
  for (const [fault, verdict, code] of cases) {
    it(`part ${part}: "${fault}" leaves everything as before, and the next reload succeeds`, async () => {
      const bench = new ReloadBench();
      const before = bench.values();
      const { name } = bench.parts[part]!;
      bench.parts[part]!.faults.add(fault);
      bench.text = confOf(ALL);
      const request = bench.reloader.request('rpc');
      await turns();
      bench.clock.forward(10_000);
      const outcome = await request;
      assert.deepEqual([outcome.verdict, outcome.refusal?.code], [verdict, code]);
      assert.equal(outcome.refusal?.component, name);
      assert.equal(outcome.refusal?.reason, fault.includes('hangs') ? 'COMPONENT_TIMEOUT' : 'ADDRESS_IN_USE');
      // What ends only now is undone as well.
      bench.parts[part]!.release();
      await turns();
      assert.deepEqual(bench.values(), before);
      const undone = bench.said.filter((step) => step.endsWith('.rollback'));
      const applied = verdict === 'rolled_back' ? 3 : part;
      assert.deepEqual(
        undone.slice(0, applied),
        ['keeper', 'host', 'log'].slice(3 - applied).map((n) => `${n}.rollback`),
      );
      assert.equal(bench.reloader.facts().state, 'idle');
      bench.parts[part]!.faults.clear();
      assert.equal((await bench.reloader.request('rpc')).verdict, 'applied');
      assert.deepEqual(bench.values().slice(0, 3), [
        ['debug', 0],
        [100, 0],
        [20_000, 0],
      ]);
      assert.equal(bench.clock.timers, 0);
    });
  }
}

describe('an undoing that fails', () => {
  it('is told as failed, is the state until a reload succeeds, and the doubtful keys are set then', async () => {
    const bench = new ReloadBench();
    const [, host, keeper] = bench.parts;
    keeper!.faults.add('apply');
    host!.faults.add('rollback');
    bench.text = confOf(ALL);
    const outcome = await bench.reloader.request('rpc');
    assert.deepEqual([outcome.verdict, outcome.refusal?.code], ['failed', 'RELOAD_FAILED']);
    assert.equal(bench.reloader.facts().state, 'failed');
    assert.deepEqual(bench.states.slice(-2), ['rolling_back', 'failed']);
    assert.match(refusalLines(outcome).join('\n'), /host could not be set back: host is stuck/);
    keeper!.faults.clear();
    host!.faults.clear();
    // The running file again: without a difference to it, the host would keep what it could not undo.
    bench.text = confOf();
    assert.equal(host!.value, 100);
    assert.equal((await bench.reloader.request('rpc')).verdict, 'unchanged');
    assert.deepEqual([host!.value, bench.reloader.facts().state], [300, 'idle']);
  });
});

describe('many at once', () => {
  it('never overlap: those asked for while one runs are one, which reads the last file', async () => {
    const bench = new ReloadBench();
    const { promise, resolve } = Promise.withResolvers<void>();
    bench.gate = promise;
    const first = bench.reloader.request('rpc');
    bench.text = confOf({ level: 'warn' });
    const others = Array.from({ length: 100 }, () => bench.reloader.request('rpc'));
    bench.text = confOf({ level: 'error' });
    assert.equal(bench.loads, 1);
    resolve();
    const outcomes = new Set(await Promise.all(others));
    assert.equal((await first).number, 1);
    assert.deepEqual([outcomes.size, bench.loads, bench.parts[0]!.value], [1, 2, 'error']);
  });

  it('100 signals in a second are a few reloads; the last file wins', async () => {
    const bench = new ReloadBench();
    const asked: Promise<unknown>[] = [];
    for (let i = 1; i <= 100; i += 1) {
      bench.text = confOf({ maxPeers: i });
      asked.push(bench.reloader.request('signal'));
      await turns(3);
      bench.clock.forward(10);
    }
    bench.clock.forward(100);
    await Promise.all(asked);
    assert.ok(bench.loads <= 12, `${bench.loads} reloads`);
    assert.deepEqual([bench.parts[1]!.value, bench.running.config.peers.maxPeers], [100, 100]);
    assert.equal(bench.clock.timers, 0);
  });

  it('a command does not wait for the quiet time of signals', async () => {
    const bench = new ReloadBench();
    await bench.reloader.request('signal');
    const bySignal = bench.reloader.request('signal');
    await turns();
    assert.equal(bench.loads, 1);
    const byCommand = bench.reloader.request('rpc');
    assert.equal(await bySignal, await byCommand);
    assert.equal(bench.loads, 2);
  });
});

describe('a stop', () => {
  it('refuses what is asked from then on, and what waits', async () => {
    const bench = new ReloadBench();
    const { promise, resolve } = Promise.withResolvers<void>();
    bench.gate = promise;
    const first = bench.reloader.request('rpc');
    const waiting = bench.reloader.request('rpc');
    const stopped = bench.reloader.stop();
    assert.equal((await waiting).refusal?.code, 'SHUTTING_DOWN');
    assert.equal((await bench.reloader.request('signal')).refusal?.code, 'SHUTTING_DOWN');
    bench.text = confOf(ALL);
    resolve();
    assert.equal((await first).refusal?.code, 'SHUTTING_DOWN');
    await stopped;
    assert.deepEqual([bench.said, bench.running.config.logging.level], [[], 'info']);
  });

  it('during a prepare that hangs: undone at once, whatever comes of it later', async () => {
    const bench = new ReloadBench();
    const before = bench.values();
    bench.parts[1]!.faults.add('prepare hangs');
    bench.text = confOf(ALL);
    const request = bench.reloader.request('rpc');
    await turns();
    await bench.reloader.stop();
    assert.equal((await request).refusal?.code, 'SHUTTING_DOWN');
    bench.parts[1]!.release();
    await turns();
    assert.deepEqual(bench.values(), before);
    assert.equal(bench.clock.timers, 0);
  });

  it('during an apply: it ends, and then the stop', async () => {
    const bench = new ReloadBench();
    bench.parts[1]!.faults.add('apply hangs');
    bench.text = confOf(ALL);
    const request = bench.reloader.request('rpc');
    await turns();
    let isStopped = false;
    const stopped = bench.reloader.stop().then(() => {
      isStopped = true;
    });
    await turns();
    assert.equal(isStopped, false);
    bench.parts[1]!.release();
    assert.equal((await request).verdict, 'applied');
    await stopped;
  });

  it('waits no longer than 2 s for an apply that hangs', async () => {
    const bench = new ReloadBench();
    bench.parts[1]!.faults.add('apply hangs');
    bench.text = confOf(ALL);
    void bench.reloader.request('rpc');
    await turns();
    const stopped = bench.reloader.stop();
    bench.clock.forward(2_000);
    await stopped;
  });
});

it('keeps the last ten outcomes, newest first', async () => {
  const bench = new ReloadBench();
  for (let i = 1; i <= 13; i += 1) {
    bench.text = i % 2 === 0 ? confOf({ maxPeers: i }) : 'broken';
    bench.clock.forward(1_000);
    await bench.reloader.request('rpc');
  }
  const { outcomes, state } = bench.reloader.facts();
  assert.equal(state, 'idle');
  assert.deepEqual(
    outcomes.map(({ number, verdict }) => [number, verdict]),
    Array.from({ length: 10 }, (_, i) => [13 - i, (13 - i) % 2 === 0 ? 'applied' : 'refused']),
  );
  assert.ok(outcomes.every((outcome, i) => i === 0 || outcome.atMs < outcomes[i - 1]!.atMs));
});
