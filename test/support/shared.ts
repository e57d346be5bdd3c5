/** The vectors and the corpus beside the checkout. Where they are not, tests skip and say so. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const SHARED_DIR = resolve(process.env['BTCFED_SHARED'] ?? join(process.cwd(), '..', 'shared'));

/** For node:test's `skip`: the reason, or false if the folder is there. */
export function skipWithout(folder: 'vectors' | 'corpus'): string | false {
  return existsSync(join(SHARED_DIR, folder))
    ? false
    : `${folder} not found under BTCFED_SHARED or ../shared`;
}

export interface Vector {
  readonly name: string;
  readonly file: string;
  readonly kind: string;
  readonly bytes: number;
  readonly txid?: string;
  readonly inputs?: number;
  readonly outputs?: number;
  readonly expectTxid?: string;
  readonly subjectTxid?: string;
  readonly atomicTxid?: string;
  readonly height?: number;
  readonly expectedRoot?: string;
  readonly expectedError?: string;
  readonly txs?: readonly {
    readonly txid: string;
    readonly bumpIndex?: number;
    readonly txidOnly?: boolean;
  }[];
  readonly bumps?: readonly {
    readonly height: number;
    readonly leaves: number;
    readonly merkleRoot: string;
  }[];
  readonly verified?: { readonly root?: string };
}

/** Vectors whose kind matches. */
export function vectorsOf(kind: RegExp): Vector[] {
  const text = readFileSync(join(SHARED_DIR, 'vectors', 'manifest.json'), 'utf8');
  const { vectors } = JSON.parse(text) as { vectors: Vector[] };
  return vectors.filter((vector) => kind.test(vector.kind));
}

export function vectorBytes(vector: Vector): Buffer {
  return Buffer.from(readFileSync(join(SHARED_DIR, 'vectors', vector.file), 'utf8').trim(), 'hex');
}

/** The BEEFs of a framed corpus file: repeated u32 LE length and BEEF. */
export function corpusFrames(file: 'history.bin' | 'transfers.bin'): Buffer[] {
  const bytes = readFileSync(join(SHARED_DIR, 'corpus', file));
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    frames.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return frames;
}
