import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeMessage } from '../../protocols/peer-exchange/codec.ts';
import { ExchangeError } from '../../protocols/peer-exchange/errors.ts';
import { digestVectors, type MessageVector, messageVectors, plain } from '../support/exchange-vectors.ts';

const BUILT = import.meta.filename.endsWith('.js');
const FOLDER = join(import.meta.dirname, BUILT ? '../../..' : '../..', 'protocols/peer-exchange/vectors');

function read<T>(name: string): T {
  return JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as T;
}

test('peer exchange: messages encode to the golden bytes', async () => {
  assert.deepEqual(await messageVectors(), read('messages.json'));
});

test('peer exchange: golden bytes decode to the golden messages', () => {
  const vectors = read<readonly MessageVector[]>('messages.json');
  assert.equal(vectors.length, 9);
  for (const { name, correlation, body, hex } of vectors) {
    const message = decodeMessage(Buffer.from(hex, 'hex'));
    assert.equal(message.correlation, correlation, name);
    assert.deepEqual(withoutEmpty(plain(message.body)), withoutEmpty(body), name);
  }
});

test('peer exchange: bytes that are to be refused are, each by its code', () => {
  const vectors = read<readonly { name: string; hex: string; code: string }[]>('refused.json');
  assert.ok(vectors.length >= 20);
  for (const { name, hex, code } of vectors) {
    assert.throws(
      () => decodeMessage(Buffer.from(hex, 'hex')),
      (error) => error instanceof ExchangeError && error.code === code,
      `${name}: ${code}`,
    );
  }
});

test('peer exchange: digests of golden books', async () => {
  assert.deepEqual(await digestVectors(), read('digest.json'));
});

/** A record without addresses and one with an empty list are the same on the wire. */
function withoutEmpty(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, field) => (key === 'addresses' && field?.length === 0 ? undefined : field)),
  );
}
