import { parseTransaction, type Transaction } from '../spv/transaction.ts';
import { StoreError } from '../store/errors.ts';
import type { BlockPlace, TxRecord } from '../store/records.ts';
import { evaluate, outputLike, type TokenGroup, unjudged } from './evaluate.ts';
import { hasSpenders } from './relevance.ts';
import { cascade, markSpends, settle } from './settle.ts';
import type { Workset } from './workset.ts';

/** A transaction that passed SPV, on its way into the index. */
export interface Verified {
  readonly tx: Transaction;
  readonly groups: readonly TokenGroup[];
  readonly place: BlockPlace | undefined;
  readonly path: Uint8Array | undefined;
  readonly arrival: number;
  readonly firstSeenMs: number;
}

/** Adds a verified transaction that is not held yet, and decides again whatever that changes. */
export function admit(ws: Workset, verified: Verified): void {
  const { tx, groups, place } = verified;
  const { txid, raw } = tx;
  refuseLost(ws, tx);
  keepProof(ws, verified);
  const contested = hasRivals(ws, tx) || !hasActiveParents(ws, tx);
  const base = { txid, raw, place, arrival: verified.arrival, firstSeenMs: verified.firstSeenMs };
  if (!contested) {
    markSpends(ws, tx, txid, true);
    ws.setTx({ ...base, status: 'active', tokens: evaluate(ws, tx, groups) });
    if (hasSpenders(ws, tx)) cascade(ws, [txid]);
    return;
  }
  const tokens = groups.map((g) => unjudged({ tokenNo: g.tokenNo, outputs: g.outputs.map(outputLike) }));
  ws.setTx({ ...base, status: 'conflicted', tokens });
  markSpends(ws, tx, txid, false);
  cascade(ws, [txid, ...settle(ws, [txid, ...inactiveAncestors(ws, tx)])]);
}

/** A proof for a held transaction: it is in that block now (G2). */
export function mine(ws: Workset, tx: Transaction, place: BlockPlace, path: Uint8Array | undefined): void {
  const record = ws.tx(tx.txid);
  if (record === undefined) return;
  if (path !== undefined) ws.proofs.push({ ...place, txid: tx.txid, path });
  if (record.place?.blockHash === place.blockHash && record.place.index === place.index) return;
  ws.setTx({ ...record, place });
  if (record.status === 'active' && !hasRivals(ws, tx)) return;
  cascade(ws, settle(ws, [tx.txid, ...inactiveAncestors(ws, tx)]));
}

/** The block of a held transaction is no longer on the best chain (G1). */
export function unmine(ws: Workset, tx: Transaction): void {
  const record = ws.tx(tx.txid);
  if (record?.place === undefined) return;
  ws.setTx({ ...record, place: undefined });
  cascade(ws, settle(ws, [tx.txid, ...unminedAncestors(ws, tx)]));
}

function keepProof(ws: Workset, { tx, place, path }: Verified): void {
  if (place !== undefined && path !== undefined) ws.proofs.push({ ...place, txid: tx.txid, path });
}

/**
 * A transaction that spends an output by its spend row, but is not held: its rows were lost to damage of a file. To admit
 * it would count its outputs a second time.
 */
function refuseLost(ws: Workset, tx: Transaction): void {
  for (const { prevTxid, prevVout } of tx.inputs) {
    if (!ws.spendersOf(prevTxid, prevVout).some((s) => s.spender === tx.txid)) continue;
    throw new StoreError(
      'STORE_ROW_MISSING',
      `transaction ${tx.txid} is gone from the store, but the row of its spend of ${prevTxid}_${prevVout} is not: run \`btcfed verify\`, then \`btcfed verify --rebuild\``,
      { txid: tx.txid },
    );
  }
}

function hasRivals(ws: Workset, tx: Transaction): boolean {
  for (const { prevTxid, prevVout } of tx.inputs) {
    for (const s of ws.spendersNear(prevTxid, prevVout)) {
      if (s.vout === prevVout && s.spender !== tx.txid) return true;
    }
  }
  return false;
}

/** Every held parent is active; one that is not held is proven by the transaction's own proof, or checked before. */
function hasActiveParents(ws: Workset, tx: Transaction): boolean {
  return tx.inputs.every(({ prevTxid }) => (ws.tx(prevTxid)?.status ?? 'active') === 'active');
}

/** Held ancestors that lost a conflict: a mined descendant proves that they are mined too. */
function inactiveAncestors(ws: Workset, tx: Transaction): string[] {
  return ancestors(ws, tx, (record) => record.status !== 'active');
}

function unminedAncestors(ws: Workset, tx: Transaction): string[] {
  return ancestors(ws, tx, (record) => record.place === undefined);
}

function ancestors(ws: Workset, tx: Transaction, wanted: (record: TxRecord) => boolean): string[] {
  const found = new Set<string>();
  const stack = tx.inputs.map((i) => i.prevTxid);
  for (let txid = stack.pop(); txid !== undefined; txid = stack.pop()) {
    if (found.has(txid)) continue;
    const record = ws.tx(txid);
    if (record === undefined || !wanted(record)) continue;
    found.add(txid);
    for (const input of parseTransaction(record.raw).inputs) stack.push(input.prevTxid);
  }
  return [...found];
}
