import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeMessage } from '../../../protocols/headers/codec.ts';
import * as c from '../../../protocols/headers/constants.ts';
import { PENALTY_POINTS } from '../../../protocols/headers/errors.ts';
import { generateMessages } from '../../support/generate-messages.ts';

const BUILT = import.meta.filename.endsWith('.js');
const FOLDER = join(import.meta.dirname, BUILT ? '../../../..' : '../../..', 'protocols/headers');

test('messages.pb.ts is what messages.proto generates', async () => {
  assert.equal(readFileSync(join(FOLDER, 'messages.pb.ts'), 'utf8'), await generateMessages(FOLDER));
});

test('the README has the points of every fault and the limits as they are', () => {
  const readme = readFileSync(join(FOLDER, 'README.md'), 'utf8');
  const rows = [...readme.matchAll(/^\| ([A-Z_, ]+?)(?::[^|]*)? \| (\d+) \|$/gm)];
  const points = Object.fromEntries(
    rows.flatMap(([, codes, n]) => codes!.split(', ').map((code) => [code, Number(n)])),
  );
  assert.deepEqual(points, { ...PENALTY_POINTS });
  for (const [, name, number] of readme.matchAll(/`([A-Z_]+)` \(([\d,]+)/g)) {
    const value = (c as Readonly<Record<string, unknown>>)[name!];
    assert.equal(value, Number(number!.replaceAll(',', '')), name);
  }
});

test('the largest answer and the largest question fit into a frame', () => {
  const tip = { height: c.MAX_HEIGHT, hash: Buffer.alloc(32, 0xff), work: (1n << 256n) - 1n };
  const headers = new Uint8Array(c.MAX_HEADERS * c.HEADER_BYTES);
  const locator = new Uint8Array(c.MAX_LOCATOR_HASHES * c.HASH_BYTES);
  assert.ok(encodeMessage({ kind: 'headers', tip, headers, isApart: false }).length <= c.MAX_FRAME_BYTES);
  assert.ok(encodeMessage({ kind: 'getHeaders', locator, count: c.MAX_HEADERS }).length <= c.MAX_FRAME_BYTES);
});
