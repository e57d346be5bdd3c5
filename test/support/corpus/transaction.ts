import secp256k1 from 'secp256k1';
import { Cursor, sha256d, toDisplay, toInternal, u32, u64, varBytes, varint } from './bytes.ts';
import type { Key } from './keys.ts';
import { push } from './script.ts';
import { signFast } from './signer.ts';

export interface RawInput {
  readonly prevTxid: string;
  readonly prevVout: number;
  script: Buffer;
  readonly sequence: number;
}

export interface RawOutput {
  readonly satoshis: number;
  readonly script: Buffer;
}

export interface RawTransaction {
  readonly version: number;
  readonly inputs: readonly RawInput[];
  readonly outputs: readonly RawOutput[];
  readonly lockTime: number;
}

export const FINAL_SEQUENCE = 0xffff_ffff;
export const NO_TXID = '00'.repeat(32);

function outpointBytes(input: RawInput): Buffer {
  return Buffer.concat([toInternal(input.prevTxid), u32(input.prevVout)]);
}

function outputBytes(output: RawOutput): Buffer {
  return Buffer.concat([u64(output.satoshis), varint(output.script.length), output.script]);
}

export function serialize(tx: RawTransaction): Buffer {
  const parts: Buffer[] = [u32(tx.version), varint(tx.inputs.length)];
  for (const input of tx.inputs) {
    parts.push(outpointBytes(input), varBytes(input.script), u32(input.sequence));
  }
  parts.push(varint(tx.outputs.length));
  for (const output of tx.outputs) {
    parts.push(outputBytes(output));
  }
  parts.push(u32(tx.lockTime));
  return Buffer.concat(parts);
}

/** Txid in display order. */
export function txidOf(raw: Uint8Array): string {
  return toDisplay(sha256d(raw));
}

/** Reads one transaction and leaves the cursor behind it. */
export function readTransaction(cursor: Cursor): { readonly tx: RawTransaction; readonly raw: Buffer } {
  const start = cursor.at;
  const version = cursor.u32();
  const inputs: RawInput[] = [];
  for (let n = cursor.varint(); n > 0; n--) {
    inputs.push({
      prevTxid: toDisplay(cursor.take(32)),
      prevVout: cursor.u32(),
      script: cursor.varBytes(),
      sequence: cursor.u32(),
    });
  }
  const outputs: RawOutput[] = [];
  for (let n = cursor.varint(); n > 0; n--) {
    outputs.push({ satoshis: cursor.u64(), script: cursor.varBytes() });
  }
  const lockTime = cursor.u32();
  return { tx: { version, inputs, outputs, lockTime }, raw: cursor.bytes.subarray(start, cursor.at) };
}

export function parseTransaction(raw: Uint8Array): RawTransaction {
  return readTransaction(new Cursor(raw)).tx;
}

export const SIGHASH_ALL = 0x01;
export const SIGHASH_NONE = 0x02;
export const SIGHASH_SINGLE = 0x03;
export const SIGHASH_FORKID = 0x40;
export const SIGHASH_ANYONE_CAN_PAY = 0x80;

const ZEROS = Buffer.alloc(32);

/** Signature digests of one transaction (the form with FORKID); the hashes that all inputs share are made once. */
export class Digests {
  readonly #tx: RawTransaction;
  #prevouts: Buffer | undefined;
  #sequences: Buffer | undefined;
  #outputs: Buffer | undefined;

  constructor(tx: RawTransaction) {
    this.#tx = tx;
  }

  /** The 32 bytes that the signature of input `vin` signs. */
  digest(vin: number, scriptCode: Buffer, satoshis: number, hashType: number): Buffer {
    const tx = this.#tx;
    const input = tx.inputs[vin]!;
    const alone = (hashType & SIGHASH_ANYONE_CAN_PAY) !== 0;
    const base = hashType & 0x1f;
    if (!alone) {
      this.#prevouts ??= sha256d(Buffer.concat(tx.inputs.map(outpointBytes)));
    }
    const sequencesCovered = !alone && base !== SIGHASH_NONE && base !== SIGHASH_SINGLE;
    if (sequencesCovered) {
      this.#sequences ??= sha256d(Buffer.concat(tx.inputs.map((each) => u32(each.sequence))));
    }
    return sha256d(
      Buffer.concat([
        u32(tx.version),
        alone ? ZEROS : this.#prevouts!,
        sequencesCovered ? this.#sequences! : ZEROS,
        outpointBytes(input),
        varint(scriptCode.length),
        scriptCode,
        u64(satoshis),
        u32(input.sequence),
        this.#outputHash(vin, base),
        u32(tx.lockTime),
        u32(hashType),
      ]),
    );
  }

  #outputHash(vin: number, base: number): Buffer {
    if (base === SIGHASH_NONE) {
      return ZEROS;
    }
    if (base === SIGHASH_SINGLE) {
      const output = this.#tx.outputs[vin];
      return output === undefined ? ZEROS : sha256d(outputBytes(output));
    }
    this.#outputs ??= sha256d(Buffer.concat(this.#tx.outputs.map(outputBytes)));
    return this.#outputs;
  }
}

/** DER signature (low S) with the hash type behind it, as it stands in a script. */
export function signDigest(digest: Buffer, key: Key, hashType: number): Buffer {
  const { signature } = secp256k1.ecdsaSign(digest, key.privateKey);
  return Buffer.concat([secp256k1.signatureExport(signature), Buffer.of(hashType)]);
}

export interface Spend {
  readonly txid: string;
  readonly vout: number;
  readonly satoshis: number;
  readonly scriptCode: Buffer;
  readonly key: Key;
}

const ALL_FORKID = SIGHASH_ALL | SIGHASH_FORKID;

/** Builds and signs a transaction that spends P2PKH coins only: the fast way of the corpus writer. */
export function payKeys(
  spends: readonly Spend[],
  outputs: readonly RawOutput[],
): { readonly raw: Buffer; readonly txid: string } {
  const inputs: RawInput[] = spends.map((spend) => ({
    prevTxid: spend.txid,
    prevVout: spend.vout,
    script: Buffer.alloc(0),
    sequence: FINAL_SEQUENCE,
  }));
  const tx: RawTransaction = { version: 1, inputs, outputs, lockTime: 0 };
  const digests = new Digests(tx);
  for (const [vin, spend] of spends.entries()) {
    const digest = digests.digest(vin, spend.scriptCode, spend.satoshis, ALL_FORKID);
    const signature = Buffer.concat([signFast(digest, spend.key), Buffer.of(ALL_FORKID)]);
    inputs[vin]!.script = Buffer.concat([push(signature), push(spend.key.publicKey)]);
  }
  const raw = serialize(tx);
  return { raw, txid: txidOf(raw) };
}
