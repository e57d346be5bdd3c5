import type { Branch, Trunk } from './branch.ts';
import { Chunk } from './chunk.ts';
import { HEADER_BYTES, sameHash } from './header.ts';
import {
  CHUNK_HEADERS,
  type ChainBase,
  chunkKey,
  type DiskOperation,
  decodeChunk,
  decodeIndex,
  encodeChunk,
  encodeTip,
  type HeaderDisk,
  indexKey,
  rowMissing,
  type TipRow,
  tipKey,
  workBytes,
} from './rows.ts';

/** The rows and the memory that a branch would change if it became the best chain. */
export interface Rewrite {
  readonly operations: readonly DiskOperation[];
  readonly chunks: readonly Chunk[];
  readonly tip: TipRow;
}

/** Number of the chunk row a height is in. */
export function chunkOf(height: number): number {
  return Math.floor(height / CHUNK_HEADERS);
}

/** The best chain as the disk holds it, through a bounded cache of chunks. Heights from `base.height` to `tip.height`. */
export class BestChain implements Trunk {
  readonly base: ChainBase;
  private readonly disk: HeaderDisk;
  private readonly cacheChunks: number;
  /** Least recently used first. */
  private readonly cache = new Map<number, Chunk>();
  private newest: Chunk | undefined;
  private current: TipRow;

  constructor(disk: HeaderDisk, base: ChainBase, tip: TipRow, cacheChunks: number) {
    this.disk = disk;
    this.base = base;
    this.current = tip;
    this.cacheChunks = cacheChunks;
  }

  get tip(): TipRow {
    return this.current;
  }

  get height(): number {
    return this.current.height;
  }

  get baseHeight(): number {
    return this.base.height;
  }

  /** True if the header at `height` is held; the anchor below the base is not. */
  holds(height: number): boolean {
    return Number.isInteger(height) && height >= this.base.height && height <= this.current.height;
  }

  /** The 80 bytes at a held height. @throws ChainError CHAIN_ROW_DAMAGED, CHAIN_ROW_MISSING */
  headerBytes(height: number): Uint8Array {
    return this.chunk(chunkOf(height)).header(height);
  }

  /** Hash (internal order) at a held height or at the anchor. */
  hashBytes(height: number): Uint8Array {
    if (height === this.current.height) return this.current.hash;
    if (height === this.base.height - 1) return this.base.anchorHash;
    return this.chunk(chunkOf(height)).hash(height);
  }

  time(height: number): number {
    return this.chunk(chunkOf(height)).time(height);
  }

  bits(height: number): number {
    return this.chunk(chunkOf(height)).bits(height);
  }

  /** Chain work up to and with a held height, or the anchor's. */
  work(height: number): bigint {
    if (height === this.current.height) return this.current.work;
    if (height === this.base.height - 1) return this.base.anchorWork;
    return this.chunk(chunkOf(height)).work(height);
  }

  /**
   * Height of a hash on this chain or of its anchor. An index row only says where to look: the header there decides,
   * so a stale or lost one is never a wrong answer.
   */
  heightOf(hash: Uint8Array): number | undefined {
    if (sameHash(this.current.hash, 0, hash)) return this.current.height;
    if (this.base.height > 0 && sameHash(this.base.anchorHash, 0, hash)) return this.base.height - 1;
    const key = indexKey(hash);
    const row = this.disk.get(key);
    if (row === undefined) return undefined;
    const height = decodeIndex(key, row);
    return this.holds(height) && sameHash(this.hashBytes(height), 0, hash) ? height : undefined;
  }

  /** Headers from `from` to `to`, both held, as n x 80 bytes. */
  range(from: number, to: number): Uint8Array {
    const bytes = new Uint8Array((to - from + 1) * HEADER_BYTES);
    for (let h = from; h <= to; h++) bytes.set(this.headerBytes(h), (h - from) * HEADER_BYTES);
    return bytes;
  }

  chunk(number: number): Chunk {
    if (this.newest?.number === number) return this.newest;
    let chunk = this.cache.get(number);
    if (chunk === undefined) {
      chunk = this.load(number);
    } else {
      this.cache.delete(number);
    }
    this.keep(chunk);
    return chunk;
  }

  /** Takes a chunk into the cache, as a chain with nothing on the disk yet must. */
  keep(chunk: Chunk): void {
    this.cache.set(chunk.number, chunk);
    this.newest = chunk;
    if (this.cache.size > this.cacheChunks) {
      const oldest = this.cache.keys().next().value;
      if (oldest !== undefined) this.cache.delete(oldest);
    }
  }

  /** Reads a chunk from the disk, whatever the cache has. */
  load(number: number): Chunk {
    const key = chunkKey(number);
    const value = this.disk.get(key);
    if (value === undefined) throw rowMissing('chunk', key);
    const first = this.firstOf(number);
    const last = Math.min(this.current.height, number * CHUNK_HEADERS + CHUNK_HEADERS - 1);
    return new Chunk(number, first, decodeChunk(key, value, last - first + 1), false);
  }

  /** What must be written so that `branch` replaces everything above its fork. Changes nothing. */
  rewrite(branch: Branch): Rewrite {
    const operations: DiskOperation[] = [];
    const chunks: Chunk[] = [];
    for (let number = chunkOf(branch.fork + 1); number <= chunkOf(branch.height); number++) {
      const chunk = this.compose(branch, number);
      operations.push(chunk.operation);
      chunks.push(chunk.chunk);
    }
    for (let number = chunkOf(branch.height) + 1; number <= chunkOf(this.current.height); number++) {
      operations.push({ key: chunkKey(number), value: undefined });
    }
    const tip: TipRow = { height: branch.height, hash: Buffer.from(branch.tipHash), work: branch.tipWork };
    operations.push({ key: tipKey, value: encodeTip(tip) });
    return { operations, chunks, tip };
  }

  /** Takes a rewrite over into memory, once it is on the disk. */
  apply(rewrite: Rewrite): void {
    const top = chunkOf(rewrite.tip.height);
    for (const number of this.cache.keys()) if (number > top) this.cache.delete(number);
    this.newest = undefined;
    this.current = rewrite.tip;
    for (const chunk of rewrite.chunks) {
      this.cache.delete(chunk.number);
      this.keep(chunk);
    }
  }

  private firstOf(number: number): number {
    return Math.max(this.base.height, number * CHUNK_HEADERS);
  }

  private compose(branch: Branch, number: number): { operation: DiskOperation; chunk: Chunk } {
    const first = this.firstOf(number);
    const last = Math.min(branch.height, number * CHUNK_HEADERS + CHUNK_HEADERS - 1);
    const headers = new Uint8Array((last - first + 1) * HEADER_BYTES);
    if (first <= branch.fork) headers.set(this.chunk(number).upTo(branch.fork));
    for (let h = Math.max(first, branch.fork + 1); h <= last; h++) {
      headers.set(branch.headers[h - branch.fork - 1]!, (h - first) * HEADER_BYTES);
    }
    const row = {
      startWork: workBytes(branch.work(first - 1)),
      lastHash: Buffer.from(branch.hashes[last - branch.fork - 1]!),
      headers,
    };
    const key = chunkKey(number);
    return { operation: { key, value: encodeChunk(key, row) }, chunk: new Chunk(number, first, row, true) };
  }
}
