import { hash } from 'node:crypto';
import { bumpRoot, parseBump } from '../spv/bump.ts';
import { txidOf } from '../spv/bytes.ts';
import { isCoinbase, parseTransaction } from '../spv/transaction.ts';
import type { Snapshot } from '../store/database.ts';
import { StoreError } from '../store/errors.ts';
import { decodeEvents } from '../store/event-row.ts';
import * as keys from '../store/keys.ts';
import {
  decodeBalance,
  decodeCoin,
  decodeHistory,
  decodeHolder,
  type LockBalance,
  totalOf,
} from '../store/owner-rows.ts';
import { decodeProof } from '../store/proof-row.ts';
import { decodeArrival, decodeSpends, decodeTx, type SpendRecord, type TxRecord } from '../store/records.ts';
import { RowReader, RowWriter } from '../store/row-bytes.ts';
import { ownerId, type ReadPoint, type Store } from '../store/store.ts';
import { decodeToken } from '../store/token-row.ts';
import { readTx } from '../store/tx-rows.ts';
import type { VerifyReport } from '../store/view.ts';
import { decodeWaiting } from '../store/waiting-row.ts';
import type { ChainView } from './chain-view.ts';
import { coinState, partEffect, type View } from './effects.ts';
import { reevaluate, sameParts } from './evaluate.ts';
import { UNTOLD_BLOCK } from './proofs.ts';

/** Problems listed by name; the rest is counted. */
const MAX_PROBLEMS = 100;
const PROGRESS_EVERY = 1000;

export interface AuditOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

interface TokenTotals {
  issued: bigint;
  burned: bigint;
  lost: bigint;
  circulating: bigint;
  coins: number;
  holders: number;
  transactions: number;
  undecided: number;
}

/**
 * Recomputes everything from the stored raw transactions and compares: the bytes against their txids, the proofs against
 * the headers, the verdicts against the rules, and each derived row, with none missing and none too many
 * (architecture, invariant 2). Reads one snapshot, so it may run beside writes.
 */
export class Audit {
  private readonly store: Store;
  private readonly chain: ChainView;
  private readonly point: ReadPoint;
  private readonly keys = new RowWriter();
  private readonly problems: { code: string; what: string }[] = [];
  private problemCount = 0;
  private rows = 0;
  /** Sum of the transactions' digests: the same whatever order they are kept in. */
  private digest = 0n;
  private readonly tokens = new Map<number, TokenTotals>();
  private readonly owners = new Map<
    string,
    { tokenNo: number; owner: Uint8Array; byLock: Map<string, Mutable<LockBalance>> }
  >();
  private readonly expected = {
    transactions: 0,
    outputs: 0,
    conflicts: 0,
    unmined: 0,
    coins: 0,
    history: 0,
    spends: 0,
  };

  private constructor(store: Store, chain: ChainView, point: ReadPoint) {
    this.store = store;
    this.chain = chain;
    this.point = point;
  }

  static async run(store: Store, chain: ChainView, options: AuditOptions): Promise<VerifyReport> {
    const point = store.read();
    try {
      const audit = new Audit(store, chain, point);
      await audit.transactions(options);
      await audit.derivedRows(options.signal);
      await audit.eventsAndWaiting();
      await audit.tokenRows();
      audit.commitFigures();
      return {
        rows: audit.rows,
        transactions: audit.expected.transactions,
        problemCount: audit.problemCount,
        problems: audit.problems,
        stateDigest: audit.digest.toString(16).padStart(64, '0'),
      };
    } finally {
      point.release();
    }
  }

  private problem(code: string, what: string): void {
    this.problemCount++;
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({ code, what });
  }

