import type { RowOp } from '../store/database.ts';
import { StoreError } from '../store/errors.ts';
import { EVENTS_PER_ROW, type EventRecord, encodeEvents } from '../store/event-row.ts';
import * as keys from '../store/keys.ts';
import { type Lost, lostKey } from '../store/lost-rows.ts';
import {
  encodeBalance,
  encodeCoin,
  encodeHistory,
  encodeHolder,
  type LockBalance,
  totalOf,
} from '../store/owner-rows.ts';
import { encodeProof } from '../store/proof-row.ts';
import { encodeArrival, encodeSpends, encodeTx, type TxRecord } from '../store/records.ts';
import { RowWriter } from '../store/row-bytes.ts';
import { type StoreChange, summarize, type WaitingSummary } from '../store/store.ts';
import { encodeToken, type TokenRecord } from '../store/token-row.ts';
import type { Position } from '../store/view.ts';
import { encodeWaiting } from '../store/waiting-row.ts';
import { addEvents, type CoinChange, coinChanges, isCoin, type PartEffect, partEffect } from './effects.ts';
import { applyDeltas, type OwnerDraft, ownerDrafts } from './owner-drafts.ts';
import { checkSupply, deployOf, type TokenDraft } from './token-draft.ts';
import type { Workset } from './workset.ts';

/** A commit ready to be written, and the events in it. */
export interface BuiltCommit {
  readonly change: StoreChange;
  readonly events: readonly EventRecord[];
}

/**
 * Turns changed records into one commit: every row follows from comparing the state before with the state after, so that
 * no kind of change (late parent, conflict, reorganisation) has bookkeeping of its own.
 */
export class CommitRows {
  private readonly ws: Workset;
  /** Written before the puts: a history row may move to where another one was. */
  private readonly deletes: RowOp[] = [];
  private readonly puts: RowOp[] = [];
  private readonly keys: RowWriter;
  private readonly values: RowWriter;
  private readonly tokens = new Map<number, TokenDraft>();

  /** The writers' bytes are used until the commit is written. */
  constructor(ws: Workset, writers = { keys: new RowWriter(), values: new RowWriter() }) {
    this.ws = ws;
    this.keys = writers.keys.reset();
    this.values = writers.values.reset();
  }

  async build(
    tokenRows: readonly TokenRecord[],
    tip: { height: number; hash: string },
  ): Promise<BuiltCommit> {
    const { ws } = this;
    for (const row of tokenRows) this.tokens.set(row.tokenNo, { ...row });
    const changes = coinChanges(ws);
    const events: EventRecord[] = [];
    for (const change of changes) addEvents(events, change);
    const figures = this.txRows();
    this.spendRows();
    this.proofRows();
    this.coinRows(changes);
    const balances = await this.balanceRows(changes);
    const waiting = this.waitingRows();
    this.eventRows(events);
    for (const tokenNo of ws.binaryTokens) this.token(tokenNo).binaryOutputsSeen = true;
    const tokens = this.tokenRows();
    const lost = this.lostRows();
    const before = ws.store.tip();
    return {
      events,
      change: {
        ops: [...this.deletes, ...this.puts],
        txs: ws.txs,
        spends: ws.spends,
        balances,
        tokens,
        waiting,
        ...(lost === undefined ? {} : { lost }),
        figures: {
          ...figures,
          sequence: before.sequence + events.length,
          arrival: ws.lastArrival(),
          waiting: before.waiting + countWaiting(waiting, ws.store.waiting),
          tipHeight: tip.height,
          tipHash: tip.hash,
        },
      },
    };
  }

  private put(key: Buffer, value: Buffer): void {
    this.puts.push({ key, value });
  }

  private del(key: Buffer): void {
    this.deletes.push({ key, value: undefined });
  }

  /** `t`, `x` and `a` rows, supply figures, and the counts of the commit row. */
  private txRows(): { transactions: number; outputs: number; conflicts: number; unmined: number } {
    const { store } = this.ws;
    let { transactions, outputs, conflicts, unmined } = store.tip();
    for (const record of this.ws.txs.values()) {
      const old = store.tx(record.txid);
      const key = keys.txKey(this.keys, record.arrival);
      this.put(key, encodeTx(this.values, key, record));
      if (old === undefined) {
        transactions++;
        const index = keys.arrivalKey(this.keys, record.txid);
        this.put(index, encodeArrival(this.values, index, record.arrival));
      }
      outputs += outputCount(record) - outputCount(old);
      conflicts += Number(record.status !== 'active') - Number(old !== undefined && old.status !== 'active');
      unmined += Number(record.place === undefined) - Number(old !== undefined && old.place === undefined);
      this.conflictRow(record, old);
      this.partRows(record, old);
    }
    return { transactions, outputs, conflicts, unmined };
  }

