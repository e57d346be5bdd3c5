import { createHash } from 'node:crypto';
import { RowReader, type RowWriter } from './row-bytes.ts';

/** What the store is after a commit. One `k` row a commit; the newest is the tip. */
export interface CommitRecord {
  readonly commit: number;
  /** SHA-256 over the digest before, the number and the sum of the batch's row checksums. */
  readonly digest: Buffer;
  /** Last event's sequence number. */
  readonly sequence: number;
  /** Last order of arrival given to a transaction. */
  readonly arrival: number;
  readonly transactions: number;
  readonly outputs: number;
  readonly waiting: number;
  readonly conflicts: number;
  readonly unmined: number;
  /** Sum of the checksums of all `u` and `w` rows: those are read at open, where a missing one must not pass. */
  readonly tableSum: number;
  /** Height and hash of the header chain's tip that positions were decided with. */
  readonly tipHeight: number;
  readonly tipHash: string;
}

export const GENESIS_COMMIT: CommitRecord = {
  commit: 0,
  digest: Buffer.alloc(32),
  sequence: 0,
  arrival: 0,
  transactions: 0,
  outputs: 0,
  waiting: 0,
  conflicts: 0,
  unmined: 0,
  tableSum: 0,
  tipHeight: 0,
  tipHash: '0'.repeat(64),
};

/** The chained digest of a commit: it proves that every commit before it was there when it was written. */
export function chainDigest(before: Buffer, commit: number, rowSum: number): Buffer {
  const tail = Buffer.alloc(16);
  tail.writeBigUInt64BE(BigInt(commit), 0);
  tail.writeBigUInt64BE(BigInt(rowSum), 8);
  return createHash('sha256').update(before).update(tail).digest();
}

/** Value of a `k` row. */
export function encodeCommit(w: RowWriter, key: Uint8Array, c: CommitRecord, rowSum: number): Buffer {
  w.begin().bytes(c.digest).u64(rowSum).varint(c.sequence).varint(c.arrival);
  w.varint(c.transactions).varint(c.outputs).varint(c.waiting).varint(c.conflicts).varint(c.unmined);
  w.varint(c.tableSum);
  return w.u32(c.tipHeight).hash(c.tipHash).seal(key);
}

export function decodeCommit(key: Uint8Array, value: Uint8Array): CommitRecord & { rowSum: number } {
  const commit = RowReader.ofKey(key).u64();
  const r = RowReader.open(key, value);
  const record = {
    commit,
    digest: Buffer.from(r.view(32)),
    rowSum: r.u64(),
    sequence: r.varint(),
    arrival: r.varint(),
    transactions: r.varint(),
    outputs: r.varint(),
    waiting: r.varint(),
    conflicts: r.varint(),
    unmined: r.varint(),
    tableSum: r.varint(),
    tipHeight: r.u32(),
    tipHash: r.hash(),
  };
  r.finish();
  return record;
}