  /** Runs a check that may meet a damaged row, which is a problem by itself. */
  private guarded(what: string, check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.problem(error.code, `${what}: ${error.message}`);
    }
  }

  private view(): View {
    return {
      tx: (txid) => this.readTx(txid),
      activeSpender: (txid, vout) => this.readSpends(txid, vout).find((s) => s.active && s.vout === vout),
    };
  }

  private readTx(txid: string): TxRecord | undefined {
    return readTx(this.store.database, this.keys, txid, this.point.snapshot);
  }

  private readSpends(txid: string, vout: number): readonly SpendRecord[] {
    const key = keys.spendKey(this.keys, txid, keys.spendBucket(vout));
    const value = this.get(key);
    return value === undefined ? [] : decodeSpends(key, value);
  }

  private get(key: Buffer): Buffer | undefined {
    return this.store.database.get(key, this.point.snapshot);
  }

  private async *each(prefix: number): AsyncGenerator<{ key: Buffer; value: Buffer }> {
    const from = Buffer.of(prefix);
    const snapshot: Snapshot = this.point.snapshot;
    for await (const row of this.store.database.rows(from, keys.afterPrefix(from), { snapshot })) {
      this.rows++;
      yield row;
    }
  }

  private async transactions({ signal, onProgress }: AuditOptions): Promise<void> {
    const view = this.view();
    for await (const { key, value } of this.each(keys.PREFIX.tx)) {
      signal.throwIfAborted();
      this.guarded(`transaction row ${key.toString('hex', 1)}`, () =>
        this.transaction(view, decodeTx(key, value)),
      );
      if (++this.expected.transactions % PROGRESS_EVERY === 0) {
        onProgress(this.expected.transactions, this.point.tip.transactions);
      }
    }
  }

  private transaction(view: View, record: TxRecord): void {
    const { txid, place } = record;
    if (txidOf(record.raw) !== txid)
      this.problem('TX_BYTES', `${txid}: the stored bytes are another transaction`);
    if (view.tx(txid)?.arrival !== record.arrival)
      this.problem('TX_INDEX', `${txid}: its index row is missing or wrong`);
    if (place !== undefined) this.proof(record);
    else this.expected.unmined++;
    if (record.status !== 'active') this.expected.conflicts++;
    if (!sameParts(reevaluate(view, record), record.tokens)) {
      this.problem('VERDICT', `${txid}: the token rules give another verdict than the stored one`);
    }
    this.spends(record);
    this.coins(view, record);
    this.histories(record);
    this.addToDigest(record);
  }

  private proof(record: TxRecord): void {
    const { height, blockHash, index } = record.place!;
    const key = keys.proofKey(this.keys, height, blockHash, index);
    const value = this.get(key);
    if (value === undefined) {
      this.problem('PROOF_MISSING', `${record.txid}: mined at ${height}, but its proof is missing`);
      return;
    }
    const proof = decodeProof(key, value);
    const root = bumpRoot(parseBump(proof.path));
    if (proof.txid !== record.txid)
      this.problem('PROOF_WRONG', `${record.txid}: the proof is of ${proof.txid}`);
    if (blockHash === UNTOLD_BLOCK) return;
    if (this.chain.hashAt(height) !== blockHash) {
      this.problem('PROOF_STALE', `${record.txid}: block ${blockHash} is not in the chain at ${height}`);
    } else if (this.chain.rootAt(height) !== root) {
      this.problem('PROOF_WRONG', `${record.txid}: the proof does not lead to the root of block ${height}`);
    }
  }

  private spends(record: TxRecord): void {
    const tx = parseTransaction(record.raw);
    if (isCoinbase(tx)) return;
    tx.inputs.forEach(({ prevTxid, prevVout }, vin) => {
      this.expected.spends++;
      const active = record.status === 'active';
      const found = this.readSpends(prevTxid, prevVout).some(
        (s) => s.spender === record.txid && s.vin === vin && s.vout === prevVout && s.active === active,
      );
      if (!found)
        this.problem(
          'SPEND_MISSING',
          `${record.txid} spends ${prevTxid}_${prevVout}, but its spend row does not say so`,
        );
    });
  }

  private coins(view: View, record: TxRecord): void {
    for (const part of record.tokens) {
      for (const output of part.outputs) {
        this.expected.outputs++;
        const state = coinState(view, part.tokenNo, record, output.vout);
        if (state === undefined || state.spentBy !== undefined || output.op === 'burn') continue;
        const key = keys.coinKey(this.keys, part.tokenNo, output.owner, record.arrival, output.vout);
        const value = this.get(key);
        const coin = value === undefined ? undefined : decodeCoin(key, value);
        const same = coin?.amt === output.amt && coin.op === output.op && coin.lock === output.lock;
        const placed =
          coin?.position?.height === record.place?.height && coin?.position?.index === record.place?.index;
        if (!same || !placed || coin.txid !== record.txid) {
          this.problem(
            'COIN_MISSING',
            `${record.txid}_${output.vout}: unspent, but its coin row is missing or wrong`,
          );
        }
        this.addCoin(part.tokenNo, record, output);
      }
    }
  }

  private addCoin(
    tokenNo: number,
    record: TxRecord,
    output: TxRecord['tokens'][number]['outputs'][number],
  ): void {
    this.expected.coins++;
    const totals = this.totals(tokenNo);
    totals.coins++;
    totals.circulating += output.amt;
    const id = ownerId(tokenNo, output.owner);
    const entry = this.owners.get(id) ?? { tokenNo, owner: output.owner, byLock: new Map() };
    this.owners.set(id, entry);
    const { lock } = output;
    const balance = entry.byLock.get(lock) ?? { lock, confirmed: 0n, unconfirmed: 0n, coins: 0 };
    entry.byLock.set(lock, balance);
    balance[record.place === undefined ? 'unconfirmed' : 'confirmed'] += output.amt;
    balance.coins++;
  }

  private histories(record: TxRecord): void {
    for (const part of record.tokens) {
      const effect = partEffect(record, part);
      if (effect === undefined) continue;
      const totals = this.totals(part.tokenNo);
      totals.issued += effect.issued;
      totals.burned += effect.burned;
      totals.lost += effect.lost;
      totals.undecided += Number(effect.undecided);
      totals.transactions += Number(effect.history.size > 0);
      for (const { owner, received, sent } of effect.history.values()) {
        this.expected.history++;
        const height = record.place?.height ?? keys.UNMINED_HEIGHT;
        const key = keys.historyKey(
          this.keys,
          part.tokenNo,
          owner,
          height,
          record.place?.index ?? record.arrival,
        );
        const value = this.get(key);
        const row = value === undefined ? undefined : decodeHistory(key, value);
        if (row?.txid !== record.txid || row.received !== received || row.sent !== sent) {
          this.problem('HISTORY_MISSING', `${record.txid}: a history row is missing or wrong`);
        }
      }
    }
  }

  /** Over what the state is, without what differs between nodes (arrival, token numbers). */
  private addToDigest(record: TxRecord): void {
    const { place } = record;
    const parts = record.tokens
      .map((p) => {
        const tokenId = this.store.tokens.get(p.tokenNo)?.tokenId ?? '';
        return [tokenId, p.valueIn, p.lost, ...p.outputs.map((o) => `${o.vout}${o.verdict}`)].join(':');
      })
      .sort();
    const state = [record.txid, record.status, place?.height, place?.index, ...parts].join(' ');
    this.digest = BigInt.asUintN(256, this.digest + BigInt(`0x${hash('sha256', state)}`));
  }

  private totals(tokenNo: number): TokenTotals {
    let totals = this.tokens.get(tokenNo);
    if (totals === undefined) {
      totals = {
        issued: 0n,
        burned: 0n,
        lost: 0n,
        circulating: 0n,
        coins: 0,
        holders: 0,
        transactions: 0,
        undecided: 0,
      };
      this.tokens.set(tokenNo, totals);
    }
    return totals;
  }

  private async derivedRows(signal: AbortSignal): Promise<void> {
    const count = async (prefix: number, check: (key: Buffer, value: Buffer) => number): Promise<number> => {
      let total = 0;
      for await (const { key, value } of this.each(prefix)) {
        signal.throwIfAborted();
        this.guarded('row', () => {
          total += check(key, value);
        });
      }
      return total;
    };
    const one = (decode: (key: Buffer, value: Buffer) => unknown) => (key: Buffer, value: Buffer) => {
      decode(key, value);
      return 1;
    };
    this.compare(
      'TX_INDEX',
      'index rows',
      await count(keys.PREFIX.arrival, one(decodeArrival)),
      this.expected.transactions,
    );
    this.compare(
      'COIN_EXTRA',
      'coin rows',
      await count(keys.PREFIX.coin, one(decodeCoin)),
      this.expected.coins,
    );
    this.compare(
      'HISTORY_EXTRA',
      'history rows',
      await count(keys.PREFIX.history, one(decodeHistory)),
      this.expected.history,
    );
    const spends = await count(keys.PREFIX.spend, (key, value) => this.spendRow(decodeSpends(key, value)));
    this.compare('SPEND_EXTRA', 'spends', spends, this.expected.spends);
    const conflicts = await count(keys.PREFIX.conflict, () => 1);
    this.compare('CONFLICT_EXTRA', 'conflict rows', conflicts, this.expected.conflicts);
    await count(keys.PREFIX.proof, one(decodeProof));
    const balances = await count(keys.PREFIX.balance, (key, value) =>
      this.balanceRow(key, decodeBalance(key, value)),
    );
    this.compare('BALANCE_EXTRA', 'balance rows', balances, this.owners.size);
    let holders = 0;
    for (const { tokenNo, owner, byLock } of this.owners.values()) {
      const total = totalOf([...byLock.values()]);
      if (total === 0n) continue;
      holders++;
      this.totals(tokenNo).holders++;
      if (this.get(keys.holderKey(this.keys, tokenNo, total, owner)) === undefined) {
        this.problem(
          'HOLDER_MISSING',
          `owner ${Buffer.from(owner).toString('hex')}: no holder row of its balance`,
        );
      }
    }
    this.compare('HOLDER_EXTRA', 'holder rows', await count(keys.PREFIX.holder, one(decodeHolder)), holders);
  }

  private spendRow(spends: readonly SpendRecord[]): number {
    const active = spends.filter((s) => s.active).map((s) => s.vout);
    if (new Set(active).size < active.length) {
      this.problem(
        'SPENT_TWICE',
        `several active transactions spend the same output: ${spends.map((s) => s.spender).join()}`,
      );
    }
    return spends.length;
  }

  private balanceRow(key: Buffer, found: readonly LockBalance[]): number {
    const owner = key.subarray(6);
    const entry = this.owners.get(ownerId(key.readUInt32BE(1), owner));
    const same =
      entry !== undefined &&
      entry.byLock.size === found.length &&
      found.every((b) => {
        const e = entry.byLock.get(b.lock);
        return e?.confirmed === b.confirmed && e.unconfirmed === b.unconfirmed && e.coins === b.coins;
      });
    if (!same)
      this.problem(
        'BALANCE_WRONG',
        `owner ${owner.toString('hex')}: the balance is not the sum of the coins`,
      );
    return 1;
  }

  private async eventsAndWaiting(): Promise<void> {
    let next = 1;
    for await (const { key, value } of this.each(keys.PREFIX.event)) {
      this.guarded('event row', () => {
        const { length } = decodeEvents(key, value);
        const first = RowReader.ofKey(key).u64();
        if (first !== next)
          this.problem('EVENT_GAP', `event ${next} is missing: the next row begins at ${first}`);
        next = first + length;
      });
    }
    this.compare('EVENT_GAP', 'events', next - 1, this.point.tip.sequence);
    let waiting = 0;
    for await (const { key, value } of this.each(keys.PREFIX.waiting)) {
      waiting++;
      this.guarded('waiting row', () => {
        const record = decodeWaiting(key, value);
        if (txidOf(record.raw) !== record.txid)
          this.problem('TX_BYTES', `waiting ${record.txid}: other bytes`);
      });
    }
    this.compare('WAITING_COUNT', 'waiting transactions', waiting, this.point.tip.waiting);
  }

  private async tokenRows(): Promise<void> {
    const seen = new Set<number>();
    for await (const { key, value } of this.each(keys.PREFIX.token)) {
      this.guarded('token row', () => {
        const row = decodeToken(key, value);
        seen.add(row.tokenNo);
        for (const [name, figure] of Object.entries(this.totals(row.tokenNo))) {
          const stored = row[name as keyof TokenTotals];
          if (stored !== figure)
            this.problem('SUPPLY_WRONG', `${row.tokenId}: ${name} is ${stored}, recomputed ${figure}`);
        }
      });
    }
    for (const tokenNo of this.tokens.keys()) {
      if (!seen.has(tokenNo)) this.problem('TOKEN_MISSING', `token number ${tokenNo} has no row`);
    }
  }

  private commitFigures(): void {
    const { tip } = this.point;
    for (const name of ['transactions', 'outputs', 'conflicts', 'unmined'] as const) {
      this.compare('COUNT_WRONG', name, this.expected[name], tip[name]);
    }
  }

  private compare(code: string, what: string, found: number, wanted: number): void {
    if (found !== wanted) this.problem(code, `${what}: ${found} found, ${wanted} expected`);
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
