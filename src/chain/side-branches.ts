import { ChainError } from './errors.ts';
import { prevBytesOf } from './header.ts';
import { type DiskOperation, encodeSide, sideKey } from './rows.ts';

/** A checked header that is not on the best chain. Hash in internal order; `raw` is its own copy. */
export interface SideHeader {
  readonly height: number;
  readonly hash: Uint8Array;
  readonly raw: Uint8Array;
}

/** What a commit does to the side headers. */
export interface SideChange {
  readonly put: readonly SideHeader[];
  readonly remove: readonly SideHeader[];
}

export function sideHeader(height: number, hash: Uint8Array, raw: Uint8Array): SideHeader {
  return { height, hash: Uint8Array.from(hash), raw: Uint8Array.from(raw) };
}

function nameOf(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('latin1');
}

function prevName(header: SideHeader): string {
  return nameOf(prevBytesOf(header.raw));
}

/** All headers beside the best chain, in memory: at most `limit` of about 250 bytes. */
export class SideBranches {
  readonly limit: number;
  private readonly byHash = new Map<string, SideHeader>();
  private readonly byHeight = new Map<number, Set<SideHeader>>();

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.byHash.size;
  }

  get(hash: Uint8Array): SideHeader | undefined {
    return this.byHash.size === 0 ? undefined : this.byHash.get(nameOf(hash));
  }

  at(height: number): readonly SideHeader[] {
    return [...(this.byHeight.get(height) ?? [])];
  }

  all(): readonly SideHeader[] {
    return [...this.byHash.values()];
  }

  /** The side headers from the best chain up to `tip`, lowest first. */
  pathTo(tip: SideHeader): readonly SideHeader[] {
    const path: SideHeader[] = [];
    let step: SideHeader | undefined = tip;
    while (step !== undefined) {
      path.push(step);
      step = this.byHash.get(prevName(step));
    }
    return path.reverse();
  }

  /**
   * Completes a change so that the limit holds after it: whole branches go, those that leave the chain deepest first.
   * `keep` is the branch now being extended; it goes never.
   * @throws ChainError SIDE_BRANCH_TOO_LONG if that one alone is over the limit
   */
  bounded(change: SideChange, keep: readonly SideHeader[]): SideChange {
    if (this.byHash.size + change.put.length - change.remove.length <= this.limit) return change;
    if (keep.length > this.limit) {
      throw new ChainError(
        'SIDE_BRANCH_TOO_LONG',
        `a branch of ${keep.length} headers with less work than the best chain; at most ${this.limit} such headers are kept`,
        { headers: keep.length, limit: this.limit },
      );
    }
    const after = new Map(this.byHash);
    for (const header of change.remove) after.delete(nameOf(header.hash));
    for (const header of change.put) after.set(nameOf(header.hash), header);
    const kept = new Set(keep.map((header) => nameOf(header.hash)));
    const evicted = new Set<SideHeader>();
    for (const branch of branchesOf(after, kept)) {
      if (after.size - evicted.size <= this.limit) break;
      for (const header of branch) evicted.add(header);
    }
    return {
      put: change.put.filter((header) => !evicted.has(header)),
      remove: [...change.remove, ...[...evicted].filter((header) => this.get(header.hash) !== undefined)],
    };
  }

  operations(change: SideChange): DiskOperation[] {
    const operations: DiskOperation[] = [];
    for (const { height, hash } of change.remove)
      operations.push({ key: sideKey(height, hash), value: undefined });
    for (const { height, hash, raw } of change.put) {
      const key = sideKey(height, hash);
      operations.push({ key, value: encodeSide(key, raw) });
    }
    return operations;
  }

  apply(change: SideChange): void {
    for (const header of change.remove) this.remove(header);
    for (const header of change.put) this.put(header);
  }

  private put(header: SideHeader): void {
    this.byHash.set(nameOf(header.hash), header);
    const level = this.byHeight.get(header.height);
    if (level === undefined) this.byHeight.set(header.height, new Set([header]));
    else level.add(header);
  }

  private remove(header: SideHeader): void {
    const held = this.byHash.get(nameOf(header.hash));
    if (held === undefined) return;
    this.byHash.delete(nameOf(header.hash));
    const level = this.byHeight.get(held.height);
    level?.delete(held);
    if (level?.size === 0) this.byHeight.delete(held.height);
  }
}

/** The headers outside `kept`, grouped by the lowest one they descend from; deepest group first. */
function branchesOf(headers: ReadonlyMap<string, SideHeader>, kept: ReadonlySet<string>): SideHeader[][] {
  const groups = new Map<string, SideHeader[]>();
  const rootOf = new Map<string, string>();
  const ascending = [...headers]
    .filter(([name]) => !kept.has(name))
    .sort(([, a], [, b]) => a.height - b.height);
  for (const [name, header] of ascending) {
    const root = rootOf.get(prevName(header)) ?? name;
    rootOf.set(name, root);
    const group = groups.get(root);
    if (group === undefined) groups.set(root, [header]);
    else group.push(header);
  }
  return [...groups.values()];
}
