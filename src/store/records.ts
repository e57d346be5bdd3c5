import type { LockType, TokenOp } from '../token/types.ts';
import { damaged, RowReader, type RowWriter } from './row-bytes.ts';
import type { Position } from './view.ts';

export type Verdict = 'valid' | 'invalid' | 'pending';

/** A token output of a transaction and its verdict. */
export interface OutputRecord {
  readonly vout: number;
  readonly op: TokenOp;
  readonly amt: bigint;
  readonly lock: LockType;
  readonly owner: Uint8Array;
  readonly verdict: Verdict;
}

/** A valid token output that the transaction spends; `amt` is 0 for authorities. */
export interface InputRecord {
  readonly vin: number;
  /** The output spent. */
  readonly txid: string;
  readonly vout: number;
  readonly op: TokenOp;
  readonly amt: bigint;
  readonly lock: LockType;
  readonly owner: Uint8Array;
}

/** What a transaction means for one token. */
export interface TokenPart {
  readonly tokenNo: number;
  readonly outputs: readonly OutputRecord[];
  readonly inputs: readonly InputRecord[];
  /** Inputs (vin) whose transaction is unknown, or is itself undecided for this token. */
  readonly undecided: readonly number[];
  readonly valueIn: bigint;
  readonly lost: bigint;
}

/** `waiting`: nothing speaks for it now, its block was undone and its scripts cannot run while parents are missing. */
export type RecordStatus = 'active' | 'conflicted' | 'dead' | 'waiting';

export interface BlockPlace extends Position {
  readonly blockHash: string;
}

/** A verified transaction as the store keeps it. Never changed in place: a new state is a new record. */
export interface TxRecord {
  readonly txid: string;
  readonly raw: Uint8Array;
  readonly status: RecordStatus;
  /** Absent while unmined. */
  readonly place: BlockPlace | undefined;
  /** Its scripts ran here. False where a proof speaks for it, its own or that of a transaction that spends it. */
  readonly verified: boolean;
  /** Order of arrival at this node, from 1; decides between unmined conflicts. */
  readonly arrival: number;
  readonly firstSeenMs: number;
  readonly tokens: readonly TokenPart[];
}

/** A known spender of an output. `active`: it is the one that counts; at most one an output. */
export interface SpendRecord {
  readonly vout: number;
  readonly spender: string;
  readonly vin: number;
  readonly active: boolean;
}

const OPS: readonly TokenOp[] = ['deploy+mint', 'deploy+auth', 'mint', 'auth', 'transfer', 'burn'];
const LOCKS: readonly LockType[] = ['p2pkh', 'cosign', 'ordlock', 'pow20', 'ltm', 'other'];
const VERDICTS: readonly Verdict[] = ['valid', 'invalid', 'pending'];
const STATUSES: readonly RecordStatus[] = ['active', 'conflicted', 'dead', 'waiting'];

const MINED_FLAG = 0x10;
const VERIFIED_FLAG = 0x20;

function codeOf<T>(list: readonly T[], value: T): number {
  return list.indexOf(value);
}

function valueAt<T>(list: readonly T[], code: number, key: Uint8Array): T {
  const value = list[code];
  if (value === undefined) throw damaged(key);
  return value;
}

export const opCode = (op: TokenOp): number => codeOf(OPS, op);
export const opOf = (code: number, key: Uint8Array): TokenOp => valueAt(OPS, code, key);
export const lockCode = (lock: LockType): number => codeOf(LOCKS, lock);
export const lockOf = (code: number, key: Uint8Array): LockType => valueAt(LOCKS, code, key);

/** Value of a `t` row (SCHEMA.md). */
export function encodeTx(w: RowWriter, key: Uint8Array, record: TxRecord): Buffer {
  const flags = (record.place === undefined ? 0 : MINED_FLAG) | (record.verified ? VERIFIED_FLAG : 0);
  w.begin().u8(codeOf(STATUSES, record.status) | flags);
  if (record.place !== undefined)
    w.u32(record.place.height).varint(record.place.index).hash(record.place.blockHash);
  w.hash(record.txid).varint(record.firstSeenMs).varint(record.tokens.length);
  for (const part of record.tokens) writePart(w, part);
  return w.bytes(record.raw).seal(key);
}

