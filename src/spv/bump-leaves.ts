import type { ByteReader } from './bytes.ts';
import { SpvError } from './errors.ts';
import { MAX_BUMP_LEAVES, MIN_LEAF_BYTES } from './limits.ts';

/** BRC-74 flags: a hash follows; nothing follows, the node repeats its left neighbour; a txid of interest follows. */
export const FLAG_HASH = 0;
export const FLAG_DUPLICATE = 1;
export const FLAG_TXID = 2;

/**
 * The nodes a BUMP states, level by level from the transactions up, offsets ascending and unique in each.
 * Parallel flat arrays: an array of levels of leaves costs twice the time to make, and a megabyte can claim
 * hundreds of thousands of levels.
 */
export interface BumpLeaves {
  readonly offsets: readonly number[];
  /** FLAG_HASH, FLAG_DUPLICATE or (level 0) FLAG_TXID. */
  readonly flags: readonly number[];
  /** Where in `Bump.bytes` the 32 bytes stand; meaningless for a duplicate. */
  readonly hashAt: readonly number[];
  /** Level l is from index levelStart[l] up to, not including, levelStart[l + 1]. */
  readonly levelStart: readonly number[];
}

/**
 * The leaves of a BUMP that begins at byte `start`, the reader being behind the tree height.
 * SpvError with a BUMP or byte code; checks structure, hashes nothing.
 */
export function readLeaves(reader: ByteReader, start: number, treeHeight: number): BumpLeaves {
  const leaves = new LeafReader(reader, start);
  for (let level = 0; level < treeHeight; level++) leaves.readLevel(level, treeHeight - level);
  const { offsets, flags, hashAt, levelStart } = leaves;
  return { offsets, flags, hashAt, levelStart };
}

class LeafReader {
  readonly offsets: number[] = [];
  readonly flags: number[] = [];
  readonly hashAt: number[] = [];
  readonly levelStart: number[] = [0];
  private readonly reader: ByteReader;
  private readonly start: number;

  /** The BUMP begins at `start`. */
  constructor(reader: ByteReader, start: number) {
    this.reader = reader;
    this.start = start;
  }

  /** `above` is how many levels lead from this one to the root: it has at most 2^above nodes. */
  readLevel(level: number, above: number): void {
    const { reader, offsets, flags, hashAt } = this;
    const at = reader.offset;
    const first = offsets.length;
    const count = reader.count('leaf count', MIN_LEAF_BYTES, MAX_BUMP_LEAVES - first);
    if (count === 0 && level === 0) {
      throw new SpvError('BUMP_NO_LEAF', `level 0 of the BUMP has no leaf (byte ${at})`, { offset: at });
    }
    const width = 2 ** above;
    let ascending = true;
    let last = -1;
    let duplicate = -1;
    for (let i = 0; i < count; i++) {
      const leafAt = reader.offset;
      const offset = reader.varint('leaf offset');
      if (offset >= width) throw offsetOutOfRange(leafAt, level, offset, width);
      const flag = reader.u8('leaf flag');
      if (flag > FLAG_TXID || (flag === FLAG_TXID && level > 0))
        throw unknownFlag(leafAt, level, offset, flag);
      offsets.push(offset);
      flags.push(flag);
      hashAt.push(reader.offset - this.start);
      if (flag !== FLAG_DUPLICATE) {
        reader.skip(32, 'leaf hash');
      } else {
        if (duplicate >= 0 || offset % 2 === 0 || offset <= width / 2)
          throw misplaced(leafAt, level, offset, width);
        duplicate = offset;
      }
      if (offset <= last) ascending = false;
      last = offset;
    }
    if (!ascending) last = this.sortLevel(first, at, level);
    if (duplicate >= 0 && duplicate !== last) throw misplaced(at, level, duplicate, width);
    this.levelStart.push(offsets.length);
  }

  /** Leaves may stand in any order; what follows relies on ascending unique offsets. Returns the last of them. */
  private sortLevel(first: number, at: number, level: number): number {
    const offsets = this.offsets.slice(first);
    const flags = this.flags.slice(first);
    const hashAt = this.hashAt.slice(first);
    const order = offsets.map((_, i) => i).sort((a, b) => (offsets[a] as number) - (offsets[b] as number));
    let last = -1;
    order.forEach((from, i) => {
      const offset = offsets[from] as number;
      if (offset === last) throw offsetTwice(at, level, offset);
      last = offset;
      this.offsets[first + i] = offset;
      this.flags[first + i] = flags[from] as number;
      this.hashAt[first + i] = hashAt[from] as number;
    });
    return last;
  }
}

function offsetTwice(at: number, level: number, offset: number): SpvError {
  return new SpvError(
    'BUMP_OFFSET_TWICE',
    `offset ${offset} stands twice in level ${level} of the BUMP (level at byte ${at})`,
    { offset: at, level, leafOffset: offset },
  );
}

/**
 * A tree repeats a node only to fill up an odd level, so a duplicate stands at an odd offset in the upper half
 * of its level and nothing follows it. This is also what keeps two-byte leaves from demanding hash after hash.
 */
function misplaced(at: number, level: number, offset: number, width: number): SpvError {
  return new SpvError(
    'BUMP_DUPLICATE_MISPLACED',
    `the duplicate at offset ${offset} of level ${level} (byte ${at}) is not the odd end of a level of at most ${width} nodes`,
    { offset: at, level, leafOffset: offset, width },
  );
}

function offsetOutOfRange(at: number, level: number, offset: number, width: number): SpvError {
  return new SpvError(
    'BUMP_OFFSET_OUT_OF_RANGE',
    `leaf offset ${offset} at byte ${at}: level ${level} of this tree ends at ${width - 1}`,
    { offset: at, level, leafOffset: offset, max: width - 1 },
  );
}

function unknownFlag(at: number, level: number, offset: number, flag: number): SpvError {
  const expected = level === 0 ? '0, 1 or 2' : '0 or 1';
  return new SpvError(
    'BUMP_FLAG_UNKNOWN',
    `flag ${flag} of the leaf at byte ${at}; in level ${level} it is ${expected}`,
    { offset: at, level, leafOffset: offset, flag, expected },
  );
}
