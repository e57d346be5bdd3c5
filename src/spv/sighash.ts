import { sha256d, sha256dInto } from './bytes.ts';
import type { TxLayout } from './layout.ts';

export const SIGHASH_ALL = 0x01;
export const SIGHASH_NONE = 0x02;
export const SIGHASH_SINGLE = 0x03;
/** Chronicle: sign the original digest instead of this one. Not handled here. */
export const SIGHASH_CHRONICLE = 0x20;
export const SIGHASH_FORKID = 0x40;
export const SIGHASH_ANYONECANPAY = 0x80;
/** The bits that hold ALL, NONE or SINGLE. */
export const SIGHASH_BASE_MASK = 0x1f;

/** Version, two hashes, outpoint, script length, satoshis, sequence, hash, lock time, hash type: all but the script. */
const PREIMAGE_BYTES_AT_MOST = 4 + 32 + 32 + 36 + 9 + 8 + 4 + 32 + 4 + 4;
const KEPT_SCRATCH_BYTES = 64 * 1024;
const TWO_32 = 0x1_0000_0000;

let keptScratch = Buffer.allocUnsafeSlow(4096);

/**
 * Signature hashes of one transaction in the form of BIP-143 with FORKID, as BSV signs since 2017.
 *
 * The hashes over all outpoints, all sequences and all outputs are computed once and shared between the inputs, so a
 * transaction of n inputs costs O(n), not O(n^2).
 */
export class Sighash {
  readonly layout: TxLayout;
  private prevouts: Buffer | undefined;
  private sequences: Buffer | undefined;
  private outputs: Buffer | undefined;

  constructor(layout: TxLayout) {
    this.layout = layout;
  }

  /**
   * Writes the 32 bytes that a signature of input `vin` signs to `target`.
   *
   * lock: locking script of the spent output; codeAt: where in it the signed part starts (behind the last
   * OP_CODESEPARATOR that ran); satoshis: of the spent output; hashType: one byte, base ALL, NONE or SINGLE, with
   * FORKID, without CHRONICLE.
   */
  digest(
    vin: number,
    lock: Uint8Array,
    codeAt: number,
    satoshis: number,
    hashType: number,
    target: Buffer,
  ): void {
    const { raw, outpointAt, sequenceAt, lockTimeAt } = this.layout;
    const base = hashType & SIGHASH_BASE_MASK;
    const ownOnly = (hashType & SIGHASH_ANYONECANPAY) !== 0;
    const codeBytes = lock.length - codeAt;
    const out = scratchFor(PREIMAGE_BYTES_AT_MOST + codeBytes);

    copy(raw, 0, out, 0, 4);
    writeHash(ownOnly ? undefined : this.hashPrevouts(), out, 4);
    writeHash(ownOnly || base !== SIGHASH_ALL ? undefined : this.hashSequences(), out, 36);
    copy(raw, outpointAt[vin] as number, out, 68, 36);
    let at = writeVarint(out, 104, codeBytes);
    out.set(codeAt === 0 ? lock : lock.subarray(codeAt), at);
    at += codeBytes;
    writeU32(out, at, satoshis % TWO_32);
    writeU32(out, at + 4, Math.floor(satoshis / TWO_32));
    copy(raw, sequenceAt[vin] as number, out, at + 8, 4);
    this.writeOutputsHash(base, vin, out, at + 12);
    copy(raw, lockTimeAt, out, at + 44, 4);
    writeU32(out, at + 48, hashType);
    sha256dInto(view(out, 0, at + 52), target, 0);
  }

  private writeOutputsHash(base: number, vin: number, out: Buffer, at: number): void {
    const { raw, outputAt } = this.layout;
    if (base === SIGHASH_SINGLE && vin < outputAt.length - 1) {
      sha256dInto(view(raw, outputAt[vin] as number, outputAt[vin + 1] as number), out, at);
    } else {
      // NONE, or SINGLE without an output of this index: zeros.
      writeHash(base === SIGHASH_ALL ? this.hashOutputs() : undefined, out, at);
    }
  }

  private hashPrevouts(): Buffer {
    this.prevouts ??= this.gathered(this.layout.outpointAt, 36);
    return this.prevouts;
  }

  private hashSequences(): Buffer {
    this.sequences ??= this.gathered(this.layout.sequenceAt, 4);
    return this.sequences;
  }

  private hashOutputs(): Buffer {
    const { raw, outputAt } = this.layout;
    this.outputs ??= sha256d(view(raw, outputAt[0] as number, outputAt[outputAt.length - 1] as number));
    return this.outputs;
  }

  /** Hash of `size` bytes from each of the given places. */
  private gathered(places: readonly number[], size: number): Buffer {
    const all = Buffer.allocUnsafe(places.length * size);
    for (let i = 0; i < places.length; i++) copy(this.layout.raw, places[i] as number, all, i * size, size);
    return sha256d(all);
  }
}

/** Memory for one preimage; kept from call to call unless it is large, so that one huge script does not stay. */
function scratchFor(bytes: number): Buffer {
  if (bytes <= keptScratch.length) return keptScratch;
  const larger = Buffer.allocUnsafeSlow(bytes);
  if (bytes <= KEPT_SCRATCH_BYTES) keptScratch = larger;
  return larger;
}

/** A plain Uint8Array view: a Buffer view costs three times as much. */
function view(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

/** For pieces up to 36 bytes, where the call into native code costs more than the loop. */
function copy(from: Uint8Array, fromAt: number, to: Uint8Array, toAt: number, bytes: number): void {
  for (let i = 0; i < bytes; i++) to[toAt + i] = from[fromAt + i] as number;
}

function writeHash(hash: Buffer | undefined, to: Uint8Array, at: number): void {
  if (hash) copy(hash, 0, to, at, 32);
  else to.fill(0, at, at + 32);
}

function writeU32(to: Uint8Array, at: number, value: number): void {
  to[at] = value;
  to[at + 1] = value >>> 8;
  to[at + 2] = value >>> 16;
  to[at + 3] = value >>> 24;
}

/** Writes the shortest varint and returns the place behind it; scripts are below 4 GiB. */
function writeVarint(to: Uint8Array, at: number, value: number): number {
  if (value < 0xfd) {
    to[at] = value;
    return at + 1;
  }
  if (value <= 0xffff) {
    to[at] = 0xfd;
    to[at + 1] = value;
    to[at + 2] = value >>> 8;
    return at + 3;
  }
  to[at] = 0xfe;
  writeU32(to, at + 1, value);
  return at + 5;
}
