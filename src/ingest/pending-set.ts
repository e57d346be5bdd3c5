import type { Store, WaitingSummary } from '../store/store.ts';

/** The pending set is durable and bounded: beyond either limit new transactions that cannot be decided are refused. */
export interface PendingLimits {
  readonly transactions: number;
  readonly bytes: number;
}

export const PENDING_LIMITS: PendingLimits = { transactions: 100_000, bytes: 256 * 1024 * 1024 };

/** Which waiting transactions to try again when a parent or a header arrives. */
export class PendingSet {
  private readonly byParent = new Map<string, Set<string>>();
  private readonly byHeight = new Map<number, Set<string>>();
  private bytes = 0;
  private count = 0;

  private readonly limits: PendingLimits;

  constructor(store: Store, limits: PendingLimits = PENDING_LIMITS) {
    this.limits = limits;
    for (const [txid, summary] of store.waiting) this.add(txid, summary);
  }

  hasRoomFor(bytes: number): boolean {
    return this.count < this.limits.transactions && this.bytes + bytes <= this.limits.bytes;
  }

  /** After a commit: what came and went. */
  apply(
    changes: ReadonlyMap<string, WaitingSummary | undefined>,
    before: ReadonlyMap<string, WaitingSummary>,
  ): void {
    for (const [txid, summary] of changes) {
      const old = before.get(txid);
      if (old !== undefined) this.remove(txid, old);
      if (summary !== undefined) this.add(txid, summary);
    }
  }

  childrenOf(txid: string): Iterable<string> {
    return this.byParent.get(txid) ?? [];
  }

  /** Those of which a missing parent is there by now. */
  withParent(isHeld: (txid: string) => boolean): string[] {
    const ready = new Set<string>();
    for (const [parent, children] of this.byParent) {
      if (isHeld(parent)) for (const child of children) ready.add(child);
    }
    return [...ready];
  }

  /** Those whose proof is of a block at or below this height. */
  upToHeight(height: number): string[] {
    const ready: string[] = [];
    for (const [at, txids] of this.byHeight) if (at <= height) ready.push(...txids);
    return ready;
  }

  private add(txid: string, summary: WaitingSummary): void {
    this.count++;
    this.bytes += summary.bytes;
    for (const parent of summary.missingParents) addTo(this.byParent, parent, txid);
    if (summary.height !== undefined) addTo(this.byHeight, summary.height, txid);
  }

  private remove(txid: string, summary: WaitingSummary): void {
    this.count--;
    this.bytes -= summary.bytes;
    for (const parent of summary.missingParents) removeFrom(this.byParent, parent, txid);
    if (summary.height !== undefined) removeFrom(this.byHeight, summary.height, txid);
  }
}

function addTo<K>(index: Map<K, Set<string>>, key: K, txid: string): void {
  const set = index.get(key);
  if (set === undefined) index.set(key, new Set([txid]));
  else set.add(txid);
}

function removeFrom<K>(index: Map<K, Set<string>>, key: K, txid: string): void {
  const set = index.get(key);
  set?.delete(txid);
  if (set?.size === 0) index.delete(key);
}
