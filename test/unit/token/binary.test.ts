import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasBinaryPrefix } from '../../../src/token/binary.ts';
import { decodeTokenOutput } from '../../../src/token/decode.ts';
import { envelope, P2PKH, push, TXID, toBytes, transferJson } from '../../support/token-scripts.ts';

const WIRE_TXID = `${'00'.repeat(31)}ff`;
const DISPLAY_TXID = `ff${'00'.repeat(31)}`;
const ID = `20${WIRE_TXID}`;
const LEGACY_ID = `24${WIRE_TXID}03000000`;
const detect = (hex: string) => hasBinaryPrefix(toBytes(hex));

test('§11 roles: id and amount say which', () => {
  assert.deepEqual(detect(`0004809698006d${P2PKH}`), {
    role: 'deploy',
    tokenId: undefined,
    amt: 10_000_000n,
    end: 7,
  });
  assert.deepEqual(detect(`00006d${P2PKH}`), { role: 'deploy', tokenId: undefined, amt: 0n, end: 3 });
  assert.deepEqual(detect(`${ID}006d`), {
    role: 'authority',
    tokenId: `${DISPLAY_TXID}_0`,
    amt: 0n,
    end: 35,
  });
  assert.deepEqual(detect(`${ID}556d51`), { role: 'value', tokenId: `${DISPLAY_TXID}_0`, amt: 5n, end: 35 });
});

test('§11 id: OP_0, 32 bytes, or 36 bytes with an index other than 0, as direct push', () => {
  assert.equal(detect(`${LEGACY_ID}516d`)?.tokenId, `${DISPLAY_TXID}_3`);
  assert.equal(detect(`24${WIRE_TXID}01020304516d`)?.tokenId, `${DISPLAY_TXID}_${0x04030201}`);
  assert.equal(detect(`24${WIRE_TXID}ffffffff516d`)?.tokenId, `${DISPLAY_TXID}_4294967295`);
  for (const id of [
    `24${WIRE_TXID}00000000`,
    `1f${'00'.repeat(31)}`,
    `21${'00'.repeat(33)}`,
    `4c20${WIRE_TXID}`,
    `4d2400${WIRE_TXID}03000000`,
    '51',
    '4c00',
    '76',
  ]) {
    assert.equal(detect(`${id}516d${P2PKH}`), undefined, id);
  }
});

test('§11 amount: minimal script number from 0 to 2^64-1', () => {
  for (const [encoded, amount] of [
    ['00', 0n],
    ['51', 1n],
    ['60', 16n],
    ['0111', 17n],
    ['017f', 127n],
    ['028000', 128n],
    ['02ff00', 255n],
    ['020001', 256n],
    ['050000008000', 2n ** 31n],
    ['08ffffffffffffff7f', 2n ** 63n - 1n],
    ['09000000000000008000', 2n ** 63n],
    ['09ffffffffffffffff00', 2n ** 64n - 1n],
  ] as const) {
    assert.equal(detect(`${ID}${encoded}6d`)?.amt, amount, encoded);
  }
  for (const encoded of [
    '0100', // zero has OP_0
    '0101', // one has OP_1
    '0110',
    '021100', // padded
    '0191', // negative
    '0180',
    '4f',
    '50',
    '4c0111',
    `09${'00'.repeat(8)}01`, // 2^64
    `0a${'ff'.repeat(9)}00`,
    '61',
  ]) {
    assert.equal(detect(`${ID}${encoded}6d`), undefined, encoded);
  }
});

test('§11 layout: OP_2DROP behind the amount, at offset 0 of the script', () => {
  for (const script of [
    '',
    '00',
    ID,
    ID.slice(0, -2),
    `${ID}51`,
    `${ID}5175`,
    `${ID}0511`,
    `51${ID}516d`,
    P2PKH,
  ]) {
    assert.equal(detect(script), undefined, script);
  }
});

test('§11 payload: one push and OP_DROP, anything else belongs to the lock', () => {
  for (const payload of ['00', '4f', '51', '60', push('aabb'), '4c0102', push('00'.repeat(300))]) {
    assert.equal(detect(`${ID}516d${payload}75${P2PKH}`)?.end, 35 + payload.length / 2 + 1, payload);
  }
  for (const rest of ['', P2PKH, '50', '5076', push('aabb'), `${push('aabb')}76`, '4cff']) {
    assert.equal(detect(`${ID}516d${rest}`)?.end, 35, rest);
  }
});

test('§11 precedence: a valid binary prefix wins over a JSON envelope in the same script', () => {
  const json = envelope({ body: transferJson() });
  const decode = (hex: string) => decodeTokenOutput(toBytes(hex), TXID, 1);
  assert.notEqual(decode(json + P2PKH), undefined);
  for (const prefix of [`${ID}516d`, `${LEGACY_ID}006d`, '00516d', '00006d', `${ID}516d${push('aa')}75`]) {
    assert.equal(decode(prefix + json + P2PKH), undefined, prefix);
  }
  assert.equal(decode(`${ID}01016d${json}${P2PKH}`)?.op, 'transfer', 'an invalid prefix is only lock script');
  assert.equal(decode(`24${WIRE_TXID}00000000516d${json}`)?.op, 'transfer');
});
