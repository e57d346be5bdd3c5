import { txidOf } from '../spv/bytes.ts';
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
import { decodeArrival, decodeSpends, type SpendRecord } from '../store/records.ts';
import { RowReader, RowWriter } from '../store/row-bytes.ts';
import type { Snapshot } from '../store/scan.ts';
import { ownerId, type ReadPoint, type Store } from '../store/store.ts';
import { decodeToken } from '../store/token-row.ts';
import { decodeWaiting } from '../store/waiting-row.ts';
import type { AuditFindings } from './audit-findings.ts';
import type { AuditTotals, TokenTotals } from './audit-totals.ts';

/** Rows of one snapshot, counted as they are read. */
export class AuditRows {
  readonly keys = new RowWriter();
  readonly store: Store;
  readonly point: ReadPoint;
  count = 0;

  constructor(store: Store, point: ReadPoint) {
    this.store = store;
    this.point = point;
  }

  get(key: Buffer): Buffer | undefined {
    return this.store.database.get(key, this.point.snapshot);
  }

  async *each(prefix: number): AsyncGenerator<{ key: Buffer; value: Buffer }> {
    const from = Buffer.of(prefix);
    const snapshot: Snapshot = this.point.snapshot;
    for await (const row of this.store.database.rows(from, keys.afterPrefix(from), { snapshot })) {
      this.count++;
      yield row;
    }
  }
}

/** The second half of an audit: each derived row is one that the transactions call for, and none is missing. */
export class DerivedAudit {
  private readonly rows: AuditRows;
  private readonly totals: AuditTotals;
  private readonly findings: AuditFindings;

  constructor(rows: AuditRows, totals: AuditTotals, findings: AuditFindings) {
    this.rows = rows;
    this.totals = totals;
    this.findings = findings;
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.derivedRows(signal);
    await this.eventsAndWaiting();
    await this.tokenRows();
    this.commitFigures();
  }

  private async derivedRows(signal: AbortSignal): Promise<void> {
    const count = async (prefix: number, check: (key: Buffer, value: Buffer) => number): Promise<number> => {
      let total = 0;
      for await (const { key, value } of this.rows.each(prefix)) {
        signal.throwIfAborted();
        this.findings.guarded('row', () => {
          total += check(key, value);
        });
      }
      return total;
    };
    const one = (decode: (key: Buffer, value: Buffer) => unknown) => (key: Buffer, value: Buffer) => {
      decode(key, value);
      return 1;
    };
    this.findings.compare(
      'TX_INDEX',
      'index rows',
      await count(keys.PREFIX.arrival, one(decodeArrival)),
      this.totals.counts.transactions,
    );
    this.findings.compare(
      'COIN_EXTRA',
      'coin rows',
      await count(keys.PREFIX.coin, one(decodeCoin)),
      this.totals.counts.coins,
    );
    this.findings.compare(
      'HISTORY_EXTRA',
      'history rows',
      await count(keys.PREFIX.history, one(decodeHistory)),
      this.totals.counts.history,
    );
    const spends = await count(keys.PREFIX.spend, (key, value) => this.spendRow(decodeSpends(key, value)));
    this.findings.compare('SPEND_EXTRA', 'spends', spends, this.totals.counts.spends);
    const conflicts = await count(keys.PREFIX.conflict, () => 1);
    this.findings.compare('CONFLICT_EXTRA', 'conflict rows', conflicts, this.totals.counts.conflicts);
    await count(keys.PREFIX.proof, one(decodeProof));
    const balances = await count(keys.PREFIX.balance, (key, value) =>
      this.balanceRow(key, decodeBalance(key, value)),
    );
    this.findings.compare('BALANCE_EXTRA', 'balance rows', balances, this.totals.owners.size);
    let holders = 0;
    for (const { tokenNo, owner, byLock } of this.totals.owners.values()) {
      const total = totalOf([...byLock.values()]);
      if (total === 0n) continue;
      holders++;
      this.totals.token(tokenNo).holders++;
      if (this.rows.get(keys.holderKey(this.rows.keys, tokenNo, total, owner)) === undefined) {
        this.findings.add(
          'HOLDER_MISSING',
          `owner ${Buffer.from(owner).toString('hex')}: no holder row of its balance`,
        );
      }
    }
    this.findings.compare(
      'HOLDER_EXTRA',
      'holder rows',
      await count(keys.PREFIX.holder, one(decodeHolder)),
      holders,
    );
  }

  private spendRow(spends: readonly SpendRecord[]): number {
    const active = spends.filter((s) => s.active).map((s) => s.vout);
    if (new Set(active).size < active.length) {
      this.findings.add(
        'SPENT_TWICE',
        `several active transactions spend the same output: ${spends.map((s) => s.spender).join()}`,
      );
    }
    return spends.length;
  }

  private balanceRow(key: Buffer, found: readonly LockBalance[]): number {
    const owner = key.subarray(6);
    const entry = this.totals.owners.get(ownerId(key.readUInt32BE(1), owner));
    const same =
      entry !== undefined &&
      entry.byLock.size === found.length &&
      found.every((b) => {
        const e = entry.byLock.get(b.lock);
        return e?.confirmed === b.confirmed && e.unconfirmed === b.unconfirmed && e.coins === b.coins;
      });
    if (!same)
      this.findings.add(
        'BALANCE_WRONG',
        `owner ${owner.toString('hex')}: the balance is not the sum of the coins`,
      );
    return 1;
  }

  private async eventsAndWaiting(): Promise<void> {
    let next = 1;
    for await (const { key, value } of this.rows.each(keys.PREFIX.event)) {
      this.findings.guarded('event row', () => {
        const { length } = decodeEvents(key, value);
        const first = RowReader.ofKey(key).u64();
        if (first !== next)
          this.findings.add('EVENT_GAP', `event ${next} is missing: the next row begins at ${first}`);
        next = first + length;
      });
    }
    this.findings.compare('EVENT_GAP', 'events', next - 1, this.rows.point.tip.sequence);
    let waiting = 0;
    for await (const { key, value } of this.rows.each(keys.PREFIX.waiting)) {
      waiting++;
      this.findings.guarded('waiting row', () => {
        const record = decodeWaiting(key, value);
        if (txidOf(record.raw) !== record.txid)
          this.findings.add('TX_BYTES', `waiting ${record.txid}: other bytes`);
      });
    }
    this.findings.compare('WAITING_COUNT', 'waiting transactions', waiting, this.rows.point.tip.waiting);
  }

  private async tokenRows(): Promise<void> {
    const seen = new Set<number>();
    for await (const { key, value } of this.rows.each(keys.PREFIX.token)) {
      this.findings.guarded('token row', () => {
        const row = decodeToken(key, value);
        seen.add(row.tokenNo);
        for (const [name, figure] of Object.entries(this.totals.token(row.tokenNo))) {
          const stored = row[name as keyof TokenTotals];
          if (stored !== figure)
            this.findings.add('SUPPLY_WRONG', `${row.tokenId}: ${name} is ${stored}, recomputed ${figure}`);
        }
      });
    }
    for (const tokenNo of this.totals.tokens.keys()) {
      if (!seen.has(tokenNo)) this.findings.add('TOKEN_MISSING', `token number ${tokenNo} has no row`);
    }
  }

  private commitFigures(): void {
    const { tip } = this.rows.point;
    for (const name of ['transactions', 'outputs', 'conflicts', 'unmined'] as const) {
      this.findings.compare('COUNT_WRONG', name, this.totals.counts[name], tip[name]);
    }
  }
}
