import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Store } from '../../../src/store/store.ts';
import { ROW_READS_PER_MEASURE, type StoreTiming } from '../../../src/store/timing.ts';
import { rawOptions } from '../../support/raw-store.ts';
import { tempDir } from '../../support/temp-dir.ts';

test('reads and writes tell how long they took; of single rows one in 64 is measured', async (t) => {
  const told: Record<'row' | 'batch' | 'write' | 'failed', number[]> = {
    row: [],
    batch: [],
    write: [],
    failed: [],
  };
  const timing: StoreTiming = {
    read: (kind, seconds) => void told[kind].push(seconds),
    write: (seconds) => void told.write.push(seconds),
    writeFailed: () => void told.failed.push(0),
  };
  const store = await Store.open(rawOptions(tempDir(t), { timing }));
  const { database } = store;
  const rowsBefore = told.row.length;
  const key = Buffer.from('zkey');
  for (let i = 0; i < 10 * ROW_READS_PER_MEASURE; i += 1) database.get(key);
  assert.equal(told.row.length - rowsBefore, 10);
  await database.getMany([key, key]);
  assert.equal(told.batch.length, 1);
  const writes = told.write.length;
  await database.write([{ key, value: Buffer.from('v') }], false);
  assert.equal(told.write.length, writes + 1);
  for (const seconds of [...told.row, ...told.batch, ...told.write]) assert.ok(seconds >= 0 && seconds < 5);
  await store.close();
  await assert.rejects(database.write([{ key, value: Buffer.from('v') }], false));
  assert.equal(told.failed.length, 1);
});

test('a heartbeat writes a row as far as the disk and reads it back; no commit comes of it', async (t) => {
  const path = tempDir(t);
  const store = await Store.open(rawOptions(path));
  const before = store.tip();
  await store.heartbeat();
  await Promise.all([store.heartbeat(), store.heartbeat()]);
  assert.deepEqual(store.tip(), before);
  await store.close();
  await assert.rejects(store.heartbeat());
  const again = await Store.open(rawOptions(path));
  assert.deepEqual(again.tip(), before);
  await again.close();
});
