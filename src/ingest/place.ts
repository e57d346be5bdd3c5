import { isCoinbase, parseTransaction, type Transaction } from '../spv/transaction.ts';
import type { WaitingFor, WaitingRecord } from '../store/waiting-row.ts';
import { admit, mine } from './admit.ts';
import type { ChainView } from './chain-view.ts';
import { IngestError } from './errors.ts';
import type { Checked, FirstSeen, Item, PreparedOffer } from './item.ts';
import { keptItems } from './relevance.ts';
import type { Workset } from './workset.ts';

/** Blocks after which a coinbase output may be spent. */
const COINBASE_MATURITY = 100;

export interface PlaceModules {
  readonly chain: ChainView;
  /** False on regtest, whose chains are short. */
  readonly coinbaseMatures: boolean;
  readonly hasRoomFor: (bytes: number) => boolean;
  /** True if a waiting transaction names this txid as a missing parent. */
  readonly isAwaited: (txid: string) => boolean;
  readonly nowMs: () => number;
}

/** What became of the transactions of one offer, besides what the workset shows. */
export interface Placement {
  /** By txid: why it is refused. */
  readonly refused: Map<string, NonNullable<Extract<Checked, { kind: 'refused' }>['error']>>;
  /** Transactions whose state this offer changed. */
  readonly changed: Set<string>;
  /** True if a transaction became decidable only by what was committed after it was checked: to be offered again. */
  again: boolean;
}

/** Puts the transactions of one offer where they belong: index, pending set, or nowhere. In order, parents first. */
export function placeOffer(ws: Workset, prepared: PreparedOffer, modules: PlaceModules): Placement {
  const placement: Placement = { refused: new Map(), changed: new Set(), again: false };
  const kept = keptItems(ws, prepared, modules.isAwaited);
  for (const item of prepared.items) {
    const { txid } = item.tx;
    const known = ws.tx(txid);
    if (known !== undefined) updateKnown(ws, item, placement);
    else if (kept.has(item)) placeNew(ws, item, prepared, modules, placement);
    else if (txid === prepared.subjectTxid) placeUnrelated(ws, item, prepared, modules, placement);
    // Only what waited may leave the pending set so: others could send its bytes with a false proof.
    const isRetry = prepared.offer.retryTxid === txid;
    if (isRetry && ws.isWaiting(txid) && (placement.refused.has(txid) || isSettled(ws, txid)))
      ws.waiting.set(txid, undefined);
  }
  return placement;
}

/** Indexed, and its proof not left waiting by this very try. */
function isSettled(ws: Workset, txid: string): boolean {
  return ws.tx(txid) !== undefined && !ws.waiting.has(txid);
}

function updateKnown(ws: Workset, item: Item, placement: Placement): void {
  const { checked, tx } = item;
  if (checked?.kind === 'refused') placement.refused.set(tx.txid, checked.error);
  if (checked?.kind === 'proven') {
    mine(ws, tx, checked.place, checked.path);
    placement.changed.add(tx.txid);
    if (ws.isWaiting(tx.txid)) ws.waiting.set(tx.txid, undefined);
  }
  // A proof whose header is unknown: the transaction stays as it is, the proof waits for the header.
  if (checked?.kind === 'headerUnknown' && !ws.isWaiting(tx.txid)) {
    const record = ws.tx(tx.txid)!;
    const { height, path } = checked;
    ws.waiting.set(tx.txid, {
      txid: tx.txid,
      raw: tx.raw,
      waitingFor: 'header',
      missingParents: [],
      height,
      path,
      arrival: record.arrival,
      firstSeenMs: record.firstSeenMs,
    });
    placement.changed.add(tx.txid);
  }
}

function placeNew(
  ws: Workset,
  item: Item,
  prepared: PreparedOffer,
  modules: PlaceModules,
  placement: Placement,
): void {
  const { tx, checked } = item;
  switch (checked?.kind) {
    case 'refused':
      placement.refused.set(tx.txid, checked.error);
      return;
    case 'proven':
      index(ws, item, checked, prepared.firstSeen, modules, placement);
      return;
    case 'headerUnknown':
      wait(ws, item, 'header', [], prepared.firstSeen, modules, placement);
      return;
    default: {
      const bad = tx.inputs.find(({ prevTxid }) => placement.refused.has(prevTxid));
      if (bad !== undefined) {
        const error = new IngestError('PARENT_INVALID', `its parent ${bad.prevTxid} is refused`, {
          parent: bad.prevTxid,
        });
        placement.refused.set(tx.txid, error);
        return;
      }
      const missing = missingParents(ws, tx);
      if (missing.length > 0) wait(ws, item, 'parents', missing, prepared.firstSeen, modules, placement);
      else if (checked?.kind !== 'verified') placement.again = true;
      else indexUnmined(ws, item, prepared.firstSeen, modules, placement);
    }
  }
}

