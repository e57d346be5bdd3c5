import type { Database } from './database.ts';
import { StoreError } from './errors.ts';
import { txKey } from './keys.ts';
import { decodeTx, type TxRecord } from './records.ts';
import { RowWriter } from './row-bytes.ts';
import type { Snapshot } from './scan.ts';

/** Transactions of one commit by their order of arrival, as other rows name them; each is read once. */
export class RecordsAt {
  private readonly database: Database;
  private readonly snapshot: Snapshot;
  private readonly w = new RowWriter();
  private readonly records = new Map<number, TxRecord>();

  constructor(database: Database, snapshot: Snapshot) {
    this.database = database;
    this.snapshot = snapshot;
  }

  /** @throws StoreError STORE_ROW_MISSING: a row names a transaction that is not there */
  get(arrival: number): TxRecord {
    const known = this.records.get(arrival);
    if (known !== undefined) return known;
    const key = txKey(this.w, arrival);
    const value = this.database.get(key, this.snapshot);
    if (value === undefined) {
      throw new StoreError(
        'STORE_ROW_MISSING',
        'a transaction that other rows name is gone from the store: run `btcfed verify`, then `btcfed verify --rebuild`',
        { arrival },
      );
    }
    const record = decodeTx(key, value);
    this.records.set(arrival, record);
    return record;
  }
}
