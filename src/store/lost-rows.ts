import type { Database, RowOp } from './database.ts';
import { afterPrefix, miscKey } from './keys.ts';
import { RowReader, type RowWriter } from './row-bytes.ts';
import type { Row } from './scan.ts';
import type { LostFacts } from './view.ts';

/** Lost transactions that are known by name: of more only the number is kept. */
export const MAX_LOST_NAMED = 100_000;
/** Of those, told in one answer. */
const MAX_LOST_TOLD = 100;

const TXID_PREFIX = miscKey('lost');
const MORE_KEY = miscKey('lostMore');

/** Transactions that were held, were lost to damage, and have not come back. */
export interface Lost {
  readonly txids: ReadonlySet<string>;
  /** Lost as well, but nothing tells their names. */
  readonly unnamed: number;
  /** True if the newest commits are lost with all that counted them: nobody knows how many more there are. */
  readonly isUncertain: boolean;
}

export const NOTHING_LOST: Lost = { txids: new Set(), unnamed: 0, isUncertain: false };

/** True for the rows that say what is lost: like tokens they are all in memory, so none of them may vanish. */
export function isLostKey(key: Buffer): boolean {
  return key.equals(MORE_KEY) || isLostTxid(key);
}

/** Collects rows that say what is lost. */
export class LostReader {
  private readonly txids = new Set<string>();
  private more = { unnamed: 0, isUncertain: false };

  /** @throws StoreError STORE_ROW_DAMAGED */
  take(key: Buffer, value: Buffer): void {
    const r = RowReader.open(key, value);
    if (isLostTxid(key)) this.txids.add(key.toString('hex', TXID_PREFIX.length));
    else this.more = { isUncertain: r.u8() === 1, unnamed: r.varint() };
    r.finish();
  }

  lost(): Lost {
    return { txids: this.txids, ...this.more };
  }
}

export function lostRows(database: Database): AsyncGenerator<Row> {
  return database.rows(TXID_PREFIX, afterPrefix(TXID_PREFIX));
}

/** Rows of a store that knows of no loss yet. */
export function lostOps(w: RowWriter, { txids, unnamed, isUncertain }: Lost): RowOp[] {
  const ops = [...txids].map((txid): RowOp => {
    const key = lostKey(txid);
    return { key, value: w.begin().seal(key) };
  });
  if (unnamed > 0 || isUncertain) {
    ops.push({
      key: MORE_KEY,
      value: w
        .begin()
        .u8(isUncertain ? 1 : 0)
        .varint(unnamed)
        .seal(MORE_KEY),
    });
  }
  return ops;
}

export function lostKey(txid: string): Buffer {
  return Buffer.concat([TXID_PREFIX, Buffer.from(txid, 'hex')]);
}

/** Undefined if nothing is lost. */
export function lostFacts({ txids, unnamed, isUncertain }: Lost): LostFacts | undefined {
  const count = txids.size + unnamed;
  if (count === 0 && !isUncertain) return undefined;
  return { count, txids: firstOf(txids), uncertain: isUncertain };
}

function firstOf(txids: ReadonlySet<string>): string[] {
  const first: string[] = [];
  for (const txid of txids) {
    if (first.length === MAX_LOST_TOLD) break;
    first.push(txid);
  }
  return first;
}

function isLostTxid(key: Buffer): boolean {
  return key.length === TXID_PREFIX.length + 32 && key.subarray(0, TXID_PREFIX.length).equals(TXID_PREFIX);
}
