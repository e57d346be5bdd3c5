import type { Bump } from './bump.ts';
import { FLAG_DUPLICATE } from './bump-leaves.ts';
import { displayHexAt, sha256dInto } from './bytes.ts';
import { SpvError } from './errors.ts';

const HASH_BYTES = 32;

/** The nodes of one level, stated and computed, offsets ascending. */
interface TreeLevel {
  readonly offsets: number[];
  /** Whether the node follows from the level below; parallel to offsets. */
  readonly derived: boolean[];
  /** Node i stands at byte (first + i) * 32 of the nodes. */
  readonly first: number;
}

/**
 * All nodes of a BUMP, every one hashed once, level by level.
 *
 * The nodes of a level lie side by side in one buffer, so that a pair is 64 bytes that can be hashed as they
 * stand. Work and memory are linear in the stated nodes: each computed node uses up two others.
 */
export class MerkleTree {
  /** Display order. */
  readonly root: string;
  private readonly bump: Bump;
  private readonly nodes: Buffer;
  private readonly levels: TreeLevel[] = [];
  /** Nodes in `nodes`. */
  private filled = 0;

  /** SpvError BUMP_MISSING_HASH, BUMP_HASH_CONFLICT, BUMP_PHANTOM_POSITION if the nodes do not give one root. */
  constructor(bump: Bump) {
    this.bump = bump;
    this.nodes = Buffer.allocUnsafe(2 * bump.leaves.offsets.length * HASH_BYTES);
    let below: TreeLevel | undefined;
    for (let level = 0; level < bump.treeHeight; level++) {
      below = this.fillLevel(level, below);
      this.levels.push(below);
    }
    this.root = this.rootOf(below as TreeLevel);
  }

  has(level: number, offset: number): boolean {
    return this.find(level, offset) >= 0;
  }

  /** Offsets of the nodes of a level, stated and computed, ascending. */
  offsetsOf(level: number): readonly number[] {
    return (this.levels[level] as TreeLevel).offsets;
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
    return this.bump.treeHeight === 1 && this.levels[0]?.offsets.length === 1;
  }

  private rootOf(top: TreeLevel): string {
    if (this.isSingleLeaf() && top.offsets[0] === 0) return displayHexAt(this.nodes, 0);
    this.checkPair(top, 0, this.bump.treeHeight - 1);
    this.hashPair(top.first);
    return displayHexAt(this.nodes, this.filled * HASH_BYTES);
  }

  /** Merges what the BUMP states of a level with the parents of the pairs below; both are ascending. */
  private fillLevel(level: number, below: TreeLevel | undefined): TreeLevel {
    const { offsets, levelStart } = this.bump.leaves;
    const end = levelStart[level + 1] as number;
    const filling: TreeLevel = { offsets: [], derived: [], first: this.filled };
    let next = levelStart[level] as number;
    for (let i = 0; below !== undefined && i < below.offsets.length; i += 2) {
      this.checkPair(below, i, level - 1);
      const parent = Math.floor((below.offsets[i] as number) / 2);
      while (next < end && (offsets[next] as number) < parent) this.addStated(filling, next++, level);
      this.hashPair(below.first + i);
      if (next < end && offsets[next] === parent) this.checkStated(next++, level);
      this.add(filling, parent, true);
    }
    while (next < end) this.addStated(filling, next++, level);
    return filling;
  }

  private add(level: TreeLevel, offset: number, derived: boolean): void {
    level.offsets.push(offset);
    level.derived.push(derived);
    this.filled++;
  }

  private addStated(filling: TreeLevel, i: number, level: number): void {
    const { offsets, flags, hashAt } = this.bump.leaves;
    const offset = offsets[i] as number;
    const at = this.filled * HASH_BYTES;
    if (flags[i] === FLAG_DUPLICATE) {
      if (filling.offsets.at(-1) !== offset - 1) throw this.missing(level, offset - 1, offset);
      this.nodes.copyWithin(at, at - HASH_BYTES, at);
    } else {
      this.copyHash(at, hashAt[i] as number);
    }
    this.add(filling, offset, false);
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

  /** Node i must be a left one, the next its right neighbour, and not its copy with transactions of its own. */
  private checkPair(level: TreeLevel, i: number, number: number): void {
    const offset = level.offsets[i] as number;
    if (offset % 2 === 1) throw this.missing(number, offset - 1, offset);
    if (level.offsets[i + 1] !== offset + 1) throw this.missing(number, offset + 1, offset);
    if (level.derived[i + 1] === true && this.equal(level.first + i, level.first + i + 1)) {
      throw new SpvError(
        'BUMP_PHANTOM_POSITION',
        `level ${number}: the leaves under offset ${offset + 1} repeat those under ${offset}, so their positions are not in the block`,
        { level: number, leafOffset: offset + 1, height: this.bump.height },
      );
    }
  }

  private equal(left: number, right: number): boolean {
    const a = left * HASH_BYTES;
    const b = right * HASH_BYTES;
    for (let i = 0; i < HASH_BYTES; i++) if (this.nodes[a + i] !== this.nodes[b + i]) return false;
    return true;
  }

  /** Index of a node in `nodes`, or -1. */
  private find(level: number, offset: number): number {
    const { offsets, first } = this.levels[level] as TreeLevel;
    let low = 0;
    let high = offsets.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = offsets[middle] as number;
      if (found === offset) return first + middle;
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
