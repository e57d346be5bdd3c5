import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PROTOCOL_IDS } from '../../../protocols/peer-exchange/constants.ts';
import { PENALTY_POINTS } from '../../../protocols/peer-exchange/errors.ts';

const BUILT = import.meta.filename.endsWith('.js');
const README = join(
  import.meta.dirname,
  BUILT ? '../../../..' : '../../..',
  'protocols/peer-exchange/README.md',
);

test('the specification lists every id, and every code with its points', () => {
  const text = readFileSync(README, 'utf8');
  for (const id of PROTOCOL_IDS) assert.ok(text.includes(`| \`${id}\` |`), id);
  const rows = [...text.matchAll(/^\| `([A-Z_]+)` \| (\d+) \|/gm)].map(([, code, points]) => [
    code,
    Number(points),
  ]);
  assert.deepEqual(Object.fromEntries(rows), PENALTY_POINTS);
});
