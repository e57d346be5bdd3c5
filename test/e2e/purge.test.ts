import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import type { Result } from '../../src/api/methods/index.ts';
import { addressOf } from '../support/corpus/keys.ts';
import { TestChain } from '../support/corpus/scenario.ts';
import { Home } from '../support/operator.ts';

test('a token is unfollowed, purged with the daemon stopped, and imported anew', async () => {
  const chain = new TestChain('e2e purge');
  const [alice, bob] = [chain.key('alice'), chain.key('bob')];
  const gold = chain.deployMint(100n, { owner: alice, sym: 'GOLD' });
  const silver = chain.deployMint(50n, { owner: alice, sym: 'SILV' });
  const paid = chain.transfer({ from: [gold.coin(0)], to: [[bob, 60n]] });
  chain.mine([gold, silver, paid]);
  const [goldId, silverId] = [gold.tokenId(), silver.tokenId()];
  const home = new Home({ after }, { follow: [goldId, silverId] });
  await home.json('headers', 'import', home.file('headers.bin', chain.headerBytes()));
  const files = [gold, silver, paid].map((tx, i) => home.file(`${i}.beef`, chain.beef(tx)));
  await home.json('import', ...files);

  const refused = async (exit: number, says: RegExp, ...argv: string[]): Promise<void> => {
    const run = await home.cli('token', 'purge', ...argv);
    assert.equal(run.exit, exit, run.stderr);
    assert.match(run.stderr, says);
    assert.equal(run.stdout, '');
  };
  const before = await home.json<Result<'store.verify'>>('verify');
  await refused(1, /still followed: remove .* from tokens\.follow in conf\.yaml first/, goldId, '--yes');
  home.configure({ follow: [silverId] });
  await refused(1, /the store has no data of/, `${'00'.repeat(32)}_0`, '--yes');
  await refused(3, /give --yes/, goldId);
  await refused(3, /token id/, 'gold', '--yes');
  const held = await home.json<Result<'store.verify'>>('verify');
  assert.equal(held.transactions, before.transactions);

  const daemon = await home.start();
  await refused(1, /stop the daemon, then run `btcfed token purge`/, goldId, '--yes');
  const balance = await home.json<Result<'token.balance'>>('balance', silverId, addressOf(alice.hash160));
  assert.equal(await daemon.stop(), 0);

  const purge = await home.json<Result<'token.purge'>>('token', 'purge', goldId, '--yes');
  assert.deepEqual(
    [purge.purged, purge.symbol, purge.transactions, purge.coins, purge.dropped],
    [true, 'GOLD', 2, 1, { transactions: 2, waiting: 0 }],
  );
  assert.equal((purge.kept?.transactions ?? 0) + 2, before.transactions);
  assert.ok(!readFileSync(home.configFile, 'utf8').includes(goldId));
  await refused(1, /the store has no data of/, goldId, '--yes');
  assert.equal((await home.json<Result<'store.verify'>>('verify')).stateDigest, purge.stateDigest);

  const again = await home.start();
  const unknown = await home.cli('token', goldId);
  assert.deepEqual([unknown.exit, /unknown token|not followed/.test(unknown.stderr)], [1, true]);
  const { sequence: _was, ...rest } = balance;
  const { sequence: _is, ...same } = await home.json<typeof balance>(
    'balance',
    silverId,
    addressOf(alice.hash160),
  );
  assert.deepEqual(same, rest);
  assert.equal(await again.stop(), 0);

  home.configure({ follow: [goldId, silverId] });
  await home.json('import', ...files);
  const { stateDigest } = await home.json<Result<'store.verify'>>('verify');
  assert.equal(stateDigest, before.stateDigest);
});
