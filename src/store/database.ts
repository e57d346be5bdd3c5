import { dirname, join } from 'node:path';
import { copyFiles } from './copy-files.ts';
import { StoreError } from './errors.ts';
import { checkMarker, type Identity, identify } from './identity-row.ts';
import { readFailed, writeFailed } from './level-errors.ts';
import { type Marker, readMarker, writeMarker } from './marker.ts';
import { isEmptyFolder, type Level, makeFolder, openLevel, roomFor } from './open-level.ts';
import { freeBytesOf, roomAdvice } from './room.ts';
import { type Row, type Snapshot, scanPages } from './scan.ts';
import { type HeldSnapshot, Snapshots } from './snapshots.ts';
import { discard, finishSwap, STORE_FOLDER } from './swap.ts';
import { NO_TIMING, ROW_READS_PER_MEASURE, type StoreTiming } from './timing.ts';

export interface RowOp {
  readonly key: Buffer;
  /** Undefined deletes the row. */
  readonly value: Buffer | undefined;
}

export interface ScanOptions {
  /** All rows are of this state. Without it each page is of its own moment: whoever takes long must not hold one. */
  readonly snapshot?: Snapshot;
  /** Rows at most. */
  readonly limit?: number;
}

export interface DatabaseOptions {
  /** Folder that holds the database (`index/`) and its marker (`store.json`). */
  readonly path: string;
  readonly network: string;
  readonly cacheBytes: number;
  readonly writeBufferBytes: number;
  /** Random id of a database made now: 32 hex digits. */
  readonly newDatabaseId: () => string;
  /** Version of the program, kept in the identity row of a database made now. */
  readonly programVersion: string;
  readonly timing?: StoreTiming;
  /** Bytes left on the disk of a folder; default: those that the system tells. */
  readonly freeBytes?: (folder: string) => number;
}

/** LevelDB with typed errors, an identity that is checked at open, and no way to become empty unnoticed. */
export class Database {
  readonly identity: Identity;
  private readonly level: Level;
  private readonly markerPath: string;
  private readonly roomBytes: number;
  private readonly freeBytes: (folder: string) => number;
  private readonly timing: StoreTiming;
  private snapshots: Snapshots<Snapshot>;
  private rowReads = 0;
  private lastWrite: Promise<unknown> = Promise.resolve();
  /** True after a failed write: LevelDB's log may end in a torn record. */
  private isTorn = false;
  private isClosed = false;
  private afterMending: () => void = () => undefined;

  private constructor(level: Level, identity: Identity, markerPath: string, options: DatabaseOptions) {
    this.level = level;
    this.identity = identity;
    this.markerPath = markerPath;
    this.roomBytes = roomFor(options);
    this.freeBytes = options.freeBytes ?? freeBytesOf;
    this.timing = options.timing ?? NO_TIMING;
    this.snapshots = new Snapshots(() => level.snapshot());
  }

  /** Opens the database, or makes it if there is neither a database nor a marker. */
  static async open(options: DatabaseOptions): Promise<{ database: Database; marker: Marker }> {
    finishSwap(options.path);
    const folder = join(options.path, STORE_FOLDER.database);
    const markerPath = join(options.path, STORE_FOLDER.marker);
    const marker = readMarker(markerPath);
    if (marker !== undefined) checkMarker(marker, options.network, markerPath);
    const isNew = marker === undefined && isEmptyFolder(folder);
    if (marker !== undefined && isEmptyFolder(folder)) {
      throw new StoreError(
        'STORE_MISSING',
        `${markerPath} says that a store was made here, but ${folder} is gone. Restore it from a backup, or remove ${markerPath} to begin with an empty store`,
        { path: folder, marker: markerPath },
      );
    }
    makeFolder(folder);
    const level = await openLevel(folder, options, isNew);
    try {
      // Not before the lock is held: a daemon that has the store may be checking its copy.
      discard(join(options.path, STORE_FOLDER.copy));
      const identity = await identify(level, options, marker !== undefined);
      const database = new Database(level, identity, markerPath, options);
      const { format, network, databaseId } = identity;
      if (marker !== undefined && marker.databaseId !== databaseId) {
        throw new StoreError('STORE_IDENTITY', `${markerPath} belongs to another database`, {
          expected: marker.databaseId,
          found: databaseId,
        });
      }
      if (marker === undefined) writeMarker(markerPath, { format, network, databaseId, commit: 0 });
      return { database, marker: marker ?? { format, network, databaseId, commit: 0 } };
    } catch (error) {
      await level.close();
      throw error;
    }
  }

  /** Value of a row, undefined if absent. Checks no seal. */
  get(key: Buffer, snapshot?: Snapshot): Buffer | undefined {
    const isMeasured = this.rowReads++ % ROW_READS_PER_MEASURE === 0;
    const startMs = isMeasured ? performance.now() : 0;
    try {
      return this.level.getSync(key, snapshot === undefined ? {} : { snapshot });
    } catch (error) {
      throw readFailed(key, error);
    } finally {
      if (isMeasured) this.timing.read('row', secondsSince(startMs));
    }
  }

  /** Values of rows as of the last write. */
  async getMany(keys: Buffer[]): Promise<(Buffer | undefined)[]> {
    const startMs = performance.now();
    const { snapshot, release } = this.hold();
    try {
      return await this.level.getMany(keys, { snapshot });
    } catch (error) {
      throw readFailed(keys[0] ?? Buffer.alloc(0), error);
    } finally {
      release();
      this.timing.read('batch', secondsSince(startMs));
    }
  }

  /** True behind a failed write, until the database was opened again. */
  get cannotWrite(): boolean {
    return this.isTorn;
  }

