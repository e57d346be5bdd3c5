import { isCoinbase, parseTransaction, type Transaction } from '../spv/transaction.ts';
import { SPEND_BUCKET } from '../store/keys.ts';
import type { RecordStatus, TxRecord } from '../store/records.ts';
import { reevaluate, sameParts } from './evaluate.ts';
import type { Workset } from './workset.ts';

/** A member of a group of transactions whose standing depends on each other. */
interface Member {
  readonly record: TxRecord;
  readonly tx: Transaction;
  readonly children: readonly string[];
  anchored: boolean;
  effectiveArrival: number;
  status: RecordStatus | undefined;
}

/**
 * Decides anew who is active among conflicting transactions and their descendants (token-rules §7, §8): mined, or with a
 * mined descendant, goes before unmined; of the unmined, who arrived first with all its parents. A pure function of the
 * held transactions, whatever order they came in. Returns the transactions whose standing changed, parents first.
 */
export function settle(ws: Workset, seeds: Iterable<string>): string[] {
  const members = collect(ws, seeds);
  markAnchored(members);
  const ordered = order(members);
  for (const member of ordered) member.status = standing(ws, members, member);
  const changed: string[] = [];
  for (const { record, tx, status } of ordered) {
    if (status === undefined || status === record.status) continue;
    ws.setTx({ ...record, status });
    markSpends(ws, tx, record.txid, status === 'active');
    changed.push(record.txid);
  }
  return changed;
}

/** Sets which spender of each of the transaction's inputs counts. A coinbase spends nothing: no two of them are rivals. */
export function markSpends(ws: Workset, tx: Transaction, spender: string, active: boolean): void {
  if (isCoinbase(tx)) return;
  for (let vin = 0; vin < tx.inputs.length; vin++) {
    const { prevTxid, prevVout } = tx.inputs[vin]!;
    ws.setSpend(prevTxid, { vout: prevVout, spender, vin, active });
  }
}

/** Seeds, with all rivals and descendants of each. */
function collect(ws: Workset, seeds: Iterable<string>): Map<string, Member> {
  const members = new Map<string, Member>();
  const stack = [...seeds];
  for (let txid = stack.pop(); txid !== undefined; txid = stack.pop()) {
    if (members.has(txid)) continue;
    const record = ws.tx(txid);
    if (record === undefined) continue;
    const tx = parseTransaction(record.raw);
    const children = childrenOf(ws, tx);
    members.set(txid, { record, tx, children, anchored: false, effectiveArrival: 0, status: undefined });
    stack.push(...children);
    for (const { prevTxid, prevVout } of tx.inputs) {
      for (const rival of ws.spendersOf(prevTxid, prevVout)) stack.push(rival.spender);
    }
  }
  return members;
}

/** Known spenders of any output, active or not. */
export function childrenOf(ws: Workset, tx: Transaction): string[] {
  const children = new Set<string>();
  for (let vout = 0; vout < tx.outputs.length; vout += SPEND_BUCKET) {
    for (const spend of ws.spendersNear(tx.txid, vout)) children.add(spend.spender);
  }
  return [...children];
}

/** Anchored: mined, or an ancestor of a mined one, which no block could hold otherwise. */
function markAnchored(members: ReadonlyMap<string, Member>): void {
  const stack = [...members.values()].filter((m) => m.record.place !== undefined);
  for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
    if (member.anchored) continue;
    member.anchored = true;
    for (const { prevTxid } of member.tx.inputs) {
      const parent = members.get(prevTxid);
      if (parent !== undefined) stack.push(parent);
    }
  }
}

/** Parents first, anchored before others, then by arrival of the last of a transaction and its ancestors. */
function order(members: ReadonlyMap<string, Member>): Member[] {
  const topological = parentsFirst(members);
  const depth = new Map<Member, number>();
  topological.forEach((member, i) => {
    depth.set(member, i);
    member.effectiveArrival = member.record.arrival;
    for (const { prevTxid } of member.tx.inputs) {
      const parent = members.get(prevTxid);
      if (parent !== undefined) {
        member.effectiveArrival = Math.max(member.effectiveArrival, parent.effectiveArrival);
      }
    }
  });
  return topological.sort(
    (a, b) =>
      Number(b.anchored) - Number(a.anchored) ||
      (a.anchored ? depth.get(a)! - depth.get(b)! : a.effectiveArrival - b.effectiveArrival) ||
      depth.get(a)! - depth.get(b)!,
  );
}

function parentsFirst(members: ReadonlyMap<string, Member>): Member[] {
  const sorted: Member[] = [];
  const waitingFor = new Map<Member, number>();
  for (const member of members.values()) {
    const parents = new Set(member.tx.inputs.map((i) => i.prevTxid).filter((txid) => members.has(txid)));
    waitingFor.set(member, parents.size);
  }
  const ready = [...waitingFor].filter(([, n]) => n === 0).map(([member]) => member);
  for (let member = ready.pop(); member !== undefined; member = ready.pop()) {
    sorted.push(member);
    for (const txid of member.children) {
      const child = members.get(txid);
      if (child === undefined) continue;
      const left = waitingFor.get(child)! - 1;
      waitingFor.set(child, left);
      if (left === 0) ready.push(child);
    }
  }
  return sorted;
}

function standing(ws: Workset, members: ReadonlyMap<string, Member>, member: Member): RecordStatus {
  const { record, tx } = member;
  if (isCoinbase(tx) && record.place === undefined) return 'dead'; // G3: its block is gone
  let worst: RecordStatus = 'active';
  for (const { prevTxid, prevVout } of tx.inputs) {
    const parent = members.get(prevTxid)?.status ?? ws.tx(prevTxid)?.status ?? 'active';
    if (parent === 'dead') worst = 'dead';
    else if (parent !== 'active' && worst !== 'dead') worst = parent;
    for (const rival of ws.spendersOf(prevTxid, prevVout)) {
      if (rival.spender === record.txid || worst === 'dead') continue;
      if (members.get(rival.spender)?.status === 'active') worst = 'conflicted';
    }
  }
  // A mined transaction stands although we lack what came before it; only another mined one could deny it.
  return worst !== 'active' && record.place !== undefined && !hasMinedRival(ws, members, member)
    ? 'active'
    : worst;
}

function hasMinedRival(ws: Workset, members: ReadonlyMap<string, Member>, member: Member): boolean {
  return member.tx.inputs.some(({ prevTxid, prevVout }) =>
    ws.spendersOf(prevTxid, prevVout).some((rival) => {
      const other = members.get(rival.spender);
      return (
        other !== undefined &&
        other !== member &&
        other.status === 'active' &&
        other.record.place !== undefined
      );
    }),
  );
}

/**
 * Evaluates the given transactions again, and whatever depends on a verdict that changed. Parents before children as far
 * as one change leads to the next; ends, since spending has no circles.
 */
export function cascade(ws: Workset, changed: Iterable<string>): void {
  const forced = new Set(changed);
  const queue = [...forced];
  const queued = new Set(queue);
  for (let i = 0; i < queue.length; i++) {
    const txid = queue[i]!;
    queued.delete(txid);
    const record = ws.tx(txid);
    if (record === undefined) continue;
    const tokens = reevaluate(ws, record);
    const same = sameParts(record.tokens, tokens);
    if (!same) ws.setTx({ ...record, tokens });
    if (same && !forced.delete(txid)) continue;
    for (const child of childrenOf(ws, parseTransaction(record.raw))) {
      if (queued.has(child)) continue;
      queued.add(child);
      queue.push(child);
    }
  }
}
