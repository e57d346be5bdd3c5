import { parseTransaction } from '../spv/transaction.ts';
import type { OutputRecord, TokenPart, TxRecord } from '../store/records.ts';
import type { PreparedOffer } from './item.ts';
import type { Outcome } from './outcome.ts';
import type { Placement } from './place.ts';
import type { Workset } from './workset.ts';

/** Missing outpoints named in an answer. */
const MAX_MISSING = 1000;

/** The caller's answer, once the offer's transactions are placed. */
export function outcomeOf(
  ws: Workset,
  { subjectTxid: txid, error }: Pick<PreparedOffer, 'subjectTxid' | 'error'>,
  placement: Pick<Placement, 'refused' | 'changed'>,
): Outcome {
  if (error !== undefined)
    return { status: 'rejected', code: error.code, data: { ...error.data, message: error.message } };
  // A set: its answer says what was refused of it, by txid.
  if (txid === undefined) return { status: 'known', txid: '' };
  const refusal = placement.refused.get(txid);
  if (refusal !== undefined) {
    return {
      status: 'rejected',
      txid,
      code: refusal.code,
      data: { ...refusal.data, message: refusal.message },
    };
  }
  const record = ws.tx(txid);
  if (record === undefined) return waitingOutcome(ws, txid);
  if (record.status === 'dead') {
    const message = 'it descends from a coinbase transaction whose block is no longer in the chain';
    return { status: 'rejected', txid, code: 'PARENT_INVALID', data: { message } };
  }
  if (record.status === 'waiting') {
    return { status: 'pending', txid, waitingFor: 'parents', missing: missingOutpoints(ws, record) };
  }
  if (record.status === 'conflicted')
    return { status: 'conflict', txid, conflictsWith: rivalsOf(ws, record) };
  const missing = missingHistory(ws, record);
  if (missing !== undefined) return { status: 'pending', txid, waitingFor: 'history', missing };
  if (isWorthless(record)) {
    const message = 'its token outputs are not covered by its inputs, and it spends no tokens';
    return { status: 'rejected', txid, code: 'TOKEN_INVALID', data: { message } };
  }
  if (!placement.changed.has(txid)) return { status: 'known', txid };
  const tokens = record.tokens.filter((part) => ws.follows(part.tokenNo));
  return {
    status: 'admitted',
    txid,
    tokens: tokens.map((part) => ws.store.tokens.get(part.tokenNo)?.tokenId ?? ''),
  };
}

function waitingOutcome(ws: Workset, txid: string): Outcome {
  const record = ws.waitingRecord(txid);
  if (record === undefined) return { status: 'known', txid };
  const { waitingFor, proofs } = record;
  const [proof] = proofs;
  if (waitingFor === 'header' && proof !== undefined) {
    return { status: 'pending', txid, waitingFor, missing: [], height: proof.height };
  }
  const height = headerOfParents(ws, record);
  if (height !== undefined) return { status: 'pending', txid, waitingFor: 'header', missing: [], height };
  return { status: 'pending', txid, waitingFor, missing: missingOutpoints(ws, record) };
}

/** Highest block whose header the parents wait for, where that is all that they wait for. */
function headerOfParents(ws: Workset, record: { readonly raw: Uint8Array }): number | undefined {
  let highest: number | undefined;
  for (const { prevTxid } of parseTransaction(record.raw).inputs) {
    if (ws.tx(prevTxid) !== undefined) continue;
    const parent = ws.waitingRecord(prevTxid);
    const proof = parent?.waitingFor === 'header' ? parent.proofs[0] : undefined;
    if (proof === undefined) return undefined;
    highest = Math.max(highest ?? 0, proof.height);
  }
  return highest;
}

function missingOutpoints(ws: Workset, record: { readonly raw: Uint8Array }): string[] {
  const { inputs } = parseTransaction(record.raw);
  return inputs.filter((i) => ws.tx(i.prevTxid) === undefined).map((i) => `${i.prevTxid}_${i.prevVout}`);
}

/** Transactions that spend what it spends. */
export function rivalsOf(ws: Pick<Workset, 'spendersOf'>, record: TxRecord): string[] {
  const rivals = new Set<string>();
  for (const { prevTxid, prevVout } of parseTransaction(record.raw).inputs) {
    for (const spend of ws.spendersOf(prevTxid, prevVout)) {
      if (spend.spender !== record.txid) rivals.add(spend.spender);
    }
  }
  return [...rivals];
}

/** Outpoints whose transactions are missing before a pending verdict can fall; undefined if none is pending. */
export function missingHistory(ws: Pick<Workset, 'tx'>, record: TxRecord): string[] | undefined {
  // Of one that only spends, nothing says yet that what it spends is worth something.
  const isOpen = ({ outputs, inputs, undecided }: TokenPart): boolean =>
    outputs.length === 0 ? inputs.length === 0 && undecided.length > 0 : outputs.some(isPendingOutput);
  const isPending = (r: TxRecord): boolean => r.tokens.some(isOpen);
  if (record.status !== 'active' || !isPending(record)) return undefined;
  const missing = new Set<string>();
  const seen = new Set<string>();
  const stack = [record];
  for (let at = stack.pop(); at !== undefined && missing.size < MAX_MISSING; at = stack.pop()) {
    if (seen.has(at.txid)) continue;
    seen.add(at.txid);
    const undecided = new Set(at.tokens.flatMap((p) => p.undecided));
    const { inputs } = parseTransaction(at.raw);
    for (const vin of undecided) {
      const { prevTxid, prevVout } = inputs[vin]!;
      const parent = ws.tx(prevTxid);
      if (parent === undefined) missing.add(`${prevTxid}_${prevVout}`);
      else stack.push(parent);
    }
  }
  return [...missing].sort();
}

function isPendingOutput({ verdict }: OutputRecord): boolean {
  return verdict === 'pending';
}

/** It belongs to no token's history: whatever it claims to move, it had nothing to move. */
function isWorthless(record: TxRecord): boolean {
  return (
    record.tokens.length > 0 &&
    record.tokens.every((p) => p.inputs.length === 0 && p.outputs.every((o) => o.verdict === 'invalid'))
  );
}
