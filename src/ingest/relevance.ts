import type { Transaction } from '../spv/transaction.ts';
import { SPEND_BUCKET } from '../store/keys.ts';
import type { Item, PreparedOffer } from './item.ts';
import type { Workset } from './workset.ts';

/**
 * Which transactions of an offer the store has to keep: those that create or spend outputs of followed tokens, all that
 * an unproven one of these descends from (its BEEF cannot be built without), and the parents of a proven one (they decide
 * which of its inputs carry tokens); those that a held or waiting transaction spends; and those that spend from a held one
 * or what a held one spends, since funding can be spent twice like tokens (C1).
 */
export function keptItems(
  ws: Workset,
  { items }: PreparedOffer,
  isAwaited: (txid: string) => boolean,
): ReadonlySet<Item> {
  const open = items.filter((item) => item.checked?.kind !== 'refused');
  const byTxid = new Map(open.map((item) => [item.tx.txid, item]));
  const relevant = new Set(open.filter((item) => touchesTokens(ws, item, byTxid)));
  const kept = new Set(relevant);
  for (const item of open) if (isAwaited(item.tx.txid) || touchesHeld(ws, item.tx)) kept.add(item);
  if (kept.size === open.length) return kept;
  const children = childrenInOffer(open);
  // A set gives back what is added while it is walked.
  for (const item of kept) {
    for (const child of children.get(item.tx.txid) ?? []) kept.add(child);
    if (!relevant.has(item) && item.checked?.kind === 'proven') continue;
    for (const { prevTxid } of item.tx.inputs) {
      const parent = byTxid.get(prevTxid);
      if (parent !== undefined) kept.add(parent);
    }
  }
  return kept;
}

function childrenInOffer(items: readonly Item[]): Map<string, Item[]> {
  const children = new Map<string, Item[]>();
  for (const item of items) {
    for (const { prevTxid } of item.tx.inputs) {
      const known = children.get(prevTxid);
      if (known === undefined) children.set(prevTxid, [item]);
      else known.push(item);
    }
  }
  return children;
}

function touchesTokens(ws: Workset, item: Item, byTxid: ReadonlyMap<string, Item>): boolean {
  const { groups, binaryTokens } = item.content;
  return groups.length > 0 || binaryTokens.length > 0 || spendsTokens(ws, item.tx, byTxid);
}

function spendsTokens(ws: Workset, tx: Transaction, byTxid: ReadonlyMap<string, Item>): boolean {
  return tx.inputs.some(({ prevTxid, prevVout }) => {
    const carried = byTxid.get(prevTxid);
    if (carried !== undefined) {
      return carried.content.groups.some((g) => g.outputs.some((o) => o.vout === prevVout));
    }
    const tokens = ws.tx(prevTxid)?.tokens ?? [];
    return tokens.some((p) => p.outputs.some((o) => o.vout === prevVout && o.verdict !== 'invalid'));
  });
}

function touchesHeld(ws: Workset, tx: Transaction): boolean {
  return hasSpenders(ws, tx) || tx.inputs.some((i) => isKept(ws, i.prevTxid)) || hasRivals(ws, tx);
}

/** In the index, or waiting to be: of one that waits for `history` nobody knows whether it will be. */
function isKept(ws: Workset, txid: string): boolean {
  return ws.tx(txid) !== undefined || (ws.waitsFor(txid) ?? 'history') !== 'history';
}

/** True if a held transaction spends any of its outputs. */
export function hasSpenders(ws: Workset, tx: Transaction): boolean {
  for (let vout = 0; vout < tx.outputs.length; vout += SPEND_BUCKET) {
    if (ws.spendersNear(tx.txid, vout).length > 0) return true;
  }
  return false;
}

/** True if another held transaction spends what it spends. */
export function hasRivals(ws: Workset, tx: Transaction): boolean {
  for (const { prevTxid, prevVout } of tx.inputs) {
    for (const s of ws.spendersNear(prevTxid, prevVout)) {
      if (s.vout === prevVout && s.spender !== tx.txid) return true;
    }
  }
  return false;
}
