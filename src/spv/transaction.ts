import { ByteReader, displayHexAt, limitExceeded, txidOf } from './bytes.ts';
import { SpvError } from './errors.ts';
import {
  MAX_SATOSHIS,
  MAX_SCRIPT_BYTES,
  MAX_TX_BYTES,
  MAX_TX_INPUTS,
  MAX_TX_OUTPUTS,
  MIN_INPUT_BYTES,
  MIN_OUTPUT_BYTES,
} from './limits.ts';

export interface TxInput {
  /** Display order. */
  readonly prevTxid: string;
  readonly prevVout: number;
  /** Unlocking script, a view. */
  readonly script: Uint8Array;
  readonly sequence: number;
}

export interface TxOutput {
  /** At most 21e14. */
  readonly satoshis: number;
  /** Locking script, a view. */
  readonly script: Uint8Array;
}

export interface Transaction {
  /** The exact bytes, a view. */
  readonly raw: Uint8Array;
  /** Display order. */
  readonly txid: string;
  /** Unsigned: above 2^31 - 1 the network reads it as negative. */
  readonly version: number;
  readonly inputs: readonly TxInput[];
  readonly outputs: readonly TxOutput[];
  readonly lockTime: number;
}

const COINBASE_PREV_TXID = '0'.repeat(64);
/** Up to here comparing every pair is cheaper than a set of outpoint strings. */
const PAIRWISE_INPUTS = 12;
const COINBASE_PREV_VOUT = 0xffff_ffff;

/** The transaction that `bytes` are, all of them; SpvError with a decode code otherwise. */
export function parseTransaction(bytes: Uint8Array): Transaction {
  if (bytes.length > MAX_TX_BYTES) throw limitExceeded('transaction bytes', 0, bytes.length, MAX_TX_BYTES);
  const reader = new ByteReader(bytes);
  const tx = readTransaction(reader);
  reader.finish('transaction');
  return tx;
}

/** The transaction at the reader's place, which it moves behind it. Linear in the bytes; scripts are views. */
export function readTransaction(reader: ByteReader): Transaction {
  const start = reader.offset;
  const version = reader.u32('version');
  refuseExtendedFormat(reader);
  const inputs = readInputs(reader);
  const outputs = readOutputs(reader);
  const lockTime = reader.u32('lock time');
  const raw = reader.between(start, reader.offset);
  return { raw, txid: txidOf(raw), version, inputs, outputs, lockTime };
}

/** True for the first transaction of a block: one input, spending nothing. */
export function isCoinbase(tx: Transaction): boolean {
  const input = tx.inputs[0];
  return (
    tx.inputs.length === 1 && input?.prevVout === COINBASE_PREV_VOUT && input.prevTxid === COINBASE_PREV_TXID
  );
}

function readInputs(reader: ByteReader): TxInput[] {
  const at = reader.offset;
  const claim = reader.minimalVarint('input count');
  const count = reader.checkCount(claim, at, 'input count', MIN_INPUT_BYTES, MAX_TX_INPUTS);
  if (count === 0) {
    throw new SpvError('TX_NO_INPUTS', `the transaction has no inputs (byte ${at})`, { offset: at });
  }
  const inputs: TxInput[] = [];
  for (let i = 0; i < count; i++) {
    const outpointAt = reader.offset;
    reader.skip(32, 'previous txid');
    const prevTxid = displayHexAt(reader.bytes, outpointAt);
    const prevVout = reader.u32('previous output index');
    const script = readScript(reader, 'unlocking script');
    inputs.push({ prevTxid, prevVout, script, sequence: reader.u32('sequence') });
  }
  refuseDoubleInput(inputs, at);
  return inputs;
}

/** A coin spent twice by one transaction would count twice, in satoshis and in tokens; no signature forbids it. */
function refuseDoubleInput(inputs: readonly TxInput[], at: number): void {
  const twice = inputs.length <= PAIRWISE_INPUTS ? twicePairwise(inputs) : twiceBySet(inputs);
  if (twice === undefined) return;
  const outpoint = `${twice.prevTxid}_${twice.prevVout}`;
  throw new SpvError('TX_INPUT_TWICE', `the transaction (inputs at byte ${at}) spends ${outpoint} twice`, {
    offset: at,
    outpoint,
  });
}

function twicePairwise(inputs: readonly TxInput[]): TxInput | undefined {
  for (let i = 1; i < inputs.length; i++) {
    const one = inputs[i] as TxInput;
    for (let j = 0; j < i; j++) {
      const other = inputs[j] as TxInput;
      if (one.prevVout === other.prevVout && one.prevTxid === other.prevTxid) return one;
    }
  }
  return undefined;
}

function twiceBySet(inputs: readonly TxInput[]): TxInput | undefined {
  const seen = new Set<string>();
  for (const input of inputs) {
    const outpoint = `${input.prevTxid}_${input.prevVout}`;
    if (seen.has(outpoint)) return input;
    seen.add(outpoint);
  }
  return undefined;
}

function readOutputs(reader: ByteReader): TxOutput[] {
  const at = reader.offset;
  const claim = reader.minimalVarint('output count');
  const count = reader.checkCount(claim, at, 'output count', MIN_OUTPUT_BYTES, MAX_TX_OUTPUTS);
  if (count === 0) {
    throw new SpvError('TX_NO_OUTPUTS', `the transaction has no outputs (byte ${at})`, { offset: at });
  }
  const outputs: TxOutput[] = [];
  for (let i = 0; i < count; i++) {
    const satoshisAt = reader.offset;
    const satoshis = reader.u64('satoshis');
    if (satoshis > MAX_SATOSHIS) {
      throw new SpvError(
        'SATOSHIS_OUT_OF_RANGE',
        `output ${i} at byte ${satoshisAt} holds ${satoshis} satoshis, more than the ${MAX_SATOSHIS} there are`,
        { vout: i, offset: satoshisAt, satoshis, max: MAX_SATOSHIS },
      );
    }
    outputs.push({ satoshis, script: readScript(reader, 'locking script') });
  }
  return outputs;
}

function readScript(reader: ByteReader, field: string): Uint8Array {
  const at = reader.offset;
  const length = reader.minimalVarint(field);
  if (length > MAX_SCRIPT_BYTES) throw limitExceeded(field, at, length, MAX_SCRIPT_BYTES);
  return reader.view(length, field);
}

/** BRC-30: 00 00 00 00 00 EF after the version. Its previous outputs are claims, so we take raw transactions only. */
function refuseExtendedFormat(reader: ByteReader): void {
  const { bytes, offset } = reader;
  if (bytes[offset] !== 0 || bytes[offset + 5] !== 0xef) return;
  for (let i = 1; i < 5; i++) if (bytes[offset + i] !== 0) return;
  throw new SpvError(
    'EXTENDED_FORMAT',
    `extended format (BRC-30) at byte ${offset}; a raw transaction is expected`,
    {
      offset,
    },
  );
}
