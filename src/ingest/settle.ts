import { isCoinbase, parseTransaction, type Transaction } from '../spv/transaction.ts';
import { SPEND_BUCKET } from '../store/keys.ts';
import type { RecordStatus, TxRecord } from '../store/records.ts';
import { ArrivalQueue } from './arrival-queue.ts';
import { reevaluate, sameParts } from './evaluate.ts';
import type { Workset } from './workset.ts';

/** A member of a group of transactions whose standing depends on each other. */
interface Member {
  readonly record: TxRecord;
  readonly tx: Transaction;
  readonly parents: ReadonlySet<string>;
  readonly children: readonly string[];
  /** Mined and no seed: what is beyond it was not looked at. */
  readonly isEdge: boolean;
  /** Mined, or an ancestor of a mined one, which no block could hold otherwise. */
  anchored: boolean;
  /** Members it spends from that are not decided yet. */
  undecidedParents: number;
  status: RecordStatus | undefined;
}

type Members = ReadonlyMap<string, Member>;

/**
 * Decides anew who is active among conflicting transactions and their descendants (token-rules §7, §8). What is mined
 * stands, and so do its ancestors. Of the rest, again and again the earliest arrived whose parents are decided is looked at:
 * it stands if its parents do and nobody has taken its coins. A pure function of the held transactions, their places and
 * their order of arrival, whatever happened in between. Returns the transactions whose standing changed, parents first.
 */
export function settle(ws: Workset, seeds: Iterable<string>): string[] {
  const members = collect(ws, seeds);
  markAnchored(members);
  const order = [...decideAnchored(ws, members), ...decideRest(ws, members)];
  const changed: string[] = [];
  for (const { record, tx, status } of order) {
    if (status === undefined || status === record.status) continue;
    ws.setTx({ ...record, status });
    markSpends(ws, tx, record.txid, status === 'active');
    changed.push(record.txid);
  }
  return changed;
}

function decideAnchored(ws: Workset, members: Members): Member[] {
  const anchored = [...members.values()].filter((member) => member.anchored).sort(byPlace);
  for (const member of anchored) if (member.isEdge) member.status = member.record.status;
  for (const member of anchored) {
    member.status ??= isTaken(ws, members, member) ? 'conflicted' : 'active';
  }
  return anchored;
}

/** Mined before not mined; only two mined ones that spend the same, which cannot be, would need it. */
function byPlace({ record: a }: Member, { record: b }: Member): number {
  if (a.place === undefined || b.place === undefined) {
    return Number(a.place === undefined) - Number(b.place === undefined) || a.arrival - b.arrival;
  }
  return a.place.height - b.place.height || a.place.index - b.place.index;
}

/** Sets which spender of each of the transaction's inputs counts. A coinbase spends nothing: no two of them are rivals. */
export function markSpends(ws: Workset, tx: Transaction, spender: string, active: boolean): void {
  if (isCoinbase(tx)) return;
  for (let vin = 0; vin < tx.inputs.length; vin++) {
    const { prevTxid, prevVout } = tx.inputs[vin]!;
    ws.setSpend(prevTxid, { vout: prevVout, spender, vin, active });
  }
}

/**
 * The seeds and every unmined transaction connected to one by spending or by conflict. Beyond a mined one that is no seed
 * nothing depends on the others.
 */
function collect(ws: Workset, seeds: Iterable<string>): Map<string, Member> {
  const wanted = new Set(seeds);
  const members = new Map<string, Member>();
  const stack = [...wanted];
  for (let txid = stack.pop(); txid !== undefined; txid = stack.pop()) {
    if (members.has(txid)) continue;
    const record = ws.tx(txid);
    if (record === undefined) continue;
    const tx = parseTransaction(record.raw);
    const parents = new Set(isCoinbase(tx) ? [] : tx.inputs.map((input) => input.prevTxid));
    const isEdge = record.place !== undefined && !wanted.has(txid);
    const children = isEdge ? [] : childrenOf(ws, tx);
    const open = { anchored: false, undecidedParents: 0, status: undefined };
    members.set(txid, { record, tx, parents, children, isEdge, ...open });
    if (isEdge) continue;
    for (const child of children) stack.push(child);
    for (const parent of parents) if (ws.tx(parent)?.place === undefined) stack.push(parent);
    for (const rival of rivalsOf(ws, tx)) stack.push(rival);
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

function* rivalsOf(ws: Workset, tx: Transaction): Generator<string> {
  if (isCoinbase(tx)) return;
  for (const { prevTxid, prevVout } of tx.inputs) {
    for (const { spender } of ws.spendersOf(prevTxid, prevVout)) if (spender !== tx.txid) yield spender;
  }
}

function markAnchored(members: Members): void {
  const stack = [...members.values()].filter((m) => m.record.place !== undefined);
  for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
    if (member.anchored) continue;
    member.anchored = true;
    for (const txid of member.parents) {
      const parent = members.get(txid);
      if (parent !== undefined) stack.push(parent);
    }
  }
}

/** Those that no block speaks for, in the order in which they are decided. */
function decideRest(ws: Workset, members: Members): Member[] {
  const decided: Member[] = [];
  const ready = new ArrivalQueue<Member>();
  for (const member of members.values()) {
    if (member.anchored) continue;
    for (const txid of member.parents) {
      const parent = members.get(txid);
      if (parent !== undefined && !parent.anchored) member.undecidedParents++;
    }
    if (member.undecidedParents === 0) ready.push(member.record.arrival, member);
  }
  for (let member = ready.pop(); member !== undefined; member = ready.pop()) {
    member.status = standing(ws, members, member);
    decided.push(member);
    for (const txid of member.children) {
      const child = members.get(txid);
      if (child === undefined || child.anchored) continue;
      child.undecidedParents--;
      if (child.undecidedParents === 0) ready.push(child.record.arrival, child);
    }
  }
  return decided;
}

function standing(ws: Workset, members: Members, member: Member): RecordStatus {
  const { record, tx, parents } = member;
  if (isCoinbase(tx)) return 'dead'; // G3: its block is gone
  const above = new Set([...parents].map((txid) => members.get(txid)?.status ?? ws.tx(txid)?.status));
  if (above.has('dead')) return 'dead';
  if (above.has('conflicted') || isTaken(ws, members, member)) return 'conflicted';
  if (above.has('waiting') || above.has(undefined)) return 'waiting';
  if (record.verified) return 'active';
  ws.unverified.add(record.txid);
  return 'waiting';
}

/** One of its coins is spent by a member that stands. */
function isTaken(ws: Workset, members: Members, { tx }: Member): boolean {
  for (const rival of rivalsOf(ws, tx)) if (members.get(rival)?.status === 'active') return true;
  return false;
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
