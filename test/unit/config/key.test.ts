import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { describe, it } from 'node:test';
import { decodeBase64, generateKeyPair, keyPairOf, privateKey, publicKeyOf } from '../../../config/key.ts';
import { Secret } from '../../../config/secret.ts';
import { countingBytes, KEY_PAIR, readWith } from './helpers.ts';

describe('node key', () => {
  it('RFC 8032, test 1: the public key of a seed', () => {
    const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
    const pair = keyPairOf(seed);
    assert.equal(
      Buffer.from(pair.publicKey, 'base64').toString('hex'),
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    );
    const bytes = Buffer.from(pair.privateKey, 'base64');
    assert.equal(bytes.length, 64);
    assert.deepEqual(bytes.subarray(0, 32), seed);
    assert.equal(bytes.subarray(32).toString('base64'), pair.publicKey);
  });

  it('signs what its public key verifies', () => {
    const { privateKey: text, publicKey } = generateKeyPair(countingBytes);
    const bytes = Buffer.from(text, 'base64');
    const jwk = {
      kty: 'OKP',
      crv: 'Ed25519',
      d: bytes.subarray(0, 32).toString('base64url'),
      x: Buffer.from(publicKey, 'base64').toString('base64url'),
    };
    const signature = sign(null, Buffer.from('hello'), createPrivateKey({ key: jwk, format: 'jwk' }));
    const pub = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: jwk.x }, format: 'jwk' });
    assert.ok(verify(null, Buffer.from('hello'), pub, signature));
  });

  it('asks the generator for exactly a seed', () => {
    const asked: number[] = [];
    const pair = generateKeyPair((count) => {
      asked.push(count);
      return countingBytes(count);
    });
    assert.deepEqual(asked, [32]);
    assert.deepEqual(pair, KEY_PAIR);
  });

  it('is read as it is, and empty in its three spellings', () => {
    assert.equal(readWith(privateKey, KEY_PAIR.privateKey).value?.reveal(), KEY_PAIR.privateKey);
    for (const empty of [null, '', '<base64-encoded-private-key>']) {
      const { value, faults } = readWith(privateKey, empty);
      assert.equal(value?.reveal(), '');
      assert.deepEqual(faults, []);
    }
    assert.equal(publicKeyOf(new Secret(KEY_PAIR.privateKey)), KEY_PAIR.publicKey);
  });

  it('with a foreign public half: only the seed counts, and the warning says which public key is right', () => {
    const foreign = Buffer.concat([countingBytes(32), Buffer.alloc(32, 7)]).toString('base64');
    const { value, raw } = readWith(privateKey, foreign);
    assert.equal(value?.reveal(), KEY_PAIR.privateKey);
    assert.equal(raw.length, 1);
    const [fault] = raw;
    assert.equal(fault?.warning, true);
    assert.equal(fault?.code, 'KEY_HALVES_DIFFER');
    assert.match(
      fault!.message,
      new RegExp(`must list this node as ${KEY_PAIR.publicKey.replace('+', '\\+')}$`),
    );
    assert.ok(!`${fault!.message}${fault!.expected}`.includes(foreign.slice(0, 10)));
  });

  it('64 random bytes are a key too', () => {
    const random = Buffer.from(Uint8Array.from({ length: 64 }, (_, index) => (index * 73 + 11) & 0xff));
    const { value, raw } = readWith(privateKey, random.toString('base64'));
    assert.equal(value?.reveal(), keyPairOf(random.subarray(0, 32)).privateKey);
    assert.deepEqual(
      raw.map(({ code }) => code),
      ['KEY_HALVES_DIFFER'],
    );
  });

  it('is shown to nobody', () => {
    const secret = new Secret(KEY_PAIR.privateKey);
    assert.equal(privateKey.show(secret, 'redact'), '[redacted]');
    assert.equal(privateKey.show(secret, 'reveal'), KEY_PAIR.privateKey);
  });

  it('wrong forms are told apart', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['a!b', 'is not base64'],
      ['abc_', 'is base64url, not standard base64'],
      ['abcdefg', 'is not padded base64'],
      ['QQ==', 'is 1 bytes'],
      ['QR==', 'is base64url, not standard base64'],
    ];
    for (const [text, message] of cases) {
      assert.deepEqual(readWith(privateKey, text).faults, [`key: BAD_VALUE ${message}`], text);
    }
  });
});

describe('base64', () => {
  it('is taken only in its one canonical form', () => {
    assert.deepEqual(decodeBase64('QUJD'), Buffer.from('ABC'));
    assert.deepEqual(decodeBase64('QQ=='), Buffer.from('A'));
    // The same byte with stray bits, without padding, with garbage, in the URL alphabet.
    for (const text of ['QR==', 'QQ', 'Q!Q==', 'QQ==\n', '-_-_', 'QQ=== ']) {
      assert.equal(decodeBase64(text), undefined, text);
    }
  });
});
