import type { Database } from './database.ts';
import { StoreError } from './errors.ts';
import { arrivalKey, txKey } from './keys.ts';
import { decodeArrival, decodeTx, type TxRecord } from './records.ts';
import type { RowWriter } from './row-bytes.ts';
import type { Snapshot } from './scan.ts';

/** A transaction by txid: the index row tells where it is kept. An index row without its transaction is an error. */
export function readTx(
  database: Database,
  w: RowWriter,
  txid: string,
  snapshot?: Snapshot,
): TxRecord | undefined {
  const index = arrivalKey(w, txid);
  const found = database.get(index, snapshot);
  if (found === undefined) return undefined;
  const key = txKey(w, decodeArrival(index, found));
  return asRecord(txid, key, database.get(key, snapshot));
}

/** The same for many, off the event loop, of which the index rows were read: `arrivals`, at `indexes`. Absent ones are null. */
export async function readTxs(
  database: Database,
  w: RowWriter,
  txids: readonly string[],
  indexes: readonly Buffer[],
  arrivals: readonly (Buffer | undefined)[],
): Promise<(TxRecord | null)[]> {
  const keys: Buffer[] = [];
  const held: number[] = [];
  txids.forEach((_txid, i) => {
    const value = arrivals[i];
    if (value === undefined) return;
    keys.push(txKey(w, decodeArrival(indexes[i]!, value)));
    held.push(i);
  });
  const records = new Array<TxRecord | null>(txids.length).fill(null);
  if (keys.length === 0) return records;
  const values = await database.getMany(keys);
  held.forEach((at, i) => {
    records[at] = asRecord(txids[at]!, keys[i]!, values[i]);
  });
  return records;
}

function asRecord(txid: string, key: Buffer, value: Buffer | undefined): TxRecord {
  const record = value === undefined ? undefined : decodeTx(key, value);
  if (record?.txid === txid) return record;
  throw new StoreError(
    'STORE_ROW_MISSING',
    `transaction ${txid} is gone from the store: run \`btcfed verify\`, then \`btcfed verify --rebuild\``,
    { txid, key: key.toString('hex') },
  );
}
