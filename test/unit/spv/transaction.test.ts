import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteReader } from '../../../src/spv/bytes.ts';
import { MAX_SCRIPT_BYTES, MAX_TX_BYTES } from '../../../src/spv/limits.ts';
import { isCoinbase, parseTransaction, readTransaction } from '../../../src/spv/transaction.ts';
import { throwsSpv } from '../../support/assert-spv.ts';
import { makeTx, Random, TestChain, u32, varint } from '../../support/spv.ts';

const TXID = `${'ab'.repeat(31)}01`;
const NULL_TXID = '00'.repeat(32);

test('every field comes out as it was written', () => {
  const { raw, txid } = makeTx({
    version: 2,
    inputs: [
      { txid: TXID, vout: 3, script: Buffer.from('0102', 'hex'), sequence: 0xfffffffe },
      { txid: TXID, vout: 0xffff_ffff, sequence: 0 },
    ],
    outputs: [
      { satoshis: 21e14, script: Buffer.alloc(300, 0x6a) },
      { satoshis: 0, script: Buffer.alloc(0) },
    ],
    lockTime: 0xfffffff0,
  });
  const tx = parseTransaction(raw);
  assert.equal(tx.txid, txid);
  assert.equal(tx.version, 2);
  assert.equal(tx.lockTime, 0xfffffff0);
  assert.deepEqual(
    tx.inputs.map((i) => [i.prevTxid, i.prevVout, Buffer.from(i.script).toString('hex'), i.sequence]),
    [
      [TXID, 3, '0102', 0xfffffffe],
      [TXID, 0xffff_ffff, '', 0],
    ],
  );
  assert.deepEqual(
    tx.outputs.map((o) => [o.satoshis, o.script.length]),
    [
      [21e14, 300],
      [0, 0],
    ],
  );
  assert.deepEqual(Buffer.from(tx.raw), raw);
  assert.equal(tx.raw.buffer, raw.buffer, 'a view, not a copy');
  assert.equal(tx.outputs[0]?.script.buffer, raw.buffer, 'a view, not a copy');
});

test('a transaction among others is read to its end and no further', () => {
  const one = makeTx({ inputs: [{ txid: TXID, vout: 0 }], outputs: [{ satoshis: 1 }] });
  const two = makeTx({ inputs: [{ txid: TXID, vout: 1 }], outputs: [{ satoshis: 2 }] });
  const reader = new ByteReader(Buffer.concat([one.raw, two.raw]));
  assert.equal(readTransaction(reader).txid, one.txid);
  assert.equal(reader.offset, one.raw.length);
  assert.equal(readTransaction(reader).txid, two.txid);
  reader.finish('both');
});

test('the length is exact: every truncation and every trailing byte is refused', () => {
  const { raw } = makeTx({
    inputs: [{ txid: TXID, vout: 0, script: Buffer.alloc(70) }],
    outputs: [{ satoshis: 1, script: Buffer.alloc(25) }],
  });
  for (let length = 0; length < raw.length; length++) {
    try {
      parseTransaction(raw.subarray(0, length));
      assert.fail(`${length} bytes were accepted`);
    } catch (error) {
      assert.match((error as { code?: string }).code ?? String(error), /^(UNEXPECTED_END|COUNT_TOO_LARGE)$/);
    }
  }
  throwsSpv(() => parseTransaction(Buffer.concat([raw, Buffer.of(0)])), 'TRAILING_BYTES', {
    offset: raw.length,
    trailing: 1,
  });
});

test('no inputs, no outputs', () => {
  throwsSpv(() => parseTransaction(makeTx({ inputs: [], outputs: [{ satoshis: 1 }] }).raw), 'TX_NO_INPUTS', {
    offset: 4,
  });
  const bare = makeTx({ inputs: [{ txid: TXID, vout: 0 }], outputs: [] });
  throwsSpv(() => parseTransaction(bare.raw), 'TX_NO_OUTPUTS', { offset: 46 });
});

test('satoshis: 21e14 is the most', () => {
  for (const satoshis of [2_100_000_000_000_001n, 2n ** 53n - 1n]) {
    const { raw } = makeTx({ inputs: [{ txid: TXID, vout: 0 }], outputs: [{ satoshis: 1 }, { satoshis }] });
    throwsSpv(() => parseTransaction(raw), 'SATOSHIS_OUT_OF_RANGE', { vout: 1, offset: 57, max: 21e14 });
  }
  const { raw } = makeTx({ inputs: [{ txid: TXID, vout: 0 }], outputs: [{ satoshis: 2n ** 64n - 1n }] });
  throwsSpv(() => parseTransaction(raw), 'NUMBER_TOO_LARGE', { field: 'satoshis' });
});

