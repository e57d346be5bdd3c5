import { isCoinbase, parseTransaction, type Transaction } from '../spv/transaction.ts';
import { admit, mine, verify } from './admit.ts';
import type { ChainView } from './chain-view.ts';
import { IngestError } from './errors.ts';
import type { Checked, Item, PreparedOffer } from './item.ts';
import { UNTOLD_BLOCK } from './proofs.ts';
import { hasSpenders, keptItems } from './relevance.ts';
import { childrenOf } from './settle.ts';
import { firstSeenOf, keepProofs, stopWaiting, type WaitModules, wait } from './wait.ts';
import type { Workset } from './workset.ts';

/** Blocks after which a coinbase output may be spent. */
const COINBASE_MATURITY = 100;

export interface PlaceModules extends WaitModules {
  /** False on regtest, whose chains are short. */
  readonly coinbaseMatures: boolean;
  /** True if a transaction that waited before this commit names this txid as a missing parent. */
  readonly isAwaited: (txid: string) => boolean;
}

type Refusal = Extract<Checked, { kind: 'refused' }>['error'];

/** What became of the transactions of one offer, besides what the workset shows. */
export interface Placement {
  /** By txid: why it is refused. */
  readonly refused: Map<string, Refusal>;
  /** Transactions whose state this offer changed. */
  readonly changed: Set<string>;
  /** Waiting transactions that may be more than was thought of them: to be tried again. */
  readonly retry: Set<string>;
  /** True if a check was overtaken by what was committed after it: to be offered again. */
  again: boolean;
}

/** Puts the transactions of one offer where they belong: index, pending set, or nowhere. In order, parents first. */
export function placeOffer(ws: Workset, prepared: PreparedOffer, modules: PlaceModules): Placement {
  const placement: Placement = { refused: new Map(), changed: new Set(), retry: new Set(), again: false };
  const isAwaited = (txid: string): boolean => ws.awaited.has(txid) || modules.isAwaited(txid);
  const kept = keptItems(ws, prepared, isAwaited);
  for (const item of prepared.items) {
    const { txid } = item.tx;
    if (isOvertaken(item.checked, modules.chain)) item.checked = { kind: 'overtaken' };
    if (item.checked?.kind === 'overtaken') offerAgain(ws, txid, prepared, modules, placement);
    else if (item.checked?.kind === 'refused') refuse(ws, item.tx, item.checked.error, placement);
    else if (ws.tx(txid) !== undefined) updateKnown(ws, item, modules, placement);
    else if (kept.has(item)) placeNew(ws, item, prepared, modules, placement);
    else if (txid === prepared.subjectTxid || prepared.listed?.has(txid) === true)
      placeUnrelated(ws, item, prepared, modules, placement);
  }
  if (prepared.offer.retryTxid !== undefined) endRetry(ws, prepared, placement);
  return placement;
}

/** Who is offered again is not seen later for it. */
function offerAgain(
  ws: Workset,
  txid: string,
  prepared: PreparedOffer,
  modules: PlaceModules,
  placement: Placement,
): void {
  placement.again = true;
  if (ws.tx(txid) !== undefined) return;
  const { offer } = prepared;
  offer.reserved ??= new Set();
  offer.reserved.add(txid);
  modules.reserved.set(txid, firstSeenOf(ws, txid, prepared, modules));
}

function refuse(ws: Workset, tx: Transaction, error: Refusal, placement: Placement): void {
  // Without its proof a coinbase says nothing; but the proof may be here already, or wait for its header.
  const isKnown = ws.tx(tx.txid) !== undefined || ws.isWaiting(tx.txid);
  if (error.code === 'COINBASE_UNPROVEN' && isKnown) return;
  placement.refused.set(tx.txid, error);
}

/** The block that proved it is no longer on the best chain. */
function isOvertaken(checked: Checked | undefined, chain: ChainView): boolean {
  if (checked?.kind !== 'proven' || checked.place.blockHash === UNTOLD_BLOCK) return false;
  return chain.hashAt(checked.place.height) !== checked.place.blockHash;
}

function updateKnown(ws: Workset, item: Item, modules: PlaceModules, placement: Placement): void {
  const { checked, tx } = item;
  if (checked?.kind === 'verified' && verify(ws, tx.txid)) placement.changed.add(tx.txid);
  if (checked?.kind === 'proven') {
    mine(ws, tx, checked.place, checked.path);
    placement.changed.add(tx.txid);
    retryParents(ws, tx, placement);
  }
  keepProofs(ws, item, modules, placement);
}

function placeNew(
  ws: Workset,
  item: Item,
  prepared: PreparedOffer,
  modules: PlaceModules,
  placement: Placement,
): void {
  const { tx, checked } = item;
  const waits = (reason: 'parents' | 'header', missing: readonly string[]): void => {
    wait(ws, item, { waitingFor: reason, missing, prepared, modules, placement });
  };
  switch (checked?.kind) {
    case 'proven':
      index(ws, item, prepared, modules, placement);
      return;
    case 'headerUnknown':
      waits('header', []);
      return;
    default: {
      const bad = tx.inputs.find((i) => ws.tx(i.prevTxid) === undefined && placement.refused.has(i.prevTxid));
      const missing = missingParents(ws, tx);
      if (bad !== undefined) placement.refused.set(tx.txid, parentInvalid(bad.prevTxid));
      else if (hasMinedDescendant(ws, tx)) index(ws, item, prepared, modules, placement);
      else if (missing.length > 0) waits('parents', missing);
      else if (checked?.kind !== 'verified') offerAgain(ws, tx.txid, prepared, modules, placement);
      else indexUnmined(ws, item, prepared, modules, placement);
    }
  }
}

