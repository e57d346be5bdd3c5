import { damaged, RowReader, type RowWriter } from './row-bytes.ts';

/** Why a transaction waits: unmined parents unknown, its block's header unknown, or unknown relation to a token. */
export type WaitingFor = 'parents' | 'header' | 'history';

/** A transaction that cannot be decided yet. Kept whole, counted nowhere. */
export interface WaitingRecord {
  readonly txid: string;
  readonly raw: Uint8Array;
  readonly waitingFor: WaitingFor;
  /** txids of parents that are not here or wait themselves. */
  readonly missingParents: readonly string[];
  /** Its unchecked proof (BUMP of this one transaction), if it came with one. */
  readonly path: Uint8Array | undefined;
  /** Block height that the proof claims. */
  readonly height: number | undefined;
  readonly arrival: number;
  readonly firstSeenMs: number;
}

const REASONS: readonly WaitingFor[] = ['parents', 'header', 'history'];
const PROOF_FLAG = 0x10;

/** Value of a `w` row. */
export function encodeWaiting(w: RowWriter, key: Uint8Array, record: WaitingRecord): Buffer {
  const proven = record.path !== undefined && record.height !== undefined;
  w.begin().u8(REASONS.indexOf(record.waitingFor) | (proven ? PROOF_FLAG : 0));
  w.varint(record.arrival).varint(record.firstSeenMs).varint(record.missingParents.length);
  for (const txid of record.missingParents) w.hash(txid);
  if (record.path !== undefined && record.height !== undefined) {
    w.u32(record.height).varint(record.path.length).bytes(record.path);
  }
  return w.bytes(record.raw).seal(key);
}

export function decodeWaiting(key: Uint8Array, value: Uint8Array): WaitingRecord {
  const txid = RowReader.ofKey(key).hash();
  const r = RowReader.open(key, value);
  const head = r.u8();
  const waitingFor = REASONS[head & 0x0f];
  if (waitingFor === undefined) throw damaged(key);
  const arrival = r.varint();
  const firstSeenMs = r.varint();
  const missingParents: string[] = [];
  for (let n = r.count(32); n > 0; n--) missingParents.push(r.hash());
  const proven = (head & PROOF_FLAG) !== 0;
  const height = proven ? r.u32() : undefined;
  const path = proven ? r.view(r.varint()) : undefined;
  return { txid, raw: r.rest(), waitingFor, missingParents, path, height, arrival, firstSeenMs };
}
