import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataStart, opEnd, pushEnd, startsAt, uint32 } from '../../../src/token/script.ts';
import { toBytes } from '../../support/token-scripts.ts';

test('opEnd: direct pushes and PUSHDATA1/2/4 carry data, every other byte is one op', () => {
  for (const [script, end] of [
    ['00', 1],
    ['01aa', 2],
    ['02aa', -1],
    [`4b${'00'.repeat(75)}`, 76],
    [`4b${'00'.repeat(74)}`, -1],
    ['4c', -1],
    ['4c00', 2],
    ['4c02aabb', 4],
    ['4c02aa', -1],
    ['4d', -1],
    ['4d00', -1],
    ['4d0000', 3],
    [`4d0001${'00'.repeat(256)}`, 259],
    [`4d0001${'00'.repeat(255)}`, -1],
    ['4e000000', -1],
    ['4e00000000', 5],
    [`4e00010000${'00'.repeat(256)}`, 261],
    [`4e00000100${'00'.repeat(65_536)}`, 65_541],
    [`4e00000100${'00'.repeat(65_535)}`, -1],
    ['4effffffff00', -1],
    ['4e00000080', -1],
    ['4f', 1],
    ['50', 1],
    ['60', 1],
    ['ff', 1],
  ] as const) {
    assert.equal(opEnd(toBytes(script), 0), end, script.slice(0, 16));
    assert.equal(opEnd(toBytes(`ffff${script}`), 2), end < 0 ? -1 : end + 2, script.slice(0, 16));
  }
});

test('opEnd: a length of 2^24 and more', () => {
  const size = 0x1020304;
  const script = new Uint8Array(5 + size);
  script.set([0x4e, 0x04, 0x03, 0x02, 0x01]);
  assert.equal(opEnd(script, 0), 5 + size);
  assert.equal(opEnd(script.subarray(0, -1), 0), -1);
  assert.equal(uint32(toBytes('ff01020380'), 1), 0x80030201);
});

test('dataStart: behind the op and its length', () => {
  for (const [script, start] of [
    ['00', 1],
    ['4b', 1],
    ['4c', 2],
    ['4d', 3],
    ['4e', 5],
  ] as const) {
    assert.equal(dataStart(toBytes(`ff${script}`), 1), start + 1);
  }
});

test('pushEnd: ops that push something, within the script', () => {
  for (const script of ['00', '4f', '51', '60', '01aa', '4c00']) {
    assert.equal(pushEnd(toBytes(script), 0), script.length / 2, script);
  }
  for (const script of ['', '50', '61', 'ac', '02aa', '4c'])
    assert.equal(pushEnd(toBytes(script), 0), -1, script);
  assert.equal(pushEnd(toBytes('00'), 1), -1);
});

test('startsAt: all bytes, at that place, within the script', () => {
  const script = toBytes('aabbcc');
  assert.equal(startsAt(script, 0, toBytes('aabb')), true);
  assert.equal(startsAt(script, 1, toBytes('bbcc')), true);
  assert.equal(startsAt(script, 3, toBytes('')), true);
  for (const [pos, bytes] of [
    [0, 'bb'],
    [1, 'bbccdd'],
    [2, 'ccdd'],
    [3, 'aa'],
    [4, ''],
  ] as const) {
    assert.equal(startsAt(script, pos, toBytes(bytes)), false, bytes);
  }
});
