import { damaged, RowReader, type RowWriter } from './row-bytes.ts';

/** Why a transaction waits: unmined parents unknown, its block's header unknown, or unknown relation to a token. */
export type WaitingFor = 'parents' | 'header' | 'history';

/** A proof that may come true: its header is not known, or is of a branch that lost. BUMP of the one transaction. */
export interface OpenProof {
  readonly height: number;
  readonly path: Uint8Array;
}

/** A transaction that cannot be decided yet, kept whole and counted nowhere; or an indexed one with proofs that wait. */
export interface WaitingRecord {
  readonly txid: string;
  readonly raw: Uint8Array;
  readonly waitingFor: WaitingFor;
  /** txids of parents that are not here or wait themselves. */
  readonly missingParents: readonly string[];
  /** Several, since anyone could send a false one before the right one, and a fork has two right ones. */
  readonly proofs: readonly OpenProof[];
  readonly arrival: number;
  readonly firstSeenMs: number;
}

const REASONS: readonly WaitingFor[] = ['parents', 'header', 'history'];

/** Value of a `w` row. */
export function encodeWaiting(w: RowWriter, key: Uint8Array, record: WaitingRecord): Buffer {
  w.begin().u8(REASONS.indexOf(record.waitingFor));
  w.varint(record.arrival).varint(record.firstSeenMs).varint(record.missingParents.length);
  for (const txid of record.missingParents) w.hash(txid);
  w.varint(record.proofs.length);
  for (const { height, path } of record.proofs) w.u32(height).varint(path.length).bytes(path);
  return w.bytes(record.raw).seal(key);
}

export function decodeWaiting(key: Uint8Array, value: Uint8Array): WaitingRecord {
  const txid = RowReader.ofKey(key).hash();
  const r = RowReader.open(key, value);
  const waitingFor = REASONS[r.u8()];
  if (waitingFor === undefined) throw damaged(key);
  const arrival = r.varint();
  const firstSeenMs = r.varint();
  const missingParents: string[] = [];
  for (let n = r.count(32); n > 0; n--) missingParents.push(r.hash());
  const proofs: OpenProof[] = [];
  for (let n = r.count(5); n > 0; n--) proofs.push({ height: r.u32(), path: r.view(r.varint()) });
  return { txid, raw: r.rest(), waitingFor, missingParents, proofs, arrival, firstSeenMs };
}
