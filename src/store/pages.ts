import type { Database } from './database.ts';
import { StoreError } from './errors.ts';
import { afterPrefix } from './keys.ts';
import type { Row, Snapshot } from './scan.ts';

/** Rows of one page that are looked at, for each page is of one read point, which is to be held for a moment only: some 50 ms. */
export const MAX_ROWS_LOOKED_AT = 20_000;

/** Rows of one page, and where the next page begins. It may have fewer rows than asked for, or none, and yet not be the last. */
export interface RowPage {
  readonly rows: readonly Row[];
  readonly cursor?: string;
}

export interface RowPageRequest {
  readonly prefix: Buffer;
  readonly limit: number;
  readonly cursor: string | undefined;
  /** First key wanted, behind the prefix. */
  readonly from?: Buffer;
  /** Key behind the last one wanted. */
  readonly to?: Buffer;
  /** False leaves a row out. */
  readonly keep?: (row: Row) => boolean;
  readonly snapshot: Snapshot;
}

/**
 * Reads one page of rows with a common prefix. The cursor is the tail of the last key, so it stays good whatever is
 * written in between: the next page begins behind that key, whether its row still exists or not.
 */
export async function readPage(database: Database, request: RowPageRequest): Promise<RowPage> {
  const { prefix, limit, cursor, snapshot, keep } = request;
  const first = request.from ?? prefix;
  const next = cursor === undefined ? first : afterCursor(prefix, cursor);
  // A cursor of another filter leads to no row that this one leaves out.
  const from = Buffer.compare(next, first) < 0 ? first : next;
  const to = request.to ?? afterPrefix(prefix);
  const rows: Row[] = [];
  if (Buffer.compare(from, to) >= 0) return { rows };
  const most = keep === undefined ? limit + 1 : MAX_ROWS_LOOKED_AT;
  let looked = 0;
  let last = from;
  for await (const row of database.rows(from, to, { snapshot, limit: most })) {
    looked++;
    last = row.key;
    if (keep?.(row) === false) continue;
    if (rows.length === limit) return { rows, cursor: cursorOf(prefix, rows.at(-1)!.key) };
    rows.push(row);
  }
  return looked < most ? { rows } : { rows, cursor: cursorOf(prefix, last) };
}

function cursorOf(prefix: Buffer, key: Buffer): string {
  return key.subarray(prefix.length).toString('base64url');
}

function afterCursor(prefix: Buffer, cursor: string): Buffer {
  const tail = Buffer.from(cursor, 'base64url');
  if (tail.length === 0 || tail.length > 256 || tail.toString('base64url') !== cursor) {
    throw new StoreError('STORE_CURSOR_INVALID', 'the cursor is not one that this node gave out', { cursor });
  }
  return Buffer.concat([prefix, tail, Buffer.of(0)]);
}
