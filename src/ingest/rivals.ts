import { isCoinbase, parseTransaction } from '../spv/transaction.ts';
import { outpointId } from '../store/store.ts';
import type { Offer, PreparedOffer } from './item.ts';
import type { PendingSet } from './pending-set.ts';
import type { Placement } from './place.ts';
import { retryOf } from './queue.ts';
import type { Workset } from './workset.ts';

/** Tries of waiting transactions in one commit: anyone can send rivals that wait. */
const MAX_TRIES = 1000;

export interface RivalModules {
  readonly pending: Pick<PendingSet, 'isEmpty' | 'spendersOf' | 'childrenOf'>;
  readonly prepare: (offers: readonly Offer[]) => Promise<PreparedOffer[]>;
  readonly place: (prepared: PreparedOffer) => Placement;
}

/** An offer and what became of it. */
export interface Placed {
  readonly prepared: PreparedOffer;
  placement: Placement;
}

/**
 * A transaction that waits may spend what an unmined one spends that is placed now. It is tried in the same commit: if it
 * is mined, or was seen first and needs nothing more, the new one never stood, and nobody is told that it did. What waits
 * for such a rival may prove it, and is tried with it. Of rivals that began to wait in this very commit the offer in
 * `placed` is placed again. Returns the tries, to be decided and answered like offers, and who is left for later.
 */
export async function placeRivals(
  ws: Workset,
  placed: readonly Placed[],
  modules: RivalModules,
): Promise<{ readonly tries: readonly Placed[]; readonly left: ReadonlySet<string> }> {
  const rivals = new Rivals(ws, placed, modules);
  while (await rivals.round());
  return rivals;
}

class Rivals {
  readonly tries: Placed[] = [];
  readonly left = new Set<string>();
  private readonly ws: Workset;
  private readonly placed: readonly Placed[];
  private readonly modules: RivalModules;
  private readonly seen = new Set<string>();
  private readonly looked = new Set<string>();
  private next = new Set<string>();
  private count = 0;

  constructor(ws: Workset, placed: readonly Placed[], modules: RivalModules) {
    this.ws = ws;
    this.placed = placed;
    this.modules = modules;
  }

  /** False if there was nothing to try. */
  async round(): Promise<boolean> {
    for (const txid of this.newRivals()) if (!this.seen.has(txid)) this.add(txid);
    if (this.next.size === 0) return false;
    const txids = [...this.next];
    this.next = new Set();
    for (const txid of txids) this.seen.add(txid);
    this.placeAgain(txids.filter((txid) => this.ws.waiting.has(txid)));
    const waiting = txids.filter((txid) => this.ws.isWaiting(txid) && this.ws.store.waiting.has(txid));
    const prepared = await this.modules.prepare(waiting.map(retryOf));
    for (const each of prepared) {
      const placement = this.modules.place(each);
      this.tries.push({ prepared: each, placement });
      for (const txid of placement.retry) this.add(txid);
    }
    for (const txid of txids) {
      for (const child of this.modules.pending.childrenOf(txid)) if (!this.seen.has(child)) this.add(child);
    }
    return true;
  }

  private add(txid: string): void {
    if (!this.ws.isWaiting(txid) || this.next.has(txid)) return;
    if (this.count === MAX_TRIES) {
      this.left.add(txid);
      return;
    }
    this.count++;
    this.next.add(txid);
  }

  /** Offers of which one of these is a part: the rival that it has now makes it one to be kept. */
  private placeAgain(txids: readonly string[]): void {
    const wanted = new Set(txids);
    if (wanted.size === 0) return;
    for (const each of this.placed) {
      if (!each.prepared.items.some(({ tx }) => wanted.has(tx.txid))) continue;
      const { changed, retry, again } = each.placement;
      const placement = this.modules.place(each.prepared);
      for (const txid of changed) placement.changed.add(txid);
      for (const txid of retry) placement.retry.add(txid);
      placement.again ||= again;
      each.placement = placement;
    }
  }

  /** Waiting spenders of what unmined transactions spend that this commit brings; each of those is looked at once. */
  private *newRivals(): Generator<string> {
    const { ws, looked, modules } = this;
    // The usual case: parsing each transaction for nothing costs 10 us.
    if (modules.pending.isEmpty() && ws.waiting.size === 0) return;
    let waiting: ReadonlyMap<number, readonly string[]> | undefined;
    for (const { txid, place, raw } of ws.txs.values()) {
      if (looked.has(txid) || place !== undefined) continue;
      looked.add(txid);
      if (ws.store.tx(txid) !== undefined) continue;
      const tx = parseTransaction(raw);
      if (isCoinbase(tx)) continue;
      waiting ??= spendersIn(ws);
      for (const { prevTxid, prevVout } of tx.inputs) {
        yield* modules.pending.spendersOf(prevTxid, prevVout);
        yield* waiting.get(outpointId(prevTxid, prevVout)) ?? [];
      }
    }
  }
}

/** By what they spend: transactions that began to wait in this commit. */
function spendersIn(ws: Workset): ReadonlyMap<number, readonly string[]> {
  const spenders = new Map<number, string[]>();
  for (const record of ws.waiting.values()) {
    if (record === undefined || ws.store.waiting.has(record.txid)) continue;
    for (const { prevTxid, prevVout } of parseTransaction(record.raw).inputs) {
      const id = outpointId(prevTxid, prevVout);
      const known = spenders.get(id);
      if (known === undefined) spenders.set(id, [record.txid]);
      else known.push(record.txid);
    }
  }
  return spenders;
}
