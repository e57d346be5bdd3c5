/**
 * Each rule has its tests, one to one: the ids below are the rules that concern pure token code, and every one of
 * them begins the name of at least one test of this folder.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const numbered = (letter: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${letter}${i + 1}`);

const RULES = [
  ...numbered('E', 8),
  ...numbered('J', 9),
  ...numbered('A', 10),
  ...numbered('T', 3),
  'L1',
  ...['body', 'BOM', 'bad UTF-8', 'duplicate keys', 'own properties', 'unknown keys'].map(
    (row) => `§2 ${row}`,
  ),
  ...['value', 'authority', 'nothing', 'undecided'].map((row) => `§3 ${row}`),
  ...['issued', 'burned', 'lost', 'circulating'].map((row) => `§4 ${row}`),
  ...['p2pkh', 'cosign', 'ordlock v1', 'ordlock v2', 'pow20', 'ltm', 'other'].map((row) => `§9 ${row}`),
  ...['lock bytes', 'script on both sides', 'traps'].map((row) => `§9 ${row}`),
  ...['BSV-20 v1', 'vault script', 'push ending in 00 63', 'OrdLock without envelope', 'content type'].map(
    (row) => `§10 ${row}`,
  ),
  ...[
    'amt',
    'id',
    'body',
    'missing OP_ENDIF, truncated push, tag 50',
    'script beginning with a valid BRC-162',
  ].map((row) => `§10 ${row}`),
  ...['layout', 'id', 'amount', 'roles', 'payload', 'precedence'].map((row) => `§11 ${row}`),
  ...['op in upper case', 'amt 0', 'sum above 2^64-1', 'envelope behind OP_RETURN'].map(
    (row) => `§12 ${row}`,
  ),
  ...['missing OP_ENDIF at the end', 'invalid UTF-8'].map((row) => `§12 ${row}`),
  '§13 arithmetic: 2^63 + 2^63 out of 1 in',
  '§13 arithmetic: 18446744073709500000',
  '§13 arithmetic: in 1000 + 500',
  '§13 arithmetic: in 500',
  '§13 ops: mint without authority',
  '§13 ops: authority and over-spend',
  '§13 ops: authority ended',
  '§13 ops: burn, then spend the burn',
  '§13 ops: spend X with no output of X',
  '§13 multi-token: swap',
  '§13 multi-token: a deploy beside',
  '§13 locks',
  '§13 codec',
];

/** Rules about topics on the wire, stored transactions, conflicts and blocks: tested where that code is. */
const ELSEWHERE = ['T4', 'T5', ...numbered('L', 6).slice(1), ...numbered('C', 5), ...numbered('G', 6)];

function testNames(): string[] {
  return readdirSync(import.meta.dirname)
    .filter((name) => /\.test\.(ts|js)$/.test(name) && !name.startsWith('rules.'))
    .map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
    .flatMap((source) => [...source.matchAll(/^test\(\s*(['"])(.+?)\1,/gm)].map((match) => match[2]!));
}

/** The rule ids at the head of a test name: `J5 J6 token id…` names both. */
function names(name: string, rule: string): boolean {
  if (rule.startsWith('§')) return name.startsWith(rule);
  return (/^(?:[A-Z][0-9]+ )+/.exec(name)?.[0] ?? '').split(' ').includes(rule);
}

/** The rules document, if a checkout of the references lies beside this one. */
function rulesDocument(): string | undefined {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  const shared = process.env['BTCFED_SHARED'] ?? join(folder, '..', 'shared');
  const file = join(shared, 'reference', 'token-rules.md');
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

test('every rule has a test that names it', () => {
  const known = testNames();
  assert.ok(known.length > 80, `${known.length} tests found`);
  assert.deepEqual(
    RULES.filter((rule) => !known.some((name) => names(name, rule))),
    [],
  );
});

test('no test names a rule that does not exist', () => {
  const ids = new Set([...RULES, ...ELSEWHERE]);
  const named = testNames().flatMap((name) =>
    (/^(?:[A-Z][0-9]+ )+/.exec(name)?.[0] ?? '').split(' ').filter(Boolean),
  );
  assert.deepEqual(
    named.filter((id) => !ids.has(id)),
    [],
  );
});

const document = rulesDocument();
test(
  'the list is that of the rules document',
  document === undefined ? { skip: 'no token-rules.md beside the checkout' } : {},
  () => {
    const ids = [...(document ?? '').matchAll(/^\| ([EJATLCG][0-9]+) \|/gm)].map((match) => match[1]!);
    assert.equal(ids.length, 49);
    const listed = new Set([...RULES, ...ELSEWHERE]);
    assert.deepEqual(
      ids.filter((id) => !listed.has(id)),
      [],
    );
  },
);
