import { RowReader, type RowWriter } from './row-bytes.ts';

/** A proof checked against a header: the transaction is in that block. */
export interface ProofRecord {
  readonly height: number;
  /** Zeros where a header source confirmed the root without telling the block. */
  readonly blockHash: string;
  readonly index: number;
  readonly txid: string;
  /** BUMP (BRC-74) of this one transaction. */
  readonly path: Uint8Array;
}

/** Value of a `p` row; height, block hash and index are in the key. */
export function encodeProof(w: RowWriter, key: Uint8Array, txid: string, path: Uint8Array): Buffer {
  return w.begin().hash(txid).bytes(path).seal(key);
}

export function decodeProof(key: Uint8Array, value: Uint8Array): ProofRecord {
  const k = RowReader.ofKey(key);
  const height = k.u32();
  const blockHash = k.hash();
  const index = k.u64();
  k.finish();
  const r = RowReader.open(key, value);
  return { height, blockHash, index, txid: r.hash(), path: r.rest() };
}