export function decodeTx(key: Uint8Array, value: Uint8Array): TxRecord {
  const r = RowReader.open(key, value);
  const head = r.u8();
  const status = valueAt(STATUSES, head & 0x0f, key);
  const place =
    (head & MINED_FLAG) === 0 ? undefined : { height: r.u32(), index: r.varint(), blockHash: r.hash() };
  const txid = r.hash();
  const firstSeenMs = r.varint();
  const count = r.count(8);
  const tokens: TokenPart[] = [];
  for (let i = 0; i < count; i++) tokens.push(readPart(r, key));
  const arrival = RowReader.ofKey(key).u64();
  const verified = (head & VERIFIED_FLAG) !== 0;
  return { txid, raw: r.rest(), status, place, verified, arrival, firstSeenMs, tokens };
}

/** Value of an `i` row: under which order of arrival the transaction is kept. */
export function encodeArrival(w: RowWriter, key: Uint8Array, arrival: number): Buffer {
  return w.begin().varint(arrival).seal(key);
}

export function decodeArrival(key: Uint8Array, value: Uint8Array): number {
  const r = RowReader.open(key, value);
  const arrival = r.varint();
  r.finish();
  return arrival;
}

function writePart(w: RowWriter, part: TokenPart): void {
  w.u32(part.tokenNo).amount(part.valueIn).amount(part.lost);
  w.varint(part.outputs.length);
  for (const o of part.outputs) {
    w.varint(o.vout)
      .u8(opCode(o.op) | (codeOf(VERDICTS, o.verdict) << 4))
      .u8(lockCode(o.lock));
    w.amount(o.amt).shortBytes(o.owner);
  }
  w.varint(part.inputs.length);
  for (const i of part.inputs) {
    w.varint(i.vin).hash(i.txid).varint(i.vout);
    w.u8(opCode(i.op)).u8(lockCode(i.lock)).amount(i.amt).shortBytes(i.owner);
  }
  w.varint(part.undecided.length);
  for (const vin of part.undecided) w.varint(vin);
}

function readPart(r: RowReader, key: Uint8Array): TokenPart {
  const tokenNo = r.u32();
  const valueIn = r.amount();
  const lost = r.amount();
  const outputs: OutputRecord[] = [];
  for (let n = r.count(5); n > 0; n--) {
    const vout = r.varint();
    const code = r.u8();
    const lock = lockOf(r.u8(), key);
    const verdict = valueAt(VERDICTS, code >> 4, key);
    outputs.push({ vout, op: opOf(code & 0x0f, key), verdict, lock, amt: r.amount(), owner: r.shortBytes() });
  }
  const inputs: InputRecord[] = [];
  for (let n = r.count(5); n > 0; n--) {
    const vin = r.varint();
    const txid = r.hash();
    const vout = r.varint();
    const op = opOf(r.u8(), key);
    const lock = lockOf(r.u8(), key);
    inputs.push({ vin, txid, vout, op, lock, amt: r.amount(), owner: r.shortBytes() });
  }
  const undecided: number[] = [];
  for (let n = r.count(1); n > 0; n--) undecided.push(r.varint());
  return { tokenNo, outputs, inputs, undecided, valueIn, lost };
}

/** Value of an `s` row: every known spender of 16 neighbouring outputs. */
export function encodeSpends(w: RowWriter, key: Uint8Array, spends: readonly SpendRecord[]): Buffer {
  w.begin();
  for (const s of spends) {
    w.u8((s.vout & 0x0f) | (s.active ? 0x80 : 0))
      .varint(s.vin)
      .hash(s.spender);
  }
  return w.seal(key);
}

export function decodeSpends(key: Uint8Array, value: Uint8Array): SpendRecord[] {
  const r = RowReader.open(key, value);
  const k = RowReader.ofKey(key);
  k.hash();
  const bucket = k.u32();
  k.finish();
  const spends: SpendRecord[] = [];
  while (r.remaining > 0) {
    const head = r.u8();
    if ((head & 0x70) !== 0) throw damaged(key);
    const vin = r.varint();
    spends.push({ vout: bucket * 16 + (head & 0x0f), spender: r.hash(), vin, active: (head & 0x80) !== 0 });
  }
  return spends;
}

/** True while a token input or the history before it is unknown. */
export function isUndecided(part: TokenPart): boolean {
  return part.undecided.length > 0;
}
