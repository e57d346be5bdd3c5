import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Utils } from '@bsv/sdk';
import { addressOf, ownerToString, parseAddress, parseOwner } from '../../../src/token/address.ts';
import { TokenError } from '../../../src/token/errors.ts';
import { toBytes, toHex } from '../../support/token-scripts.ts';

const HASH = '700cc86d386b5c4707c06c96985f57ca875266e9';
const MAIN = '1BDTzf9Em34mTE4iE7ApXuoptubmXqjHax';
const GENESIS = '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa';
const GENESIS_HASH = '62e907b15cbf27d5425399ebf6f0fb50ebb88f18';

function fault(text: string): unknown {
  try {
    parseAddress('main', text);
  } catch (error) {
    assert.ok(error instanceof TokenError);
    assert.equal(error.code, 'ADDRESS_INVALID');
    return error.data['fault'];
  }
  return undefined;
}

test('an address is the base58check form of version and key hash', () => {
  assert.equal(addressOf('main', toBytes(HASH)), MAIN);
  assert.equal(addressOf('main', toBytes(GENESIS_HASH)), GENESIS);
  assert.equal(addressOf('regtest', toBytes(HASH)), MAIN, 'regtest shows the version of main');
  assert.equal(addressOf('test', toBytes(HASH)), Utils.toBase58Check(Utils.toArray(HASH, 'hex'), [0x6f]));
  assert.equal(addressOf('main', new Uint8Array(20)), '1111111111111111111114oLvT2');
});

test('addresses agree with the sdk', () => {
  for (let i = 0; i < 200; i += 1) {
    const keyHash = toBytes(i.toString(16).padStart(2, '0').repeat(20)).fill(0, 0, i % 20);
    assert.equal(addressOf('main', keyHash), Utils.toBase58Check([...keyHash], [0x00]));
    assert.equal(addressOf('test', keyHash), Utils.toBase58Check([...keyHash], [0x6f]));
    assert.deepEqual(parseAddress('regtest', addressOf('test', keyHash)), keyHash);
    assert.deepEqual(parseAddress('test', addressOf('main', keyHash)), keyHash);
  }
});

test('an address of the test network is refused on main', () => {
  assert.throws(
    () => parseAddress('main', addressOf('test', toBytes(HASH))),
    /is an address of the test network; expected an address beginning with 1/,
  );
  assert.equal(fault(addressOf('test', toBytes(HASH))), 'network');
});

test('both versions are accepted on the networks for tests', () => {
  for (const network of ['test', 'regtest'] as const) {
    for (const shownOn of ['main', 'test', 'regtest'] as const) {
      assert.equal(toHex(parseAddress(network, addressOf(shownOn, toBytes(HASH)))), HASH);
    }
  }
});

test('what is no address is refused with the fault named', () => {
  assert.equal(fault(''), 'length');
  assert.equal(fault(MAIN.slice(0, -1)), 'checksum', 'one digit short may still be 25 bytes');
  assert.equal(fault(MAIN.slice(0, -2)), 'length');
  assert.equal(fault(`${MAIN}1`), 'length');
  assert.equal(fault(`1${MAIN}`), 'length');
  assert.equal(fault(MAIN.slice(1)), 'length');
  assert.equal(fault('1'.repeat(25)), 'checksum');
  assert.equal(fault('1'.repeat(26)), 'length');
  assert.equal(fault('z'.repeat(35)), 'length');
  assert.equal(fault('1'.repeat(1_000_000)), 'length');
  for (const letter of ['0', 'O', 'I', 'l', ' ', '_', 'é', '𝟙', '\n']) {
    assert.equal(fault(MAIN.replace('B', letter)), 'characters', letter);
  }
  assert.equal(fault(MAIN.replace('B', 'C')), 'checksum');
  assert.equal(fault(`${MAIN.slice(0, -1)}y`), 'checksum');
  assert.equal(fault(Utils.toBase58Check(Utils.toArray(HASH, 'hex'), [0x05])), 'version');
  assert.equal(fault(MAIN), undefined);
});

test('the error says what was wrong and what would be right', () => {
  assert.throws(
    () => parseAddress('main', MAIN.replace('B', 'C')),
    /checksum does not match.*beginning with 1/,
  );
  assert.throws(() => parseAddress('test', 'x'), /beginning with m or n/);
  assert.throws(
    () => parseAddress('main', 'z'.repeat(10_000)),
    (error: Error) => error.message.length < 400 && error.name === 'TokenError',
  );
});

test('an owner is an address, or 64 hex digits for the script hash of another lock', () => {
  const scriptHash = 'ab'.repeat(32);
  assert.equal(ownerToString('main', { owner: toBytes(HASH) }), MAIN);
  assert.equal(ownerToString('main', { owner: toBytes(scriptHash) }), scriptHash);
  assert.equal(toHex(parseOwner('main', MAIN)), HASH);
  assert.equal(toHex(parseOwner('main', scriptHash)), scriptHash);
  assert.equal(toHex(parseOwner('main', scriptHash.toUpperCase())), scriptHash);
  assert.throws(() => parseOwner('main', scriptHash.slice(1)), { code: 'ADDRESS_INVALID' });
  assert.throws(() => parseOwner('main', `${scriptHash}\n`), { code: 'ADDRESS_INVALID' });
});
