import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameReader, frameHead } from '../../../src/api/frames.ts';
import { cpuMs } from '../../support/cpu-ms.ts';

function framed(...frames: readonly string[]): Buffer {
  return Buffer.concat(frames.flatMap((frame) => [frameHead(frame.length), Buffer.from(frame)]));
}

function all(reader: FrameReader): string[] {
  const out: string[] = [];
  for (let frame = reader.next(); frame !== undefined; frame = reader.next())
    out.push(Buffer.from(frame).toString());
  return out;
}

test('frames come out whole however the stream is cut', () => {
  const stream = framed('a', 'bcdef', 'g'.repeat(300));
  for (let size = 1; size <= stream.length; size += size < 12 ? 1 : 37) {
    const reader = new FrameReader(1000);
    const got: string[] = [];
    for (let at = 0; at < stream.length; at += size) {
      reader.push(stream.subarray(at, at + size));
      got.push(...all(reader));
    }
    assert.deepEqual(got, ['a', 'bcdef', 'g'.repeat(300)], `pieces of ${size}`);
    assert.equal(reader.end(), undefined);
    assert.equal(reader.offset, stream.length);
  }
});

test('a frame that is cut off, in its length or its bytes, is a fault with its offset', () => {
  for (const [cut, what] of [
    [2, /its 4-byte length, 2 are there/],
    [7, /10 bytes, 3 are there/],
  ] as const) {
    const reader = new FrameReader(1000);
    reader.push(Buffer.concat([framed('abc'), framed('0123456789').subarray(0, cut)]));
    assert.deepEqual(all(reader), ['abc']);
    const fault = reader.end();
    assert.equal(fault?.code, 'FRAME_TRUNCATED');
    assert.equal(fault?.offset, 7);
    assert.match(fault?.text ?? '', what);
  }
});

test('lengths of 0 and above the limit end the stream; nothing is allocated for a claim', () => {
  const empty = new FrameReader(1000);
  empty.push(Buffer.concat([framed('abc'), Buffer.alloc(4), framed('later')]));
  assert.deepEqual(all(empty), ['abc']);
  assert.deepEqual([empty.fault?.code, empty.fault?.offset], ['FRAME_EMPTY', 7]);
  const huge = new FrameReader(1000);
  huge.push(frameHead(0xffff_ffff));
  assert.deepEqual(all(huge), []);
  assert.deepEqual([huge.end()?.code, huge.fault?.offset], ['FRAME_TOO_LONG', 0]);
  huge.push(framed('abc'));
  assert.deepEqual(all(huge), [], 'nothing follows a fault');
});

test('a large frame in many pieces takes time in proportion', () => {
  const reader = new FrameReader(32 * 1024 * 1024);
  const ms = cpuMs(() => {
    reader.push(frameHead(16 * 1024 * 1024));
    for (let i = 0; i < 4096; i++) {
      reader.push(Buffer.alloc(4096));
      if (i < 4095) assert.equal(reader.next(), undefined);
    }
    assert.equal(reader.next()?.length, 16 * 1024 * 1024);
  });
  assert.ok(ms < 2_000, `${ms} ms`);
});
