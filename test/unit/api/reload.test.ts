import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RpcError } from '../../../src/api/client.ts';
import { LocalCaller } from '../../../src/api/local.ts';
import { changeText, type ReloadOutcome, refusalLines } from '../../../src/api/reload-outcome.ts';
import { CHECKED_METHODS, FakeNode } from '../../support/fake-modules.ts';

const OUTCOME: ReloadOutcome = {
  number: 3,
  trigger: 'rpc',
  atMs: 0,
  ms: 12.3456,
  verdict: 'applied',
  digest: 'ab'.repeat(32),
  changes: [{ key: 'logging.level', reload: 'live', old: 'info', new: 'debug' }],
  warnings: [],
  refusal: undefined,
};

function caller(outcome: ReloadOutcome | undefined, outcomes: readonly ReloadOutcome[] = []): LocalCaller {
  const { modules } = new FakeNode();
  const reload = outcome === undefined ? undefined : async () => outcome;
  const facts = { ...modules.node.facts(), reload: { state: 'idle' as const, outcomes } };
  const node = { facts: () => facts };
  return new LocalCaller({ ...modules, reload, node }, async () => undefined, CHECKED_METHODS);
}

async function refusal(outcome: ReloadOutcome | undefined): Promise<RpcError> {
  return caller(outcome)
    .call('node.reload', {})
    .then(
      () => assert.fail('not refused'),
      (error: unknown) => (error instanceof RpcError ? error : assert.fail(String(error))),
    );
}

test('node.reload answers with verdict, hash, changed keys and time', async () => {
  assert.deepEqual(await caller(OUTCOME).call('node.reload', {}), {
    verdict: 'applied',
    file: '/home/conf.yaml',
    configHash: 'ab'.repeat(32),
    changes: [{ key: 'logging.level', old: 'info', new: 'debug' }],
    warnings: [],
    ms: 12.346,
  });
  const unchanged = await caller({ ...OUTCOME, verdict: 'unchanged', changes: [] }).call('node.reload', {});
  assert.deepEqual([unchanged.verdict, unchanged.changes], ['unchanged', []]);
});

test('a file with problems is an error of the config range with file, line and key of each', async () => {
  const problem = {
    ...{ file: 'conf.yaml', line: 7, column: 3, key: 'logging.level' },
    ...{ code: 'BAD_VALUE' as const, message: 'is loud', expected: 'quiet' },
  };
  const error = await refusal({
    ...OUTCOME,
    verdict: 'refused',
    changes: [],
    refusal: {
      code: 'RELOAD_INVALID',
      reason: 'CONFIG_INVALID',
      lines: ['conf.yaml:7:3: logging.level: is loud'],
      problems: [problem],
    },
  });
  assert.equal(error.number, 100);
  assert.deepEqual(error.data, {
    code: 'RELOAD_INVALID',
    file: '/home/conf.yaml',
    verdict: 'refused',
    ms: 12.346,
    keys: ['logging.level'],
    reason: 'CONFIG_INVALID',
    problems: ['conf.yaml:7:3: logging.level: is loud (expected quiet)'],
  });
  assert.match(error.message, /^reload refused, the running configuration stays\nconf\.yaml:7:3/);
});

test('each refusal has its own number; the component and its code are named', async () => {
  const numbers: number[] = [];
  for (const [code, verdict] of [
    ['RELOAD_RESTART_NEEDED', 'refused'],
    ['RELOAD_VETOED', 'refused'],
    ['RELOAD_ROLLED_BACK', 'rolled_back'],
    ['RELOAD_FAILED', 'failed'],
    ['SHUTTING_DOWN', 'refused'],
  ] as const) {
    const lines = ['host: address in use'];
    const why = { code, component: 'host', reason: 'ADDRESS_IN_USE', lines };
    const error = await refusal({ ...OUTCOME, verdict, refusal: why });
    numbers.push(error.number);
    assert.deepEqual([error.data['component'], error.data['reason']], ['host', 'ADDRESS_IN_USE']);
  }
  assert.deepEqual(numbers, [101, 102, 103, 104, 1]);
  assert.equal((await refusal(undefined)).code, 'RELOAD_UNAVAILABLE');
});

test('status has the state, the last outcome and those before', async () => {
  const refused = { code: 'RELOAD_VETOED' as const, component: 'host', lines: [] };
  const outcomes = [{ ...OUTCOME, verdict: 'refused' as const, refusal: refused }, OUTCOME];
  const { reload } = await caller(undefined, outcomes).call('node.status', {});
  assert.equal(reload?.state, 'idle');
  const { verdict, time, code, component, keys, ms } = reload?.last ?? {};
  assert.deepEqual(
    [verdict, time, code, component, keys, ms],
    ['refused', '1970-01-01T00:00:00.000Z', 'RELOAD_VETOED', 'host', ['logging.level'], 12.346],
  );
  assert.deepEqual(
    reload?.earlier.map((each) => each.verdict),
    ['applied'],
  );
});

test('changes in words: values, lists by what is new and gone, secrets not at all, long ones cut', () => {
  assert.equal(changeText({ key: 'a', old: undefined, new: 5 }), 'a: none -> 5');
  assert.equal(changeText({ key: 'a', old: ['x', 'y'], new: ['y', 'z'] }), 'a: - x, + z');
  assert.equal(changeText({ key: 'a', old: [], new: ['z'] }), 'a: + z');
  assert.equal(
    changeText({ key: 'a', old: '[redacted]', new: '[redacted]' }),
    'a: changed, its secret is not shown',
  );
  const many = Array.from({ length: 50 }, (_, i) => `t${i}`);
  assert.match(changeText({ key: 'a', old: [], new: many }), /^a: \+ t0, .*\+ t19, and 30 more$/);
  assert.equal(changeText({ key: 'a', old: '', new: 'x'.repeat(900) }).length, 'a: "" -> '.length + 200);
});

test('a failed undoing says that a restart is needed', () => {
  const refused = { code: 'RELOAD_FAILED' as const, lines: ['host could not be set back'] };
  assert.deepEqual(refusalLines({ verdict: 'failed', refusal: refused }), [
    'reload failed, and not all of it could be undone: restart the daemon',
    'host could not be set back',
  ]);
});
