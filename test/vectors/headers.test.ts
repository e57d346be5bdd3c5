import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeMessage } from '../../protocols/headers/codec.ts';
import { MAX_FRAME_BYTES } from '../../protocols/headers/constants.ts';
import { HeadersError } from '../../protocols/headers/errors.ts';
import { type MessageVector, messageVectors, plain } from '../support/headers-vectors.ts';

const BUILT = import.meta.filename.endsWith('.js');
const FOLDER = join(import.meta.dirname, BUILT ? '../../..' : '../..', 'protocols/headers/vectors');

function read<T>(name: string): T {
  return JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as T;
}

test('headers: messages encode to the golden bytes, and these decode to them', () => {
  const vectors = read<readonly MessageVector[]>('messages.json');
  assert.deepEqual(messageVectors(), vectors);
  assert.equal(vectors.length, 8);
  for (const { name, body, hex } of vectors)
    assert.deepEqual(plain(decodeMessage(Buffer.from(hex, 'hex'))), body, name);
});

test('headers: bytes that are to be refused are, each by its code', () => {
  const vectors = read<readonly { name: string; hex: string; code: string }[]>('refused.json');
  assert.ok(vectors.length >= 30);
  for (const { name, hex, code } of vectors) {
    assert.throws(
      () => decodeMessage(Buffer.from(hex, 'hex')),
      (error) => error instanceof HeadersError && error.code === code,
      `${name}: ${code}`,
    );
  }
  assert.throws(() => decodeMessage(new Uint8Array(MAX_FRAME_BYTES + 1)), { code: 'FRAME_TOO_LARGE' });
});
