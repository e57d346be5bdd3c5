import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ClassicLevel } from 'classic-level';
import type { RowOp } from '../../../src/store/database.ts';
import { StoreError } from '../../../src/store/errors.ts';
import { IDENTITY_KEY, STORE_FORMAT } from '../../../src/store/identity-row.ts';
import { readMarker, writeMarker } from '../../../src/store/marker.ts';
import { assertFree } from '../../../src/store/open-level.ts';
import { RowWriter } from '../../../src/store/row-bytes.ts';
import { RULES_VERSION } from '../../../src/token/judge.ts';
import { rowsOf, withDatabase } from '../../support/raw-store.ts';
import { tempDir } from '../../support/temp-dir.ts';

const w = new RowWriter();
const ID = 'ab'.repeat(16);

function refused(code: string, message?: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof StoreError, String(error));
    assert.equal(error.code, code);
    if (message !== undefined) assert.match(error.message, message);
    return true;
  };
}

const open = (path: string, over = {}): Promise<void> => withDatabase(path, () => Promise.resolve(), over);

function identityRow(format: number, network: string, databaseId = ID): RowOp {
  const value = w.begin().u32(format).text(network).text(databaseId).text('test').seal(IDENTITY_KEY);
  return { key: IDENTITY_KEY, value: Buffer.from(value) };
}

/** Database and marker of a store with one row. */
async function made(path: string): Promise<void> {
  await withDatabase(path, (database) =>
    database.write([{ key: Buffer.from('zrow'), value: Buffer.from('x') }], true),
  );
}

test('the first start makes a database with an identity and a marker', async (t) => {
  const path = join(tempDir(t), 'data');
  const identity = await withDatabase(path, (database) => Promise.resolve(database.identity));
  assert.deepEqual(identity, {
    format: STORE_FORMAT,
    network: 'regtest',
    databaseId: ID,
    createdBy: 'test',
    rules: RULES_VERSION,
  });
  const marker = readMarker(join(path, 'store.json'));
  assert.deepEqual(marker, { format: STORE_FORMAT, network: 'regtest', databaseId: ID, commit: 0 });
  assert.equal(statSync(join(path, 'store.json')).mode & 0o777, 0o600);
  assert.equal(statSync(join(path, 'index')).mode & 0o777, 0o700);
});

test('another network is refused by the marker, and by the identity row where the marker is lost', async (t) => {
  const path = tempDir(t);
  await made(path);
  await assert.rejects(
    open(path, { network: 'main' }),
    refused('STORE_FOREIGN_NETWORK', /store\.json holds the regtest/),
  );
  unlinkSync(join(path, 'store.json'));
  await assert.rejects(
    open(path, { network: 'main' }),
    refused('STORE_FOREIGN_NETWORK', /the store holds the regtest/),
  );
  assert.ok(!existsSync(join(path, 'store.json')), 'a refused store gets no marker');
  await open(path);
});

test('verdicts of another version of the token rules are not mixed with ours; a row without one is of the first', async (t) => {
  const path = tempDir(t);
  await made(path);
  await withDatabase(path, (database) => database.write([identityRow(STORE_FORMAT, 'regtest')], true));
  assert.equal(await withDatabase(path, (database) => Promise.resolve(database.identity.rules)), 1);
  w.begin().u32(STORE_FORMAT).text('regtest').text(ID).text('test');
  const value = Buffer.from(w.u32(RULES_VERSION + 1).seal(IDENTITY_KEY));
  await withDatabase(path, (database) => database.write([{ key: IDENTITY_KEY, value }], true));
  await assert.rejects(open(path), refused('STORE_RULES_OTHER', /run `btcfed verify --rebuild`/));
});

test('a newer format is refused by the marker, and by the identity row', async (t) => {
  const path = tempDir(t);
  await made(path);
  const marker = { format: STORE_FORMAT + 1, network: 'regtest', databaseId: ID, commit: 0 };
  writeMarker(join(path, 'store.json'), marker);
  await assert.rejects(open(path), refused('STORE_FORMAT_NEWER', /run the newer version/));
  writeMarker(join(path, 'store.json'), { ...marker, format: STORE_FORMAT });
  await withDatabase(path, (database) => database.write([identityRow(STORE_FORMAT + 1, 'regtest')], true));
  await assert.rejects(open(path), refused('STORE_FORMAT_NEWER', /the store has format 2/));
});

