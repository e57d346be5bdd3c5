import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..', '..', import.meta.filename.endsWith('.js') ? '..' : '.');

/** Sections of the document, with the numbers that each must have. */
const SECTIONS: readonly (readonly [title: string, checks: number])[] = [
  ['Federation', 95],
  ['Daemons under faults', 9],
];

interface Check {
  readonly number: number;
  readonly notes: readonly string[];
}

/** A check begins with its number in bold; under it a line for each test, or why there is none. */
function checksOf(section: string): Check[] {
  const [, ...parts] = section.split(/^\*\*(?=\d+\*\* )/m);
  return parts.map((part) => ({
    number: Number.parseInt(part, 10),
    notes: [...part.matchAll(/^- (.+)$/gm)].map(([, note]) => note!),
  }));
}

function section(title: string): string {
  const text = readFileSync(join(ROOT, 'test', 'ACCEPTANCE.md'), 'utf8');
  const found = text.split(/^## /m).find((part) => part.startsWith(`${title}\n`));
  assert.ok(found !== undefined, `there is no section ${title}`);
  return found;
}

/** Names as they stand in the source; a name that is put together there is given with its `${}`. */
function namesIn(file: string): ReadonlySet<string> {
  const source = readFileSync(join(ROOT, file), 'utf8');
  const calls = source.matchAll(/\b(?:test|it|describe)\(\s*(['"`])((?:\\.|(?!\1).)*)\1/gs);
  return new Set([...calls].map(([, , name]) => name!.replaceAll(/\\(['"`])/g, '$1')));
}

for (const [title, count] of SECTIONS) {
  const checks = checksOf(section(title));

  test(`${title}: every check has its tests, or says why there is none`, () => {
    assert.deepEqual(
      checks.map(({ number }) => number).sort((a, b) => a - b),
      Array.from({ length: count }, (_, i) => i + 1),
    );
    const bare = checks.filter(({ notes }) => !notes.some((note) => /^`test\/|^not tested: ./.test(note)));
    assert.deepEqual(
      bare.map(({ number }) => number),
      [],
    );
  });

  test(`${title}: every test that is named exists`, () => {
    const names = new Map<string, ReadonlySet<string>>();
    const missing: string[] = [];
    for (const { number, notes } of checks) {
      for (const note of notes) {
        const [, file, name] = /^`(test\/[^`]+\.ts)`: (.+)$/.exec(note) ?? [];
        if (file === undefined || name === undefined) continue;
        if (!names.has(file)) names.set(file, existsSync(join(ROOT, file)) ? namesIn(file) : new Set());
        if (!names.get(file)!.has(name)) missing.push(`${number}: ${file}: ${name}`);
      }
    }
    assert.deepEqual(missing, []);
  });
}
