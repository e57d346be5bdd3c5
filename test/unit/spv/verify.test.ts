import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseTransaction } from '../../../src/spv/transaction.ts';
import { checkTransaction, NEEDS_INTERPRETER, verifyTransaction } from '../../../src/spv/verify.ts';
import { throwsSpv } from '../../support/assert-spv.ts';
import { KEYS, p2pkh } from '../../support/spend/scripts.ts';
import { transfer, withPrevout } from '../../support/spend/transfer.ts';
import { makeTx } from '../../support/spv.ts';

const otherLock = p2pkh((KEYS[5] as (typeof KEYS)[number]).compressed);

describe('verifyTransaction', () => {
  it('accepts signed transfers of one to many inputs', () => {
    for (const inputs of [1, 2, 3, 50]) verifyTransaction(transfer({ inputs }));
  });

  it('names the input whose signature fails, and why', () => {
    const job = transfer({ inputs: 3 });
    throwsSpv(() => verifyTransaction(withPrevout(job, 2, { script: otherLock })), 'SCRIPT_FAILED', {
      txid: job.tx.txid,
      vin: 2,
      reason: 'the public key is not the one the lock names',
    });
    throwsSpv(() => verifyTransaction(withPrevout(job, 1, { satoshis: 11 })), 'SCRIPT_FAILED', {
      vin: 1,
      reason: 'the signature does not fit key and transaction',
    });
  });

  it('checks a wrong standard input before it interprets another', () => {
    const job = withPrevout(transfer({ inputs: 2, lock: Buffer.of(0x00) }), 1, { script: otherLock });
    throwsSpv(() => verifyTransaction(job), 'SCRIPT_FAILED', { vin: 1 });
  });

  it('interprets what is not standard', () => {
    verifyTransaction(transfer({ lock: Buffer.of(0x51) }));
    throwsSpv(() => verifyTransaction(transfer({ lock: Buffer.of(0x00) })), 'SCRIPT_FAILED', { vin: 0 });
  });

  it('tells what it cannot verify from what is invalid', () => {
    const job = transfer({ lock: Buffer.from('5104ffffff3f80', 'hex'), version: 2 });
    throwsSpv(() => verifyTransaction(job), 'VERIFIER_FAILED', { txid: job.tx.txid, vin: 0 });
  });

  it('leaves the interpreter alone if told so', () => {
    const check = (lock: Buffer) => {
      const { tx, prevouts } = transfer({ lock });
      return checkTransaction(tx.raw, prevouts, false);
    };
    assert.equal(check(Buffer.of(0x51)), NEEDS_INTERPRETER);
    const { tx, prevouts } = transfer();
    assert.equal(checkTransaction(tx.raw, prevouts, false), undefined);
  });

  it('wants outputs worth at most the inputs', () => {
    verifyTransaction(transfer({ inputs: 2, satoshisOut: 20 }));
    throwsSpv(() => verifyTransaction(transfer({ inputs: 2, satoshisOut: 21 })), 'VALUES_NOT_CONSERVED', {
      satoshisIn: 20,
      satoshisOut: 21,
    });
  });

  it('is not misled by sums beyond 2^53', () => {
    const outputs = Array.from({ length: 10 }, () => ({ satoshis: 21e14 }));
    const { raw } = makeTx({ inputs: [{ txid: 'ab'.repeat(32), vout: 0 }], outputs });
    const job = { tx: parseTransaction(raw), prevouts: [{ satoshis: 21e15, script: Buffer.of(0x51) }] };
    throwsSpv(() => verifyTransaction(job), 'VALUES_NOT_CONSERVED');
  });

  it('refuses a coinbase', () => {
    const { raw } = makeTx({
      inputs: [{ txid: '00'.repeat(32), vout: 0xffff_ffff }],
      outputs: [{ satoshis: 0 }],
    });
    const job = { tx: parseTransaction(raw), prevouts: [{ satoshis: 1, script: Buffer.of(0x51) }] };
    throwsSpv(() => verifyTransaction(job), 'COINBASE_UNPROVEN', { txid: job.tx.txid });
  });

  it('wants one previous output for each input', () => {
    const { tx, prevouts } = transfer();
    throwsSpv(() => verifyTransaction({ tx, prevouts: prevouts.slice(1) }), 'PREVOUT_COUNT', {
      inputs: 2,
      prevouts: 1,
    });
  });
});
