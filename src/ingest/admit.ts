import type { Transaction } from '../spv/transaction.ts';
import { StoreError } from '../store/errors.ts';
import type { BlockPlace } from '../store/records.ts';
import { evaluate, outputLike, type TokenGroup, unjudged } from './evaluate.ts';
import { hasRivals, hasSpenders } from './relevance.ts';
import { cascade, markSpends, settle } from './settle.ts';
import type { Workset } from './workset.ts';

/** A transaction that passed SPV, on its way into the index. */
export interface Verified {
  readonly tx: Transaction;
  readonly groups: readonly TokenGroup[];
  readonly place: BlockPlace | undefined;
  readonly path: Uint8Array | undefined;
  /** Its scripts ran. */
  readonly verified: boolean;
  readonly arrival: number;
  readonly firstSeenMs: number;
}

/** Adds a transaction that is not held yet. Where others stand against it, `decide` says later which of them counts. */
export function admit(ws: Workset, admitted: Verified): void {
  const { tx, groups, place, path, verified, arrival, firstSeenMs } = admitted;
  const { txid, raw } = tx;
  refuseLost(ws, tx);
  if (place !== undefined && path !== undefined) ws.proofs.push({ ...place, txid, path });
  const base = { txid, raw, place, verified, arrival, firstSeenMs };
  if (isContested(ws, admitted)) {
    const tokens = groups.map((g) => unjudged({ tokenNo: g.tokenNo, outputs: g.outputs.map(outputLike) }));
    ws.setTx({ ...base, status: 'conflicted', tokens });
    markSpends(ws, tx, txid, false);
    ws.unsettled.add(txid);
    return;
  }
  markSpends(ws, tx, txid, true);
  ws.setTx({ ...base, status: 'active', tokens: evaluate(ws, tx, groups) });
  if (hasSpenders(ws, tx)) ws.unjudged.add(txid);
}

/** A proof for a held transaction: it is in that block now (G2). */
export function mine(ws: Workset, tx: Transaction, place: BlockPlace, path: Uint8Array | undefined): void {
  const record = ws.tx(tx.txid);
  if (record === undefined) return;
  if (path !== undefined) ws.proofs.push({ ...place, txid: tx.txid, path });
  if (record.place?.blockHash === place.blockHash && record.place.index === place.index) return;
  ws.setTx({ ...record, place });
  // Its ancestors are proven with it, and who stands among its descendants may change; where nobody lost, nobody can win.
  if (ws.hasInactive()) ws.unsettled.add(tx.txid);
}

/** The block of a held transaction is no longer on the best chain (G1). */
export function unmine(ws: Workset, txid: string): void {
  const record = ws.tx(txid);
  if (record?.place === undefined) return;
  ws.setTx({ ...record, place: undefined });
  ws.unsettled.add(txid);
}

/** The scripts of a held transaction ran: it can stand without its block. True if that is news. */
export function verify(ws: Workset, txid: string): boolean {
  const record = ws.tx(txid);
  if (record === undefined || record.verified) return false;
  ws.setTx({ ...record, verified: true });
  ws.unsettled.add(txid);
  return true;
}

/**
 * To be called once all transactions of a commit are placed: decides who stands, and evaluates whatever that changes. Once a
 * commit, since it may have to look at every unmined transaction that is connected to a conflict.
 */
export function decide(ws: Workset): void {
  const changed = settle(ws, ws.unsettled);
  cascade(ws, [...ws.unjudged, ...changed]);
  ws.unsettled.clear();
  ws.unjudged.clear();
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

/** Somebody else may have to give way to it, or it to somebody else. */
function isContested(ws: Workset, { tx, place, verified }: Verified): boolean {
  if (place === undefined && !verified) return true;
  if (hasRivals(ws, tx) || !hasActiveParents(ws, tx)) return true;
  return ws.hasInactive() && (place !== undefined || hasSpenders(ws, tx));
}

/** Every held parent is active; one that is not held is proven by the transaction's own proof. */
function hasActiveParents(ws: Workset, tx: Transaction): boolean {
  return tx.inputs.every(({ prevTxid }) => (ws.tx(prevTxid)?.status ?? 'active') === 'active');
}
