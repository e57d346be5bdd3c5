import { verifyDirect } from './direct.ts';
import { SpvError, type SpvErrorCode, type SpvErrorData } from './errors.ts';
import { exceedsSupply, layoutOf, type TxLayout } from './layout.ts';
import { Sighash } from './sighash.ts';
import { SpendRunner } from './spend.ts';
import { parseTransaction, type Transaction } from './transaction.ts';

/** The output that an input spends. */
export interface Prevout {
  readonly satoshis: number;
  readonly script: Uint8Array;
}

export interface VerifyJob {
  readonly tx: Transaction;
  /** prevouts[i] belongs to tx.inputs[i]. */
  readonly prevouts: readonly Prevout[];
}

/** What is wrong with a transaction; `vin` and `reason` where one input is to blame. */
export interface Failure {
  readonly code: SpvErrorCode;
  readonly message: string;
  readonly data: SpvErrorData;
}

/** Some input has a script that only the interpreter can judge, and the caller did not want it to run. */
export const NEEDS_INTERPRETER = Symbol('needs interpreter');

/**
 * Checks what an unproven transaction must fulfil beyond being parsed (which sees to it that no output is spent twice):
 * script and signatures of every input, outputs worth no more than inputs, no coinbase. Returns if all hold, else
 * throws SpvError:
 *
 *   SCRIPT_FAILED         {txid, vin, reason}  script or signature says no
 *   VALUES_NOT_CONSERVED  {txid, satoshisIn, satoshisOut}
 *   COINBASE_UNPROVEN     {txid}
 *   PREVOUT_COUNT         {txid, inputs, prevouts}
 *   VERIFIER_FAILED       {txid, vin, reason}  a limit of ours; the transaction may be valid
 *
 * Runs in the calling thread: 90 us for two standard inputs, but as long as it takes for scripts that need the
 * interpreter, without a time limit. For anything a stranger sends use VerifierPool.
 */
export function verifyTransaction(job: VerifyJob): void {
  const failure = checkTransaction(job.tx.raw, job.prevouts, true);
  if (failure === undefined) return;
  // With the interpreter allowed there is no third answer.
  throw toSpvError(failure as Failure, job.tx.txid);
}

export function toSpvError(failure: Failure, txid: string): SpvError {
  return new SpvError(failure.code, `transaction ${txid}: ${failure.message}`, { txid, ...failure.data });
}

/**
 * verifyTransaction on raw bytes that parseTransaction accepted once, without the txid in the result. Inputs with
 * standard locks come first whatever their place, since they cost least. With `interpret` false the result is
 * NEEDS_INTERPRETER if all of those hold and others are left.
 */
export function checkTransaction(
  raw: Uint8Array,
  prevouts: readonly Prevout[],
  interpret: boolean,
): Failure | typeof NEEDS_INTERPRETER | undefined {
  try {
    const layout = layoutOf(raw);
    const failure = checkValues(layout, prevouts) ?? checkNotCoinbase(layout);
    if (failure) return failure;
    return checkScripts(layout, prevouts, interpret);
  } catch (error) {
    if (error instanceof SpvError) return { code: error.code, message: error.message, data: error.data };
    throw error;
  }
}

function checkValues(layout: TxLayout, prevouts: readonly Prevout[]): Failure | undefined {
  const inputs = layout.outpointAt.length;
  if (prevouts.length !== inputs) {
    return {
      code: 'PREVOUT_COUNT',
      message: `${inputs} inputs need ${inputs} previous outputs, ${prevouts.length} were given`,
      data: { inputs, prevouts: prevouts.length },
    };
  }
  let satoshisIn = 0;
  for (let i = 0; i < inputs; i++) satoshisIn += (prevouts[i] as Prevout).satoshis;
  const { satoshisOut } = layout;
  if (satoshisOut <= satoshisIn && !exceedsSupply(layout)) return undefined;
  return {
    code: 'VALUES_NOT_CONSERVED',
    message: `outputs hold ${satoshisOut} satoshis, inputs ${satoshisIn}`,
    data: { satoshisIn, satoshisOut },
  };
}

/** An input that spends nothing makes a coinbase, and only the proof of its block makes that valid. */
function checkNotCoinbase(layout: TxLayout): Failure | undefined {
  for (const at of layout.outpointAt) {
    if (!isNullOutpoint(layout.raw, at)) continue;
    return {
      code: 'COINBASE_UNPROVEN',
      message: 'a coinbase is valid only with the proof of its block',
      data: {},
    };
  }
  return undefined;
}

/** 32 bytes zero and index 2^32 - 1. */
function isNullOutpoint(raw: Uint8Array, at: number): boolean {
  for (let i = 35; i >= 0; i--) if (raw[at + i] !== (i < 32 ? 0 : 0xff)) return false;
  return true;
}

function checkScripts(
  layout: TxLayout,
  prevouts: readonly Prevout[],
  interpret: boolean,
): Failure | typeof NEEDS_INTERPRETER | undefined {
  const sighash = new Sighash(layout);
  const rest: number[] = [];
  for (let vin = 0; vin < prevouts.length; vin++) {
    const { satoshis, script } = prevouts[vin] as Prevout;
    const verdict = verifyDirect(sighash, vin, satoshis, script);
    if (verdict === undefined) rest.push(vin);
    else if (verdict !== true) return scriptFailure('SCRIPT_FAILED', vin, verdict);
  }
  if (rest.length === 0) return undefined;
  return interpret ? interpretInputs(layout, prevouts, rest) : NEEDS_INTERPRETER;
}

function interpretInputs(
  layout: TxLayout,
  prevouts: readonly Prevout[],
  inputs: readonly number[],
): Failure | undefined {
  const runner = new SpendRunner(parseTransaction(layout.raw));
  for (const vin of inputs) {
    const { satoshis, script } = prevouts[vin] as Prevout;
    const result = runner.run(vin, satoshis, script);
    if (result.kind === 'invalid') return scriptFailure('SCRIPT_FAILED', vin, result.reason);
    if (result.kind === 'unverified') return scriptFailure('VERIFIER_FAILED', vin, result.reason);
  }
  return undefined;
}

function scriptFailure(code: 'SCRIPT_FAILED' | 'VERIFIER_FAILED', vin: number, reason: string): Failure {
  return { code, message: `input ${vin}: ${reason}`, data: { vin, reason } };
}
