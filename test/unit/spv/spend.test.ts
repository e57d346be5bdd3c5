import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import {
  networkFlags,
  SPEND_SCRIPT_BYTES,
  SPEND_STACK_BYTES,
  SPEND_STACK_ITEMS,
  SpendRunner,
} from '../../../src/spv/spend.ts';
import { parseTransaction } from '../../../src/spv/transaction.ts';
import { verifyTransaction } from '../../../src/spv/verify.ts';
import { push, pushWith } from '../../support/spend/scripts.ts';
import { transfer } from '../../support/spend/transfer.ts';
import { makeTx } from '../../support/spv.ts';

const hex = (text: string) => Buffer.from(text, 'hex');

function run(lock: Uint8Array, unlock: Uint8Array = Buffer.alloc(0), version = 1) {
  const { raw } = makeTx({
    version,
    inputs: [{ txid: 'ab'.repeat(32), vout: 0, script: unlock }],
    outputs: [{ satoshis: 1 }],
  });
  return new SpendRunner(parseTransaction(raw)).run(0, 1, lock);
}

function sdkIsLoaded(): boolean {
  return Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('@bsv'));
}

describe('interpreter', () => {
  it('is not loaded for standard locks', () => {
    verifyTransaction(transfer());
    assert.equal(sdkIsLoaded(), false);
    assert.deepEqual(run(hex('51')), { kind: 'valid' });
    assert.equal(sdkIsLoaded(), true);
  });

  it('runs any script: 2 + 3 = 5', () => {
    assert.deepEqual(run(hex('935587'), hex('5253')), { kind: 'valid' });
    const result = run(hex('935687'), hex('5253'));
    assert.equal(result.kind, 'invalid');
  });

  it('gives a reason of one short line, whatever lies on the stack', () => {
    const result = run(Buffer.concat([push(Buffer.alloc(5000, 7)), hex('0088')]));
    assert.ok(result.kind === 'invalid');
    assert.match(result.reason, /^OP_EQUALVERIFY requires/);
    assert.ok(result.reason.length <= 200 && !result.reason.includes('\n'));
  });

  it('is strict against malleability up to version 1 and for negative versions, as nodes are', () => {
    const notMinimal = pushWith(0x4c, hex('0705'));
    for (const version of [0, 1, 0x8000_0000, 0xffff_ffff]) {
      assert.equal(run(hex('7551'), notMinimal, version).kind, 'invalid', `version ${version}`);
      assert.equal(run(hex('51'), hex('51'), version).kind, 'invalid', 'unclean stack');
      assert.equal(networkFlags(version).includes('LOW_S'), true);
    }
    for (const version of [2, 3, 0x7fff_ffff]) {
      assert.equal(run(hex('7551'), notMinimal, version).kind, 'valid', `version ${version}`);
      assert.equal(run(hex('51'), hex('51'), version).kind, 'valid', 'unclean stack');
    }
  });

  it('has the rules of after Genesis and Chronicle', () => {
    assert.equal(run(hex('516a')).kind, 'valid', 'OP_RETURN ends, it does not fail');
    assert.equal(run(hex('528d5487')).kind, 'valid', 'OP_2MUL');
    assert.equal(run(hex('5163516700675168')).kind, 'invalid', 'a second OP_ELSE');
    for (const version of [1, 2]) assert.ok(networkFlags(version).includes('SIGHASH_FORKID'));
  });

  it('refuses, before memory is taken, results as large as a number says', () => {
    const before = process.memoryUsage().rss;
    for (const [name, lock] of [
      ['OP_NUM2BIN of 2^30 bytes, fatal for the process in Spend itself', '5104ffffff3f80'],
      ['OP_NUM2BIN above the limit', '510481841e0080'],
      ['OP_NUM2BIN with a size of 9 bytes', '5109ffffffffffffffff7f80'],
      ['OP_LSHIFT by 2^31', '5104ffffff7f98'],
      ['OP_LSHIFTNUM by 2^31', '5104ffffff7fb6'],
    ] as const) {
      const result = run(hex(lock), undefined, 2);
      assert.equal(result.kind, 'unverified', name);
    }
    assert.ok(process.memoryUsage().rss - before < 100e6);
    assert.equal(run(hex('51022003808277')).kind, 'valid', 'OP_NUM2BIN of 800 bytes');
    assert.equal(
      run(hex('00635104ffffff3f806851'), undefined, 2).kind,
      'valid',
      'in a branch that does not run',
    );
    const negative = run(hex('510181807551'), undefined, 2);
    assert.equal(negative.kind, 'invalid', 'a negative size is for Spend to refuse');
  });

  it('says "unverified" at its limits of script, stack and items, not "invalid"', () => {
    const big = pushWith(0x4e, Buffer.alloc(SPEND_SCRIPT_BYTES - 10, 1));
    const copies = Math.ceil(SPEND_STACK_BYTES / big.length);
    assert.equal(run(Buffer.concat([big, Buffer.alloc(copies, 0x76)])).kind, 'unverified');
    assert.equal(run(Buffer.alloc(SPEND_SCRIPT_BYTES + 1, 0x61)).kind, 'unverified');
    assert.equal(run(Buffer.alloc(SPEND_STACK_ITEMS + 2, 0x00)).kind, 'unverified');
    assert.equal(run(Buffer.concat([hex('51'), Buffer.alloc(40, 0x76), hex('69'.repeat(40))])).kind, 'valid');
  });
});