test('a marker without its database is refused, whatever is left of the folder', async (t) => {
  const path = tempDir(t);
  await made(path);
  const folder = join(path, 'index');
  rmSync(folder, { recursive: true });
  await assert.rejects(open(path), refused('STORE_MISSING', /Restore it from a backup/));
  assert.ok(!existsSync(folder), 'nothing is made in its place');
  mkdirSync(folder);
  await assert.rejects(open(path), refused('STORE_MISSING'));
  writeFileSync(join(folder, 'LOCK'), '');
  await assert.rejects(open(path), refused('STORE_MISSING'));
});

test('a lost CURRENT file is refused, not taken for a new database', async (t) => {
  const path = tempDir(t);
  await made(path);
  unlinkSync(join(path, 'index', 'CURRENT'));
  await assert.rejects(open(path), refused('STORE_UNOPENABLE'));
  unlinkSync(join(path, 'store.json'));
  await assert.rejects(open(path), refused('STORE_UNOPENABLE'));
});

test('a database that lost its rows is not given a new identity while a marker tells of the old one', async (t) => {
  const path = tempDir(t);
  await made(path);
  await withDatabase(path, async (database) => {
    const rows = [IDENTITY_KEY, Buffer.from('zrow')];
    await database.write(
      rows.map((key) => ({ key, value: undefined })),
      true,
    );
  });
  await assert.rejects(open(path), refused('STORE_IDENTITY', /no identity row/));
  await assert.rejects(open(path), refused('STORE_IDENTITY', /no identity row/));
});

test('rows without an identity row are no store of ours', async (t) => {
  const path = tempDir(t);
  await made(path);
  await withDatabase(path, (database) => database.write([{ key: IDENTITY_KEY, value: undefined }], true));
  unlinkSync(join(path, 'store.json'));
  await assert.rejects(open(path), refused('STORE_IDENTITY', /no identity row/));
});

test('a damaged identity row is a damaged row', async (t) => {
  const path = tempDir(t);
  await made(path);
  const { key, value } = identityRow(1, 'regtest');
  await withDatabase(path, (database) => database.write([{ key, value: value!.subarray(1) }], true));
  await assert.rejects(open(path), refused('STORE_ROW_DAMAGED'));
});

test('the marker of another database is refused', async (t) => {
  const path = tempDir(t);
  await made(path);
  writeMarker(join(path, 'store.json'), {
    format: 1,
    network: 'regtest',
    databaseId: 'cd'.repeat(16),
    commit: 0,
  });
  await assert.rejects(open(path), refused('STORE_IDENTITY', /another database/));
});

test('every change of a marker is noticed, and without it the database gets a new one', async (t) => {
  const path = tempDir(t);
  await made(path);
  const file = join(path, 'store.json');
  const text = readFileSync(file, 'utf8');
  const changes = [
    '',
    '{}',
    'null',
    '[]',
    '7',
    text.slice(0, -10),
    text.replace('"commit":0', '"commit":1'),
    text.replace('regtest', 'main'),
    text.replace(ID, 'cd'.repeat(16)),
    text.replace('"format":1', '"format":0'),
    text.replace(/,"sum":\d+/, ''),
  ];
  for (const change of changes) {
    assert.notEqual(change, text);
    writeFileSync(file, change);
    await assert.rejects(open(path), refused('STORE_IDENTITY', /is damaged/), change);
  }
  unlinkSync(file);
  await open(path);
  assert.equal(readFileSync(file, 'utf8'), text);
});

test('a first start that was cut short at any moment is begun again', async (t) => {
  const root = tempDir(t);
  const whole = join(root, 'whole');
  await made(whole);
  const cuts: [string, (path: string) => Promise<void> | void][] = [
    ['no folder', () => undefined],
    ['an empty folder', (path) => void mkdirSync(join(path, 'index'))],
    [
      'LOCK and LOG alone',
      (path) => {
        mkdirSync(join(path, 'index'));
        for (const name of ['LOCK', 'LOG', '000001.dbtmp', 'MANIFEST-000001'])
          writeFileSync(join(path, 'index', name), '');
      },
    ],
    [
      'a database without rows',
      async (path) => {
        const level = new ClassicLevel(join(path, 'index'));
        await level.open();
        await level.close();
      },
    ],
    [
      'an identity without a marker',
      async (path) => {
        await open(path);
        unlinkSync(join(path, 'store.json'));
      },
    ],
    [
      'a marker half written',
      async (path) => {
        await open(path);
        unlinkSync(join(path, 'store.json'));
        writeFileSync(join(path, 'store.json.tmp'), '{"form');
      },
    ],
  ];
  for (const [name, cut] of cuts) {
    const path = join(root, name);
    mkdirSync(path);
    await cut(path);
    await open(path);
    assert.equal(readMarker(join(path, 'store.json'))?.databaseId, ID, name);
    await open(path);
  }
});

