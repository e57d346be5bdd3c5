import { sha256dInto } from '../spv/bytes.ts';

const HASH_BYTES = 32;
const ANCHOR_BYTES = 3 * HASH_BYTES;

/** A TAC is kept at least every so many heights: what lies between is hashed again when it is asked for, in under a millisecond. */
export const CHECKPOINT_HEIGHTS = 1_024;

/** Block hash, 32 bytes internal order, of a height of the best chain. @throws if it is not held */
export type BlockHashAt = (height: number) => Uint8Array;

/** What a block adds to the chain. */
export interface BlockRoot {
  readonly height: number;
  readonly count: number;
  /** `basmRoot` of its leaves. */
  readonly root: Buffer;
}

export const ZERO_TAC: Buffer = Buffer.alloc(HASH_BYTES);

const anchor = Buffer.alloc(ANCHOR_BYTES);

/** BRC-136: TAC_h = SHA256d(TAC_(h-1) || hash of block h || root_h), written over `tac`. */
function advance(tac: Buffer, blockHash: Uint8Array, root: Uint8Array): void {
  anchor.set(tac, 0);
  anchor.set(blockHash, HASH_BYTES);
  anchor.set(root, 2 * HASH_BYTES);
  sha256dInto(anchor, tac, 0);
}

/**
 * BRC-136 root of one block: merkle root over the leaves, an odd last one paired with itself; a single one is the root.
 * The leaves are overwritten.
 */
export function basmRoot(leaves: Buffer, count: number): Buffer {
  if (count === 0) return ZERO_TAC;
  for (let width = count; width > 1; width = Math.ceil(width / 2)) {
    const last = width * HASH_BYTES;
    let level = leaves;
    if (width % 2 === 1) {
      level =
        leaves.length >= last + HASH_BYTES
          ? leaves
          : Buffer.concat([leaves.subarray(0, last)], last + HASH_BYTES);
      level.copy(level, last, last - HASH_BYTES, last);
    }
    for (let i = 0; i < width; i += 2) {
      const at = i * HASH_BYTES;
      sha256dInto(level.subarray(at, at + 2 * HASH_BYTES), leaves, (i / 2) * HASH_BYTES);
    }
  }
  return leaves.subarray(0, HASH_BYTES);
}

/** The TAC at `to`, given the one at `from`, where no block between has a transaction of the token. */
export function tacOverEmptyBlocks(tac: Uint8Array, from: number, to: number, hashAt: BlockHashAt): Buffer {
  const out = Buffer.from(tac);
  for (let height = from + 1; height <= to; height++) advance(out, hashAt(height), ZERO_TAC);
  return out;
}

/**
 * The commitments of one token: root and TAC at every height with transactions, and TACs at checkpoints between them. 72
 * bytes a point, so 14 MB for 200,000 transactions in as many blocks.
 */
export class AnchorChain {
  private heights = new Uint32Array(4);
  /** Transactions up to and with each height. */
  private counts = new Uint32Array(4);
  private tacs: Buffer = Buffer.alloc(4 * HASH_BYTES);
  /** Zeros at checkpoints. With them a block that changed costs no reading of those above it. */
  private roots: Buffer = Buffer.alloc(4 * HASH_BYTES);
  private length = 0;
  /** The highest TAC that was asked for, so that the next block costs one step. */
  private tail: { readonly height: number; readonly tac: Buffer } | undefined;

  get bytes(): number {
    return this.heights.byteLength + this.counts.byteLength + this.tacs.length + this.roots.length;
  }

  /** Of the first transaction; undefined: there is none. */
  get firstHeight(): number | undefined {
    return this.length === 0 ? undefined : this.heights[0];
  }

  /** Height of the last point. */
  get lastHeight(): number | undefined {
    return this.length === 0 ? undefined : this.heights[this.length - 1];
  }

  /** Adds a block with transactions, above all points; blocks between are empty. */
  append({ height, count, root }: BlockRoot, hashAt: BlockHashAt): void {
    const before = this.length === 0 ? 0 : (this.counts[this.length - 1] as number);
    const tac = this.length === 0 ? Buffer.alloc(HASH_BYTES) : this.walk(height - 1, hashAt);
    advance(tac, hashAt(height), root);
    this.push(height, before + count, tac, root);
  }

