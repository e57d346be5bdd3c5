import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ChainError } from '../../../src/chain/errors.ts';
import {
  decodeHeader,
  displayHex,
  encodeHeader,
  headerHash,
  internalBytes,
  isHashHex,
} from '../../../src/chain/header.ts';
import { RULES } from '../../../src/chain/networks.ts';

test('the genesis header of each network has the known hash, root and fields', () => {
  const hashes = {
    main: '000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f',
    test: '000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943',
    regtest: '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206',
  } as const;
  for (const network of ['main', 'test', 'regtest'] as const) {
    const header = decodeHeader(Buffer.from(RULES[network].genesis, 'hex'));
    assert.equal(header.hash, hashes[network]);
    assert.equal(header.merkleRoot, '4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b');
    assert.equal(header.prevHash, '0'.repeat(64));
    assert.equal(header.version, 1);
    assert.equal(header.bits, RULES[network].easiestBits);
  }
  const main = decodeHeader(Buffer.from(RULES.main.genesis, 'hex'));
  assert.deepEqual([main.time, main.nonce], [1_231_006_505, 2_083_236_893]);
});

test('any 80 bytes decode and encode to the same bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 80, maxLength: 80 }), (bytes) => {
      const header = decodeHeader(bytes);
      assert.deepEqual(Uint8Array.from(encodeHeader(header)), bytes);
      assert.equal(header.hash, displayHex(headerHash(bytes)));
      assert.deepEqual(Uint8Array.from(internalBytes(header.hash)), Uint8Array.from(headerHash(bytes)));
    }),
  );
});

test('any other length is HEADER_LENGTH', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      fc.pre(bytes.length !== 80);
      assert.throws(
        () => decodeHeader(bytes),
        (thrown) =>
          thrown instanceof ChainError &&
          thrown.code === 'HEADER_LENGTH' &&
          thrown.data['bytes'] === bytes.length,
      );
    }),
  );
});

test('a hash is 64 hex digits and nothing else', () => {
  assert.equal(isHashHex('A'.repeat(64)), true);
  for (const wrong of [
    'a'.repeat(63),
    'a'.repeat(65),
    `${'a'.repeat(63)}g`,
    `${'a'.repeat(64)}\n`,
    '',
    5,
    undefined,
  ]) {
    assert.equal(isHashHex(wrong), false, String(wrong));
  }
});