function parentInvalid(parent: string): IngestError {
  return new IngestError('PARENT_INVALID', `its parent ${parent} is refused`, { parent });
}

/**
 * The subject is of no followed token as far as we can see. With a parent missing it waits; with all of them here it is
 * refused and forgotten, for nobody can keep every payment. This is the one place where order counts: a mined payment that
 * was told complete, and so forgotten, does not stand against an unmined token transaction that is told later and spends the
 * same funding coin. Told again it does (`touchesHeld`). Confirmed amounts never depend on it: what is mined has no mined rival.
 */
function placeUnrelated(
  ws: Workset,
  item: Item,
  prepared: PreparedOffer,
  modules: PlaceModules,
  placement: Placement,
): void {
  const { tx } = item;
  // It may spend tokens of parents that are still to come (A8 has no output to show it): order of arrival must not matter.
  const carried = new Set(prepared.items.map((i) => i.tx.txid));
  const missing = missingParents(ws, tx).filter((txid) => !carried.has(txid));
  if (missing.length > 0) {
    wait(ws, item, { waitingFor: 'history', missing, prepared, modules, placement });
    return;
  }
  const tokens = [...new Set(item.content.otherTokens)];
  const message =
    tokens.length === 0
      ? 'it moves no token that this node follows'
      : 'none of its tokens is followed by this node';
  placement.refused.set(tx.txid, new IngestError('TOKEN_NOT_FOLLOWED', message, { tokens }));
}

function indexUnmined(
  ws: Workset,
  item: Item,
  prepared: PreparedOffer,
  modules: PlaceModules,
  placement: Placement,
): void {
  const { chain, coinbaseMatures } = modules;
  const young = coinbaseMatures ? immatureCoinbase(ws, item.tx, chain.tip().height) : undefined;
  if (young === undefined) {
    index(ws, item, prepared, modules, placement);
    return;
  }
  const { txid, height } = young;
  const message = `it spends the coinbase transaction ${txid} of block ${height}, which needs ${COINBASE_MATURITY} blocks`;
  placement.refused.set(item.tx.txid, new IngestError('COINBASE_IMMATURE', message, { txid, height }));
}

function index(
  ws: Workset,
  item: Item,
  prepared: PreparedOffer,
  modules: PlaceModules,
  placement: Placement,
): void {
  const { tx, content, checked } = item;
  const proven = checked?.kind === 'proven' ? checked : undefined;
  const seen = firstSeenOf(ws, tx.txid, prepared, modules);
  const verified = checked?.kind === 'verified';
  admit(ws, { tx, groups: content.groups, place: proven?.place, path: proven?.path, verified, ...seen });
  for (const tokenId of content.binaryTokens) ws.binaryTokens.add(ws.store.tokenNos.get(tokenId)!);
  placement.changed.add(tx.txid);
  keepProofs(ws, item, modules, placement);
  retryParents(ws, tx, placement);
}

/** What a mined transaction spends is mined too: waiting parents of it need no parents of their own. */
function retryParents(ws: Workset, tx: Transaction, placement: Placement): void {
  if (ws.store.waiting.size === 0 && ws.waiting.size === 0) return;
  for (const { prevTxid } of tx.inputs) {
    if (ws.isWaiting(prevTxid) && ws.tx(prevTxid) === undefined) placement.retry.add(prevTxid);
  }
}

/** A retry that came to an end takes the transaction out of the pending set, unless proofs of it wait on. */
function endRetry(ws: Workset, { items, subjectTxid }: PreparedOffer, placement: Placement): void {
  const [item] = items;
  const refusal = subjectTxid === undefined ? undefined : placement.refused.get(subjectTxid);
  // A limit of ours, or a thread that was lost: it may be valid.
  if (item === undefined || refusal === undefined || refusal.code === 'VERIFIER_FAILED') return;
  stopWaiting(ws, item);
}

/** Held transactions that spend from it, and so on, up to a mined one: they could not be mined without it. */
function hasMinedDescendant(ws: Workset, tx: Transaction): boolean {
  if (!hasSpenders(ws, tx)) return false;
  const seen = new Set<string>();
  const stack = childrenOf(ws, tx);
  for (let txid = stack.pop(); txid !== undefined; txid = stack.pop()) {
    const record = seen.has(txid) ? undefined : ws.tx(txid);
    seen.add(txid);
    if (record === undefined) continue;
    if (record.place !== undefined) return true;
    stack.push(...childrenOf(ws, parseTransaction(record.raw)));
  }
  return false;
}

/** Parents that are not in the index; those that wait themselves count as missing. */
function missingParents(ws: Workset, tx: Transaction): string[] {
  if (isCoinbase(tx)) return [];
  const missing = new Set<string>();
  for (const { prevTxid } of tx.inputs) if (ws.tx(prevTxid) === undefined) missing.add(prevTxid);
  return [...missing];
}

function immatureCoinbase(
  ws: Workset,
  tx: Transaction,
  tipHeight: number,
): { txid: string; height: number } | undefined {
  for (const { prevTxid } of tx.inputs) {
    const parent = ws.tx(prevTxid);
    const height = parent?.place?.index === 0 ? parent.place.height : undefined;
    if (parent === undefined || height === undefined || tipHeight + 1 - height >= COINBASE_MATURITY) continue;
    if (isCoinbase(parseTransaction(parent.raw))) return { txid: prevTxid, height };
  }
  return undefined;
}
