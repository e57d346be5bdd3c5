import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../../../src/api/errors.ts';
import { boundary } from '../../../src/api/when.ts';

const JULY_1 = Date.UTC(2025, 6, 1) / 1000;

test('dates, times and Unix seconds', () => {
  assert.equal(boundary('from', undefined), undefined);
  assert.equal(boundary('from', '2025-07-01'), JULY_1);
  assert.equal(boundary('to', '2025-07-01'), JULY_1 + 86_399);
  assert.equal(boundary('from', '2025-07-01T12:00:00Z'), JULY_1 + 43_200);
  assert.equal(boundary('from', '2025-07-01 12:00'), JULY_1 + 43_200, 'UTC unless it says otherwise');
  assert.equal(boundary('to', '2025-07-01T12:00:00+02:00'), JULY_1 + 36_000);
  assert.equal(boundary('from', String(JULY_1)), JULY_1);
  assert.equal(boundary('to', JULY_1), JULY_1);
});

test('between two seconds a bound rounds towards the inside', () => {
  assert.equal(boundary('from', '2025-07-01T00:00:00.5Z'), JULY_1 + 1);
  assert.equal(boundary('to', '2025-07-01T00:00:00.5Z'), JULY_1);
});

test('what is no date is refused by name, with what would be right', () => {
  for (const bad of [
    'yesterday',
    '2025-02-30',
    '2025-13-01',
    '2025-7-1',
    '01.07.2025',
    '2025-07-01T25:00:00Z',
    '',
  ]) {
    assert.throws(
      () => boundary('to', bad),
      (error) =>
        error instanceof ApiError &&
        error.code === 'INVALID_PARAMS' &&
        /to: .*2025-07-01/.test(error.message),
      bad,
    );
  }
});
