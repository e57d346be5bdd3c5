import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { API_ERRORS, ApiError, type ApiErrorCode, toApiError, wireError } from '../../../src/api/errors.ts';
import type { MethodTable } from '../../../src/api/method.ts';
import { METHODS } from '../../../src/api/methods/index.ts';
import { storeError } from '../../support/fake-modules.ts';

const CODES = Object.keys(API_ERRORS) as ApiErrorCode[];

function sources(dir: string): string {
  return readdirSync(dir, { withFileTypes: true })
    .map((entry) => {
      const path = join(dir, entry.name);
      return entry.isDirectory() ? sources(path) : /\.(ts|js)$/.test(path) ? readFileSync(path, 'utf8') : '';
    })
    .join('\n');
}

test('numbers and texts are unique, and every number is in the range of its domain', () => {
  const numbers = CODES.map((code) => API_ERRORS[code][0]);
  assert.equal(new Set(numbers).size, CODES.length);
  assert.equal(new Set(CODES.map((code) => API_ERRORS[code][1])).size, CODES.length);
  const ranges: [RegExp, number, number][] = [
    [/^(PARSE|INVALID|METHOD|INTERNAL)_/, -32_768, -32_600],
    [/^(LINE|BATCH|NESTING|TOO_MANY|REPLY)_/, -32_099, -32_000],
    [/^SHUTTING_DOWN$/, 1, 99],
    [/^(CONFIG|RELOAD|LOG)_/, 100, 199],
    [/^(NETWORK|PEER|PEERS)_/, 200, 299],
    [/^HEADERS?_/, 300, 399],
    [/^(TOKEN|ADDRESS|CURSOR|TX|IMPORT|EVENTS|SUBSCRIPTION)_/, 400, 499],
    [/^(STORE|VERIFY)_/, 500, 599],
  ];
  for (const code of CODES) {
    const [, low, high] =
      ranges.find(([pattern]) => pattern.test(code)) ?? assert.fail(`${code} has no range`);
    const number = API_ERRORS[code][0];
    assert.ok(number >= low && number <= high, `${code} ${number}`);
  }
});

test('every code of the table is used, and every code that methods promise is in the table', () => {
  const src = join(import.meta.dirname, '..', '..', '..', 'src');
  // Refusals of a reload are made by the engine and passed on.
  const code = sources(join(src, 'api')) + sources(join(src, 'node'));
  for (const name of CODES) {
    assert.match(
      code,
      new RegExp(`(?:ApiError|ReloadError|refused)\\(\\s*'${name}'`),
      `${name} is thrown nowhere`,
    );
  }
  for (const [name, method] of Object.entries<MethodTable[string]>(METHODS)) {
    for (const error of method.errors) assert.ok(CODES.includes(error), `${name}: ${error}`);
    assert.equal(new Set(method.errors).size, method.errors.length, name);
  }
});

test('the wire form has the number, the text, and the string code in its data', () => {
  const wire = wireError(new ApiError('TX_UNKNOWN', { txid: 'ab' }, 'ab'));
  assert.deepEqual(wire, {
    code: 410,
    message: 'unknown transaction: ab',
    data: { code: 'TX_UNKNOWN', txid: 'ab' },
  });
});

test("errors of the store become the 500s with their own code; a bad cursor is the caller's", () => {
  const damaged = wireError(toApiError(storeError('STORE_ROW_DAMAGED', 'row x is damaged'), 'r1'));
  assert.equal(damaged.code, 500);
  assert.deepEqual(damaged.data, { code: 'STORE_ROW_DAMAGED', row: 'x' });
  assert.match(damaged.message, /row x is damaged/);
  assert.equal(toApiError(storeError('STORE_CURSOR_INVALID', 'x'), 'r1').code, 'CURSOR_INVALID');
});

test('any other error is ours: a reference, and none of its text', () => {
  for (const error of [new Error('secret path /etc/x'), 'thrown text', undefined]) {
    const wire = wireError(toApiError(error, 'r7'));
    assert.equal(wire.code, -32_603);
    assert.deepEqual(wire.data, { code: 'INTERNAL_ERROR', ref: 'r7' });
    assert.equal(wire.message.includes('secret'), false);
  }
});
