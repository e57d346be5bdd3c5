import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { isCoinbase, parseTransaction } from '../spv/transaction.ts';
import { RowCache } from './cache.ts';
import { type CommitRecord, chainDigest, decodeCommit, encodeCommit, GENESIS_COMMIT } from './commit-row.ts';
import { Database, type DatabaseOptions, type RowOp } from './database.ts';
import { StoreError } from './errors.ts';
import {
  afterPrefix,
  arrivalKey,
  balanceKey,
  commitKey,
  miscKey,
  PREFIX,
  spendKey,
  waitingKey,
} from './keys.ts';
import { isLostKey, type Lost, LostReader, lostFacts, lostRows, NOTHING_LOST } from './lost-rows.ts';
import { decodeBalance, type LockBalance } from './owner-rows.ts';
import { decodeSpends, type SpendRecord, type TxRecord } from './records.ts';
import { RowReader, RowWriter, sealOf } from './row-bytes.ts';
import type { Snapshot } from './scan.ts';
import type { HeldSnapshot } from './snapshots.ts';
import { discard, STORE_FOLDER } from './swap.ts';
import { decodeToken, type TokenRecord } from './token-row.ts';
import { readTx, readTxs } from './tx-rows.ts';
import type { LostFacts } from './view.ts';
import { decodeWaiting, type WaitingFor, type WaitingRecord } from './waiting-row.ts';

/** Commits between checkpoints: how many `k` rows there are at most, and are walked at open. */
export const COMMITS_PER_CHECKPOINT = 512;

/** Copies that are made while compaction takes tables away; a second one was never needed in tests. */
const MAX_COPIES = 5;

const CHECKPOINT_KEY = miscKey('checkpoint');
const CLOSED_KEY = miscKey('closed');

export interface StoreOptions extends DatabaseOptions {
  /** fsync every commit; without it power loss may take the newest ones. */
  readonly syncWrites: boolean;
  readonly cacheEntries?: number;
}

/** One commit to read from for a moment: the commit after the next waits until it is released (snapshots.ts). */
export interface ReadPoint extends HeldSnapshot<Snapshot> {
  readonly tip: CommitRecord;
}

export interface WaitingSummary {
  readonly bytes: number;
  readonly waitingFor: WaitingFor;
  readonly missingParents: readonly string[];
  /** Of the proofs that wait. */
  readonly heights: readonly number[];
  /** `outpointId` of what it spends. */
  readonly spends: Float64Array;
}

/** The first bucket, nearly always the only one, needs no string of its own. */
export const spendsId = (txid: string, bucket: number): string => (bucket === 0 ? txid : `${txid}${bucket}`);
export const ownerId = (tokenNo: number, owner: Uint8Array): string =>
  `${tokenNo}:${Buffer.from(owner.buffer, owner.byteOffset, owner.length).toString('latin1')}`;

/**
 * The rows of one node: typed reads through a cache, one atomic batch a commit, and a chain of commits that is walked at
 * open. Only the ingest writer calls `commit`.
 */
export class Store {
  readonly database: Database;
  readonly tokens = new Map<number, TokenRecord>();
  readonly tokenNos = new Map<string, number>();
  readonly waiting = new Map<string, WaitingSummary>();
  private readonly options: StoreOptions;
  private missing: Lost = NOTHING_LOST;
  private readonly keys = new RowWriter();
  private readonly values = new RowWriter();
  private readonly txs: RowCache<TxRecord>;
  private readonly spends: RowCache<readonly SpendRecord[]>;
  private readonly balances: RowCache<readonly LockBalance[]>;
  private current: CommitRecord = GENESIS_COMMIT;
  private isClosed = false;
  private checkpoint = 0;
  private mended = 0;
  /** Checksums of the rows that are all in memory (tokens, waiting, lost) by key; each commit holds their sum. */
  private readonly table = new Map<string, number>();

  private constructor(database: Database, options: StoreOptions) {
    this.database = database;
    this.options = options;
    const entries = options.cacheEntries ?? 8_000;
    this.txs = new RowCache(entries);
    this.spends = new RowCache(entries);
    this.balances = new RowCache(entries);
  }

