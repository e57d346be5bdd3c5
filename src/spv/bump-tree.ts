import type { Bump } from './bump.ts';
import { FLAG_DUPLICATE } from './bump-leaves.ts';
import { displayHexAt, sha256dInto } from './bytes.ts';
import { SpvError } from './errors.ts';

const HASH_BYTES = 32;

/**
 * All nodes of a BUMP, every one hashed once, level by level.
 *
 * The nodes stand one after another in flat arrays (an array a level took a seventh of all memory that ingest allocates),
 * those of a level side by side, so that a pair is 64 bytes that can be hashed as they are. Work and memory are linear in
 * the stated nodes: each computed node uses up two others.
 */
export class MerkleTree {
  /** Display order. */
  readonly root: string;
  private readonly bump: Bump;
  /** Node i stands at byte i * 32. */
  private readonly nodes: Buffer;
  /** By node; ascending in each level. */
  private readonly offsets: number[] = [];
  /** By node: whether it follows from the level below. */
  private readonly derived: boolean[] = [];
  /** Level l is from node levelStart[l] up to, not including, levelStart[l + 1]. */
  private readonly levelStart: number[] = [0];

  /** SpvError BUMP_MISSING_HASH, BUMP_HASH_CONFLICT, BUMP_PHANTOM_POSITION if the nodes do not give one root. */
  constructor(bump: Bump) {
    this.bump = bump;
    this.nodes = Buffer.allocUnsafe(2 * bump.leaves.offsets.length * HASH_BYTES);
    for (let level = 0; level < bump.treeHeight; level++) {
      this.fillLevel(level);
      this.levelStart.push(this.filled);
    }
    this.root = this.rootOf();
  }

  has(level: number, offset: number): boolean {
    return this.find(level, offset) >= 0;
  }

  /** Offsets of the nodes of a level, stated and computed, ascending. */
  offsetsOf(level: number): readonly number[] {
    return this.offsets.slice(this.levelStart[level], this.levelStart[level + 1]);
  }

  /** The 32 bytes of a node that is there, a view. */
  hash(level: number, offset: number): Uint8Array {
    const at = this.find(level, offset) * HASH_BYTES;
    return this.nodes.subarray(at, at + HASH_BYTES);
  }

  /** Whether the node only repeats its left neighbour, to fill up its level. */
  isDuplicate(level: number, offset: number): boolean {
    if (offset % 2 === 0) return false;
    const node = this.find(level, offset);
    return this.equal(node - 1, node);
  }

  /** A block of one transaction: the leaf is the root. */
  isSingleLeaf(): boolean {
    return this.bump.treeHeight === 1 && this.levelStart[1] === 1;
  }

  private get filled(): number {
    return this.offsets.length;
  }

  private rootOf(): string {
    if (this.isSingleLeaf() && this.offsets[0] === 0) return displayHexAt(this.nodes, 0);
    const top = this.bump.treeHeight - 1;
    const first = this.levelStart[top] as number;
    this.checkPair(first, top);
    this.hashPair(first);
    return displayHexAt(this.nodes, this.filled * HASH_BYTES);
  }

  /** Merges what the BUMP states of a level with the parents of the pairs below; both are ascending. */
  private fillLevel(level: number): void {
    const { offsets, levelStart } = this.bump.leaves;
    const end = levelStart[level + 1] as number;
    let next = levelStart[level] as number;
    const belowEnd = this.filled;
    for (let node = this.levelStart[level - 1] ?? belowEnd; node < belowEnd; node += 2) {
      this.checkPair(node, level - 1);
      const parent = Math.floor((this.offsets[node] as number) / 2);
      while (next < end && (offsets[next] as number) < parent) this.addStated(next++, level);
      this.hashPair(node);
      if (next < end && offsets[next] === parent) this.checkStated(next++, level);
      this.add(parent, true);
    }
    while (next < end) this.addStated(next++, level);
  }

  private add(offset: number, derived: boolean): void {
    this.offsets.push(offset);
    this.derived.push(derived);
  }

  private addStated(i: number, level: number): void {
    const { offsets, flags, hashAt } = this.bump.leaves;
    const offset = offsets[i] as number;
    const at = this.filled * HASH_BYTES;
    if (flags[i] === FLAG_DUPLICATE) {
      const left = this.filled - 1;
      if (left < (this.levelStart[level] as number) || this.offsets[left] !== offset - 1)
        throw this.missing(level, offset - 1, offset);
      this.nodes.copyWithin(at, at - HASH_BYTES, at);
    } else {
      this.copyHash(at, hashAt[i] as number);
    }
    this.add(offset, false);
  }

  private copyHash(at: number, from: number): void {
    const { bytes } = this.bump;
    for (let i = 0; i < HASH_BYTES; i++) this.nodes[at + i] = bytes[from + i] as number;
  }

  /** Hashes two neighbours into the next free place, without counting it as filled. */
  private hashPair(left: number): void {
    const at = left * HASH_BYTES;
    sha256dInto(this.nodes.subarray(at, at + 2 * HASH_BYTES), this.nodes, this.filled * HASH_BYTES);
  }

  /** The node just computed is also stated: redundant, but it must be the same. */
  private checkStated(i: number, level: number): void {
    const { offsets, flags, hashAt } = this.bump.leaves;
    const at = this.filled * HASH_BYTES;
    const from = hashAt[i] as number;
    if (flags[i] !== FLAG_DUPLICATE) {
      let n = 0;
      while (n < HASH_BYTES && this.nodes[at + n] === this.bump.bytes[from + n]) n++;
      if (n === HASH_BYTES) return;
    }
    const offset = offsets[i] as number;
    const computed = displayHexAt(this.nodes, at);
    throw new SpvError(
      'BUMP_HASH_CONFLICT',
      `level ${level}, offset ${offset}: the leaves below give ${computed}, the BUMP at height ${this.bump.height} states another hash`,
      { level, leafOffset: offset, computed, height: this.bump.height },
    );
  }

  /** The node must be a left one, the next its right neighbour, and not its copy with transactions of its own. */
  private checkPair(node: number, level: number): void {
    const offset = this.offsets[node] as number;
    if (offset % 2 === 1) throw this.missing(level, offset - 1, offset);
    const right = node + 1;
    if (right >= (this.levelStart[level + 1] as number) || this.offsets[right] !== offset + 1)
      throw this.missing(level, offset + 1, offset);
    if (this.derived[right] === true && this.equal(node, right)) {
      throw new SpvError(
        'BUMP_PHANTOM_POSITION',
        `level ${level}: the leaves under offset ${offset + 1} repeat those under ${offset}, so their positions are not in the block`,
        { level, leafOffset: offset + 1, height: this.bump.height },
      );
    }
  }

  private equal(left: number, right: number): boolean {
    const a = left * HASH_BYTES;
    const b = right * HASH_BYTES;
    for (let i = 0; i < HASH_BYTES; i++) if (this.nodes[a + i] !== this.nodes[b + i]) return false;
    return true;
  }

  /** The node with this offset in a level, or -1. */
  private find(level: number, offset: number): number {
    let low = this.levelStart[level] as number;
    let high = (this.levelStart[level + 1] as number) - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.offsets[middle] as number;
      if (found === offset) return middle;
      if (found < offset) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  private missing(level: number, wanted: number, neighbour: number): SpvError {
    return new SpvError(
      'BUMP_MISSING_HASH',
      `the BUMP at height ${this.bump.height} has no hash for offset ${wanted} of level ${level}, the neighbour of ${neighbour}`,
      { level, leafOffset: wanted, neighbour, height: this.bump.height },
    );
  }
}