  private conflictRow(record: TxRecord, old: TxRecord | undefined): void {
    const is = record.status !== 'active';
    const was = old !== undefined && old.status !== 'active';
    if (is === was) return;
    const key = keys.conflictKey(this.keys, record.txid);
    if (is) this.put(key, this.values.begin().seal(key));
    else this.del(key);
  }

  private partRows(record: TxRecord, old: TxRecord | undefined): void {
    for (const part of record.tokens) {
      const oldPart = old?.tokens.find((p) => p.tokenNo === part.tokenNo);
      this.partRow(part.tokenNo, record, old, partEffect(old, oldPart), partEffect(record, part));
    }
    for (const part of old?.tokens ?? []) {
      if (record.tokens.some((p) => p.tokenNo === part.tokenNo)) continue;
      this.partRow(part.tokenNo, record, old, partEffect(old, part), undefined);
    }
  }

  private partRow(
    tokenNo: number,
    record: TxRecord,
    old: TxRecord | undefined,
    before: PartEffect | undefined,
    after: PartEffect | undefined,
  ): void {
    const token = this.token(tokenNo);
    token.issued += (after?.issued ?? 0n) - (before?.issued ?? 0n);
    token.burned += (after?.burned ?? 0n) - (before?.burned ?? 0n);
    token.lost += (after?.lost ?? 0n) - (before?.lost ?? 0n);
    token.undecided += Number(after?.undecided ?? false) - Number(before?.undecided ?? false);
    token.transactions += Number(inHistory(after)) - Number(inHistory(before));
    const sameKey = samePosition(old?.place, record.place);
    for (const [id, entry] of before?.history ?? []) {
      if (!(sameKey && after?.history.has(id)) && old !== undefined)
        this.del(this.historyKey(tokenNo, entry.owner, old));
    }
    for (const [id, entry] of after?.history ?? []) {
      const was = before?.history.get(id);
      if (sameKey && was?.received === entry.received && was.sent === entry.sent) continue;
      const key = this.historyKey(tokenNo, entry.owner, record);
      this.put(
        key,
        encodeHistory(this.values, key, {
          ...entry,
          txid: record.txid,
          seenAt: Math.floor(record.firstSeenMs / 1000),
        }),
      );
    }
  }

  private historyKey(tokenNo: number, owner: Uint8Array, record: TxRecord): Buffer {
    const height = record.place?.height ?? keys.UNMINED_HEIGHT;
    return keys.historyKey(this.keys, tokenNo, owner, height, record.place?.index ?? record.arrival);
  }

  private spendRows(): void {
    for (const { txid, bucket, spends } of this.ws.spends.values()) {
      const key = keys.spendKey(this.keys, txid, bucket);
      this.put(key, encodeSpends(this.values, key, spends));
    }
  }

  private proofRows(): void {
    for (const { height, blockHash, index, txid, path } of this.ws.proofs) {
      const key = keys.proofKey(this.keys, height, blockHash, index);
      this.put(key, encodeProof(this.values, key, txid, path));
    }
  }

  private coinRows(changes: readonly CoinChange[]): void {
    for (const { tokenNo, arrival, txid, vout, before, after } of changes) {
      const is = isCoin(after);
      const was = isCoin(before);
      if (is ? was && samePosition(before?.created, after?.created) : !was) continue;
      const { owner, op, lock, amt } = (after ?? before)!.output;
      const key = keys.coinKey(this.keys, tokenNo, owner, arrival, vout);
      if (is) this.put(key, encodeCoin(this.values, key, { txid, position: after?.created, op, lock, amt }));
      else this.del(key);
    }
  }

