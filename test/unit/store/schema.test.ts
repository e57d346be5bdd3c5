import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PREFIX as CHAIN_PREFIX, keyRange, type RowKind } from '../../../src/chain/rows.ts';
import type { Core } from '../../../src/node/core.ts';
import { EVENTS_PER_ROW } from '../../../src/store/event-row.ts';
import { PREFIX } from '../../../src/store/keys.ts';
import { COMMITS_PER_CHECKPOINT } from '../../../src/store/store.ts';
import { openTestCore } from '../../support/core.ts';
import { richChain } from '../../support/rich-chain.ts';
import { tempDir } from '../../support/temp-dir.ts';

const ROOT = join(import.meta.dirname, '../../..', import.meta.filename.endsWith('.js') ? '..' : '.');
const PAGE = readFileSync(join(ROOT, 'src/store/SCHEMA.md'), 'utf8');

interface DocumentedRow {
  readonly name: string;
  /** Key behind its first letter. */
  readonly key: string;
}

/** The table whose head begins with this word: name of the row, key, and the letter if the table has it apart. */
function table(head: string): (DocumentedRow & { readonly letter: string })[] {
  const lines = PAGE.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${head} |`));
  assert.ok(start >= 0, `the page has no table ${head}`);
  const rows = lines.slice(start + 2);
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) => {
      const cells = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
      const letter = /^`(.)`$/.exec(cells[0]!)?.[1];
      return letter === undefined
        ? { letter: '', name: cells[0]!, key: cells[1]! }
        : { letter, name: cells[1]!, key: cells[2]! };
    });
}

/** Every kind of row of the header chain; the compiler refuses the list if one is missing. */
const HEADER_KINDS: Record<RowKind, true> = {
  chunk: true,
  identity: true,
  side: true,
  tip: true,
  index: true,
};

test('the page and the table of prefixes name the same rows', () => {
  const documented = table('Row').map(({ letter, name }) => [name, letter.charCodeAt(0)] as const);
  assert.deepEqual(Object.fromEntries(documented), { ...PREFIX });
  assert.equal(documented.length, new Set(Object.values(PREFIX)).size);
});

test('the page and the header chain name the same rows', () => {
  assert.equal(CHAIN_PREFIX, PREFIX.header);
  const documented = table('`h` row').map(({ name, key }) => [name, /^`(.)`/.exec(key)?.[1]] as const);
  const real = Object.keys(HEADER_KINDS).map((kind) => {
    const [from] = keyRange(kind as RowKind);
    return [kind, String.fromCharCode(from[1]!)] as const;
  });
  assert.deepEqual(Object.fromEntries(documented), Object.fromEntries(real));
});

test('the page and the code name the same single rows', () => {
  const named = globSync('src/**/*.ts', { cwd: ROOT }).flatMap((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    return [...text.matchAll(/miscKey\('(\w+)'\)/g)].map(([, name]) => name);
  });
  assert.deepEqual(
    table('`m` row')
      .map((row) => row.name)
      .sort(),
    named.sort(),
  );
});

/** Bytes of a key that the described fields take; a description that does not fit is a failure. */
function keyBytes(description: string, key: Buffer): number {
  let at = 1;
  for (const field of description.replaceAll(/\([^)]*\)/g, '').split(',')) {
    const words = field.trim().split(/\s+/);
    const type = words.at(-1)!;
    const literal = /^`(.)`$/.exec(type)?.[1];
    if (literal !== undefined) {
      assert.equal(String.fromCharCode(key[at]!), literal);
      at += 1;
    } else if (type === 'bytes') at += Number(words.at(-2));
    else if (type === 'short') at += 1 + key[at]!;
    else if (type === 'inverted') at += 1 + 0xff - key[at]!;
    else if (type === 'rest') at = key.length;
    else {
      const width = { u32: 4, u64: 8, hash: 32 }[type];
      assert.ok(width !== undefined, `"${field}" has no type`);
      at += width;
    }
  }
  return at;
}

test('every row of a store has a place on the page, and every place on the page has a row', async (t) => {
  const rich = richChain('schema');
  const path = join(tempDir(t), 'store');
  let core: Core = await openTestCore({ path, follow: rich.follow });
  await rich.feed(
    () => core,
    () => Promise.resolve(),
  );
  await core.close();
  core = await openTestCore({ path, follow: rich.follow });
  const rows = new Map(table('Row').map((row) => [row.letter, row]));
  const headers = new Map(table('`h` row').map((row) => [/^`(.)`/.exec(row.key)![1]!, row]));
  const missing = new Set([...rows.keys(), ...[...headers.keys()].map((letter) => `h${letter}`)]);
  missing.delete('h');
  for await (const { key } of core.store.database.rows(Buffer.of(0), Buffer.of(0xff))) {
    const letter = String.fromCharCode(key[0]!);
    const kind = letter === 'h' ? `h${String.fromCharCode(key[1]!)}` : letter;
    const row = letter === 'h' ? headers.get(kind[1]!) : rows.get(letter);
    assert.ok(row !== undefined, `row ${key.toString('hex')} is not on the page`);
    assert.equal(keyBytes(row.key, key), key.length, `key of ${row.name}: ${key.toString('hex')}`);
    missing.delete(kind);
  }
  await core.close();
  assert.deepEqual([...missing], []);
});

test('numbers on the page are those of the code, and it is a page', () => {
  assert.match(PAGE, new RegExp(`Every ${COMMITS_PER_CHECKPOINT} commits`));
  assert.match(PAGE, new RegExp(`at most ${EVENTS_PER_ROW}\\b`));
  const lines = PAGE.split('\n');
  assert.ok(lines.length <= 80, `${lines.length} lines`);
});