test('a second opener is told that the first is there, in this process or in another', async (t) => {
  const path = tempDir(t);
  await withDatabase(path, async () => {
    const level = JSON.stringify(import.meta.resolve('classic-level'));
    const script = `import { ClassicLevel } from ${level};
      await new ClassicLevel(${JSON.stringify(join(path, 'index'))}).open().catch((e) => console.log(e.cause.code));`;
    const other = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    assert.equal(other.stdout.trim(), 'LEVEL_LOCKED', other.stderr);
    // Last: by the rules of POSIX a process that closes any descriptor of a file gives up its lock on it.
    await assert.rejects(open(path), refused('STORE_LOCKED', /already running/));
    await assert.rejects(assertFree(path), refused('STORE_LOCKED'));
  });
  await assertFree(path);
  await open(path);
});

test('asking whether a database is free changes nothing in it, and works on damaged ones', async (t) => {
  const path = tempDir(t);
  await made(path);
  const state = () => readdirSync(join(path, 'index')).filter((name) => !name.startsWith('LOG'));
  const before = state();
  await assertFree(path);
  assert.deepEqual(state(), before);
  unlinkSync(join(path, 'index', 'CURRENT'));
  await assertFree(path);
  await assert.rejects(assertFree(join(path, 'nowhere')), refused('STORE_MISSING'));
});

test('what is in the way of a database is told as a typed error', async (t) => {
  const path = tempDir(t);
  writeFileSync(join(path, 'file'), '');
  await assert.rejects(open(join(path, 'file')), refused('STORE_UNOPENABLE'));
  await assert.rejects(open(join(path, 'file', 'deeper')), refused('STORE_UNOPENABLE'));
});

test('a store that was rebuilt takes its place at open', async (t) => {
  const path = tempDir(t);
  await made(path);
  await open(join(path, 'rebuilt'), { newDatabaseId: () => 'cd'.repeat(16) });
  const id = await withDatabase(path, (database) => Promise.resolve(database.identity.databaseId));
  assert.equal(id, 'cd'.repeat(16));
  assert.deepEqual(readdirSync(path).sort(), ['index', 'index.damaged', 'store.json']);
});

/** Rows in tables, one block of which is noise that LevelDB cannot follow. */
async function withBrokenBlock(path: string): Promise<void> {
  const rows = Array.from({ length: 4000 }, (_, i) => {
    const key = Buffer.from(w.begin().u8(0x7a).u32(i).end());
    return { key, value: Buffer.from(w.begin().bytes(Buffer.alloc(100, i)).seal(key)) };
  });
  await withDatabase(path, async (database) => {
    await database.write(rows, true);
    await database.compact();
  });
  const folder = join(path, 'index');
  const table = readdirSync(folder)
    .filter((name) => name.endsWith('.ldb'))
    .map((name) => join(folder, name));
  assert.equal(table.length, 1);
  const bytes = readFileSync(table[0]!);
  bytes.fill(0xff, 100_000, 110_000);
  writeFileSync(table[0]!, bytes);
}

test('a scan that steps over a block LevelDB cannot read fails, also where it is left before its end', async (t) => {
  const path = tempDir(t);
  await withBrokenBlock(path);
  await withDatabase(path, async (database) => {
    await assert.rejects(rowsOf(database, 0x7a), refused('STORE_READ_FAILED'));
    const held = database.hold();
    for (const state of [{}, { snapshot: held.snapshot }]) {
      const scan = async (leaveAfter: number, limit?: number): Promise<number> => {
        let seen = 0;
        const options = limit === undefined ? state : { ...state, limit };
        for await (const _ of database.rows(Buffer.of(0x7a), Buffer.of(0x7b), options))
          if (++seen === leaveAfter) break;
        return seen;
      };
      assert.equal(await scan(100), 100);
      await assert.rejects(scan(1000), refused('STORE_READ_FAILED'));
      await assert.rejects(scan(Number.POSITIVE_INFINITY, 1000), refused('STORE_READ_FAILED'));
      await assert.rejects(scan(1000, 1001), refused('STORE_READ_FAILED'));
      assert.equal(await scan(Number.POSITIVE_INFINITY, 50), 50);
    }
    held.release();
  });
});
