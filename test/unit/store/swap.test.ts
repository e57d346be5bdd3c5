import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { StoreError } from '../../../src/store/errors.ts';
import { declareReady, finishSwap, type SwapDisk, systemSwapDisk } from '../../../src/store/swap.ts';
import { tempDir } from '../../support/temp-dir.ts';

function storeAt(path: string, label: string): void {
  mkdirSync(join(path, 'index'), { recursive: true });
  writeFileSync(join(path, 'index', 'CURRENT'), label);
  writeFileSync(join(path, 'store.json'), label);
}

/** Which store a folder holds now; a mixture would show. */
function labelOf(path: string): string {
  return `${readFileSync(join(path, 'index', 'CURRENT'), 'utf8')} ${readFileSync(join(path, 'store.json'), 'utf8')}`;
}

/** Stops as a crash would: after `steps` operations nothing happens any more. */
function dyingDisk(steps: number): SwapDisk {
  let left = steps;
  const step = <A extends readonly string[]>(run: (...args: A) => void) => {
    return (...args: A): void => {
      if (left === 0) throw new Error('crash');
      left--;
      run(...args);
    };
  };
  return {
    exists: systemSwapDisk.exists,
    rename: step(systemSwapDisk.rename),
    remove: step(systemSwapDisk.remove),
    removeFolder: step(systemSwapDisk.removeFolder),
    sync: step(systemSwapDisk.sync),
  };
}

test('without a store that waits nothing happens', (t) => {
  const path = tempDir(t);
  finishSwap(path);
  storeAt(path, 'old');
  storeAt(join(path, 'rebuild'), 'unfinished');
  finishSwap(path);
  assert.equal(labelOf(path), 'old old');
  assert.deepEqual(readdirSync(path).sort(), ['index', 'rebuild', 'store.json']);
});

test('a crash after any operation leaves a swap that the next call completes, whatever was there before', (t) => {
  const root = tempDir(t);
  let crashes = 0;
  for (const before of ['none', 'old', 'old and an older one', 'marker alone']) {
    for (let steps = 0; ; steps++) {
      const path = join(root, `${before} ${steps}`);
      mkdirSync(path);
      if (before.startsWith('old')) storeAt(path, 'old');
      if (before === 'marker alone') writeFileSync(join(path, 'store.json'), 'old');
      if (before === 'old and an older one') storeAt(join(path, 'index.damaged'), 'older');
      storeAt(join(path, 'rebuild'), 'new');
      const disk = dyingDisk(steps);
      let completed = false;
      try {
        declareReady(path, { keepOld: true }, disk);
        finishSwap(path, disk);
        completed = true;
      } catch {
        crashes++;
      }
      const isDeclared = !existsSync(join(path, 'rebuild'));
      finishSwap(path);
      if (isDeclared) assert.equal(labelOf(path), 'new new', `${before}, crash after ${steps}`);
      else if (before.startsWith('old'))
        assert.equal(labelOf(path), 'old old', `${before}, crash after ${steps}`);
      if (isDeclared) {
        const kept = before.startsWith('old')
          ? ['index', 'index.damaged', 'store.json']
          : ['index', 'store.json'];
        assert.deepEqual(readdirSync(path).sort(), kept);
        if (before.startsWith('old')) {
          assert.equal(readFileSync(join(path, 'index.damaged', 'CURRENT'), 'utf8'), 'old');
        }
      }
      if (completed) {
        assert.ok(steps >= 5, `a swap is made of ${steps} operations`);
        break;
      }
    }
  }
  assert.ok(crashes >= 20, `${crashes} crashes happened`);
});

test('where nothing old is to be kept, a crash after any operation leaves none of it in the end', (t) => {
  const root = tempDir(t);
  let crashes = 0;
  for (let steps = 0, isOver = false; !isOver; steps++) {
    const path = join(root, String(steps));
    mkdirSync(path);
    storeAt(path, 'old');
    storeAt(join(path, 'index.damaged'), 'older');
    storeAt(join(path, 'rebuild'), 'new');
    const disk = dyingDisk(steps);
    try {
      declareReady(path, { keepOld: false }, disk);
      finishSwap(path, disk);
      isOver = true;
    } catch {
      crashes++;
    }
    const isDeclared = !existsSync(join(path, 'rebuild'));
    finishSwap(path);
    assert.equal(labelOf(path), isDeclared ? 'new new' : 'old old', `crash after ${steps}`);
    if (isDeclared) assert.deepEqual(readdirSync(path).sort(), ['index', 'store.json']);
  }
  assert.ok(crashes >= 9, `${crashes} crashes happened`);
});

test('a swap that the disk refuses is a typed error, and nothing is lost', (t) => {
  const path = tempDir(t);
  storeAt(path, 'old');
  storeAt(join(path, 'rebuilt'), 'new');
  const disk: SwapDisk = {
    ...systemSwapDisk,
    rename: () => {
      throw new Error('EROFS');
    },
  };
  assert.throws(
    () => finishSwap(path, disk),
    (error) =>
      error instanceof StoreError && error.code === 'STORE_UNOPENABLE' && /EROFS/.test(error.message),
  );
  finishSwap(path);
  assert.equal(labelOf(path), 'new new');
});
