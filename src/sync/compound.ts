import { FLAG_DUPLICATE, FLAG_TXID } from '../spv/bump-leaves.ts';
import { ByteWriter } from '../spv/bytes.ts';
import { MAX_VARINT_BYTES } from '../spv/limits.ts';
import { SyncError } from './errors.ts';

const HASH_BYTES = 32;

/** Proof of one transaction as the store keeps it (`extractPath`), and its place in the block. */
export interface StoredPath {
  readonly index: number;
  readonly path: Uint8Array;
}

/**
 * One compound BUMP of proofs of one block, ascending by place: the same bytes as `mergeBumps` of spv makes of them, at a
 * tenth of the time. Stored paths were hashed against their header when they came, so that here nodes are only put
 * together: a level needs the siblings of its nodes, but for those that are nodes themselves.
 */
export function compoundOf(paths: readonly StoredPath[]): Uint8Array {
  const first = paths[0] as StoredPath;
  if (paths.length === 1) return first.path;
  const cursors = paths.map(({ path }) => new PathCursor(path));
  const { height, treeHeight } = cursors[0] as PathCursor;
  let bytes = MAX_VARINT_BYTES + 1;
  for (const { path } of paths) bytes += path.length;
  // Fewer nodes than in all paths together, and counts of three bytes at most more for each level.
  const writer = new ByteWriter(bytes + treeHeight * MAX_VARINT_BYTES);
  writer.varint(height);
  writer.u8(treeHeight);
  let offsets = paths.map(({ index }) => index);
  /** The path that stands for each node of a level: any of those that go through it. */
  let through = cursors;
  for (let level = 0; level < treeHeight; level++) {
    for (const cursor of cursors) cursor.nextLevel(level);
    writeLevel(writer, level, offsets, through);
    const parents: number[] = [];
    const parentsThrough: PathCursor[] = [];
    offsets.forEach((offset, i) => {
      const parent = Math.floor(offset / 2);
      if (parents.at(-1) === parent) return;
      parents.push(parent);
      parentsThrough.push(through[i] as PathCursor);
    });
    offsets = parents;
    through = parentsThrough;
  }
  return writer.take();
}

function writeLevel(
  writer: ByteWriter,
  level: number,
  offsets: readonly number[],
  through: readonly PathCursor[],
): void {
  const has = (i: number, sibling: number): boolean =>
    offsets[sibling > (offsets[i] as number) ? i + 1 : i - 1] === sibling;
  let siblings = 0;
  offsets.forEach((offset, i) => {
    if (!has(i, siblingOf(offset))) siblings++;
  });
  writer.varint(siblings + (level === 0 ? offsets.length : 0));
  offsets.forEach((offset, i) => {
    const cursor = through[i] as PathCursor;
    const sibling = siblingOf(offset);
    const isAbsent = !has(i, sibling);
    if (isAbsent && sibling < offset) cursor.writeSibling(writer, sibling);
    if (level === 0) cursor.writeOwn(writer, offset);
    if (isAbsent && sibling > offset) cursor.writeSibling(writer, sibling);
  });
}

function siblingOf(offset: number): number {
  return offset % 2 === 0 ? offset + 1 : offset - 1;
}

/** Walks a stored path level by level: it has one node more than levels, each at a place that its index gives. */
class PathCursor {
  readonly height: number;
  readonly treeHeight: number;
  private readonly path: Uint8Array;
  private at = 0;
  private ownAt = 0;
  /** Of the sibling's flag. */
  private siblingAt = 0;

  constructor(path: Uint8Array) {
    this.path = path;
    this.height = this.varint();
    this.treeHeight = path[this.at++] as number;
  }

  nextLevel(level: number): void {
    const leaves = this.varint();
    if (leaves !== (level === 0 ? 2 : 1)) throw this.damaged();
    for (let i = 0; i < leaves; i++) {
      this.varint();
      const flag = this.path[this.at];
      if (flag === FLAG_TXID) this.ownAt = this.at;
      else this.siblingAt = this.at;
      this.at += flag === FLAG_DUPLICATE ? 1 : 1 + HASH_BYTES;
    }
    if (this.at > this.path.length) throw this.damaged();
  }

  writeOwn(writer: ByteWriter, offset: number): void {
    this.write(writer, offset, this.ownAt);
  }

  writeSibling(writer: ByteWriter, offset: number): void {
    this.write(writer, offset, this.siblingAt);
  }

  private write(writer: ByteWriter, offset: number, at: number): void {
    writer.varint(offset);
    const length = this.path[at] === FLAG_DUPLICATE ? 1 : 1 + HASH_BYTES;
    writer.append(this.path.subarray(at, at + length));
  }

  private varint(): number {
    const { path } = this;
    const first = path[this.at++];
    if (first === undefined) throw this.damaged();
    if (first < 0xfd) return first;
    const length = first === 0xfd ? 2 : first === 0xfe ? 4 : 8;
    let value = 0;
    for (let i = length - 1; i >= 0; i--) value = value * 256 + (path[this.at + i] ?? 0);
    this.at += length;
    return value;
  }

  private damaged(): SyncError {
    return new SyncError('INCONSISTENT', 'a stored proof is not in its one form: run `btcfed verify`', {
      bytes: this.path.length,
    });
  }
}
