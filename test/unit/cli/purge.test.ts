import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../../../src/api/errors.ts';
import { cli } from '../../support/fake-io.ts';
import { FakeNode, TOKEN } from '../../support/fake-modules.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** A store that counts purges. */
class PurgedNode extends FakeNode {
  purges = 0;

  constructor() {
    super();
    const { purge } = this;
    this.purge = (opts, progress) => {
      this.purges += Number(!opts.dryRun);
      return purge(opts, progress);
    };
  }
}

test('token purge asks, says what goes, and does it on yes alone', async (t) => {
  const home = tempDir(t);
  for (const [answer, purges] of [
    ['y', 1],
    [' Yes ', 1],
    ['', 0],
    ['n', 0],
    ['yes please', 0],
  ] as const) {
    const local = new PurgedNode();
    const run = await cli(['token', 'purge', TOKEN], { home, local, answer });
    assert.equal(local.purges, purges, `"${answer}"`);
    assert.equal(run.exit, purges === 1 ? 0 : 1);
    assert.match(run.stderr, new RegExp(`${TOKEN} \\(GOLD\\): 7 transactions of its history, 5 coins`));
    assert.equal(/not confirmed: nothing was changed/.test(run.stderr), purges === 0);
    assert.equal(run.localClosed, run.localOpened);
  }
});

test('without a terminal it asks for --yes, and with --yes it does not ask', async (t) => {
  const home = tempDir(t);
  const local = new PurgedNode();
  const silent = await cli(['token', 'purge', TOKEN], { home, local });
  assert.deepEqual([silent.exit, /--yes/.test(silent.stderr), local.purges], [3, true, 0]);
  let repair: boolean | undefined;
  const onOpenLocal = (is: boolean) => {
    repair = is;
  };
  const run = await cli(['token', 'purge', TOKEN, '--yes'], { home, local, answer: 'n', onOpenLocal });
  assert.deepEqual([run.exit, local.purges, repair], [0, 1, true]);
  assert.match(run.stdout, /dropped 9 transactions, and 1 that waited; 5 coins\nkept 3 transactions/);
  assert.match(run.stdout, /index 2\.0 kB, now 500 B/);
  const json = await cli(['token', 'purge', TOKEN, '--yes', '--json'], { home, local });
  const answer = JSON.parse(json.stdout) as { purged: boolean; dropped: { transactions: number } };
  assert.deepEqual([answer.purged, answer.dropped.transactions], [true, 9]);
});

test('a refusal comes before the question', async (t) => {
  const local = new FakeNode();
  local.purge = () => Promise.reject(new ApiError('TOKEN_FOLLOWED', { token: TOKEN }));
  const run = await cli(['token', 'purge', TOKEN], { home: tempDir(t), local, answer: 'y' });
  assert.deepEqual([run.exit, /still followed/.test(run.stderr)], [1, true]);
  assert.equal(/Go on\?/.test(run.stderr), false);
});
