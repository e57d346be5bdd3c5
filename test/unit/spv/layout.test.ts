import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exceedsSupply, layoutOf } from '../../../src/spv/layout.ts';
import { parseTransaction } from '../../../src/spv/transaction.ts';
import { throwsSpv } from '../../support/assert-spv.ts';
import { makeTx, Random, randomTx } from '../../support/spv.ts';

describe('layoutOf', () => {
  it('finds the same parts as parseTransaction', () => {
    const random = new Random(11);
    for (let i = 0; i < 300; i++) {
      const { raw } = randomTx(random, [], 1 + random.below(5));
      const tx = parseTransaction(raw);
      const layout = layoutOf(raw);
      assert.equal(layout.outpointAt.length, tx.inputs.length);
      tx.inputs.forEach((input, vin) => {
        const unlock = raw.subarray(layout.unlockAt[vin], layout.sequenceAt[vin]);
        assert.deepEqual(Buffer.from(unlock), Buffer.from(input.script));
        assert.equal(raw.readUInt32LE(layout.sequenceAt[vin]), input.sequence);
        assert.equal(raw.readUInt32LE((layout.outpointAt[vin] as number) + 32), input.prevVout);
      });
      assert.equal(layout.outputAt.length, tx.outputs.length + 1);
      tx.outputs.forEach((output, vout) => {
        const end = layout.outputAt[vout + 1] as number;
        const script = raw.subarray(end - output.script.length, end);
        assert.deepEqual(Buffer.from(script), Buffer.from(output.script));
        assert.equal(raw.readBigUInt64LE(layout.outputAt[vout]), BigInt(output.satoshis));
      });
      assert.equal(raw.readUInt32LE(layout.lockTimeAt), tx.lockTime);
      assert.equal(
        layout.satoshisOut,
        tx.outputs.reduce((sum, output) => sum + output.satoshis, 0),
      );
      assert.equal(layout.version, tx.version);
    }
  });

  it('reads the version signed, as the network does', () => {
    const inputs = [{ txid: 'ab'.repeat(32), vout: 0 }];
    const outputs = [{ satoshis: 1 }];
    assert.equal(layoutOf(makeTx({ version: 0xffff_ffff, inputs, outputs }).raw).version, -1);
  });

  it('reads scripts of every length form', () => {
    for (const bytes of [0, 0xfc, 0xfd, 0xffff, 0x1_0000]) {
      const { raw } = makeTx({
        inputs: [{ txid: 'ab'.repeat(32), vout: 1, script: Buffer.alloc(bytes, 1) }],
        outputs: [{ satoshis: 1, script: Buffer.alloc(bytes, 2) }],
      });
      const { unlockAt, sequenceAt, lockTimeAt } = layoutOf(raw);
      assert.equal((sequenceAt[0] as number) - (unlockAt[0] as number), bytes);
      assert.equal(lockTimeAt, raw.length - 4);
    }
  });

  it('refuses bytes that end too soon or too late, and claims of huge counts', () => {
    const { raw } = randomTx(new Random(3));
    for (let end = 0; end < raw.length; end++)
      throwsSpv(() => layoutOf(raw.subarray(0, end)), 'UNEXPECTED_END');
    throwsSpv(() => layoutOf(Buffer.concat([raw, Buffer.of(0)])), 'UNEXPECTED_END');
    const claim = Buffer.concat([raw.subarray(0, 4), Buffer.from('ffffffffffffffff7f', 'hex')]);
    throwsSpv(() => layoutOf(claim), 'UNEXPECTED_END');
  });

  it('notes outputs worth more than all coins', () => {
    const inputs = [{ txid: 'ab'.repeat(32), vout: 0 }];
    const all = { satoshis: 21e14 };
    assert.equal(exceedsSupply(layoutOf(makeTx({ inputs, outputs: [all] }).raw)), false);
    assert.equal(exceedsSupply(layoutOf(makeTx({ inputs, outputs: [all, { satoshis: 1 }] }).raw)), true);
  });
});
