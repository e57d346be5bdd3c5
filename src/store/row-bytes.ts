import { crc32 } from 'node:zlib';
import { StoreError } from './errors.ts';

const CHUNK_BYTES = 512 * 1024;
/** What a writer begins with: most make one key and are gone, and large buffers make the garbage collector run. */
const FIRST_BYTES = 1024;
const CRC_BYTES = 4;
const SHORT_BYTES = 48;
const MAX_UINT48 = 0xffff_ffff_ffffn;

/**
 * Builds keys and values one after another in large chunks, since a Buffer each costs more than the encoding.
 * `begin`, then fields, then `end`. Integers are big-endian, so that byte order is numeric order in keys.
 */
export class RowWriter {
  private chunk = Buffer.allocUnsafeSlow(FIRST_BYTES);
  private start = 0;
  private at = 0;

  /** Begins the chunk again: rows made before must not be used any more. */
  reset(): this {
    this.at = 0;
    return this;
  }

  begin(): this {
    this.start = this.at;
    return this;
  }

  end(): Buffer {
    return this.chunk.subarray(this.start, this.at);
  }

  /** Ends a value: appends the CRC-32 of key and value, so that a flipped bit in either is found. */
  seal(key: Uint8Array): Buffer {
    const sum = crc32(this.chunk.subarray(this.start, this.at), crc32(key));
    this.room(CRC_BYTES);
    this.at = this.chunk.writeUInt32BE(sum, this.at);
    return this.end();
  }

  u8(value: number): this {
    this.room(1);
    this.chunk[this.at++] = value;
    return this;
  }

  u32(value: number): this {
    this.room(4);
    this.at = this.chunk.writeUInt32BE(value, this.at);
    return this;
  }

  /** Safe integer in 8 bytes. */
  u64(value: number): this {
    this.room(8);
    this.chunk.writeUInt32BE(Math.floor(value / 0x1_0000_0000), this.at);
    this.at = this.chunk.writeUInt32BE(value % 0x1_0000_0000, this.at + 4);
    return this;
  }

  /** LEB128. */
  varint(value: number): this {
    this.room(8);
    let rest = value;
    while (rest >= 0x80) {
      this.chunk[this.at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.chunk[this.at++] = rest;
    return this;
  }

  /** Non-negative integer of any width: length byte, then big-endian bytes without leading zeros. */
  amount(value: bigint): this {
    if (value > MAX_UINT48) return this.wideAmount(value);
    const narrow = Number(value);
    const length =
      narrow === 0
        ? 0
        : narrow < 0x100
          ? 1
          : narrow < 0x1_0000
            ? 2
            : narrow < 0x100_0000
              ? 3
              : narrow < 0x1_0000_0000
                ? 4
                : narrow < 0x100_0000_0000
                  ? 5
                  : 6;
    this.room(1 + length);
    this.chunk[this.at++] = length;
    if (length > 0) this.at = this.chunk.writeUIntBE(narrow, this.at, length);
    return this;
  }

  bytes(value: Uint8Array): this {
    const { length } = value;
    this.room(length);
    // A call of `set` costs 0.2 us whatever the length (measured): owners and paths' heads are shorter than that.
    if (length > SHORT_BYTES) this.chunk.set(value, this.at);
    else for (let i = 0; i < length; i++) this.chunk[this.at + i] = value[i] as number;
    this.at += length;
    return this;
  }

  /** Length byte and bytes; at most 255. */
  shortBytes(value: Uint8Array): this {
    return this.u8(value.length).bytes(value);
  }

  /** 32 bytes in display order from 64 hex digits. */
  hash(hex: string): this {
    this.room(32);
    // Fewer digits would leave what the chunk had there before: a key of something else.
    if (this.chunk.write(hex, this.at, 32, 'hex') !== 32)
      throw new StoreError('STORE_INCONSISTENT', `'${hex}' is no hash: nothing is stored by it`);
    this.at += 32;
    return this;
  }

  text(value: string): this {
    const bytes = Buffer.from(value, 'utf8');
    return this.varint(bytes.length).bytes(bytes);
  }

  private wideAmount(value: bigint): this {
    const hex = value.toString(16);
    const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
    if (bytes.length > 255)
      throw new StoreError('STORE_INCONSISTENT', 'an amount above 2^2040 cannot be real');
    return this.shortBytes(bytes);
  }

  private room(bytes: number): void {
    if (this.at + bytes <= this.chunk.length) return;
    const open = this.chunk.subarray(this.start, this.at);
    this.chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, 2 * (open.length + bytes)));
    this.chunk.set(open, 0);
    this.start = 0;
    this.at = open.length;
  }
}

