import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  clean,
  flatten,
  formatBytes,
  formatSeconds,
  formatUnits,
  table,
  wrap,
} from '../../../src/cli/format.ts';

test('amounts are shown with their decimals, exactly', () => {
  assert.equal(formatUnits('12345678', 5), '123.45678');
  assert.equal(formatUnits('5', 2), '0.05');
  assert.equal(formatUnits('0', 2), '0.00');
  assert.equal(formatUnits('-5', 2), '-0.05');
  assert.equal(formatUnits('36893488147419103230', 0), '36893488147419103230');
  assert.equal(formatUnits('36893488147419103230', 18), '36.893488147419103230');
  assert.equal(formatUnits('7', undefined), '7');
});

test('sizes and times for people', () => {
  assert.deepEqual(
    [formatBytes(0), formatBytes(999), formatBytes(1_500), formatBytes(15_000_000)],
    ['0 B', '999 B', '1.5 kB', '15 MB'],
  );
  assert.deepEqual(
    [formatSeconds(0.4), formatSeconds(59), formatSeconds(61), formatSeconds(7_260), formatSeconds(200_000)],
    ['0.4s', '59s', '1m 1s', '2h 1m', '2d 7h'],
  );
});

test('text from outside is cut and harmless', () => {
  assert.equal(clean('A\u001b[31m\nB'), 'A\\u001b[31m\\nB');
  assert.equal(clean('x'.repeat(100), 10), `${'x'.repeat(9)}…`);
});

test('tables align, without trailing spaces', () => {
  assert.equal(
    table(
      [
        ['a', '1'],
        ['bbb', '200'],
      ],
      [1],
    ),
    'a      1\nbbb  200',
  );
  assert.equal(
    table([
      ['a', ''],
      ['b', 'c'],
    ]),
    'a\nb  c',
  );
});

test('texts wrap at words', () => {
  assert.equal(wrap('one two three four', 10, '  '), '  one two\n  three\n  four');
});

test('flat output is one path=value a line, safe for grep', () => {
  assert.deepEqual(flatten({ a: 1, b: { c: ['x', { d: null }] }, e: [], f: {}, g: 'l1\nl2' }), [
    'a=1',
    'b.c.0=x',
    'b.c.1.d=null',
    'e=[]',
    'f={}',
    'g=l1\\nl2',
  ]);
});
