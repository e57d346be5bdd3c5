import { damaged, RowReader, type RowWriter } from './row-bytes.ts';
import type { EventType, Position } from './view.ts';

/** An event before it has its sequence number. */
export interface EventRecord {
  readonly type: EventType;
  readonly tokenNo: number;
  /** Order of arrival of the transaction that created the output; what the output is, its row tells. */
  readonly created: number;
  readonly vout: number;
  /** Order of arrival of the transaction that spends it; undefined for events of its creation. */
  readonly spender: number | undefined;
  readonly position: Position | undefined;
}

/** Events of a commit are rows of at most this many, so that reading from a sequence number never reads much more. */
export const EVENTS_PER_ROW = 128;

const TYPES: readonly EventType[] = [
  'created',
  'createdMined',
  'createdUnmined',
  'removed',
  'spent',
  'spentMined',
  'spentUnmined',
  'unspent',
];
const MINED_FLAG = 0x80;
const SPENDER_FLAG = 0x40;

/** Value of an `e` row: events in sequence from the number in the key. */
export function encodeEvents(w: RowWriter, key: Uint8Array, events: readonly EventRecord[]): Buffer {
  w.begin().varint(events.length);
  for (const e of events) {
    const spent = e.spender === undefined ? 0 : SPENDER_FLAG;
    w.u8(TYPES.indexOf(e.type) | (e.position === undefined ? 0 : MINED_FLAG) | spent);
    w.varint(e.tokenNo).varint(e.created).varint(e.vout);
    if (e.spender !== undefined) w.varint(e.spender);
    if (e.position !== undefined) w.u32(e.position.height).varint(e.position.index);
  }
  return w.seal(key);
}

export function decodeEvents(key: Uint8Array, value: Uint8Array): EventRecord[] {
  const r = RowReader.open(key, value);
  const events: EventRecord[] = [];
  for (let n = r.count(4); n > 0; n--) {
    const head = r.u8();
    const type = TYPES[head & 0x3f];
    if (type === undefined) throw damaged(key);
    const tokenNo = r.varint();
    const created = r.varint();
    const vout = r.varint();
    const spender = (head & SPENDER_FLAG) === 0 ? undefined : r.varint();
    const position = (head & MINED_FLAG) === 0 ? undefined : { height: r.u32(), index: r.varint() };
    events.push({ type, tokenNo, created, vout, spender, position });
  }
  r.finish();
  return events;
}