test('the same coin twice is refused, few inputs or many', () => {
  for (const count of [2, 12, 13, 500]) {
    const inputs = Array.from({ length: count }, (_, vout) => ({ txid: TXID, vout }));
    const outputs = [{ satoshis: 1 }];
    assert.equal(parseTransaction(makeTx({ inputs, outputs }).raw).inputs.length, count);
    const twice = [...inputs.slice(0, -1), { txid: TXID, vout: 0 }];
    throwsSpv(() => parseTransaction(makeTx({ inputs: twice, outputs }).raw), 'TX_INPUT_TWICE', {
      outpoint: `${TXID}_0`,
    });
    const other = `${'cd'.repeat(31)}01`;
    const sameVout = [...inputs.slice(0, -1), { txid: other, vout: 0 }];
    assert.equal(parseTransaction(makeTx({ inputs: sameVout, outputs }).raw).inputs.at(-1)?.prevTxid, other);
  }
});

test('a length in a longer form than needed would be a second txid for the same transaction', () => {
  const { raw } = makeTx({ inputs: [{ txid: TXID, vout: 0 }], outputs: [{ satoshis: 1 }] });
  // Input count at 4, unlocking script length at 41, output count at 46, locking script length at 55.
  for (const at of [4, 41, 46, 55]) {
    const value = raw[at] as number;
    for (const width of [3, 5, 9] as const) {
      const long = Buffer.concat([raw.subarray(0, at), varint(value, width), raw.subarray(at + 1)]);
      throwsSpv(() => parseTransaction(long), 'VARINT_NOT_MINIMAL', { offset: at, value, bytes: width });
    }
  }
});

test('extended format is named', () => {
  const { raw } = makeTx({ inputs: [{ txid: TXID, vout: 0 }], outputs: [{ satoshis: 1 }] });
  const ef = Buffer.concat([raw.subarray(0, 4), Buffer.from('0000000000ef', 'hex'), raw.subarray(4)]);
  throwsSpv(() => parseTransaction(ef), 'EXTENDED_FORMAT', { offset: 4 });
});

test('counts and lengths that are mere claims', () => {
  const million = Buffer.concat([u32(1), varint(1_000_000)]);
  assert.equal(million.length, 9);
  throwsSpv(() => parseTransaction(million), 'COUNT_TOO_LARGE', { count: 1_000_000, remaining: 0 });
  const script = Buffer.concat([u32(1), Buffer.of(1), Buffer.alloc(36), varint(60_000), Buffer.alloc(100)]);
  throwsSpv(() => parseTransaction(script), 'UNEXPECTED_END', { needed: 60_000 });
  const huge = Buffer.concat([u32(1), Buffer.of(1), Buffer.alloc(36), varint(2 ** 50), Buffer.alloc(9)]);
  throwsSpv(() => parseTransaction(huge), 'LIMIT_EXCEEDED', { value: 2 ** 50, max: MAX_SCRIPT_BYTES });
});

test('limits are limits: bytes, inputs, outputs', () => {
  throwsSpv(() => parseTransaction(new Uint8Array(MAX_TX_BYTES + 1)), 'LIMIT_EXCEEDED', {
    field: 'transaction bytes',
    max: MAX_TX_BYTES,
  });
  const inputs = Buffer.concat([u32(1), varint(100_001), Buffer.alloc(100_001 * 41)]);
  throwsSpv(() => parseTransaction(inputs), 'LIMIT_EXCEEDED', { field: 'input count', value: 100_001 });
  const one = makeTx({ inputs: [{ txid: TXID, vout: 0 }], outputs: [{ satoshis: 1 }] }).raw.subarray(0, 46);
  const outputs = Buffer.concat([one, varint(200_001), Buffer.alloc(200_001 * 9)]);
  throwsSpv(() => parseTransaction(outputs), 'LIMIT_EXCEEDED', { field: 'output count', value: 200_001 });
});

test('a coinbase spends nothing, alone', () => {
  const chain = new TestChain(1);
  const [coinbase, plain] = chain.mineRandom(2).txs;
  assert.equal(isCoinbase(parseTransaction(coinbase?.raw as Buffer)), true);
  assert.equal(isCoinbase(parseTransaction(plain?.raw as Buffer)), false);
  const outputs = [{ satoshis: 1 }];
  const close = [
    [{ txid: NULL_TXID, vout: 0 }],
    [{ txid: TXID, vout: 0xffff_ffff }],
    [
      { txid: NULL_TXID, vout: 0xffff_ffff },
      { txid: TXID, vout: 0 },
    ],
  ];
  for (const inputs of close)
    assert.equal(isCoinbase(parseTransaction(makeTx({ inputs, outputs }).raw)), false);
});

test('txid is of the exact bytes, also out of a larger buffer', () => {
  const random = new Random(3);
  const { raw, txid } = makeTx({
    inputs: [{ txid: TXID, vout: 0, script: random.bytes(90) }],
    outputs: [{ satoshis: 5, script: random.bytes(40) }],
  });
  const padded = Buffer.concat([Buffer.alloc(13), raw, Buffer.alloc(5)]);
  assert.equal(parseTransaction(padded.subarray(13, 13 + raw.length)).txid, txid);
});
