import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Script, Transaction, TransactionSignature } from '@bsv/sdk';
import { layoutOf } from '../../../src/spv/layout.ts';
import { Sighash } from '../../../src/spv/sighash.ts';
import { cpuMs, hash256, makeTx, Random, randomTx } from '../../support/spv.ts';

/** FORKID with ALL, NONE, SINGLE, each with and without ANYONECANPAY. */
const HASH_TYPES = [0x41, 0x42, 0x43, 0xc1, 0xc2, 0xc3];

function ours(
  sighash: Sighash,
  vin: number,
  lock: Buffer,
  codeAt: number,
  satoshis: number,
  type: number,
): string {
  const target = Buffer.alloc(32);
  sighash.digest(vin, lock, codeAt, satoshis, type, target);
  return target.toString('hex');
}

function sdks(raw: Buffer, vin: number, code: Buffer, satoshis: number, scope: number): string {
  const tx = Transaction.fromBinary([...raw]);
  const input = tx.inputs[vin];
  const preimage = TransactionSignature.formatBytes({
    sourceTXID: input?.sourceTXID ?? '',
    sourceOutputIndex: input?.sourceOutputIndex ?? 0,
    sourceSatoshis: satoshis,
    transactionVersion: tx.version,
    otherInputs: tx.inputs.filter((_, i) => i !== vin),
    outputs: tx.outputs,
    inputIndex: vin,
    subscript: Script.fromBinary([...code]),
    inputSequence: input?.sequence ?? 0,
    lockTime: tx.lockTime,
    scope,
  });
  return hash256(preimage).toString('hex');
}

describe('Sighash', () => {
  it('is that of the sdk for every hash type and input, also SINGLE without an output', () => {
    const random = new Random(5);
    for (let i = 0; i < 60; i++) {
      const parents = Array.from({ length: 1 + random.below(4) }, () => randomTx(random));
      const { raw } = randomTx(random, parents, 1 + random.below(3));
      const sighash = new Sighash(layoutOf(raw));
      const lock = random.bytes(1 + random.below(80));
      for (let vin = 0; vin < parents.length; vin++) {
        for (const type of HASH_TYPES) {
          const satoshis = random.u32() * 1000;
          const expected = sdks(raw, vin, lock, satoshis, type);
          assert.equal(ours(sighash, vin, lock, 0, satoshis, type), expected, `input ${vin}, type ${type}`);
        }
      }
    }
  });

  it('signs the lock from the given place on, and locks of every length form', () => {
    const random = new Random(6);
    const { raw } = randomTx(random);
    const sighash = new Sighash(layoutOf(raw));
    for (const bytes of [0, 1, 0xfc, 0xfd, 0xffff, 0x1_0000, 200_000]) {
      // All pushes of OP_1: the sdk writes the script anew from its opcodes.
      const lock = Buffer.concat([random.bytes(3), Buffer.alloc(bytes, 0x51)]);
      assert.equal(ours(sighash, 0, lock, 3, 7, 0x41), sdks(raw, 0, lock.subarray(3), 7, 0x41));
    }
  });

  it('hashes the largest possible value', () => {
    const { raw } = randomTx(new Random(7));
    const lock = Buffer.of(0x51);
    assert.equal(ours(new Sighash(layoutOf(raw)), 0, lock, 0, 21e14, 0x41), sdks(raw, 0, lock, 21e14, 0x41));
  });

  it('costs the same for each input however many there are', () => {
    const inputs = Array.from({ length: 20_000 }, (_, vout) => ({ txid: 'cd'.repeat(32), vout }));
    const { raw } = makeTx({ inputs, outputs: [{ satoshis: 1 }] });
    const target = Buffer.alloc(32);
    const lock = Buffer.alloc(25, 0x51);
    const ms = cpuMs(() => {
      const sighash = new Sighash(layoutOf(raw));
      for (let vin = 0; vin < inputs.length; vin++) sighash.digest(vin, lock, 0, 1, 0x41, target);
    }, 500);
    // 20,000 inputs that each hash all outpoints anew would be 14 GB and half a minute.
    assert.ok(ms < 500, `${ms} ms`);
  });
});