  /** How much is to be freed on a disk that is too full to write on; undefined if it is not. */
  lackOfRoom(): string | undefined {
    return roomAdvice(this.freeBytes(dirname(this.markerPath)), this.roomBytes);
  }

  /**
   * Writes all rows or none, one call after another; `sync` = survives power loss. `onWritten` is called in the moment from
   * which on the rows are read by those who hold no older state.
   */
  write(ops: readonly RowOp[], sync: boolean, onWritten: () => void = () => undefined): Promise<void> {
    return this.exclusively(async () => {
      await this.writeTimed(ops, sync);
      this.snapshots.renew();
      onWritten();
    });
  }

  /** The state behind the last write, to read from for a moment: the next write but one waits for it. */
  hold(): HeldSnapshot<Snapshot> {
    return this.snapshots.hold();
  }

  /** Makes a copy as of the last write in another folder, with its marker; gives what `onCopied` does, before the next write. */
  copyTo<T>(path: string, onCopied: () => T): Promise<T> {
    return this.exclusively(async () => {
      const { format, network, databaseId } = this.identity;
      try {
        if (this.isClosed) throw new Error('it is closed');
        await copyFiles(
          join(dirname(this.markerPath), STORE_FOLDER.database),
          join(path, STORE_FOLDER.database),
        );
        writeMarker(join(path, STORE_FOLDER.marker), { format, network, databaseId, commit: 0 });
      } catch (error) {
        throw writeFailed(error, this.lackOfRoom());
      }
      return onCopied();
    });
  }

  private exclusively<T>(work: () => Promise<T>): Promise<T> {
    const done = this.lastWrite.then(work);
    this.lastWrite = done.catch(() => undefined);
    return done;
  }

  /** Called when the database was opened anew behind a failed write; snapshots from before are closed then. */
  onMended(listener: () => void): void {
    this.afterMending = listener;
  }

  private async writeTimed(ops: readonly RowOp[], sync: boolean): Promise<void> {
    const startMs = performance.now();
    try {
      await this.writeNow(ops, sync);
      this.timing.write(secondsSince(startMs));
    } catch (error) {
      this.timing.writeFailed();
      throw error;
    }
  }

  private async writeNow(ops: readonly RowOp[], sync: boolean): Promise<void> {
    if (this.isClosed) throw writeFailed(new Error('it is closed'));
    if (this.isTorn) await this.mend();
    await this.snapshots.settled();
    try {
      const batch = this.level.batch();
      try {
        for (const { key, value } of ops) {
          if (value === undefined) batch.del(key);
          else batch.put(key, value);
        }
        await batch.write({ sync });
      } finally {
        await batch.close();
      }
    } catch (error) {
      this.isTorn = true;
      throw writeFailed(error, this.lackOfRoom());
    }
  }

  /**
   * LevelDB writes on behind a torn record, and drops all of that when it opens again: after a full disk 131 acknowledged
   * commits were lost (measured). So it is opened again before the next write, once the disk has room for that.
   */
  private async mend(): Promise<void> {
    try {
      const lack = this.lackOfRoom();
      if (lack !== undefined) throw new Error(lack);
      if (this.level.status === 'open') await this.level.close();
      await this.level.open({ createIfMissing: false });
      this.snapshots = new Snapshots(() => this.level.snapshot());
    } catch (error) {
      throw writeFailed(error);
    }
    this.afterMending();
    this.isTorn = false;
  }

  /** Rows with `from` <= key < `to`, in order of key. */
  async *rows(from: Buffer, to: Buffer, options: ScanOptions = {}): AsyncGenerator<Row> {
    for await (const page of this.pages(from, to, options)) yield* page;
  }

  /** The same, as many at a time as LevelDB gives: a promise a row costs as much as reading it. */
  pages(from: Buffer, to: Buffer, options: ScanOptions = {}): AsyncGenerator<readonly Row[]> {
    const { limit = Number.MAX_SAFE_INTEGER, snapshot } = options;
    return snapshot === undefined
      ? this.pagesOfMoments(from, to, limit)
      : scanPages(this.level, snapshot, from, to, limit);
  }

  private async *pagesOfMoments(from: Buffer, to: Buffer, limit: number): AsyncGenerator<readonly Row[]> {
    let at = from;
    for (let left = limit; left > 0; ) {
      const page = await this.pageNow(at, to, left);
      const last = page.at(-1);
      if (last === undefined) return;
      yield page;
      left -= page.length;
      at = Buffer.concat([last.key, Buffer.of(0)]);
    }
  }

  private async pageNow(from: Buffer, to: Buffer, limit: number): Promise<readonly Row[]> {
    const { snapshot, release } = this.hold();
    try {
      for await (const page of scanPages(this.level, snapshot, from, to, limit)) return page;
      return [];
    } finally {
      release();
    }
  }

  /** Keys alone, for counting and clearing. */
  async *keys(from: Buffer, to: Buffer): AsyncGenerator<Buffer> {
    for await (const row of this.rows(from, to)) yield row.key;
  }

  /** Remembers outside of the database that it holds this commit. */
  mark(commit: number): void {
    const { format, network, databaseId } = this.identity;
    writeMarker(this.markerPath, { format, network, databaseId, commit });
  }

  /** Merges all files, as months of running would: for tests of damage and for measurements. */
  async compact(): Promise<void> {
    await this.level.compactRange(Buffer.from([0]), Buffer.from([0xff]));
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.lastWrite;
    await this.level.close();
  }
}

function secondsSince(startMs: number): number {
  return (performance.now() - startMs) / 1000;
}
