import { ExchangeError, type ExchangeErrorCode } from './errors.ts';

type WireType = 0 | 1 | 2 | 5;

interface FieldShape {
  readonly wire: WireType;
  /** More of them are `tooMany`. Default 1: a field that is not repeated may not come twice. */
  readonly max?: number;
  readonly tooMany?: ExchangeErrorCode;
  /** Allowed length of a length-delimited field, else `badSize`. */
  readonly minBytes?: number;
  readonly maxBytes?: number;
  /** The length must be a multiple of it. */
  readonly unitBytes?: number;
  readonly badSize?: ExchangeErrorCode;
  readonly message?: MessageShape;
}

/** What the known fields of a message must look like, by field number. */
export type MessageShape = ReadonlyMap<number, FieldShape>;

const WIRE_VARINT = 0;
const WIRE_FIXED64 = 1;
const WIRE_BYTES = 2;
const WIRE_FIXED32 = 5;
const MAX_FIELD_NUMBER = 0x1fffffff;
/** Tags and lengths have 32 bits; the generated decoder throws what is not ours at longer ones. */
const MAX_VARINT32_BYTES = 5;
const MAX_VARINT_BYTES = 10;

/**
 * Walks a protobuf message without allocating for its content: known fields by their shape, unknown ones only for
 * being well formed. The generated decoder checks neither wire types nor that a part ends inside its whole.
 * @returns numbers of the known fields that are there
 * @throws ExchangeError FRAME_MALFORMED, or the code of the field's shape
 */
export function checkShape(bytes: Uint8Array, shape: MessageShape): ReadonlySet<number> {
  return walk(bytes, 0, bytes.length, shape);
}

function walk(bytes: Uint8Array, start: number, end: number, shape: MessageShape): ReadonlySet<number> {
  const counts = new Map<number, number>();
  const cursor = { at: start };
  while (cursor.at < end) {
    const tag = readVarint(bytes, cursor, end, MAX_VARINT32_BYTES);
    const number = Math.floor(tag / 8);
    if (number === 0 || number > MAX_FIELD_NUMBER) throw malformed('field number out of range');
    const wire = tag % 8;
    const from = cursor.at;
    const length = skipValue(bytes, cursor, end, wire);
    const field = shape.get(number);
    if (field === undefined) continue;
    if (field.wire !== wire) throw malformed('wire type of a known field is wrong');
    const count = (counts.get(number) ?? 0) + 1;
    counts.set(number, count);
    const max = field.max ?? 1;
    if (count > max) {
      throw new ExchangeError(field.tooMany ?? 'FRAME_MALFORMED', `more than ${max} of field ${number}`, {
        field: number,
        max,
      });
    }
    if (wire === WIRE_BYTES) checkBytes(bytes, cursor.at - length, length, number, field);
    else if (wire === WIRE_VARINT && cursor.at - from > 5) throw malformed('number is wider than 32 bits');
  }
  return new Set(counts.keys());
}

function checkBytes(
  bytes: Uint8Array,
  start: number,
  length: number,
  number: number,
  field: FieldShape,
): void {
  const fits =
    length >= (field.minBytes ?? 0) &&
    length <= (field.maxBytes ?? Number.POSITIVE_INFINITY) &&
    length % (field.unitBytes ?? 1) === 0;
  if (!fits) {
    throw new ExchangeError(field.badSize ?? 'FRAME_MALFORMED', `field ${number} has ${length} bytes`, {
      field: number,
      bytes: length,
    });
  }
  if (field.message !== undefined) walk(bytes, start, start + length, field.message);
}

/** Moves behind a value; the content length of a length-delimited one, else 0. */
function skipValue(bytes: Uint8Array, cursor: { at: number }, end: number, wire: number): number {
  let length = 0;
  if (wire === WIRE_VARINT) readVarint(bytes, cursor, end, MAX_VARINT_BYTES);
  else if (wire === WIRE_FIXED64) cursor.at += 8;
  else if (wire === WIRE_FIXED32) cursor.at += 4;
  else if (wire === WIRE_BYTES) {
    length = readVarint(bytes, cursor, end, MAX_VARINT32_BYTES);
    cursor.at += length;
  } else throw malformed('wire type is not known');
  if (cursor.at > end) throw malformed('a field goes beyond the end');
  return length;
}

function readVarint(bytes: Uint8Array, cursor: { at: number }, end: number, maxBytes: number): number {
  let value = 0;
  for (let shift = 1, i = 0; i < maxBytes; i++, shift *= 128) {
    if (cursor.at >= end) throw malformed('ends inside a number');
    const byte = bytes[cursor.at++]!;
    value += (byte & 0x7f) * shift;
    if (byte < 0x80) return value;
  }
  throw malformed(`number is longer than ${maxBytes} bytes`);
}

function malformed(message: string): ExchangeError {
  return new ExchangeError('FRAME_MALFORMED', message);
}
