import type { LockType, TokenOp } from '../token/types.ts';
import { lockCode, lockOf, opCode, opOf } from './records.ts';
import { damaged, RowReader, type RowWriter } from './row-bytes.ts';
import type { Position } from './view.ts';

/** Totals of one owner's coins under one kind of lock. */
export interface LockBalance {
  readonly lock: LockType;
  readonly confirmed: bigint;
  readonly unconfirmed: bigint;
  readonly coins: number;
}

/** Value of a `b` row: running totals, one entry a kind of lock; no row for an owner without coins. */
export function encodeBalance(w: RowWriter, key: Uint8Array, balances: readonly LockBalance[]): Buffer {
  w.begin();
  for (const b of balances) w.u8(lockCode(b.lock)).amount(b.confirmed).amount(b.unconfirmed).varint(b.coins);
  return w.seal(key);
}

export function decodeBalance(key: Uint8Array, value: Uint8Array): LockBalance[] {
  const r = RowReader.open(key, value);
  const balances: LockBalance[] = [];
  while (r.remaining > 0) {
    const lock = lockOf(r.u8(), key);
    balances.push({ lock, confirmed: r.amount(), unconfirmed: r.amount(), coins: r.varint() });
  }
  return balances;
}

export function totalOf(balances: readonly LockBalance[]): bigint {
  let total = 0n;
  for (const b of balances) total += b.confirmed + b.unconfirmed;
  return total;
}

/**
 * Value of a `c` row: one unspent output. It names its transaction in full and where that was mined, so that a page of
 * coins is a page of rows: transactions may be large.
 */
export function encodeCoin(
  w: RowWriter,
  key: Uint8Array,
  coin: Omit<CoinRow, 'arrival' | 'vout' | 'owner'>,
): Buffer {
  const { position } = coin;
  w.begin()
    .u8(opCode(coin.op) | (position === undefined ? 0 : MINED_FLAG))
    .u8(lockCode(coin.lock))
    .amount(coin.amt);
  w.hash(coin.txid);
  if (position !== undefined) w.u32(position.height).varint(position.index);
  return w.seal(key);
}

const MINED_FLAG = 0x80;

export interface CoinRow {
  /** Order of arrival of the transaction that created it. */
  readonly arrival: number;
  readonly vout: number;
  readonly owner: Uint8Array;
  readonly txid: string;
  /** Undefined while unmined. */
  readonly position: Position | undefined;
  readonly op: TokenOp;
  readonly lock: LockType;
  readonly amt: bigint;
}

export function decodeCoin(key: Uint8Array, value: Uint8Array): CoinRow {
  const k = RowReader.ofKey(key);
  k.u32();
  const owner = k.shortBytes();
  const arrival = k.u64();
  const vout = k.u32();
  k.finish();
  const r = RowReader.open(key, value);
  const head = r.u8();
  const op = opOf(head & ~MINED_FLAG, key);
  const lock = lockOf(r.u8(), key);
  const amt = r.amount();
  const txid = r.hash();
  const position = (head & MINED_FLAG) === 0 ? undefined : { height: r.u32(), index: r.varint() };
  r.finish();
  return { arrival, vout, owner, txid, position, op, lock, amt };
}

/** Value of an `a` row: what one transaction did to one owner; the owner of length 0 stands for the whole token. */
export interface HistoryRow {
  readonly txid: string;
  /** When this node first saw it, Unix seconds: its time until it is mined. */
  readonly seenAt: number;
  readonly received: bigint;
  readonly sent: bigint;
}

export function encodeHistory(w: RowWriter, key: Uint8Array, row: HistoryRow): Buffer {
  return w.begin().hash(row.txid).varint(row.seenAt).amount(row.received).amount(row.sent).seal(key);
}

export function decodeHistory(
  key: Uint8Array,
  value: Uint8Array,
): HistoryRow & { height: number; order: number } {
  const k = RowReader.ofKey(key);
  k.u32();
  k.shortBytes();
  const height = k.u32();
  const order = k.u64();
  k.finish();
  const r = RowReader.open(key, value);
  const row = { txid: r.hash(), seenAt: r.varint(), received: r.amount(), sent: r.amount(), height, order };
  r.finish();
  return row;
}

/** `o` rows have everything in the key; the value is the seal alone. */
export function encodeHolder(w: RowWriter, key: Uint8Array): Buffer {
  return w.begin().seal(key);
}

export function decodeHolder(key: Uint8Array, value: Uint8Array): { balance: bigint; owner: Uint8Array } {
  RowReader.open(key, value).finish();
  const k = RowReader.ofKey(key);
  k.u32();
  const inverted = k.view(0xff - k.u8());
  if (inverted.length === 0) throw damaged(key);
  let hex = '';
  for (const byte of inverted) hex += (0xff - byte).toString(16).padStart(2, '0');
  return { balance: BigInt(`0x${hex}`), owner: k.rest() };
}
