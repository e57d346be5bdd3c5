import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { after, test } from 'node:test';
import type { Result } from '../../src/api/methods/index.ts';
import { addressOf } from '../support/corpus/keys.ts';
import { TestChain } from '../support/corpus/scenario.ts';
import { Home, until } from '../support/operator.ts';

// Damage that no rebuild can mend: what was lost is told everywhere until it is back.
const SAYS = /1 transaction lost: import or sync them again/;

test('a transaction that damage took is told by verify, status and balances, until it is imported again', async () => {
  const chain = new TestChain('e2e lost');
  const [alice, bob] = [chain.key('alice'), chain.key('bob')];
  const gold = chain.deployMint(100n, { owner: alice, sym: 'GOLD' });
  const paid = chain.transfer({ from: [gold.coin(0)], to: [[bob, 60n]] });
  chain.mine([gold, paid]);
  const tokenId = gold.tokenId();
  const home = new Home({ after }, { follow: [tokenId] });
  await home.json('headers', 'import', home.file('headers.bin', chain.headerBytes()));
  const beef = home.file('paid.beef', chain.beef(paid));
  await home.json('import', home.file('gold.beef', chain.beef(gold)));
  await home.json('import', beef);

  // One byte of its row.
  for (const name of readdirSync(home.path('data', 'index'))) {
    const file = home.path('data', 'index', name);
    const bytes = readFileSync(file);
    const at = bytes.indexOf(paid.raw);
    if (at < 0) continue;
    bytes[at + 10] = bytes[at + 10]! ^ 1;
    writeFileSync(file, bytes);
  }
  const human = await home.cli('verify', '--rebuild');
  assert.equal(human.exit, 1);
  assert.match(human.stdout, SAYS);
  const again = await home.cli('verify', '--json');
  const report = JSON.parse(again.stdout) as Result<'store.verify'>;
  assert.deepEqual([again.exit, report.problemCount], [1, 0]);
  assert.deepEqual(report.lost, { count: 1, txids: [paid.txid], uncertain: false });

  const daemon = await home.start();
  const status = await home.cli('status');
  assert.equal(status.exit, 1);
  assert.match(status.stdout, /degraded/);
  assert.match(status.stdout, /STORE_INCOMPLETE/);
  const balance = await home.json<Result<'token.balance'>>('balance', tokenId, addressOf(alice.hash160));
  assert.match(String(balance.warning_incomplete), SAYS);
  for (const command of ['utxos', 'history', 'holders', 'token']) {
    const { stdout, stderr } = await home.cli(command, tokenId);
    assert.match(stdout + stderr, SAYS, command);
  }
  await home.json('import', beef);
  await until('the warning is gone', async () => (await home.cli('status')).exit === 0);
  const healed = await home.json<Result<'token.balance'>>('balance', tokenId, addressOf(bob.hash160));
  assert.deepEqual([healed.total, healed.warning_incomplete], ['60', undefined]);
  assert.equal(await daemon.stop(), 0);
  assert.equal((await home.cli('verify')).exit, 0);
});
