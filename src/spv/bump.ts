import { type BumpLeaves, FLAG_DUPLICATE, FLAG_HASH, FLAG_TXID, readLeaves } from './bump-leaves.ts';
import { MerkleTree } from './bump-tree.ts';
import { ByteReader, ByteWriter, displayHexAt, limitExceeded } from './bytes.ts';
import { SpvError } from './errors.ts';
import { MAX_BLOCK_HEIGHT, MAX_TREE_HEIGHT, MAX_VARINT_BYTES } from './limits.ts';

/** Below this many leaves comparing is cheaper than building a map. */
const INDEX_FROM_LEAVES = 8;

/**
 * BSV Unified Merkle Path (BRC-74): the nodes that lead from transactions of one block to its merkle root.
 *
 * Parsing checks the structure only. Hashing is left to the first `bumpRoot`, since whoever already knows the
 * transaction as proven need not pay for it: **every BUMP that is used must go through bumpRoot**, and its root
 * be compared with the header, before anything in it is believed.
 */
export class Bump {
  /** Of the block. */
  readonly height: number;
  readonly treeHeight: number;
  /** The exact bytes, a view. */
  readonly bytes: Uint8Array;
  readonly leaves: BumpLeaves;
  private computed: MerkleTree | undefined;
  private index: Map<string, number> | undefined;

  constructor(height: number, treeHeight: number, bytes: Uint8Array, leaves: BumpLeaves) {
    this.height = height;
    this.treeHeight = treeHeight;
    this.bytes = bytes;
    this.leaves = leaves;
  }

  /** Every node, hashed once and kept. SpvError where the nodes do not give one root. */
  tree(): MerkleTree {
    this.computed ??= new MerkleTree(this);
    return this.computed;
  }

  /** How many leaves level 0 states. */
  txidCount(): number {
    return this.leaves.levelStart[1] as number;
  }

  /** Level-0 offset of a txid; the lower one of two equal neighbours, the other being a copy. */
  offsetOf(txid: string): number | undefined {
    const count = this.txidCount();
    if (count >= INDEX_FROM_LEAVES) {
      this.index ??= this.indexTxids(count);
      return this.index.get(txid);
    }
    for (let i = 0; i < count; i++) if (this.txidAt(i) === txid) return this.leaves.offsets[i];
    return undefined;
  }

  private indexTxids(count: number): Map<string, number> {
    const index = new Map<string, number>();
    for (let i = count - 1; i >= 0; i--) {
      const txid = this.txidAt(i);
      if (txid !== undefined) index.set(txid, this.leaves.offsets[i] as number);
    }
    return index;
  }

  private txidAt(i: number): string | undefined {
    if (this.leaves.flags[i] === FLAG_DUPLICATE) return undefined;
    return displayHexAt(this.bytes, this.leaves.hashAt[i] as number);
  }
}

/** The BUMP that `bytes` are, all of them; SpvError with a decode code otherwise. No hashing: see Bump. */
export function parseBump(bytes: Uint8Array): Bump {
  const reader = new ByteReader(bytes);
  const bump = readBump(reader);
  reader.finish('BUMP');
  return bump;
}

/** The BUMP at the reader's place, which it moves behind it. Structure only, no hashing: see Bump. */
export function readBump(reader: ByteReader): Bump {
  const start = reader.offset;
  const height = reader.varint('block height');
  if (height > MAX_BLOCK_HEIGHT) throw limitExceeded('block height', start, height, MAX_BLOCK_HEIGHT);
  const treeHeightAt = reader.offset;
  const treeHeight = reader.u8('tree height');
  if (treeHeight < 1 || treeHeight > MAX_TREE_HEIGHT) {
    throw new SpvError(
      'BUMP_TREE_HEIGHT',
      `tree height at byte ${treeHeightAt} is ${treeHeight}, it is from 1 to ${MAX_TREE_HEIGHT}`,
      { offset: treeHeightAt, treeHeight, min: 1, max: MAX_TREE_HEIGHT },
    );
  }
  const leaves = readLeaves(reader, start, treeHeight);
  return new Bump(height, treeHeight, reader.between(start, reader.offset), leaves);
}

/**
 * Merkle root in display order; hashes at the first call, then remembers.
 * SpvError BUMP_MISSING_HASH, BUMP_HASH_CONFLICT or BUMP_PHANTOM_POSITION if the nodes do not give one root.
 */
export function bumpRoot(bump: Bump): string {
  return bump.tree().root;
}

/** Offset of a txid in level 0, flag 2 or not: its index in the block. No hashing: see Bump. */
export function bumpOffset(bump: Bump, txid: string): number | undefined {
  return bump.offsetOf(txid);
}

/**
 * The proof of one transaction, cut out of a BUMP, in the one form the store keeps: the same bytes whatever else
 * the BUMP proves and however it was written. Hashes if nobody has yet (errors as bumpRoot);
 * SpvError BUMP_TXID_ABSENT if the txid is no leaf.
 */
export function extractPath(bump: Bump, txid: string): Uint8Array {
  const index = bump.offsetOf(txid);
  if (index === undefined) throw txidAbsent(bump, txid);
  const tree = bump.tree();
  const writer = new ByteWriter(maxBumpBytes(bump.treeHeight, bump.treeHeight + 1));
  writer.varint(bump.height);
  writer.u8(bump.treeHeight);
  const alone = tree.isSingleLeaf();
  let offset = index;
  for (let level = 0; level < bump.treeHeight; level++) {
    const sibling = offset % 2 === 0 ? offset + 1 : offset - 1;
    writer.u8(level === 0 && !alone ? 2 : 1);
    if (level === 0 && offset < sibling) writeLeaf(writer, tree, 0, offset, FLAG_TXID);
    if (!alone) writeLeaf(writer, tree, level, sibling, FLAG_HASH);
    if (level === 0 && offset > sibling) writeLeaf(writer, tree, 0, offset, FLAG_TXID);
    offset = Math.floor(offset / 2);
  }
  return writer.take();
}