/** The subject is of no followed token as far as we can see. */
function placeUnrelated(
  ws: Workset,
  item: Item,
  prepared: PreparedOffer,
  modules: PlaceModules,
  placement: Placement,
): void {
  const { tx, checked } = item;
  if (checked?.kind === 'refused') {
    placement.refused.set(tx.txid, checked.error);
    return;
  }
  // It may spend tokens of parents that are still to come (A8 has no output to show it): order of arrival must not matter.
  const carried = new Set(prepared.items.map((i) => i.tx.txid));
  const missing = missingParents(ws, tx).filter((txid) => !carried.has(txid));
  if (missing.length > 0 && !isCoinbase(tx)) {
    wait(ws, item, 'history', missing, prepared.firstSeen, modules, placement);
    return;
  }
  const tokens = [...new Set(item.otherTokens)];
  const error = new IngestError(
    'TOKEN_NOT_FOLLOWED',
    tokens.length === 0
      ? 'it moves no token that this node follows'
      : 'none of its tokens is followed by this node',
    { tokens },
  );
  placement.refused.set(tx.txid, error);
}

function indexUnmined(
  ws: Workset,
  item: Item,
  firstSeen: FirstSeen | undefined,
  modules: PlaceModules,
  placement: Placement,
): void {
  const young = modules.coinbaseMatures
    ? immatureCoinbase(ws, item.tx, modules.chain.tip().height)
    : undefined;
  if (young !== undefined) {
    const error = new IngestError(
      'COINBASE_IMMATURE',
      `it spends the coinbase transaction ${young.txid} of block ${young.height}, which needs ${COINBASE_MATURITY} blocks`,
      { txid: young.txid, height: young.height },
    );
    placement.refused.set(item.tx.txid, error);
    return;
  }
  index(ws, item, undefined, firstSeen, modules, placement);
}

function index(
  ws: Workset,
  item: Item,
  proven: Extract<Checked, { kind: 'proven' }> | undefined,
  firstSeen: FirstSeen | undefined,
  modules: PlaceModules,
  placement: Placement,
): void {
  const { tx, groups } = item;
  const seen = firstSeen ?? { arrival: ws.nextArrival(), firstSeenMs: modules.nowMs() };
  admit(ws, { tx, groups, place: proven?.place, path: proven?.path, ...seen });
  placement.changed.add(tx.txid);
  if (ws.isWaiting(tx.txid)) ws.waiting.set(tx.txid, undefined);
}

function wait(
  ws: Workset,
  item: Item,
  waitingFor: WaitingFor,
  missing: readonly string[],
  firstSeen: FirstSeen | undefined,
  modules: PlaceModules,
  placement: Placement,
): void {
  const { tx, checked } = item;
  const { txid, raw } = tx;
  if (!ws.isWaiting(txid) && !modules.hasRoomFor(raw.length)) {
    const error = new IngestError(
      'PENDING_FULL',
      'too many transactions wait for parents or headers already',
      {},
    );
    placement.refused.set(txid, error);
    return;
  }
  const proof = checked?.kind === 'headerUnknown' || checked?.kind === 'proven' ? checked : undefined;
  const old = ws.waiting.get(txid) ?? ws.store.waitingRecord(txid);
  const seen = firstSeen ?? old ?? { arrival: ws.nextArrival(), firstSeenMs: modules.nowMs() };
  // A waiting proof that was tried again and is not in `checked` was false.
  const unchecked = firstSeen === undefined ? old : undefined;
  const record: WaitingRecord = {
    txid,
    raw,
    waitingFor,
    missingParents: missing,
    path: proof?.path ?? unchecked?.path,
    height:
      proof === undefined ? unchecked?.height : proof.kind === 'proven' ? proof.place.height : proof.height,
    arrival: seen.arrival,
    firstSeenMs: seen.firstSeenMs,
  };
  if (old !== undefined && sameWait(old, record)) return;
  ws.waiting.set(txid, record);
  placement.changed.add(txid);
}

function sameWait(a: WaitingRecord, b: WaitingRecord): boolean {
  return (
    a.waitingFor === b.waitingFor &&
    a.height === b.height &&
    a.path?.length === b.path?.length &&
    a.missingParents.length === b.missingParents.length &&
    a.missingParents.every((txid, i) => txid === b.missingParents[i])
  );
}

/** Parents that are not in the index; those that wait themselves count as missing. */
export function missingParents(ws: Workset, tx: Transaction): string[] {
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
