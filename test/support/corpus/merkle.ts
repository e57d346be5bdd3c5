import { type Cursor, sha256d, toDisplay, toInternal, varint } from './bytes.ts';
import { CorpusError } from './errors.ts';

const FLAG_HASH = 0;
const FLAG_DUPLICATE = 1;
const FLAG_TXID = 2;

/** All levels of the merkle tree of a block, txids at level 0, the root alone at the last. Hashes in internal order. */
export class MerkleTree {
  readonly levels: readonly (readonly Buffer[])[];

  constructor(txids: readonly string[]) {
    const levels: Buffer[][] = [txids.map(toInternal)];
    let level = levels[0]!;
    while (level.length > 1) {
      const above: Buffer[] = [];
      for (let i = 0; i < level.length; i += 2) {
        above.push(sha256d(Buffer.concat([level[i]!, level[i + 1] ?? level[i]!])));
      }
      levels.push(above);
      level = above;
    }
    this.levels = levels;
  }

  get root(): Buffer {
    return this.levels.at(-1)![0]!;
  }

  /** BUMP (BRC-74) that proves the transactions at these places of the block; a block of one transaction has one level with it alone. */
  bump(height: number, places: readonly number[]): Buffer {
    const treeHeight = Math.max(1, this.levels.length - 1);
    const parts: Buffer[] = [varint(height), Buffer.of(treeHeight)];
    let known = new Set(places);
    for (let depth = 0; depth < treeHeight; depth++) {
      const level = this.levels[depth]!;
      const leaves = new Map<number, Buffer>();
      for (const offset of known) {
        if (depth === 0) {
          leaves.set(offset, leafBytes(offset, FLAG_TXID, level[offset]!));
        }
        const sibling = offset ^ 1;
        if (!known.has(sibling) && level.length > 1) {
          const hash = level[sibling];
          leaves.set(sibling, leafBytes(sibling, hash === undefined ? FLAG_DUPLICATE : FLAG_HASH, hash));
        }
      }
      const ordered = [...leaves].sort((a, b) => a[0] - b[0]);
      parts.push(varint(ordered.length), ...ordered.map(([, bytes]) => bytes));
      known = new Set([...known].map((offset) => offset >>> 1));
    }
    return Buffer.concat(parts);
  }
}

function leafBytes(offset: number, flag: number, hash: Buffer | undefined): Buffer {
  return Buffer.concat([varint(offset), Buffer.of(flag), hash ?? Buffer.alloc(0)]);
}

export interface ReadBump {
  readonly height: number;
  /** Merkle root, display order. */
  readonly root: string;
  /** Place in the block of every hash at level 0 (of a sibling too). */
  readonly places: ReadonlyMap<string, number>;
}

/** Reads a BUMP; every leaf of level 0 must lead to the same root. */
export function readBump(cursor: Cursor): ReadBump {
  const height = cursor.varint();
  const levels: Map<number, Buffer | undefined>[] = [];
  for (let depth = cursor.u8(); depth > 0; depth--) {
    const level = new Map<number, Buffer | undefined>();
    for (let n = cursor.varint(); n > 0; n--) {
      const offset = cursor.varint();
      level.set(offset, cursor.u8() === FLAG_DUPLICATE ? undefined : cursor.take(32));
    }
    levels.push(level);
  }
  const places = new Map<string, number>();
  for (const [offset, hash] of levels[0] ?? []) {
    if (hash !== undefined) {
      places.set(toDisplay(hash), offset);
    }
  }
  return { height, root: toDisplay(rootOf(levels)), places };
}

/** Level by level: pairs are hashed, what the level above states must agree with what is computed. */
function rootOf(levels: readonly Map<number, Buffer | undefined>[]): Buffer {
  const inconsistent = (why: string): CorpusError => new CorpusError('BUMP_INCONSISTENT', why);
  let level = levels[0] ?? new Map<number, Buffer | undefined>();
  if (levels.length === 1 && level.size === 1 && level.get(0) !== undefined) {
    return level.get(0)!;
  }
  for (let depth = 0; depth < levels.length; depth++) {
    const above = new Map(levels[depth + 1] ?? []);
    for (const [offset, hash] of level) {
      const sibling = level.get(offset ^ 1);
      if (!level.has(offset ^ 1)) {
        throw inconsistent(`no sibling of offset ${offset} at level ${depth}`);
      }
      if (hash === undefined || (offset & 1) === 1) {
        continue;
      }
      const parent = sha256d(Buffer.concat([hash, sibling ?? hash]));
      const stated = above.get(offset >>> 1);
      if (stated !== undefined && !stated.equals(parent)) {
        throw inconsistent(`offset ${offset} at level ${depth} leads elsewhere than level ${depth + 1} says`);
      }
      above.set(offset >>> 1, parent);
    }
    level = above;
  }
  const root = level.get(0);
  if (level.size !== 1 || root === undefined) {
    throw inconsistent('the levels do not end in one root');
  }
  return root;
}