  /** `b` and `o` rows from the coins that came and went; the token's circulation is the same sum. */
  private async balanceRows(changes: readonly CoinChange[]): Promise<Map<string, readonly LockBalance[]>> {
    const owners = ownerDrafts(changes, (tokenNo) => this.token(tokenNo));
    await this.ws.store.prefetchBalances(owners);
    const written = new Map<string, readonly LockBalance[]>();
    for (const [id, draft] of owners) {
      const before = this.ws.store.balancesOf(draft.tokenNo, draft.owner);
      const after = applyDeltas(before, draft);
      if (after !== undefined) {
        this.balanceRow(draft, before, after);
        written.set(id, after);
      }
    }
    return written;
  }

  private balanceRow(
    { tokenNo, owner }: OwnerDraft,
    before: readonly LockBalance[],
    after: readonly LockBalance[],
  ): void {
    const key = keys.balanceKey(this.keys, tokenNo, owner);
    if (after.length > 0) this.put(key, encodeBalance(this.values, key, after));
    else this.del(key);
    const was = totalOf(before);
    const is = totalOf(after);
    if (was === is) return;
    if (was > 0n) this.del(keys.holderKey(this.keys, tokenNo, was, owner));
    if (is > 0n) {
      const holder = keys.holderKey(this.keys, tokenNo, is, owner);
      this.put(holder, encodeHolder(this.values, holder));
    }
    this.token(tokenNo).holders += Number(is > 0n) - Number(was > 0n);
  }

  private waitingRows(): Map<string, WaitingSummary | undefined> {
    const waiting = new Map<string, WaitingSummary | undefined>();
    for (const [txid, record] of this.ws.waiting) {
      const key = keys.waitingKey(this.keys, txid);
      if (record === undefined) this.del(key);
      else this.put(key, encodeWaiting(this.values, key, record));
      waiting.set(txid, record === undefined ? undefined : summarize(record));
    }
    return waiting;
  }

  /** What damage had taken and is back is no longer lost. */
  private lostRows(): Lost | undefined {
    const { store } = this.ws;
    const back = [...this.ws.txs.keys()].filter((txid) => store.isLost(txid));
    if (back.length === 0) return undefined;
    for (const txid of back) this.del(lostKey(txid));
    const gone = new Set(back);
    const { txids, ...more } = store.lost;
    return { ...more, txids: new Set([...txids].filter((txid) => !gone.has(txid))) };
  }

  private eventRows(events: readonly EventRecord[]): void {
    const first = this.ws.store.tip().sequence + 1;
    for (let i = 0; i < events.length; i += EVENTS_PER_ROW) {
      const key = keys.eventKey(this.keys, first + i);
      this.put(key, encodeEvents(this.values, key, events.slice(i, i + EVENTS_PER_ROW)));
    }
  }

  private tokenRows(): TokenRecord[] {
    const rows: TokenRecord[] = [];
    for (const token of this.tokens.values()) {
      const deployer = this.ws.txs.get(token.tokenId.slice(0, 64));
      if (deployer !== undefined) token.deploy = deployOf(token, deployer);
      checkSupply(token);
      const key = keys.tokenKey(this.keys, token.tokenNo);
      this.put(key, encodeToken(this.values, key, token));
      rows.push(token);
    }
    return rows;
  }

  private token(tokenNo: number): TokenDraft {
    let draft = this.tokens.get(tokenNo);
    if (draft !== undefined) return draft;
    const record = this.ws.store.tokens.get(tokenNo);
    if (record === undefined) {
      throw new StoreError('STORE_INCONSISTENT', `token number ${tokenNo} has no row`, { tokenNo });
    }
    draft = { ...record };
    this.tokens.set(tokenNo, draft);
    return draft;
  }
}

function samePosition(a: Position | undefined, b: Position | undefined): boolean {
  return a?.height === b?.height && a?.index === b?.index;
}

function inHistory(effect: PartEffect | undefined): boolean {
  return effect !== undefined && effect.history.size > 0;
}

function outputCount(record: TxRecord | undefined): number {
  let count = 0;
  for (const part of record?.tokens ?? []) count += part.outputs.length;
  return count;
}

function countWaiting(
  changes: ReadonlyMap<string, WaitingSummary | undefined>,
  waiting: ReadonlyMap<string, WaitingSummary>,
): number {
  let count = 0;
  for (const [txid, summary] of changes) count += Number(summary !== undefined) - Number(waiting.has(txid));
  return count;
}
