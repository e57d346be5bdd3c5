import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineReader } from '../../../src/api/lines.ts';
import { cpuMs } from '../../support/cpu-ms.ts';

function all(reader: LineReader): string[] {
  const lines: string[] = [];
  for (let line = reader.next(); line !== undefined; line = reader.next()) lines.push(line.toString());
  return lines;
}

test('lines come out whole however the stream is cut', () => {
  const stream = Buffer.from('{"a":1}\n\n{"b":"ü"}\nrest');
  for (let size = 1; size <= stream.length; size++) {
    const reader = new LineReader();
    for (let at = 0; at < stream.length; at += size) reader.push(stream.subarray(at, at + size));
    assert.deepEqual(all(reader), ['{"a":1}', '', '{"b":"ü"}'], `pieces of ${size}`);
    assert.equal(reader.pending, 0);
  }
});

test('a line of exactly the limit passes, one byte more ends the reading; lines before it are kept', () => {
  const reader = new LineReader(10);
  reader.push(Buffer.from('0123456789\n'));
  assert.equal(reader.tooLong, false);
  reader.push(Buffer.from('x\n01234567890'));
  assert.equal(reader.tooLong, true);
  assert.deepEqual(all(reader), ['0123456789', 'x']);
  reader.push(Buffer.from('\nmore\n'));
  assert.deepEqual(all(reader), []);
});

test('a line that never ends is noticed without holding it', () => {
  const reader = new LineReader(1000);
  for (let i = 0; i < 11; i++) reader.push(Buffer.alloc(100, 0x61));
  assert.equal(reader.tooLong, true);
});

test('a hundred thousand short lines in one chunk take time in proportion', () => {
  const reader = new LineReader();
  const ms = cpuMs(() => {
    reader.push(Buffer.from('1\n'.repeat(100_000)));
    assert.equal(all(reader).length, 100_000);
  });
  assert.ok(ms < 1_000, `${ms} ms: moving the queue at every line would take minutes`);
});
