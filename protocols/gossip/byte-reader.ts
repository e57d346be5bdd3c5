import { TXID_BYTES } from './constants.ts';
import { GossipError } from './errors.ts';

/** LEB128 numbers have at most seven bytes here: all that a double holds exactly. */
const MAX_NUMBER_BYTES = 7;

export function malformed(what: string, at: number): GossipError {
  return new GossipError('GOSSIP_MALFORMED', `${what} at byte ${at}`, { at });
}

/** Reads a message from front to back; whatever it gives is a view. */
export class ByteReader {
  private readonly bytes: Uint8Array;
  private at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  get remaining(): number {
    return this.bytes.length - this.at;
  }

  u8(what: string): number {
    const byte = this.bytes[this.at];
    if (byte === undefined) throw malformed(`${what} is missing`, this.at);
    this.at++;
    return byte;
  }

  u32le(what: string): number {
    const bytes = this.take(4, what);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  }

  /** Unsigned LEB128. `minimal`: the shortest form only, so that one number has one form. */
  number(what: string, minimal = true): number {
    const start = this.at;
    let value = 0;
    for (let i = 0; i < MAX_NUMBER_BYTES; i++) {
      const byte = this.u8(what);
      value += (byte & 0x7f) * 0x80 ** i;
      if (byte >= 0x80) continue;
      if (minimal && byte === 0 && i > 0) break;
      return value;
    }
    throw malformed(`${what} is no number in its shortest form`, start);
  }

  /** A number of items of at least `itemBytes` each: more than the bytes can hold is refused before anything is made for them. */
  count(what: string, itemBytes: number, most: number, minimal = true): number {
    const start = this.at;
    const count = this.number(what, minimal);
    if (count > most || count > this.remaining / itemBytes)
      throw malformed(`${what} is ${count}, too much`, start);
    return count;
  }

  take(length: number, what: string): Uint8Array {
    if (length > this.remaining) throw malformed(`${what} runs past the end`, this.at);
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** A txid in internal order, as display hex. */
  txid(what: string): string {
    return Buffer.from(this.take(TXID_BYTES, what)).reverse().toString('hex');
  }

  finish(): void {
    if (this.remaining > 0) throw malformed(`${this.remaining} bytes too many`, this.at);
  }
}
