import { hash } from 'node:crypto';
import { CorpusError } from './errors.ts';

export function sha256(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}

export function sha256d(bytes: Uint8Array): Buffer {
  return sha256(sha256(bytes));
}

export function hash160(bytes: Uint8Array): Buffer {
  return hash('ripemd160', sha256(bytes), 'buffer');
}

/** 32 bytes in internal order to the hex in which txids and block hashes are shown. */
export function toDisplay(internal: Uint8Array): string {
  return Buffer.from(internal).reverse().toString('hex');
}

/** The reverse of `toDisplay`. */
export function toInternal(displayHex: string): Buffer {
  return Buffer.from(displayHex, 'hex').reverse();
}

export function u32(value: number): Buffer {
  const out = Buffer.allocUnsafe(4);
  out.writeUInt32LE(value);
  return out;
}

export function u64(value: number): Buffer {
  const out = Buffer.allocUnsafe(8);
  out.writeBigUInt64LE(BigInt(value));
  return out;
}

/** Bitcoin's variable-length integer, shortest form. */
export function varint(value: number): Buffer {
  if (value < 0xfd) {
    return Buffer.of(value);
  }
  if (value <= 0xffff) {
    return Buffer.of(0xfd, value & 0xff, value >>> 8);
  }
  return value <= 0xffff_ffff
    ? Buffer.concat([Buffer.of(0xfe), u32(value)])
    : Buffer.concat([Buffer.of(0xff), u64(value)]);
}

/** A length-prefixed byte string. */
export function varBytes(bytes: Uint8Array): Buffer {
  return Buffer.concat([varint(bytes.length), bytes]);
}

/** Reads forward through bytes; a read past the end is an error, never zeros. */
export class Cursor {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  take(length: number): Buffer {
    if (length > this.left) {
      throw new CorpusError('TRUNCATED', `${length} bytes wanted at ${this.at}, ${this.left} left`);
    }
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  u8(): number {
    return this.take(1)[0]!;
  }

  u32(): number {
    return this.take(4).readUInt32LE();
  }

  u64(): number {
    return Number(this.take(8).readBigUInt64LE());
  }

  varint(): number {
    const first = this.u8();
    if (first < 0xfd) {
      return first;
    }
    if (first === 0xfd) {
      return this.take(2).readUInt16LE();
    }
    return first === 0xfe ? this.u32() : this.u64();
  }

  varBytes(): Buffer {
    return this.take(this.varint());
  }
}
