import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { Database } from '../../../src/store/database.ts';
import { StoreError } from '../../../src/store/errors.ts';
import { RowReader, RowWriter } from '../../../src/store/row-bytes.ts';
import { type SalvageNotes, salvageRows } from '../../../src/store/salvage.ts';
import { Prng } from '../../support/corpus/prng.ts';
import { tempDir } from '../../support/temp-dir.ts';

type Rows = Map<string, string>;

const ROWS = 4000;
let files: Map<string, Buffer>;
let expected: Rows;

/** A database with tables on several levels, rows written over, deleted rows, long rows, and a log. */
before(async () => {
  const path = mkdtempSync(join(tmpdir(), 'btcfed-test-'));
  const prng = new Prng('salvage');
  const w = new RowWriter();
  expected = new Map();
  const { database } = await Database.open({
    path,
    network: 'regtest',
    cacheBytes: 1 << 20,
    writeBufferBytes: 128 << 10,
    newDatabaseId: () => 'ab'.repeat(16),
    programVersion: 'test',
  });
  for (let batch = 0; batch < 600; batch++) {
    const ops = Array.from({ length: 20 }, () => {
      const key = Buffer.from(w.begin().u8(0x7a).u32(prng.below(ROWS)).end());
      if (prng.chance(0.1)) return { key, value: undefined };
      const length = prng.chance(0.002) ? 60_000 : prng.between(0, 250);
      return { key, value: Buffer.from(w.begin().bytes(prng.bytes(length)).seal(key)) };
    });
    // Nothing is left for LevelDB to do at the close, which would cut it short and leave half a table behind.
    if (batch === 552) await database.compact();
    await database.write(ops, false);
    for (const { key, value } of ops) {
      if (value === undefined) expected.delete(key.toString('hex'));
      else expected.set(key.toString('hex'), value.toString('hex'));
    }
  }
  await database.close();
  const folder = join(path, 'index');
  files = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
  rmSync(path, { recursive: true });
});

function folderWith(path: string, change: (name: string, bytes: Buffer) => Buffer | undefined): string {
  mkdirSync(path);
  for (const [name, bytes] of files) {
    const changed = change(name, Buffer.from(bytes));
    if (changed !== undefined) writeFileSync(join(path, name), changed);
  }
  return path;
}

/** The newest version of each row whose seal holds, as `rebuildStore` takes them. */
function salvaged(folder: string): { rows: Rows; notes: SalvageNotes; broken: number } {
  const notes: SalvageNotes = { files: 0, unreadable: [], brokenPieces: 0 };
  const newest = new Map<string, { sequence: number; value: string | undefined }>();
  let broken = 0;
  for (const { key, value, sequence } of salvageRows(folder, notes)) {
    if (key[0] !== 0x7a) continue;
    try {
      if (value !== undefined) RowReader.open(key, value);
    } catch (error) {
      assert.ok(error instanceof StoreError);
      broken++;
      continue;
    }
    const id = key.toString('hex');
    if (sequence < (newest.get(id)?.sequence ?? -1)) continue;
    newest.set(id, { sequence, value: value?.toString('hex') });
  }
  const rows: Rows = new Map();
  for (const [id, { value }] of newest) if (value !== undefined) rows.set(id, value);
  return { rows, notes, broken };
}

test('it reads the same rows as LevelDB from whole files', (t) => {
  const path = join(tempDir(t), 'index');
  const { rows, notes, broken } = salvaged(folderWith(path, (_, bytes) => bytes));
  assert.ok([...files.keys()].filter((name) => name.endsWith('.ldb')).length >= 2, 'there are tables');
  assert.ok(
    [...files].some(([name, bytes]) => name.endsWith('.log') && bytes.length > 32 * 1024),
    'there is a log',
  );
  assert.deepEqual(rows, expected);
  assert.deepEqual([broken, notes.brokenPieces, notes.unreadable], [0, 0, []]);
});

test('it needs neither CURRENT nor MANIFEST', (t) => {
  const path = join(tempDir(t), 'index');
  const folder = folderWith(path, (name, bytes) => (/^(CURRENT|MANIFEST)/.test(name) ? undefined : bytes));
  assert.deepEqual(salvaged(folder).rows, expected);
});

test('a flipped bit costs a row, or the rows around it, and never gives a wrong one', (t) => {
  const root = tempDir(t);
  const prng = new Prng('salvage bits');
  const all = new Set([...files.keys()].filter((name) => /\.(ldb|log)$/.test(name)));
  let damaged = 0;
  for (let i = 0; i < 60; i++) {
    const target = prng.pick([...all]);
    const folder = folderWith(join(root, `${i}`), (name, bytes) => {
      if (name !== target) return bytes;
      const at = prng.below(bytes.length);
      bytes[at] = bytes[at]! ^ (1 << prng.below(8));
      return bytes;
    });
    const { rows, broken, notes } = salvaged(folder);
    damaged += Number(broken > 0 || notes.brokenPieces > 0);
    const lost = [...expected].filter(([id, value]) => rows.get(id) !== value).length;
    assert.ok(lost <= 400, `bit ${i}: ${lost} of ${expected.size} rows are lost or old`);
  }
  assert.ok(damaged >= 30, `${damaged} of 60 flips met a row`);
});

test('cut, garbled and empty files end in fewer rows, not in an error', (t) => {
  const root = tempDir(t);
  const prng = new Prng('salvage pieces');
  for (const name of files.keys()) {
    for (const how of ['cut', 'garbage', 'empty', 'noise', 'deleted']) {
      const folder = folderWith(join(root, `${name}-${how}`), (each, bytes) => {
        if (each !== name) return bytes;
        if (how === 'cut') return bytes.subarray(0, prng.below(bytes.length + 1));
        if (how === 'empty') return Buffer.alloc(0);
        if (how === 'noise') return prng.bytes(bytes.length);
        if (how === 'deleted') return undefined;
        prng.bytes(Math.min(200, bytes.length)).copy(bytes, prng.below(bytes.length + 1));
        return bytes;
      });
      const { rows } = salvaged(folder);
      for (const id of rows.keys())
        assert.ok(id.startsWith('7a') && id.length === 10, `${name} ${how}: key ${id}`);
    }
  }
});

test('a log cut in the middle of a batch gives the rows before the cut', (t) => {
  const root = tempDir(t);
  const log = [...files.keys()].find((name) => name.endsWith('.log'))!;
  let before = -1;
  for (const share of [0.1, 0.5, 0.9, 1]) {
    const folder = folderWith(join(root, `${share}`), (name, bytes) => {
      if (name.endsWith('.ldb')) return undefined;
      return name === log ? bytes.subarray(0, Math.floor(share * bytes.length)) : bytes;
    });
    const { size } = salvaged(folder).rows;
    assert.ok(size > before, `${size} rows in ${share} of the log, ${before} in less`);
    before = size;
  }
});

test('a folder that is not there has no rows; a file that cannot be read is named', (t) => {
  const root = tempDir(t);
  assert.deepEqual(salvaged(join(root, 'none')).rows, new Map());
  const folder = folderWith(join(root, 'index'), (_, bytes) => bytes);
  const table = readdirSync(folder).find((name) => name.endsWith('.ldb'))!;
  unlinkSync(join(folder, table));
  mkdirSync(join(folder, table));
  assert.deepEqual(salvaged(folder).notes.unreadable, [table]);
});
