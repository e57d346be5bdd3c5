import { keyRange } from '../chain/rows.ts';
import { txidOf } from '../spv/bytes.ts';
import { type CommitRecord, decodeCommit } from '../store/commit-row.ts';
import { Database, type DatabaseOptions, type RowOp } from '../store/database.ts';
import { StoreError } from '../store/errors.ts';
import { checkIdentity, IDENTITY_KEY, readIdentity } from '../store/identity-row.ts';
import { PREFIX } from '../store/keys.ts';
import { isLostKey, type Lost, LostReader } from '../store/lost-rows.ts';
import { decodeProof } from '../store/proof-row.ts';
import { decodeTx } from '../store/records.ts';
import { RowReader } from '../store/row-bytes.ts';
import { type SalvagedRow, type SalvageNotes, salvageRows } from '../store/salvage.ts';
import { decodeToken, type TokenRecord } from '../store/token-row.ts';
import { decodeWaiting } from '../store/waiting-row.ts';

/** Operations gathered for one write. */
const OPS_A_WRITE = 5000;

export type ExpectedRows = Pick<CommitRecord, 'commit' | 'transactions' | 'waiting'>;

/** What the files of a damaged store still prove, put in order. */
export interface Salvage {
  /** `t`, `i` and `w` rows as they were; `p` rows under their txid first, so that a transaction's proofs stand together. */
  readonly sorted: Database;
  /** The newest row of each token. */
  readonly tokens: readonly TokenRecord[];
  readonly transactions: number;
  readonly waiting: number;
  /** The newest commit found, and how many transactions there were then; undefined if none could be read. */
  readonly expected: ExpectedRows | undefined;
  /** What was lost already, and was not back. */
  readonly lost: Lost;
  /** Rows, of whatever age, that do not match their seal or their txid. */
  readonly damagedRows: number;
  readonly notes: SalvageNotes;
}

/**
 * Reads a damaged database file by file, keeps what proves itself, and sorts it with the help of a database of its own, so
 * that memory does not grow with the store. Header rows go to `headers` as they are: the chain checks them itself.
 * @throws StoreError STORE_FOREIGN_NETWORK, STORE_FORMAT_NEWER by the identity row, if that can be read
 */
export async function salvage(folder: string, into: DatabaseOptions, headers: Database): Promise<Salvage> {
  const { database } = await Database.open(into);
  try {
    return await new Salvager(folder, database, headers).run();
  } catch (error) {
    await database.close();
    throw error;
  }
}

class Salvager {
  private readonly folder: string;
  private readonly network: string;
  private readonly sorted: Database;
  private readonly headers: Database;
  private readonly notes: SalvageNotes = { files: 0, unreadable: [], brokenPieces: 0 };
  /** By key: number of the newest write seen. Keys of transactions are told apart by their arrival alone. */
  private readonly newest = new Map<string, number>();
  private readonly newestTx = new Map<number, number>();
  private readonly waiting = new Set<string>();
  private readonly tokens = new Map<number, TokenRecord>();
  private readonly index = keyRange('index');
  private expected: ExpectedRows | undefined;
  private readonly lostRows = new Map<string, SalvagedRow>();
  private isLossDamaged = false;
  private damagedRows = 0;
  private ops: { readonly sorted: RowOp[]; readonly headers: RowOp[] } = { sorted: [], headers: [] };

  constructor(folder: string, sorted: Database, headers: Database) {
    this.folder = folder;
    this.network = sorted.identity.network;
    this.sorted = sorted;
    this.headers = headers;
  }

  async run(): Promise<Salvage> {
    for (const row of salvageRows(this.folder, this.notes)) {
      this.take(row);
      if (this.ops.sorted.length + this.ops.headers.length >= OPS_A_WRITE) await this.flush();
    }
    await this.flush();
    const { sorted, expected, damagedRows, notes } = this;
    const tokens = [...this.tokens.values()].sort((a, b) => a.tokenNo - b.tokenNo);
    return {
      sorted,
      tokens,
      transactions: this.newestTx.size,
      waiting: this.waiting.size,
      expected,
      lost: this.lost(),
      damagedRows,
      notes,
    };
  }

