import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { StoreError } from '../../../src/store/errors.ts';
import { Store } from '../../../src/store/store.ts';
import { changeOf, rawOptions, withStore } from '../../support/raw-store.ts';
import { tempDir } from '../../support/temp-dir.ts';

/** A disk that a test fills; the store needs twice its write buffer. */
const NEEDED = 2 << 20;

function failWrites(store: Store): () => void {
  const { level } = store.database as unknown as { level: { batch?: () => unknown } };
  level.batch = () => {
    throw new Error('IO error: No space left on device');
  };
  return () => {
    delete level.batch;
  };
}

test('a full disk: the error names how much to free, and with room writing goes on by itself', async (t) => {
  const path = tempDir(t);
  let free = 1000;
  const store = await Store.open(rawOptions(path, { freeBytes: () => free }));
  const restore = failWrites(store);
  const cure = new RegExp(`only 1000 bytes left: free at least ${NEEDED - 1000} more.*nothing`, 'i');
  for (let i = 0; i < 2; i++) {
    await assert.rejects(store.commit(changeOf()), (error: StoreError) => {
      assert.equal(error.code, 'STORE_WRITE_FAILED');
      assert.match(error.message, cure);
      return true;
    });
  }
  await store.mend();
  assert.deepEqual([store.mends, store.database.cannotWrite], [0, true]);
  free = NEEDED;
  restore();
  await store.mend();
  assert.deepEqual([store.mends, store.database.cannotWrite], [1, false]);
  await store.commit(changeOf());
  await store.close();
});

test('a store on a full disk closes in order, and opens as it was', async (t) => {
  const path = tempDir(t);
  const store = await Store.open(rawOptions(path, { freeBytes: () => 0 }));
  await store.commit(changeOf());
  failWrites(store);
  await assert.rejects(store.commit(changeOf()), { code: 'STORE_WRITE_FAILED' });
  await store.close();
  await withStore(path, async (again) => assert.equal(again.tip().commit, 1));
});

test('a store that does not open for a full disk is not to be thrown away', async (t) => {
  const path = tempDir(t);
  await withStore(path, (store) => store.commit(changeOf()));
  rmSync(join(path, 'index', 'CURRENT'));
  await assert.rejects(Store.open(rawOptions(path, { freeBytes: () => 7 })), (error: StoreError) => {
    assert.match(error.message, new RegExp(`free at least ${NEEDED - 7} more`));
    assert.doesNotMatch(error.message, /backup|move/);
    return true;
  });
});

test('without CURRENT, or with a damaged MANIFEST, the cure is a rebuild', async (t) => {
  for (const damage of [
    (index: string) => rmSync(join(index, 'CURRENT')),
    (index: string) => {
      for (const name of readdirSync(index).filter((each) => each.startsWith('MANIFEST')))
        writeFileSync(join(index, name), 'x');
    },
  ]) {
    const path = tempDir(t);
    await withStore(path, (store) => store.commit(changeOf()));
    damage(join(path, 'index'));
    await assert.rejects(Store.open(rawOptions(path)), (error: StoreError) => {
      assert.equal(error.code, 'STORE_UNOPENABLE');
      assert.match(error.message, /Run `btcfed verify --rebuild`/);
      return true;
    });
  }
});
