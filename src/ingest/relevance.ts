import type { Transaction } from '../spv/transaction.ts';
import { SPEND_BUCKET } from '../store/keys.ts';
import type { Item, PreparedOffer } from './item.ts';
import type { Workset } from './workset.ts';

/**
 * Which transactions of an offer the store has to keep: those that create or spend outputs of followed tokens, all that
 * an unproven one of these descends from (its BEEF cannot be built without), and the parents of a proven one (they decide
 * which of its inputs carry tokens); and those that a held or waiting transaction spends.
 */
export function keptItems(
  ws: Workset,
  { items }: PreparedOffer,
  isAwaited: (txid: string) => boolean,
): ReadonlySet<Item> {
  const byTxid = new Map(items.map((item) => [item.tx.txid, item]));
  const kept = new Set<Item>();
  const needed = new Set<string>();
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i]!;
    const relevant = touchesTokens(ws, item, byTxid);
    if (!relevant && !needed.has(item.tx.txid) && !isAwaited(item.tx.txid) && !hasSpenders(ws, item.tx))
      continue;
    kept.add(item);
    if (relevant || item.checked?.kind !== 'proven')
      for (const { prevTxid } of item.tx.inputs) needed.add(prevTxid);
  }
  return kept;
}

function touchesTokens(ws: Workset, item: Item, byTxid: ReadonlyMap<string, Item>): boolean {
  return item.groups.length > 0 || item.binaryTokens.length > 0 || spendsTokens(ws, item.tx, byTxid);
}

function spendsTokens(ws: Workset, tx: Transaction, byTxid: ReadonlyMap<string, Item>): boolean {
  return tx.inputs.some(({ prevTxid, prevVout }) => {
    const carried = byTxid.get(prevTxid);
    if (carried !== undefined) return carried.groups.some((g) => g.outputs.some((o) => o.vout === prevVout));
    const tokens = ws.tx(prevTxid)?.tokens ?? [];
    return tokens.some((p) => p.outputs.some((o) => o.vout === prevVout && o.verdict !== 'invalid'));
  });
}

/** True if a held transaction spends any of its outputs. */
export function hasSpenders(ws: Workset, tx: Transaction): boolean {
  for (let vout = 0; vout < tx.outputs.length; vout += SPEND_BUCKET) {
    if (ws.spendersNear(tx.txid, vout).length > 0) return true;
  }
  return false;
}