  private async flush(): Promise<void> {
    const { sorted, headers } = this.ops;
    this.ops = { sorted: [], headers: [] };
    if (sorted.length > 0) await this.sorted.write(sorted, false);
    if (headers.length > 0) await this.headers.write(headers, false);
  }

  private take(row: SalvagedRow): void {
    try {
      this.keep(row);
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'STORE_ROW_DAMAGED') throw error;
      this.damagedRows++;
    }
  }

  private keep({ key, value, sequence }: SalvagedRow): void {
    switch (key[0]) {
      case PREFIX.tx:
        if (value !== undefined) this.keepTx(key, value, sequence);
        return;
      case PREFIX.proof:
        if (value !== undefined) {
          const { txid } = decodeProof(key, value);
          this.ops.sorted.push({
            key: Buffer.concat([key.subarray(0, 1), Buffer.from(txid, 'hex'), key.subarray(1)]),
            value,
          });
        }
        return;
      case PREFIX.waiting:
        this.keepWaiting(key, value, sequence);
        return;
      case PREFIX.token:
        if (value !== undefined) {
          const token = decodeToken(key, value);
          if (this.isNewest(key, sequence)) this.tokens.set(token.tokenNo, token);
        }
        return;
      case PREFIX.commit:
        if (value !== undefined) {
          const record = decodeCommit(key, value);
          if (record.commit > (this.expected?.commit ?? -1)) this.expected = record;
        }
        return;
      case PREFIX.header:
        this.keepHeader(key, value, sequence);
        return;
      case PREFIX.arrival:
        if (value !== undefined) {
          RowReader.open(key, value);
          this.ops.sorted.push({ key, value });
        }
        return;
      case PREFIX.misc:
        if (isLostKey(key)) this.keepLost(key, value, sequence);
        else if (value !== undefined && key.equals(IDENTITY_KEY))
          checkIdentity(readIdentity(value), this.network);
    }
  }

  private keepTx(key: Buffer, value: Buffer, sequence: number): void {
    const { txid, raw, arrival } = decodeTx(key, value);
    if (txidOf(raw) !== txid) {
      this.damagedRows++;
      return;
    }
    if (sequence < (this.newestTx.get(arrival) ?? -1)) return;
    this.newestTx.set(arrival, sequence);
    this.ops.sorted.push({ key, value });
  }

  private keepWaiting(key: Buffer, value: Buffer | undefined, sequence: number): void {
    if (value !== undefined) {
      const { txid, raw } = decodeWaiting(key, value);
      if (txidOf(raw) !== txid) {
        this.damagedRows++;
        return;
      }
    }
    if (!this.isNewest(key, sequence)) return;
    this.ops.sorted.push({ key, value });
    const id = key.toString('latin1');
    if (value === undefined) this.waiting.delete(id);
    else this.waiting.add(id);
  }

  /** Rows of the index by hash are left out: the chain makes them from its headers. */
  private keepHeader(key: Buffer, value: Buffer | undefined, sequence: number): void {
    if (Buffer.compare(key, this.index[0]) >= 0 && Buffer.compare(key, this.index[1]) < 0) return;
    if (value !== undefined) RowReader.open(key, value);
    if (this.isNewest(key, sequence)) this.ops.headers.push({ key, value });
  }

  private keepLost(key: Buffer, value: Buffer | undefined, sequence: number): void {
    try {
      if (value !== undefined) new LostReader().take(key, value);
    } catch (error) {
      this.isLossDamaged = true;
      throw error;
    }
    if (this.isNewest(key, sequence)) this.lostRows.set(key.toString('latin1'), { key, value, sequence });
  }

  private lost(): Lost {
    const reader = new LostReader();
    for (const { key, value } of this.lostRows.values()) if (value !== undefined) reader.take(key, value);
    const { isUncertain, ...lost } = reader.lost();
    return { ...lost, isUncertain: isUncertain || this.isLossDamaged };
  }

  private isNewest(key: Buffer, sequence: number): boolean {
    const id = key.toString('latin1');
    if (sequence < (this.newest.get(id) ?? -1)) return false;
    this.newest.set(id, sequence);
    return true;
  }
}
