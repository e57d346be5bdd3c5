import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Config, diffConfig } from '../../../config/index.ts';
import { TokenFollower } from '../../../src/node/token-follower.ts';
import { FakeNode } from '../../support/fake-modules.ts';
import { confOf, loadedOf } from '../../support/reload.ts';

const [X, Y, Z] = ['aa', 'bb', 'cc'].map((byte) => `${byte.repeat(32)}_0`) as [string, string, string];

function configOf(follow: readonly string[], block: readonly string[] = []): Config {
  const more = `tokens: { follow: [${follow.join(', ')}], block: [${block.join(', ')}] }`;
  return loadedOf(confOf({ more })).config;
}

function harness(followed: readonly string[]) {
  const at = { followed, complete: Promise.withResolvers<void>(), fails: false };
  const { log, logged } = new FakeNode();
  const follower = new TokenFollower({
    tokens: {
      followed: () => at.followed,
      changeFollowed: async (change) => {
        if (at.fails) throw new Error('disk full');
        at.followed = change(at.followed);
        return { complete: at.complete.promise };
      },
    },
    monotonicMs: () => 5,
    log,
  });
  const prepare = (next: Config, running: Config) =>
    follower.prepare({ next, running, changes: diffConfig(running, next) });
  return { at, prepare, logged };
}

test('what the file says is followed; the reload does not wait until the history of a new one is evaluated', async () => {
  const { at, prepare, logged } = harness([X]);
  const change = prepare(configOf([X, Y], [Z]), configOf([X]))!;
  assert.deepEqual(at.followed, [X]);
  await change.apply();
  await change.finish?.();
  assert.deepEqual(at.followed, [X, Y]);
  assert.deepEqual(
    logged.map(({ name, fields }) => [name, fields]),
    [['tokens.followed', { followed: 2, added: 1, removed: 0 }]],
  );
  at.complete.resolve();
  await at.complete.promise;
  assert.equal(logged.at(-1)?.name, 'tokens.evaluated');
});

test('rolled back, the tokens are followed as before, and none is told to be ready', async () => {
  const { at, prepare, logged } = harness([X]);
  const change = prepare(configOf([Y]), configOf([X]))!;
  await change.apply();
  assert.deepEqual(at.followed, [Y]);
  await change.rollback();
  at.complete.resolve();
  await at.complete.promise;
  assert.deepEqual([at.followed, logged], [[X], []]);
});

test('a write that fails is a failure of apply', async () => {
  const { at, prepare } = harness([X]);
  at.fails = true;
  const change = prepare(configOf([]), configOf([X]))!;
  await assert.rejects(async () => change.apply(), /disk full/);
  assert.deepEqual(at.followed, [X]);
});

test('nothing to do where neither key changed', () => {
  const { prepare } = harness([X]);
  assert.equal(prepare(configOf([X]), configOf([X])), undefined);
});
