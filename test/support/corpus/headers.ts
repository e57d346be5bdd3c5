import { sha256d, toDisplay, toInternal, u32 } from './bytes.ts';
import { CorpusError } from './errors.ts';

export interface Header {
  readonly height: number;
  /** 80 bytes. */
  readonly bytes: Buffer;
  readonly hash: string;
  readonly prevHash: string;
  readonly merkleRoot: string;
  readonly timeSeconds: number;
}

const REGTEST_BITS = 0x207f_ffff;
/** The target that the bits stand for, as a display hash. */
const REGTEST_TARGET = `7fffff${'0'.repeat(58)}`;
const GENESIS =
  '0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e' +
  '67768f617fc81bc3888a51323a9fb8aa4b1e5e4adae5494dffff7f2002000000';

export function headerOf(bytes: Buffer, height: number): Header {
  return {
    height,
    bytes,
    hash: toDisplay(sha256d(bytes)),
    prevHash: toDisplay(bytes.subarray(4, 36)),
    merkleRoot: toDisplay(bytes.subarray(36, 68)),
    timeSeconds: bytes.readUInt32LE(68),
  };
}

export function regtestGenesis(): Header {
  return headerOf(Buffer.from(GENESIS, 'hex'), 0);
}

/** A header on top of `prev`, its proof of work found (two tries on average on regtest). */
export function mineHeader(prev: Header, merkleRoot: Buffer, timeSeconds: number): Header {
  const bytes = Buffer.concat([
    u32(0x2000_0000),
    toInternal(prev.hash),
    merkleRoot,
    u32(timeSeconds),
    u32(REGTEST_BITS),
    u32(0),
  ]);
  for (let nonce = 0; ; nonce++) {
    bytes.writeUInt32LE(nonce, 76);
    if (toDisplay(sha256d(bytes)) <= REGTEST_TARGET) {
      return headerOf(bytes, prev.height + 1);
    }
  }
}

/** Headers of a file of 80-byte headers from genesis on; each must link to the one before. */
export function readHeaders(file: Uint8Array): Header[] {
  const headers: Header[] = [];
  for (let at = 0; at < file.length; at += 80) {
    const header = headerOf(Buffer.from(file.subarray(at, at + 80)), headers.length);
    const prev = headers.at(-1);
    if (prev !== undefined && header.prevHash !== prev.hash) {
      throw new CorpusError('NOT_FOUND', `header ${header.height} does not link to the one before it`);
    }
    headers.push(header);
  }
  return headers;
}
