import { spendBucket } from '../store/keys.ts';
import type { ProofRecord } from '../store/proof-row.ts';
import type { SpendRecord, TxRecord } from '../store/records.ts';
import { type Store, spendsId } from '../store/store.ts';
import type { WaitingFor, WaitingRecord } from '../store/waiting-row.ts';

/**
 * The records that one commit changes, over the store as it was. Records are replaced, never changed, so that old and
 * new can be compared when the commit's rows are made.
 */
export class Workset {
  readonly store: Store;
  readonly follows: (tokenNo: number) => boolean;
  readonly txs = new Map<string, TxRecord>();
  readonly spends = new Map<string, { txid: string; bucket: number; spends: readonly SpendRecord[] }>();
  readonly proofs: ProofRecord[] = [];
  /** Undefined = leaves the pending set. */
  readonly waiting = new Map<string, WaitingRecord | undefined>();
  /** Transactions with which others stand or fall, until `decide`. */
  readonly unsettled = new Set<string>();
  /** Transactions whose children are to be evaluated again, until `decide`. */
  readonly unjudged = new Set<string>();
  /** Transactions that wait for nothing but their scripts to run. */
  readonly unverified = new Set<string>();
  /** Missing parents of what began to wait in this commit. */
  readonly awaited = new Set<string>();
  /** Numbers of tokens met in BRC-162 outputs. */
  readonly binaryTokens = new Set<number>();
  private inactive = false;
  private arrival: number;

  /** `lastArrival`: given away already, where that is more than the store tells. */
  constructor(store: Store, follows: (tokenNo: number) => boolean, lastArrival = 0) {
    this.store = store;
    this.follows = follows;
    this.arrival = Math.max(lastArrival, store.tip().arrival);
  }

  nextArrival(): number {
    this.arrival++;
    return this.arrival;
  }

  lastArrival(): number {
    return this.arrival;
  }

  tx(txid: string): TxRecord | undefined {
    return this.txs.get(txid) ?? this.store.tx(txid);
  }

  setTx(record: TxRecord): void {
    if (record.status !== 'active') this.inactive = true;
    this.txs.set(record.txid, record);
  }

  /** False: every held transaction stands, so nothing that is found out of one can make another one stand. */
  hasInactive(): boolean {
    return this.inactive || this.store.tip().conflicts > 0;
  }

  /** True if there is nothing to write. */
  isEmpty(): boolean {
    return this.txs.size + this.waiting.size + this.proofs.length + this.binaryTokens.size === 0;
  }

  isWaiting(txid: string): boolean {
    return this.waiting.has(txid) ? this.waiting.get(txid) !== undefined : this.store.waiting.has(txid);
  }

  /** Undefined if it does not wait. */
  waitsFor(txid: string): WaitingFor | undefined {
    const record = this.waiting.has(txid) ? this.waiting.get(txid) : this.store.waiting.get(txid);
    return record?.waitingFor;
  }

  waitingRecord(txid: string): WaitingRecord | undefined {
    return this.waiting.has(txid) ? this.waiting.get(txid) : this.store.waitingRecord(txid);
  }

  setWaiting(record: WaitingRecord): void {
    this.waiting.set(record.txid, record);
    for (const parent of record.missingParents) this.awaited.add(parent);
  }

  /** Takes it out of the pending set, if it is there. */
  endWaiting(txid: string): void {
    if (this.isWaiting(txid)) this.waiting.set(txid, undefined);
  }

  /** Every known spender of the 16 outputs around `vout`. */
  spendersNear(txid: string, vout: number): readonly SpendRecord[] {
    const bucket = spendBucket(vout);
    return this.spends.get(spendsId(txid, bucket))?.spends ?? this.store.spendsOf(txid, bucket);
  }

  spendersOf(txid: string, vout: number): readonly SpendRecord[] {
    const near = this.spendersNear(txid, vout);
    return near.length === 0 ? near : near.filter((s) => s.vout === vout);
  }

  activeSpender(txid: string, vout: number): SpendRecord | undefined {
    return this.spendersNear(txid, vout).find((s) => s.active && s.vout === vout);
  }

  /** Makes `spender` a known spender of the output, or changes whether it is the active one. */
  setSpend(txid: string, spend: SpendRecord): void {
    const near = this.spendersNear(txid, spend.vout);
    const bucket = spendBucket(spend.vout);
    const spends = near.length === 0 ? [spend] : withSpend(near, spend);
    this.spends.set(spendsId(txid, bucket), { txid, bucket, spends });
  }
}

function withSpend(near: readonly SpendRecord[], spend: SpendRecord): SpendRecord[] {
  const others = near.filter((s) => s.vout !== spend.vout || s.spender !== spend.spender);
  others.push(spend);
  return others.sort(bySpend);
}

/** An order that does not depend on arrival, so that a rebuilt row has the same bytes. */
function bySpend(a: SpendRecord, b: SpendRecord): number {
  return a.vout - b.vout || (a.spender < b.spender ? -1 : a.spender > b.spender ? 1 : a.vin - b.vin);
}
