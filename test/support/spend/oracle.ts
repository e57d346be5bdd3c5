import { createHash } from 'node:crypto';
import { LockingScript, Script, Spend, Transaction, TransactionSignature } from '@bsv/sdk';
import { makeTx } from '../spv.ts';
import type { Draft, SpendCase } from './cases.ts';

/** @bsv/sdk as judge: digests to sign and script results, by nothing of ours. */

const ALWAYS = ['UTXO_AFTER_GENESIS', 'UTXO_AFTER_CHRONICLE', 'DERSIG', 'STRICTENC', 'SIGHASH_FORKID'];
const UP_TO_VERSION_1 = ['LOW_S', 'NULLFAIL', 'NULLDUMMY', 'MINIMALDATA', 'SIGPUSHONLY', 'CLEANSTACK'];

/** With 'network' the flags nodes use today; with 'default' those of `Spend` without flags. */
export function spendSays(spend: SpendCase, flags: 'network' | 'default'): boolean {
  const tx = Transaction.fromBinary([...spend.tx.raw]);
  const input = tx.inputs[spend.vin];
  if (!input?.unlockingScript || input.sourceTXID === undefined) throw new Error('no such input');
  const relaxed = (tx.version | 0) > 1;
  const judge = new Spend({
    sourceTXID: input.sourceTXID,
    sourceOutputIndex: input.sourceOutputIndex,
    sourceSatoshis: spend.satoshis,
    lockingScript: LockingScript.fromBinary([...spend.lock]) as LockingScript,
    transactionVersion: tx.version,
    otherInputs: tx.inputs.filter((_, vin) => vin !== spend.vin),
    outputs: tx.outputs,
    inputIndex: spend.vin,
    unlockingScript: input.unlockingScript,
    inputSequence: input.sequence ?? 0xffff_ffff,
    lockTime: tx.lockTime,
    ...(flags === 'network' ? { verifyFlags: relaxed ? ALWAYS : [...ALWAYS, ...UP_TO_VERSION_1] } : {}),
  });
  try {
    return judge.validate();
  } catch {
    return false;
  }
}

/** What a signature of this hash type signs: BIP-143, or the original digest without FORKID or with CHRONICLE. */
export function digestOf(draft: Draft, hashType: number): Buffer {
  const tx = Transaction.fromBinary([...makeTx(draft.parts).raw]);
  const input = tx.inputs[draft.vin];
  if (!input?.unlockingScript || input.sourceTXID === undefined) throw new Error('no such input');
  const params = {
    sourceTXID: input.sourceTXID,
    sourceOutputIndex: input.sourceOutputIndex,
    sourceSatoshis: draft.satoshis,
    transactionVersion: tx.version,
    otherInputs: tx.inputs.filter((_, vin) => vin !== draft.vin),
    outputs: tx.outputs,
    inputIndex: draft.vin,
    subscript: Script.fromBinary([...draft.lock.subarray(draft.codeAt)]),
    inputSequence: input.sequence ?? 0xffff_ffff,
    lockTime: tx.lockTime,
    scope: hashType,
  };
  if (TransactionSignature.usesOtdaSingleBug(params)) return Buffer.concat([Buffer.of(1), Buffer.alloc(31)]);
  const once = createHash('sha256').update(TransactionSignature.formatBytes(params)).digest();
  return createHash('sha256').update(once).digest();
}