/** The fields of a value whose seal holds, a view. */
export function unsealed(key: Uint8Array, value: Uint8Array): Buffer {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  const fields = bytes.subarray(0, -CRC_BYTES);
  if (bytes.length < CRC_BYTES || sealOf(bytes) !== crc32(fields, crc32(key))) throw damaged(key);
  return fields;
}

/** Reads the fields of one row; bytes that end too soon are a damaged row, never an exception of another kind. */
export class RowReader {
  private readonly bytes: Buffer;
  private readonly key: Uint8Array;
  private at: number;
  private readonly stop: number;

  constructor(key: Uint8Array, bytes: Buffer, start: number, stop: number) {
    this.key = key;
    this.bytes = bytes;
    this.at = start;
    this.stop = stop;
  }

  /** Checks the seal of a value and gives a reader of its fields. */
  static open(key: Uint8Array, value: Uint8Array): RowReader {
    const bytes = unsealed(key, value);
    return new RowReader(key, bytes, 0, bytes.length);
  }

  /** A reader of a key's own fields, behind its prefix byte. */
  static ofKey(key: Uint8Array): RowReader {
    const bytes = Buffer.from(key.buffer, key.byteOffset, key.byteLength);
    return new RowReader(key, bytes, 1, bytes.length);
  }

  get remaining(): number {
    return this.stop - this.at;
  }

  u8(): number {
    return this.bytes[this.take(1)] as number;
  }

  u32(): number {
    return this.bytes.readUInt32BE(this.take(4));
  }

  u64(): number {
    const at = this.take(8);
    const value = this.bytes.readUInt32BE(at) * 0x1_0000_0000 + this.bytes.readUInt32BE(at + 4);
    if (!Number.isSafeInteger(value)) throw damaged(this.key);
    return value;
  }

  varint(): number {
    let value = 0;
    let unit = 1;
    for (;;) {
      const byte = this.u8();
      value += (byte & 0x7f) * unit;
      if (!Number.isSafeInteger(value)) throw damaged(this.key);
      if (byte < 0x80) return value;
      unit *= 0x80;
    }
  }

  /** A count of elements of at least `minBytes` each: never more than the bytes can hold. */
  count(minBytes: number): number {
    const count = this.varint();
    if (count * minBytes > this.remaining) throw damaged(this.key);
    return count;
  }

  amount(): bigint {
    const length = this.u8();
    const at = this.take(length);
    if (length === 0) return 0n;
    if (length <= 6) return BigInt(this.bytes.readUIntBE(at, length));
    return BigInt(`0x${this.bytes.toString('hex', at, at + length)}`);
  }

  take(length: number): number {
    const at = this.at;
    if (length > this.stop - at) throw damaged(this.key);
    this.at = at + length;
    return at;
  }

  view(length: number): Buffer {
    const at = this.take(length);
    return this.bytes.subarray(at, at + length);
  }

  shortBytes(): Buffer {
    return this.view(this.u8());
  }

  hash(): string {
    const at = this.take(32);
    return this.bytes.toString('hex', at, at + 32);
  }

  text(): string {
    return this.view(this.varint()).toString('utf8');
  }

  rest(): Buffer {
    return this.view(this.remaining);
  }

  /** A row that holds more than its fields is damaged. */
  finish(): void {
    if (this.remaining !== 0) throw damaged(this.key);
  }
}

/** The checksum at the end of a sealed value. */
export function sealOf(value: Buffer): number {
  return value.readUInt32BE(value.length - CRC_BYTES);
}

export function damaged(key: Uint8Array): StoreError {
  const hex = Buffer.from(key).toString('hex');
  const kind = String.fromCharCode(key[0] ?? 0);
  return new StoreError(
    'STORE_ROW_DAMAGED',
    `row ${kind}:${hex.slice(2)} of the store is damaged; run \`btcfed verify\`, then \`btcfed verify --rebuild\``,
    { kind, key: hex },
  );
}