  /** The blocks with transactions from a height on, ascending; copies. */
  blocksFrom(height: number): BlockRoot[] {
    const blocks: BlockRoot[] = [];
    const first = this.pointBelow(height) + 1;
    let before = first === 0 ? 0 : (this.counts[first - 1] as number);
    for (let point = first; point < this.length; point++) {
      const upTo = this.counts[point] as number;
      if (upTo > before) {
        const root = Buffer.from(this.roots.subarray(point * HASH_BYTES, (point + 1) * HASH_BYTES));
        blocks.push({ height: this.heights[point] as number, count: upTo - before, root });
      }
      before = upTo;
    }
    return blocks;
  }

  /** Makes checkpoints up to a height at or above the last point, at most `most` heights of them. True: it is there. */
  extend(to: number, most: number, hashAt: BlockHashAt): boolean {
    const { lastHeight } = this;
    if (lastHeight === undefined) return true;
    const until = Math.min(to, lastHeight + most);
    this.walk(until, hashAt);
    return until === to;
  }

  /** Takes back everything from a height on. */
  cut(fromHeight: number): void {
    this.length = this.pointBelow(fromHeight) + 1;
    if (this.length === 0 || (this.tail?.height ?? 0) >= fromHeight) this.tail = undefined;
  }

  /** Transactions in blocks up to and with a height. */
  countAt(height: number): number {
    const point = this.pointBelow(height + 1);
    return point < 0 ? 0 : (this.counts[point] as number);
  }

  /** TAC at a height, whether above the points or not; zeros below the first. */
  tacAt(height: number, hashAt: BlockHashAt): Buffer {
    const point = this.pointBelow(height + 1);
    if (point < 0) return Buffer.alloc(HASH_BYTES);
    const { tail } = this;
    const from = this.heights[point] as number;
    const isNearer = tail !== undefined && tail.height <= height && tail.height >= from;
    const tac = isNearer
      ? tacOverEmptyBlocks(tail.tac, tail.height, height, hashAt)
      : tacOverEmptyBlocks(this.tacOf(point), from, height, hashAt);
    if (height >= (tail?.height ?? 0)) this.tail = { height, tac: Buffer.from(tac) };
    return tac;
  }

  /** From the last point to `to` over empty blocks, leaving checkpoints; the TAC there. */
  private walk(to: number, hashAt: BlockHashAt): Buffer {
    const last = this.length - 1;
    const count = this.counts[last] as number;
    const tac = Buffer.from(this.tacOf(last));
    for (let height = (this.heights[last] as number) + 1; height <= to; height++) {
      advance(tac, hashAt(height), ZERO_TAC);
      if (height % CHECKPOINT_HEIGHTS === 0) this.push(height, count, tac, ZERO_TAC);
    }
    return tac;
  }

  private tacOf(point: number): Buffer {
    return this.tacs.subarray(point * HASH_BYTES, (point + 1) * HASH_BYTES);
  }

  /** Index of the last point below a height, or -1. */
  private pointBelow(height: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.heights[middle] as number) < height) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  private push(height: number, count: number, tac: Buffer, root: Buffer): void {
    if (this.length === this.heights.length) this.grow();
    this.heights[this.length] = height;
    this.counts[this.length] = count;
    tac.copy(this.tacs, this.length * HASH_BYTES);
    root.copy(this.roots, this.length * HASH_BYTES);
    this.length++;
  }

  private grow(): void {
    const size = Math.ceil(this.heights.length * 1.5);
    const heights = new Uint32Array(size);
    heights.set(this.heights);
    const counts = new Uint32Array(size);
    counts.set(this.counts);
    this.tacs = Buffer.concat([this.tacs], size * HASH_BYTES);
    this.roots = Buffer.concat([this.roots], size * HASH_BYTES);
    this.heights = heights;
    this.counts = counts;
  }
}
