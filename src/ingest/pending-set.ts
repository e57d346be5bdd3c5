import { outpointId, type Store, type WaitingSummary } from '../store/store.ts';

/** The pending set is durable and bounded: beyond either limit new transactions that cannot be decided are refused. */
export interface PendingLimits {
  readonly transactions: number;
  readonly bytes: number;
}

export const PENDING_LIMITS: PendingLimits = { transactions: 100_000, bytes: 256 * 1024 * 1024 };

/** Which waiting transactions to try again when a parent or a header arrives. */
export class PendingSet {
  private readonly limits: PendingLimits;
  private readonly byParent = new Map<string, Set<string>>();
  private readonly byOutpoint = new Map<number, Set<string>>();
  private readonly byHeight = new Map<number, Set<string>>();
  /** Those of which only a token's history can tell whether they matter. */
  private readonly byHistory = new Set<string>();
  private bytes = 0;
  private count = 0;
  private turn = 0;

  constructor(store: Store, limits: PendingLimits = PENDING_LIMITS) {
    this.limits = limits;
    for (const [txid, summary] of store.waiting) this.add(txid, summary);
  }

  /** Room for so many transactions of so many bytes together. */
  hasRoomFor(transactions: number, bytes: number): boolean {
    return this.count + transactions <= this.limits.transactions && this.bytes + bytes <= this.limits.bytes;
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

  /** No transaction waits. */
  isEmpty(): boolean {
    return this.count === 0;
  }

  childrenOf(txid: string): Iterable<string> {
    return this.byParent.get(txid) ?? [];
  }

  isAwaited(txid: string): boolean {
    return this.byParent.has(txid);
  }

  /** Waiting transactions that spend this output, and perhaps others. */
  spendersOf(txid: string, vout: number): Iterable<string> {
    return this.byOutpoint.get(outpointId(txid, vout)) ?? [];
  }

  waitingForHistory(): Iterable<string> {
    return this.byHistory;
  }

  /** Those with a proof of a block at one of these heights. */
  withProofAt(isWanted: (height: number) => boolean): Set<string> {
    const found = new Set<string>();
    for (const [height, txids] of this.byHeight) {
      if (isWanted(height)) for (const txid of txids) found.add(txid);
    }
    return found;
  }

  /** At most `limit` of those with a proof below this height, others each time; and how many there are in all. */
  nextWithProofBelow(
    height: number,
    limit: number,
  ): { readonly txids: readonly string[]; readonly total: number } {
    const all = [...this.withProofAt((h) => h < height)];
    const total = all.length;
    if (total <= limit) return { txids: all, total };
    this.turn = (this.turn + limit) % total;
    const txids = [...all.slice(this.turn), ...all.slice(0, this.turn)].slice(0, limit);
    return { txids, total };
  }

  private add(txid: string, summary: WaitingSummary): void {
    this.count++;
    this.bytes += summary.bytes;
    if (summary.waitingFor === 'history') this.byHistory.add(txid);
    for (const parent of summary.missingParents) addTo(this.byParent, parent, txid);
    for (const height of summary.heights) addTo(this.byHeight, height, txid);
    for (const outpoint of summary.spends) addTo(this.byOutpoint, outpoint, txid);
  }

  private remove(txid: string, summary: WaitingSummary): void {
    this.count--;
    this.bytes -= summary.bytes;
    this.byHistory.delete(txid);
    for (const parent of summary.missingParents) removeFrom(this.byParent, parent, txid);
    for (const height of summary.heights) removeFrom(this.byHeight, height, txid);
    for (const outpoint of summary.spends) removeFrom(this.byOutpoint, outpoint, txid);
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
