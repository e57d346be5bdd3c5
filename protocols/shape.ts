/** What is wrong with the form of a message; a protocol's own codes include these. */
export type ShapeCode =
  | 'FRAME_MALFORMED' // not a protobuf message, or known fields of a wrong form
  | 'FIELD_INVALID' // of a wrong length
  | 'TOO_MANY';

/** The error class of a protocol. */
export type ShapeFault = new (
  code: ShapeCode,
  message: string,
  data?: Readonly<Record<string, number>>,
) => Error;

type WireType = 0 | 2;

export interface FieldShape {
  readonly wire: WireType;
  /** More of them are TOO_MANY. Default 1: a field that is not repeated may not come twice. */
  readonly max?: number;
  /** Allowed length of a length-delimited field, else FIELD_INVALID. */
  readonly minBytes?: number;
  readonly maxBytes?: number;
  /** The length must be a multiple of it. */
  readonly unitBytes?: number;
  /** A length above `maxBytes` is rather a count that is too large. */
  readonly aboveMax?: ShapeCode;
  readonly message?: MessageShape;
}

/** What the known fields of a message must look like, by field number. */
export type MessageShape = ReadonlyMap<number, FieldShape>;

const WIRE_VARINT = 0;
const WIRE_FIXED64 = 1;
const WIRE_BYTES = 2;
const WIRE_FIXED32 = 5;
const MAX_FIELD_NUMBER = 0x1fff_ffff;
/** 32 bits in groups of seven. */
const MAX_VARINT32_BYTES = 5;
const MAX_VARINT_BYTES = 10;

/**
 * Walks a protobuf message without allocating for its content: known fields by their shape, unknown ones only for
 * being well formed. The generated decoder checks neither wire types nor counts, nor that a part ends inside its whole.
 * @returns numbers of the known fields that are there
 * @throws `fault` FRAME_MALFORMED, FIELD_INVALID, TOO_MANY
 */
export function checkShape(bytes: Uint8Array, shape: MessageShape, fault: ShapeFault): ReadonlySet<number> {
  return new ShapeWalk(bytes, fault).walk(bytes.length, shape);
}

/** Fields numbered from 1, in order. */
export function fields(...shapes: readonly FieldShape[]): MessageShape {
  return new Map(shapes.map((shape, i) => [i + 1, shape]));
}

class ShapeWalk {
  private readonly bytes: Uint8Array;
  private readonly fault: ShapeFault;
  private at = 0;

  constructor(bytes: Uint8Array, fault: ShapeFault) {
    this.bytes = bytes;
    this.fault = fault;
  }

  /** From here to `end`. */
  walk(end: number, shape: MessageShape): ReadonlySet<number> {
    const counts = new Map<number, number>();
    while (this.at < end) {
      const tag = this.varint(end, MAX_VARINT32_BYTES);
      const number = Math.floor(tag / 8);
      if (number === 0 || number > MAX_FIELD_NUMBER) throw this.malformed('field number out of range');
      const field = shape.get(number);
      if (field === undefined) this.skip(tag % 8, end);
      else this.known(number, tag % 8, field, end, counts);
    }
    return new Set(counts.keys());
  }

  private known(
    number: number,
    wire: number,
    field: FieldShape,
    end: number,
    counts: Map<number, number>,
  ): void {
    if (field.wire !== wire) throw this.malformed('wire type of a known field is wrong');
    const count = (counts.get(number) ?? 0) + 1;
    counts.set(number, count);
    const max = field.max ?? 1;
    if (count > max) {
      throw new this.fault('TOO_MANY', `more than ${max} of field ${number}`, { field: number, max });
    }
    if (wire === WIRE_VARINT) {
      if (this.varint(end, MAX_VARINT32_BYTES) > 0xffff_ffff)
        throw this.malformed('number is wider than 32 bits');
      return;
    }
    const length = this.length(end);
    this.checkLength(length, number, field);
    if (field.message === undefined) this.at += length;
    else this.walk(this.at + length, field.message);
  }

  private skip(wire: number, end: number): void {
    let bytes = 0;
    if (wire === WIRE_VARINT) this.varint(end, MAX_VARINT_BYTES);
    else if (wire === WIRE_BYTES) bytes = this.length(end);
    else if (wire === WIRE_FIXED64) bytes = 8;
    else if (wire === WIRE_FIXED32) bytes = 4;
    else throw this.malformed('wire type is not known');
    this.at += bytes;
    if (this.at > end) throw this.malformed('a field goes beyond the end');
  }

  private length(end: number): number {
    const length = this.varint(end, MAX_VARINT32_BYTES);
    if (length > end - this.at) throw this.malformed('a field goes beyond the end');
    return length;
  }

  /** The generated decoder goes astray behind a number that is longer than the field allows. */
  private varint(end: number, maxBytes: number): number {
    let value = 0;
    for (let unit = 1, i = 0; i < maxBytes; i++, unit *= 128) {
      if (this.at >= end) throw this.malformed('ends inside a number');
      const byte = this.bytes[this.at++] as number;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
    throw this.malformed(`number is longer than ${maxBytes} bytes`);
  }

  private checkLength(length: number, number: number, field: FieldShape): void {
    const { minBytes = 0, maxBytes = Number.POSITIVE_INFINITY, unitBytes = 1 } = field;
    if (length >= minBytes && length <= maxBytes && length % unitBytes === 0) return;
    const code = length > maxBytes ? (field.aboveMax ?? 'FIELD_INVALID') : 'FIELD_INVALID';
    throw new this.fault(code, `field ${number} has ${length} bytes`, { field: number, bytes: length });
  }

  private malformed(message: string): Error {
    return new this.fault('FRAME_MALFORMED', message);
  }
}
