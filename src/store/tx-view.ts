import { parseTransaction, type Transaction } from '../spv/transaction.ts';
import { spendBucket } from './keys.ts';
import type { TokenPart, TxRecord } from './records.ts';
import type { Store } from './store.ts';
import type { TxTokenView, TxView } from './view.ts';

/** Everything the store knows of a transaction, indexed or waiting. */
export function txView(store: Store, txid: string): TxView | undefined {
  const record = store.tx(txid);
  if (record === undefined) return waitingView(store, txid);
  const tx = parseTransaction(record.raw);
  const view = {
    txid,
    status: record.status,
    firstSeenMs: record.firstSeenMs,
    raw: record.raw,
    tokens: record.tokens.map((part) => tokenView(store, record, part, tx)),
    conflictsWith: rivalsOf(store, tx),
    missingParents: record.status === 'waiting' ? parentsNotHeld(store, tx) : [],
  };
  if (record.place === undefined) return view;
  const { height, index, blockHash } = record.place;
  return { ...view, position: { height, index }, blockHash };
}

function waitingView(store: Store, txid: string): TxView | undefined {
  const waiting = store.waitingRecord(txid);
  if (waiting === undefined) return undefined;
  const { raw, firstSeenMs, missingParents, proofs } = waiting;
  const view = {
    txid,
    status: 'waiting' as const,
    firstSeenMs,
    raw,
    tokens: [],
    conflictsWith: [],
    missingParents,
    waitingParents: missingParents.flatMap((parent) => waitingParent(store, parent)),
  };
  const [proof] = proofs;
  return proof === undefined ? view : { ...view, missingHeight: proof.height };
}

function waitingParent(store: Store, txid: string): { txid: string; height?: number }[] {
  const summary = store.waiting.get(txid);
  if (summary === undefined) return [];
  const [height] = summary.heights;
  return [summary.waitingFor === 'header' && height !== undefined ? { txid, height } : { txid }];
}

function parentsNotHeld(store: Store, tx: Transaction): string[] {
  const parents = new Set(tx.inputs.map((input) => input.prevTxid));
  return [...parents].filter((txid) => store.tx(txid) === undefined);
}

function tokenView(store: Store, record: TxRecord, part: TokenPart, tx: Transaction): TxTokenView {
  const undecided = part.undecided.map((vin) => {
    const { prevTxid, prevVout } = tx.inputs[vin]!;
    return `${prevTxid}_${prevVout}`;
  });
  const outputs = part.outputs.map(({ vout, op, amt, verdict, lock, owner }) => {
    const spends = store.spendsOf(record.txid, spendBucket(vout));
    const spentBy = spends.find((s) => s.vout === vout && s.active)?.spender;
    const output = { vout, op, amt, verdict, lock, owner };
    return spentBy === undefined ? output : { ...output, spentBy };
  });
  return {
    tokenId: store.tokens.get(part.tokenNo)?.tokenId ?? '',
    decided: part.outputs.every((o) => o.verdict !== 'pending'),
    valueIn: part.valueIn,
    lost: part.lost,
    undecided,
    outputs,
  };
}

function rivalsOf(store: Store, tx: Transaction): string[] {
  const rivals = new Set<string>();
  for (const { prevTxid, prevVout } of tx.inputs) {
    for (const spend of store.spendsOf(prevTxid, spendBucket(prevVout))) {
      if (spend.vout === prevVout && spend.spender !== tx.txid) rivals.add(spend.spender);
    }
  }
  return [...rivals];
}
