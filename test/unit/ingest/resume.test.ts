import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { audit, openTestCore } from '../../support/core.ts';
import { TestChain } from '../../support/corpus/scenario.ts';
import { tempDir } from '../../support/temp-dir.ts';

test('a child that waited is admitted after a crash right behind the commit of its parent', async (t) => {
  const root = tempDir(t);
  const chain = new TestChain('resume');
  const deploy = chain.deployMint(100n, { owner: chain.key('alice') });
  chain.mine([deploy]);
  const [first, second] = chain.transferChain(deploy.coin(0), [chain.key('bob'), chain.key('carol')]);
  const follow = [deploy.tokenId()];
  const core = await openTestCore({ path: join(root, 'a'), follow });
  await core.chain.add(chain.headerBytes({ from: 1 }));
  await core.ingest.offer(chain.beef(deploy), 'rpc');
  const waiting = await core.ingest.offer(chain.beef(second!, { parents: 'none' }), 'rpc');
  assert.equal(waiting.status, 'pending');
  const parent = await core.ingest.offer(chain.beef(first!), 'rpc');
  // What a kill leaves here: the parent's commit is acknowledged, its child is about to be tried again.
  cpSync(join(root, 'a'), join(root, 'b'), { recursive: true });
  assert.equal(parent.status, 'admitted');
  await core.ingest.drained();
  assert.equal(core.reader.tx(second!.txid)?.status, 'active');
  await core.close();

  const after = await openTestCore({ path: join(root, 'b'), follow });
  assert.notEqual(after.reader.tx(first!.txid), undefined);
  await after.ingest.drained();
  const status = after.reader.tx(second!.txid)?.status;
  const { pending } = after.reader.facts();
  const { problems } = await audit(after);
  await after.close();
  assert.deepEqual([status, pending, problems], ['active', 0, []]);
});