/** SpvError for a transaction that points at a BUMP which does not hold it. */
export function txidAbsent(bump: Bump, txid: string): SpvError {
  return new SpvError('BUMP_TXID_ABSENT', `${txid} is no leaf of the BUMP at height ${bump.height}`, {
    txid,
    height: bump.height,
  });
}

/**
 * One compound BUMP that proves whatever the given ones prove, and states no node that follows from others; all
 * must be of one height and root. Its bytes depend on the set of leaves only.
 * SpvError BUMP_MERGE_MISMATCH; errors as bumpRoot.
 */
export function mergeBumps(bumps: readonly Bump[]): Uint8Array {
  const first = bumps[0];
  if (first === undefined) {
    throw new SpvError('BUMP_MERGE_MISMATCH', 'at least one BUMP is needed to merge', { bumps: 0 });
  }
  for (const bump of bumps) checkMergeable(first, bump);
  const levels = [mergedLeaves(bumps)];
  const trees = bumps.map((bump) => bump.tree());
  let offsets = levels[0]?.map((leaf) => leaf.offset) ?? [];
  for (let level = 1; level < first.treeHeight; level++) {
    offsets = parentsOf(offsets);
    levels.push(missingSiblings(trees, level, offsets));
  }
  return writeBump(first.height, levels);
}

function checkMergeable(first: Bump, bump: Bump): void {
  const root = bumpRoot(bump);
  const wanted = bumpRoot(first);
  if (bump.height === first.height && bump.treeHeight === first.treeHeight && root === wanted) return;
  throw new SpvError(
    'BUMP_MERGE_MISMATCH',
    `cannot merge a BUMP of height ${bump.height} and root ${root} into one of height ${first.height} and root ${wanted}`,
    {
      height: bump.height,
      root,
      treeHeight: bump.treeHeight,
      wantedHeight: first.height,
      wantedRoot: wanted,
    },
  );
}

/** A node to be written, and a tree that has it. */
interface MergeLeaf {
  readonly offset: number;
  readonly flag: number;
  readonly tree: MerkleTree;
}

/** Every level-0 leaf of any BUMP, ascending; a txid of interest in one is one in the merged. */
function mergedLeaves(bumps: readonly Bump[]): MergeLeaf[] {
  const leaves = new Map<number, MergeLeaf>();
  for (const bump of bumps) {
    const { offsets, flags } = bump.leaves;
    for (let i = 0; i < bump.txidCount(); i++) {
      const offset = offsets[i] as number;
      const flag = flags[i] === FLAG_TXID ? FLAG_TXID : FLAG_HASH;
      if (flag === FLAG_TXID || !leaves.has(offset)) leaves.set(offset, { offset, flag, tree: bump.tree() });
    }
  }
  return [...leaves.values()].sort((a, b) => a.offset - b.offset);
}

function parentsOf(offsets: readonly number[]): number[] {
  const parents: number[] = [];
  for (const offset of offsets) {
    const parent = Math.floor(offset / 2);
    if (parents.at(-1) !== parent) parents.push(parent);
  }
  return parents;
}

/** What a level needs besides the nodes that follow from below, whose `offsets` these are. */
function missingSiblings(
  trees: readonly MerkleTree[],
  level: number,
  offsets: readonly number[],
): MergeLeaf[] {
  const holder = new Map<number, MerkleTree>();
  for (const tree of trees) for (const offset of tree.offsetsOf(level)) holder.set(offset, tree);
  const missing: MergeLeaf[] = [];
  for (let i = 0; i < offsets.length; i++) {
    const offset = offsets[i] as number;
    const right = offset % 2 === 0;
    const sibling = right ? offset + 1 : offset - 1;
    if (offsets[right ? i + 1 : i - 1] === sibling) continue;
    missing.push({ offset: sibling, flag: FLAG_HASH, tree: holder.get(sibling) as MerkleTree });
  }
  return missing;
}

function writeBump(height: number, levels: readonly (readonly MergeLeaf[])[]): Uint8Array {
  const leaves = levels.reduce((sum, level) => sum + level.length, 0);
  const writer = new ByteWriter(maxBumpBytes(levels.length, leaves));
  writer.varint(height);
  writer.u8(levels.length);
  levels.forEach((level, number) => {
    writer.varint(level.length);
    for (const { tree, offset, flag } of level) writeLeaf(writer, tree, number, offset, flag);
  });
  return writer.take();
}

/** A right node that equals its left neighbour is written as a duplicate, however the BUMP had it. */
function writeLeaf(writer: ByteWriter, tree: MerkleTree, level: number, offset: number, flag: number): void {
  writer.varint(offset);
  if (tree.isDuplicate(level, offset)) {
    writer.u8(FLAG_DUPLICATE);
    return;
  }
  writer.u8(flag);
  writer.append(tree.hash(level, offset));
}

function maxBumpBytes(treeHeight: number, leaves: number): number {
  return MAX_VARINT_BYTES + 1 + treeHeight * MAX_VARINT_BYTES + leaves * (MAX_VARINT_BYTES + 1 + 32);
}
