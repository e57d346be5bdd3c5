import type { OpenProof, WaitingFor, WaitingRecord } from '../store/waiting-row.ts';
import type { ChainView } from './chain-view.ts';
import { IngestError } from './errors.ts';
import type { FirstSeen, Item, PreparedOffer } from './item.ts';
import type { Placement } from './place.ts';
import type { Workset } from './workset.ts';

/** Proofs that wait with one transaction: of more, the newest. */
export const MAX_OPEN_PROOFS = 8;

export interface WaitModules {
  readonly chain: ChainView;
  /** Room in the pending set for one more transaction of so many bytes. */
  readonly hasRoomFor: (bytes: number) => boolean;
  readonly nowMs: () => number;
  /** Arrivals of transactions that are offered again, by txid. */
  readonly reserved: Map<string, FirstSeen>;
}

interface Waiting {
  readonly waitingFor: WaitingFor;
  readonly missing: readonly string[];
  readonly prepared: PreparedOffer;
  readonly modules: WaitModules;
  readonly placement: Placement;
}

/** Puts a transaction into the pending set, or brings up to date what it waits for there. */
export function wait(ws: Workset, item: Item, waiting: Waiting): void {
  const { missing, prepared, modules, placement } = waiting;
  const { txid, raw } = item.tx;
  const old = ws.waitingRecord(txid);
  if (old === undefined && !modules.hasRoomFor(raw.length)) {
    const message = 'too many transactions wait for parents or headers already';
    placement.refused.set(txid, new IngestError('PENDING_FULL', message, {}));
    return;
  }
  const proofs = openProofs(old, item, true);
  const byHeader = waiting.waitingFor === 'parents' && proofs.length > 0;
  const { arrival, firstSeenMs } = firstSeenOf(ws, txid, prepared, modules);
  const record: WaitingRecord = {
    txid,
    raw,
    waitingFor: byHeader ? 'header' : waiting.waitingFor,
    missingParents: missing,
    proofs,
    arrival,
    firstSeenMs,
  };
  if (old !== undefined && isSameWait(old, record)) return;
  ws.setWaiting(record);
  placement.changed.add(txid);
  retryOvertaken(record, modules.chain, placement);
  // A parent that waits itself, of which nobody knew that it is needed.
  for (const parent of missing) if (ws.isWaiting(parent)) placement.retry.add(parent);
}

/** When it was first seen, be it now. */
export function firstSeenOf(
  ws: Workset,
  txid: string,
  prepared: PreparedOffer,
  modules: WaitModules,
): FirstSeen {
  const seen = prepared.firstSeen ?? ws.waitingRecord(txid) ?? modules.reserved.get(txid);
  if (seen !== undefined) return { arrival: seen.arrival, firstSeenMs: seen.firstSeenMs };
  return { arrival: ws.nextArrival(), firstSeenMs: modules.nowMs() };
}

/** The header may have come between the check and now, when nothing waited for it yet. */
function retryOvertaken({ txid, proofs }: WaitingRecord, chain: ChainView, placement: Placement): void {
  if (proofs.some(({ height }) => chain.rootAt(height) !== undefined)) placement.retry.add(txid);
}

/** Of an indexed transaction only proofs can wait. */
export function keepProofs(ws: Workset, item: Item, modules: WaitModules, placement: Placement): void {
  const { txid, raw } = item.tx;
  const old = ws.waitingRecord(txid);
  const proofs = openProofs(old, item, false);
  if (proofs.length === 0) {
    ws.endWaiting(txid);
    return;
  }
  if (old === undefined && !modules.hasRoomFor(raw.length)) return;
  const { arrival, firstSeenMs } = ws.tx(txid)!;
  const base = { txid, raw, arrival, firstSeenMs };
  const record: WaitingRecord = { ...base, waitingFor: 'header', missingParents: [], proofs };
  if (old !== undefined && isSameWait(old, record)) return;
  ws.setWaiting(record);
  placement.changed.add(txid);
  retryOvertaken(record, modules.chain, placement);
}

/** Takes a refused transaction out of the pending set, unless a proof came that this try did not look at. */
export function stopWaiting(ws: Workset, item: Item): void {
  const old = ws.waitingRecord(item.tx.txid);
  if (old === undefined) return;
  const proofs = openProofs(old, item, false);
  if (proofs.length === 0) ws.endWaiting(item.tx.txid);
  else if (proofs.length < old.proofs.length) ws.setWaiting({ ...old, proofs });
}

/**
 * Those that waited and were not tried now, and those that are open after the try. A good one is done with, unless its
 * transaction is not indexed for other reasons (`keepGood`).
 */
function openProofs(
  old: WaitingRecord | undefined,
  { tried, checked, openProofs: open }: Item,
  keepGood: boolean,
): readonly OpenProof[] {
  const good = checked?.kind === 'proven' ? [{ height: checked.place.height, path: checked.path }] : [];
  const stay = keepGood ? [...open, ...good] : open;
  const gone = [...tried, ...good.map(({ path }) => path)];
  const before = old?.proofs ?? [];
  // In the order in which they came, whoever tries them: two tries must not undo each other.
  const kept = before.filter(({ path }) => has(stay, path) || !gone.some((other) => isSame(other, path)));
  return [...kept, ...stay.filter(({ path }) => !has(before, path))].slice(-MAX_OPEN_PROOFS);
}

function has(proofs: readonly OpenProof[], path: Uint8Array): boolean {
  return proofs.some((proof) => isSame(proof.path, path));
}

function isSameWait(a: WaitingRecord, b: WaitingRecord): boolean {
  return (
    a.waitingFor === b.waitingFor &&
    a.proofs.length === b.proofs.length &&
    a.proofs.every(({ path }, i) => isSame(path, b.proofs[i]!.path)) &&
    a.missingParents.length === b.missingParents.length &&
    a.missingParents.every((txid, i) => txid === b.missingParents[i])
  );
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
