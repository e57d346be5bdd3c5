import type { RowWriter } from './row-bytes.ts';

/** First byte of every key: one letter a kind of row. A letter is never given a second meaning. */
export const PREFIX = {
  history: 0x61, // a
  balance: 0x62, // b
  coin: 0x63, // c
  event: 0x65, // e
  header: 0x68, // h: rows of src/chain
  arrival: 0x69, // i
  commit: 0x6b, // k
  misc: 0x6d, // m
  holder: 0x6f, // o
  proof: 0x70, // p
  spend: 0x73, // s
  tx: 0x74, // t
  token: 0x75, // u
  waiting: 0x77, // w
  conflict: 0x78, // x
} as const;

/** Height that sorts behind every block: history of unmined transactions. */
export const UNMINED_HEIGHT = 0xffff_ffff;

/** Outputs of one transaction that share a spend row: small rows, whatever the transaction's fan-out. */
export const SPEND_BUCKET = 16;

/** Spends of 16 neighbouring outputs of a transaction, as a map key and as the tail of a row key. */
export function spendBucket(vout: number): number {
  return Math.floor(vout / SPEND_BUCKET);
}

/**
 * Transactions are kept in order of arrival: rows that only grow at the end are moved between LevelDB's levels, not
 * rewritten, which took a sixth of the import's time (measured) when they were kept under their random txids.
 */
export function txKey(w: RowWriter, arrival: number): Buffer {
  return w.begin().u8(PREFIX.tx).u64(arrival).end();
}

export function arrivalKey(w: RowWriter, txid: string): Buffer {
  return w.begin().u8(PREFIX.arrival).hash(txid).end();
}

export function spendKey(w: RowWriter, txid: string, bucket: number): Buffer {
  return w.begin().u8(PREFIX.spend).hash(txid).u32(bucket).end();
}

export function waitingKey(w: RowWriter, txid: string): Buffer {
  return w.begin().u8(PREFIX.waiting).hash(txid).end();
}

export function conflictKey(w: RowWriter, txid: string): Buffer {
  return w.begin().u8(PREFIX.conflict).hash(txid).end();
}

export function proofKey(w: RowWriter, height: number, blockHash: string, index: number): Buffer {
  return w.begin().u8(PREFIX.proof).u32(height).hash(blockHash).u64(index).end();
}

export function tokenKey(w: RowWriter, tokenNo: number): Buffer {
  return w.begin().u8(PREFIX.token).u32(tokenNo).end();
}

export function eventKey(w: RowWriter, firstSequence: number): Buffer {
  return w.begin().u8(PREFIX.event).u64(firstSequence).end();
}

export function commitKey(w: RowWriter, commit: number): Buffer {
  return w.begin().u8(PREFIX.commit).u64(commit).end();
}

export function miscKey(name: string): Buffer {
  return Buffer.from(`m${name}`, 'latin1');
}

/** kind, token number, owner with its length before it, so that no owner is the prefix of another. */
export function ownerPrefix(w: RowWriter, kind: number, tokenNo: number, owner: Uint8Array): Buffer {
  return w.begin().u8(kind).u32(tokenNo).shortBytes(owner).end();
}

export function balanceKey(w: RowWriter, tokenNo: number, owner: Uint8Array): Buffer {
  return ownerPrefix(w, PREFIX.balance, tokenNo, owner);
}

/** `arrival` of the transaction that created the coin: rows elsewhere name transactions by it, at a fifth of the bytes. */
export function coinKey(
  w: RowWriter,
  tokenNo: number,
  owner: Uint8Array,
  arrival: number,
  vout: number,
): Buffer {
  return w.begin().u8(PREFIX.coin).u32(tokenNo).shortBytes(owner).u64(arrival).u32(vout).end();
}

/** `order` is the index in the block, or for unmined transactions the order of arrival. */
export function historyKey(
  w: RowWriter,
  tokenNo: number,
  owner: Uint8Array,
  height: number,
  order: number,
): Buffer {
  return w.begin().u8(PREFIX.history).u32(tokenNo).shortBytes(owner).u32(height).u64(order).end();
}

/** Largest balance first: width and bytes of the balance are inverted. */
export function holderKey(w: RowWriter, tokenNo: number, balance: bigint, owner: Uint8Array): Buffer {
  const hex = balance.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  w.begin()
    .u8(PREFIX.holder)
    .u32(tokenNo)
    .u8(0xff - bytes.length);
  for (const byte of bytes) w.u8(0xff - byte);
  return w.bytes(owner).end();
}

/** First key behind every key that begins with `prefix`. */
export function afterPrefix(prefix: Uint8Array): Buffer {
  const end = Buffer.from(prefix);
  for (let i = end.length - 1; i >= 0; i--) {
    if (end[i] !== 0xff) {
      end[i] = (end[i] as number) + 1;
      return end.subarray(0, i + 1);
    }
  }
  return Buffer.from([0xff, ...prefix, 0xff]);
}