  static async open(options: StoreOptions): Promise<Store> {
    const { database, marker } = await Database.open(options);
    const store = new Store(database, options);
    try {
      await store.walkCommits(marker.commit);
      await store.loadTokens();
      await store.loadWaiting();
      await store.loadLost();
      store.checkTable();
      database.onMended(() => store.resume());
      return store;
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  /** The last durable commit. */
  tip(): CommitRecord {
    return this.current;
  }

  /** True if it was held, and damage took it. */
  isLost(txid: string): boolean {
    return this.missing.txids.has(txid);
  }

  get lost(): Lost {
    return this.missing;
  }

  /** Undefined if nothing is lost. */
  lostFacts(): LostFacts | undefined {
    return lostFacts(this.missing);
  }

  tx(txid: string): TxRecord | undefined {
    const cached = this.txs.get(txid);
    if (cached !== undefined) return cached ?? undefined;
    const record = readTx(this.database, this.keys, txid);
    this.txs.fill(txid, record ?? null);
    return record;
  }

  /** Known spenders of the 16 outputs of the bucket. */
  spendsOf(txid: string, bucket: number): readonly SpendRecord[] {
    const id = spendsId(txid, bucket);
    const cached = this.spends.get(id);
    if (cached !== undefined) return cached ?? [];
    const key = spendKey(this.keys, txid, bucket);
    const value = this.database.get(key);
    const spends = value === undefined ? null : decodeSpends(key, value);
    this.spends.fill(id, spends);
    return spends ?? [];
  }

  balancesOf(tokenNo: number, owner: Uint8Array): readonly LockBalance[] {
    const id = ownerId(tokenNo, owner);
    const cached = this.balances.get(id);
    if (cached !== undefined) return cached ?? [];
    const key = balanceKey(this.keys, tokenNo, owner);
    const value = this.database.get(key);
    const balances = value === undefined ? null : decodeBalance(key, value);
    this.balances.fill(id, balances);
    return balances ?? [];
  }

  waitingRecord(txid: string): WaitingRecord | undefined {
    if (!this.waiting.has(txid)) return undefined;
    const key = waitingKey(this.keys, txid);
    const value = this.database.get(key);
    return value === undefined ? undefined : decodeWaiting(key, value);
  }

  /** Reads rows of transactions and spends into the cache, off the event loop: each call of LevelDB costs as much as ten keys. */
  async prefetch(txids: Iterable<string>, spends: Iterable<readonly [string, number]>): Promise<void> {
    const wantedTxs: string[] = [];
    const wantedSpends: string[] = [];
    const keys: Buffer[] = [];
    for (const txid of txids) {
      if (this.txs.get(txid) !== undefined) continue;
      wantedTxs.push(txid);
      keys.push(arrivalKey(this.keys, txid));
    }
    for (const [txid, bucket] of spends) {
      const id = spendsId(txid, bucket);
      if (this.spends.get(id) !== undefined) continue;
      wantedSpends.push(id);
      keys.push(spendKey(this.keys, txid, bucket));
    }
    if (keys.length === 0) return;
    const values = await this.database.getMany(keys);
    const records = await readTxs(this.database, this.keys, wantedTxs, keys, values);
    records.forEach((record, i) => {
      this.txs.fill(wantedTxs[i] as string, record);
    });
    wantedSpends.forEach((id, i) => {
      const at = wantedTxs.length + i;
      const value = values[at];
      this.spends.fill(id, value === undefined ? null : decodeSpends(keys[at] as Buffer, value));
    });
  }

  async prefetchBalances(owners: ReadonlyMap<string, { tokenNo: number; owner: Uint8Array }>): Promise<void> {
    const ids: string[] = [];
    const keys: Buffer[] = [];
    for (const [id, { tokenNo, owner }] of owners) {
      if (this.balances.get(id) !== undefined) continue;
      ids.push(id);
      keys.push(balanceKey(this.keys, tokenNo, owner));
    }
    if (keys.length === 0) return;
    const values = await this.database.getMany(keys);
    ids.forEach((id, i) => {
      const value = values[i];
      this.balances.fill(id, value === undefined ? null : decodeBalance(keys[i] as Buffer, value));
    });
  }

  /**
   * Writes one commit: the given rows, and the commit row that chains it to the one before. The records that the rows
   * hold replace cached ones only after the write; a failed write changes nothing in memory.
   */
  async commit(change: StoreChange): Promise<CommitRecord> {
    const before = this.current;
    const number = before.commit + 1;
    let rowSum = 0;
    for (const { key, value } of change.ops) {
      rowSum += value === undefined ? crc32(key) : sealOf(value);
    }
    const digest = chainDigest(before.digest, number, rowSum);
    const table = this.tableAfter(change.ops, before.tableSum);
    const next: CommitRecord = { ...before, ...change.figures, tableSum: table.sum, commit: number, digest };
    const key = commitKey(this.keys, number);
    const ops: RowOp[] = [...change.ops, { key, value: encodeCommit(this.values, key, next, rowSum) }];
    const isCheckpoint = number - this.checkpoint >= COMMITS_PER_CHECKPOINT;
    if (isCheckpoint) this.addCheckpoint(ops, next);
    const sync = this.options.syncWrites || isCheckpoint || change.mustSync === true;
    await this.database.write(ops, sync, () => {
      for (const [id, sum] of table.changed) {
        if (sum === undefined) this.table.delete(id);
        else this.table.set(id, sum);
      }
      this.remember(change);
      this.current = next;
    });
    if (isCheckpoint) {
      this.checkpoint = number;
      this.tryToMark(number);
    }
    return next;
  }

  /** The last commit as a fixed point to read from; to be released soon. */
  read(): ReadPoint {
    if (this.isClosed) throw new StoreError('STORE_CLOSED', 'the store is closed');
    return { ...this.database.hold(), tip: this.current };
  }

  /**
   * Opens a copy of the last commit, which stays as it is: for what reads everything. One at a time; to be closed and removed by
   * `discardCopy`.
   */
  async openCopy(): Promise<Store> {
    const { timing: _, ...options } = this.options;
    const path = join(options.path, STORE_FOLDER.copy);
    for (let left = MAX_COPIES; ; left--) {
      try {
        discard(path);
        const tip = await this.database.copyTo(path, () => this.current);
        const copy = await Store.open({ ...options, path });
        if (copy.current.digest.equals(tip.digest)) return copy;
        await copy.close();
        throw new StoreError('STORE_TIP_LOST', 'the copy of the store is not of its last commit');
      } catch (error) {
        if (left > 1 && error instanceof StoreError && error.code === 'STORE_UNOPENABLE') continue;
        discard(path);
        throw error;
      }
    }
  }

  async discardCopy(copy: Store): Promise<void> {
    await copy.close();
    discard(copy.options.path);
  }

  /** Times that writing began again behind a failed write. */
  get mends(): number {
    return this.mended;
  }

  /** Behind a failed write: opens the database again if the disk has room by now. Does nothing where all is well. */
  async mend(): Promise<void> {
    if (this.database.cannotWrite && this.database.lackOfRoom() === undefined) await this.writeClosed();
  }

  /**
   * Marks the tip as durable and closes the database, also where the first fails. On a full disk the mark is left out: what
   * was acknowledged is in the log, which the next start reads.
   */
  async close(): Promise<void> {
    this.isClosed = true;
    try {
      // A synced row makes everything before it durable, so that the marker never promises more than the disk. An empty
      // batch would not: it never reaches LevelDB.
      await this.writeClosed();
      this.database.mark(this.current.commit);
    } catch (error) {
      if (this.database.lackOfRoom() === undefined) throw error;
    } finally {
      await this.database.close();
    }
  }

  /** Proves that the store writes, as far as the disk, and reads. */
  async heartbeat(): Promise<void> {
    const written = await this.writeClosed();
    if (this.database.get(CLOSED_KEY) !== undefined) return;
    throw new StoreError('STORE_READ_FAILED', 'a row that was just written is not there', {
      commit: written,
    });
  }

  private async writeClosed(): Promise<number> {
    const { commit } = this.current;
    const value = this.values.begin().u64(commit).seal(CLOSED_KEY);
    await this.database.write([{ key: CLOSED_KEY, value }], true);
    return commit;
  }

  /** The commit stands whether the marker beside it could be written or not: it then tells of an earlier one. */
  private tryToMark(commit: number): void {
    try {
      this.database.mark(commit);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }

  /**
   * The database was opened again behind a failed write. What that write would have written must not be there after all:
   * memory does not know of it.
   */
  private resume(): void {
    const { commit } = this.current;
    const isThere = (number: number): boolean =>
      this.database.get(commitKey(this.keys, number)) !== undefined;
    if (isThere(commit + 1) || (commit > 0 && !isThere(commit))) {
      const message = 'the store is not as it was before a write failed: restart btcfed';
      throw new StoreError('STORE_WRITE_FAILED', message, { commit });
    }
    if (!this.isClosed) this.mended++;
  }

  /** What the sum over the rows that are all in memory is after these operations, and their checksums. */
  private tableAfter(
    ops: readonly RowOp[],
    before: number,
  ): { sum: number; changed: Map<string, number | undefined> } {
    const changed = new Map<string, number | undefined>();
    let sum = before;
    for (const { key, value } of ops) {
      if (key[0] !== PREFIX.token && key[0] !== PREFIX.waiting && !isLostKey(key)) continue;
      const id = key.toString('latin1');
      const is = value === undefined ? undefined : sealOf(value);
      sum += (is ?? 0) - ((changed.has(id) ? changed.get(id) : this.table.get(id)) ?? 0);
      changed.set(id, is);
    }
    return { sum, changed };
  }

  private remember(change: StoreChange): void {
    for (const [txid, record] of change.txs) this.txs.put(txid, record);
    for (const [id, { spends }] of change.spends) this.spends.put(id, spends);
    for (const [id, balances] of change.balances)
      this.balances.put(id, balances.length === 0 ? null : balances);
    for (const token of change.tokens) this.setToken(token);
    for (const [txid, summary] of change.waiting) {
      if (summary === undefined) this.waiting.delete(txid);
      else this.waiting.set(txid, summary);
    }
    if (change.lost !== undefined) this.missing = change.lost;
    this.txs.afterCommit();
    this.spends.afterCommit();
    this.balances.afterCommit();
  }

  private addCheckpoint(ops: RowOp[], next: CommitRecord): void {
    const value = this.values.begin().u64(next.commit).bytes(next.digest).seal(CHECKPOINT_KEY);
    ops.push({ key: CHECKPOINT_KEY, value });
    for (let old = this.checkpoint; old < next.commit; old++) {
      ops.push({ key: Buffer.from(commitKey(this.keys, old)), value: undefined });
    }
  }

  /** Walks the commit rows from the checkpoint: numbers without gaps, digests that chain, up to the marker's commit. */
  private async walkCommits(markedCommit: number): Promise<void> {
    const checkpoint = this.database.get(CHECKPOINT_KEY);
    let at: { commit: number; digest: Buffer } = GENESIS_COMMIT;
    if (checkpoint !== undefined) {
      const r = RowReader.open(CHECKPOINT_KEY, checkpoint);
      at = { commit: r.u64(), digest: r.view(32) };
    }
    this.checkpoint = at.commit;
    const prefix = Buffer.from([PREFIX.commit]);
    for await (const { key, value } of this.database.rows(prefix, afterPrefix(prefix))) {
      const record = decodeCommit(key, value);
      if (record.commit === at.commit && record.digest.equals(at.digest)) {
        this.current = record;
        continue;
      }
      const expected = chainDigest(at.digest, at.commit + 1, record.rowSum);
      if (record.commit !== at.commit + 1 || !record.digest.equals(expected))
        this.refuseGap(at.commit, record.commit);
      this.current = record;
      at = record;
    }
    if (this.current.commit !== at.commit) this.refuseGap(at.commit, this.current.commit);
    if (at.commit < markedCommit) this.refuseLostTip(at.commit, markedCommit);
  }

  private refuseGap(good: number, found: number): void {
    throw new StoreError(
      'STORE_COMMIT_GAP',
      `the store is damaged: commit ${good} is followed by ${found}, what was between is lost. Run \`btcfed verify --rebuild\`, then import or sync again`,
      { good, found },
    );
  }

  private refuseLostTip(found: number, expected: number): void {
    throw new StoreError(
      'STORE_TIP_LOST',
      `the store is damaged: it ends at commit ${found}, but commit ${expected} was written. Run \`btcfed verify --rebuild\`, then import or sync again`,
      { found, expected },
    );
  }

  private async loadTokens(): Promise<void> {
    const prefix = Buffer.from([PREFIX.token]);
    for await (const { key, value } of this.database.rows(prefix, afterPrefix(prefix))) {
      this.setToken(decodeToken(key, value));
      this.table.set(key.toString('latin1'), sealOf(value));
    }
  }

  private setToken(token: TokenRecord): void {
    this.tokens.set(token.tokenNo, token);
    this.tokenNos.set(token.tokenId, token.tokenNo);
  }

  private async loadWaiting(): Promise<void> {
    const prefix = Buffer.from([PREFIX.waiting]);
    for await (const { key, value } of this.database.rows(prefix, afterPrefix(prefix))) {
      const record = decodeWaiting(key, value);
      this.waiting.set(record.txid, summarize(record));
      this.table.set(key.toString('latin1'), sealOf(value));
    }
  }

  private async loadLost(): Promise<void> {
    const reader = new LostReader();
    for await (const { key, value } of lostRows(this.database)) {
      reader.take(key, value);
      this.table.set(key.toString('latin1'), sealOf(value));
    }
    this.missing = reader.lost();
  }

  /** A token row that is lost, or an old one of which came back, would make the token look new, or its figures old. */
  private checkTable(): void {
    let sum = 0;
    for (const each of this.table.values()) sum += each;
    if (sum === this.current.tableSum) return;
    throw new StoreError(
      'STORE_ROW_MISSING',
      'the store is damaged: rows of tokens or waiting transactions are missing or not the newest. Run `btcfed verify --rebuild`',
      { tokens: this.tokens.size, waiting: this.waiting.size },
    );
  }
}

export function summarize(record: WaitingRecord): WaitingSummary {
  const { raw, waitingFor, missingParents, proofs } = record;
  const bytes = proofs.reduce((sum, { path }) => sum + path.length, raw.length);
  const heights = proofs.map(({ height }) => height);
  return { bytes, waitingFor, missingParents, heights, spends: spendsOf(raw) };
}

function spendsOf(raw: Uint8Array): Float64Array {
  const tx = parseTransaction(raw);
  if (isCoinbase(tx)) return new Float64Array(0);
  return Float64Array.from(tx.inputs, ({ prevTxid, prevVout }) => outpointId(prevTxid, prevVout));
}

/** A number for an outpoint: small, for there may be millions; two may share one, so what it finds is to be looked at. */
export function outpointId(txid: string, vout: number): number {
  return Number.parseInt(txid.slice(0, 12), 16) + vout * 0x1_0001;
}

/** Everything that one commit writes, and what the cache learns from it. */
export interface StoreChange {
  readonly ops: readonly RowOp[];
  readonly figures: Partial<Omit<CommitRecord, 'commit' | 'digest' | 'tableSum'>>;
  readonly txs: ReadonlyMap<string, TxRecord>;
  readonly spends: ReadonlyMap<string, { readonly spends: readonly SpendRecord[] }>;
  readonly balances: ReadonlyMap<string, readonly LockBalance[]>;
  readonly tokens: readonly TokenRecord[];
  /** Undefined = no longer waiting. */
  readonly waiting: ReadonlyMap<string, WaitingSummary | undefined>;
  /** What is lost from now on, if that changes. */
  readonly lost?: Lost;
  /** Written with fsync whatever the option says. */
  readonly mustSync?: boolean;
}
