import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Audit } from '../../../src/ingest/audit.ts';
import type { Core } from '../../../src/node/core.ts';
import type { StoreError } from '../../../src/store/errors.ts';
import { audit, importAll, openTestCore } from '../../support/core.ts';
import { readFrames } from '../../support/corpus/frames.ts';
import { generateCorpus } from '../../support/corpus/generate.ts';
import { tempDir } from '../../support/temp-dir.ts';

const options = { signal: new AbortController().signal, onProgress: () => undefined };

/** A core with a token's history, and unmined transfers that are still to be offered. */
async function filled(t: TestContext): Promise<{ core: Core; store: string; transfers: Buffer[] }> {
  const directory = tempDir(t);
  const { tokenId } = generateCorpus({ directory, seed: 'audit', transfers: 400, owners: 20 });
  const store = join(directory, 'store');
  mkdirSync(store);
  const core = await openTestCore({ path: store, follow: [tokenId] });
  await core.chain.add(readFileSync(join(directory, 'headers.bin')));
  await core.chainSettled();
  await importAll(core, readFrames(readFileSync(join(directory, 'history.bin'))));
  return { core, store, transfers: [...readFrames(readFileSync(join(directory, 'transfers.bin')))] };
}

test('an audit beside writes is of one commit, holds none of them up, and leaves nothing', async (t) => {
  const { core, store, transfers } = await filled(t);
  const before = await audit(core);
  const copy = await core.store.openCopy();
  assert.ok(existsSync(join(store, 'copy')));
  // With the copy open every write goes on, as a read point would not let them.
  await importAll(core, transfers.slice(0, 200));
  assert.equal(copy.tip().transactions, before.transactions);
  assert.ok(core.store.tip().transactions >= before.transactions + 200);
  const beside = await Audit.run(copy, core.chain, options);
  await core.store.discardCopy(copy);
  assert.deepEqual({ ...beside }, { ...before });
  assert.ok(!existsSync(join(store, 'copy')));

  const [report] = await Promise.all([
    Audit.beside(core.store, core.chain, options),
    importAll(core, transfers.slice(200)),
  ]);
  assert.deepEqual(report.problems, []);
  assert.ok(!existsSync(join(store, 'copy')));
  assert.deepEqual((await audit(core)).problems, []);
  await core.close();
});

test('an audit that is given up leaves no copy; one that a kill left is removed at open', async (t) => {
  const { core, store } = await filled(t);
  const given = new AbortController();
  given.abort(new Error('enough'));
  await assert.rejects(Audit.beside(core.store, core.chain, { ...options, signal: given.signal }), /enough/);
  assert.ok(!existsSync(join(store, 'copy')));
  const copy = await core.store.openCopy();
  await copy.close();
  await core.close();
  assert.ok(existsSync(join(store, 'copy')));
  const again = await openTestCore({ path: store, follow: [] });
  assert.ok(!existsSync(join(store, 'copy')));
  await again.close();
});

test('a copy that cannot be made is an error that says so', async (t) => {
  const { core } = await filled(t);
  await core.close();
  await assert.rejects(core.store.openCopy(), (error: StoreError) => error.code.startsWith('STORE_'));
});

test('who finds the store in use leaves the copy that is being checked alone', async (t) => {
  const { core, store } = await filled(t);
  const copy = await core.store.openCopy();
  await assert.rejects(openTestCore({ path: store, follow: [] }), { code: 'STORE_LOCKED' });
  assert.ok(existsSync(join(store, 'copy', 'index', 'CURRENT')));
  assert.deepEqual((await Audit.run(copy, core.chain, options)).problems, []);
  await core.store.discardCopy(copy);
  await core.close();
});
