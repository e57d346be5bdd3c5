import { layoutOf } from '../../../src/spv/layout.ts';
import { Sighash } from '../../../src/spv/sighash.ts';
import { parseTransaction } from '../../../src/spv/transaction.ts';
import type { Prevout, VerifyJob } from '../../../src/spv/verify.ts';
import { makeTx } from '../spv.ts';
import { der, KEYS, p2pkh, push, sign } from './scripts.ts';

/** Signed transfers, for tests of what surrounds the signature check; whether they are right is not theirs to say. */

export interface TransferOptions {
  readonly inputs?: number;
  /** Makes outpoints and so the transaction a different one. */
  readonly nonce?: number;
  readonly satoshisOut?: number;
  readonly lockTime?: number;
  readonly version?: number;
  /** Instead of a P2PKH lock, for input 0, which then has no unlocking script. */
  readonly lock?: Uint8Array;
}

/** Each input spends a P2PKH output of 10 satoshis. */
export function transfer(options: TransferOptions = {}): VerifyJob {
  const { inputs: count = 2, nonce = 0, satoshisOut = 10, lockTime = 0, version = 1, lock } = options;
  const nonceBytes = Buffer.alloc(32);
  nonceBytes.writeUInt32LE(nonce);
  const txid = nonceBytes.toString('hex').replace(/^../, 'aa');
  const inputs = Array.from({ length: count }, (_, vout) => ({ txid, vout, script: Buffer.alloc(0) }));
  const parts = { version, inputs, outputs: [{ satoshis: satoshisOut, script: Buffer.of(0x51) }], lockTime };
  const prevouts: Prevout[] = inputs.map((_, vin) => ({
    satoshis: 10,
    script: vin === 0 && lock ? lock : p2pkh(keyOf(vin).compressed),
  }));
  const sighash = new Sighash(layoutOf(makeTx(parts).raw));
  const digest = Buffer.alloc(32);
  inputs.forEach((input, vin) => {
    if (vin === 0 && lock) return;
    sighash.digest(vin, (prevouts[vin] as Prevout).script, 0, 10, 0x41, digest);
    const { r, s } = sign(digest, keyOf(vin));
    const signature = Buffer.concat([der(r, s), Buffer.of(0x41)]);
    input.script = Buffer.concat([push(signature), push(keyOf(vin).compressed)]);
  });
  return { tx: parseTransaction(makeTx(parts).raw), prevouts };
}

/** The same job with another script or value for one input's previous output. */
export function withPrevout(job: VerifyJob, vin: number, change: Partial<Prevout>): VerifyJob {
  return {
    tx: job.tx,
    prevouts: job.prevouts.map((prevout, i) => (i === vin ? { ...prevout, ...change } : prevout)),
  };
}

function keyOf(vin: number) {
  return KEYS[vin % KEYS.length] as (typeof KEYS)[number];
}
