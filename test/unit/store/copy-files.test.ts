import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { Database } from '../../../src/store/database.ts';
import { tablesOf } from '../../../src/store/manifest.ts';
import type { Row } from '../../../src/store/scan.ts';
import { rawOptions, withDatabase } from '../../support/raw-store.ts';
import { tempDir } from '../../support/temp-dir.ts';

const FROM = Buffer.from('z');
const TO = Buffer.from('{');

const tablesIn = (folder: string): string[] => readdirSync(folder).filter((name) => /\.ldb$/.test(name));
const numberOf = (name: string): number => Number.parseInt(name, 10);

function manifestOf(folder: string): Buffer {
  return readFileSync(join(folder, readFileSync(join(folder, 'CURRENT'), 'latin1').trim()));
}

async function fill(database: Database, rows: number): Promise<void> {
  for (let i = 0; i < rows; i += 100) {
    const ops = Array.from({ length: 100 }, (_, j) => ({
      key: Buffer.from(`z${i + j}`),
      value: Buffer.alloc(500, i % 251),
    }));
    await database.write(ops, false);
  }
}

async function rowsOf(database: Database): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const row of database.rows(FROM, TO)) rows.push(row);
  return rows;
}

test('a copy never writes over tables of the original, whatever numbers its compaction has reached', async (t) => {
  const path = join(tempDir(t), 'store');
  await withDatabase(path, async (database) => {
    await fill(database, 5_000);
    await database.compact();
    await fill(database, 100);
    const folder = join(path, 'index');
    // What a compaction that is under way has written: the manifest does not know these numbers yet.
    const highest = Math.max(...readdirSync(folder).map((name) => numberOf(name) || 0));
    const growing = Array.from({ length: 20 }, (_, i) => `${String(highest + 1 + i).padStart(6, '0')}.ldb`);
    for (const name of growing) writeFileSync(join(folder, name), name);
    const whole = await rowsOf(database);
    const to = join(path, 'copy');
    await database.copyTo(to, () => undefined);
    const { database: copy } = await Database.open(rawOptions(to));
    assert.deepEqual(await rowsOf(copy), whole);
    await copy.close();
    for (const name of growing) assert.equal(readFileSync(join(folder, name), 'latin1'), name);
  });
});

test('the tables that a manifest names are those that are there once nobody writes', async (t) => {
  const path = join(tempDir(t), 'store');
  const folder = join(path, 'index');
  for (let i = 0; i < 3; i++) {
    await withDatabase(path, async (database) => {
      await fill(database, 4_000);
      await database.compact();
    });
    await withDatabase(path, () => Promise.resolve());
    const named = [...tablesOf(manifestOf(folder))!].sort((a, b) => a - b);
    assert.deepEqual(
      named,
      tablesIn(folder)
        .map(numberOf)
        .sort((a, b) => a - b),
    );
    assert.ok(named.length > 0);
  }
});

test('a manifest that is cut anywhere is read up to there; one of another kind is refused', async (t) => {
  const path = join(tempDir(t), 'store');
  await withDatabase(path, (database) => fill(database, 4_000));
  const manifest = manifestOf(join(path, 'index'));
  for (let length = 0; length <= manifest.length; length++)
    assert.ok(tablesOf(manifest.subarray(0, length)) !== undefined, `${length} bytes`);
  const other = Buffer.from(manifest);
  other[7] = 0x63; // no field of an edit
  assert.equal(tablesOf(other), undefined);
});
