import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { RULES_VERSION } from '../token/judge.ts';
import { copyFiles } from './copy-files.ts';
import { StoreError } from './errors.ts';
import { miscKey } from './keys.ts';
import { type Marker, readMarker, writeMarker } from './marker.ts';
import { freeBytesOf, roomAdvice } from './room.ts';
import { RowReader, RowWriter } from './row-bytes.ts';
import { type HeldSnapshot, Snapshots } from './snapshots.ts';
import { discard, finishSwap, STORE_FOLDER } from './swap.ts';
import { NO_TIMING, ROW_READS_PER_MEASURE, type StoreTiming } from './timing.ts';

/** Version of all row formats together. A store of a newer one is refused. */
export const STORE_FORMAT = 1;

/** Reads of classic-level block the event loop for as long as LevelDB takes; writes run on the thread pool. */
type Level = ClassicLevel<Buffer, Buffer>;
export type Snapshot = ReturnType<Level['snapshot']>;

/** Of one page of a scan: what the event loop waits for, and a row more may come with it. */
const PAGE_ROWS = 1_024;
const PAGE_BYTES = 64 * 1024;

export interface RowOp {
  readonly key: Buffer;
  /** Undefined deletes the row. */
  readonly value: Buffer | undefined;
}

export interface Row {
  readonly key: Buffer;
  readonly value: Buffer;
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

export interface Identity {
  readonly format: number;
  readonly network: string;
  readonly databaseId: string;
  readonly createdBy: string;
  /** Version of the token rules that all verdicts in it were made by. */
  readonly rules: number;
}

export const IDENTITY_KEY = miscKey('identity');

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
    discard(join(options.path, STORE_FOLDER.copy));
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

  /**
   * Makes sure that nobody has the database open, whatever state it is in: LevelDB takes its lock before it looks at a
   * file, and then refuses since the database exists.
   * Not for a process that has it open itself: POSIX takes away its lock when the attempt closes the file.
   * @throws StoreError STORE_LOCKED; STORE_MISSING if there is no folder
   */
  static async assertFree(path: string): Promise<void> {
    const folder = join(path, STORE_FOLDER.database);
    if (!existsSync(folder)) {
      throw new StoreError('STORE_MISSING', `there is no store in ${folder}: nothing can be rebuilt`, {
        path: folder,
      });
    }
    const level: Level = new ClassicLevel(folder);
    try {
      await level.open({ createIfMissing: false, errorIfExists: true });
    } catch (error) {
      if (causeCode(error) === 'LEVEL_LOCKED') throw locked(folder, error);
    } finally {
      await level.close();
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

  /** Makes a copy as of the last write in another folder, with its marker; `onCopied` is called before the next write. */
  copyTo(path: string, onCopied: () => void): Promise<void> {
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
      onCopied();
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
      : this.pagesOf(snapshot, from, to, limit);
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
      for await (const page of this.pagesOf(snapshot, from, to, limit)) return page;
      return [];
    } finally {
      release();
    }
  }

  private async *pagesOf(
    snapshot: Snapshot,
    from: Buffer,
    to: Buffer,
    limit: number,
  ): AsyncGenerator<readonly Row[]> {
    const range = { gte: from, lt: to, snapshot };
    const iterator = this.level.iterator({ ...range, fillCache: false, highWaterMarkBytes: PAGE_BYTES });
    // LevelDB steps over a block that it cannot read, and says so only at the end of the range.
    let isTold = false;
    const next = async (count: number): Promise<[Buffer, Buffer][]> => {
      isTold = true; // by an error, if there is one
      const entries = await iterator.nextv(count).catch((error: unknown) => {
        throw readFailed(from, error);
      });
      isTold = entries.length === 0;
      return entries;
    };
    try {
      for (let left = limit; left > 0; ) {
        const entries = await next(Math.min(PAGE_ROWS, left));
        if (isTold) return;
        left -= entries.length;
        yield entries.map(([key, value]) => ({ key, value }));
      }
    } finally {
      try {
        // A scan that was left before its end is taken there to hear it.
        if (!isTold) {
          iterator.seek(to);
          await next(1);
        }
      } finally {
        await iterator.close();
      }
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

function locked(folder: string, cause: unknown): StoreError {
  const message = `the store in ${folder} is in use: btcfed is already running on this home`;
  return new StoreError('STORE_LOCKED', message, { path: folder }, cause);
}

/** Bytes that opening may have to write: what the log holds, as tables. */
function roomFor({ writeBufferBytes }: DatabaseOptions): number {
  return 2 * writeBufferBytes;
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new StoreError(
      'STORE_UNOPENABLE',
      `the folder ${folder} cannot be made: ${textOf(error)}`,
      { path: folder },
      error,
    );
  }
}

async function openLevel(folder: string, options: DatabaseOptions, createIfMissing: boolean): Promise<Level> {
  const level: Level = new ClassicLevel(folder, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    // Rows are hashes and signatures: Snappy cost 15 % of the write rate and saved little (measured).
    compression: false,
    cacheSize: options.cacheBytes,
    writeBufferSize: options.writeBufferBytes,
    // Tables are mapped into memory, and what was read of them counts as the daemon's: 48 tables of 2 MB at most, however
    // large the store is. 512 of 8 MB made a store of 350 MB all resident, and nothing faster (measured).
    maxOpenFiles: 58,
    maxFileSize: 2 << 20,
    // Larger than the default of 4 KB: a fifth less work for compaction (measured), and rows are read one by one anyway.
    blockSize: 16 * 1024,
  });
  try {
    await level.open({ createIfMissing });
    return level;
  } catch (error) {
    const code = causeCode(error);
    if (code === 'LEVEL_LOCKED') throw locked(folder, error);
    throw new StoreError(
      'STORE_UNOPENABLE',
      `the store in ${folder} cannot be opened: ${textOf(error)}. ${cureOf(error, folder, options)}`,
      { path: folder, cause: code },
      error,
    );
  }
}

/** What an operator should do about a database that LevelDB does not open. */
function cureOf(error: unknown, folder: string, options: DatabaseOptions): string {
  const { freeBytes = freeBytesOf } = options;
  const lack = roomAdvice(freeBytes(folder), roomFor(options));
  if (lack !== undefined) return `Perhaps ${lack}`;
  if (/permission denied/i.test(textOf(error))) return 'Its files must belong to the user that runs btcfed';
  return 'Run `btcfed verify --rebuild`: it reads the files without LevelDB and keeps all that proves itself';
}

/** The identity row, made if the store has neither it nor any other row, and no marker tells of an older one. */
async function identify(level: Level, options: DatabaseOptions, hasMarker: boolean): Promise<Identity> {
  let value: Buffer | undefined;
  let holdsRows: boolean;
  try {
    value = level.getSync(IDENTITY_KEY);
    holdsRows = value !== undefined || (await level.keys({ limit: 1 }).all()).length > 0;
  } catch (error) {
    throw readFailed(IDENTITY_KEY, error);
  }
  if (value !== undefined) return checkRules(checkIdentity(readIdentity(value), options.network));
  if (hasMarker || holdsRows) {
    throw new StoreError(
      'STORE_IDENTITY',
      'the store has no identity row: it is damaged or not a store of btcfed',
      {
        path: options.path,
      },
    );
  }
  const identity: Identity = {
    format: STORE_FORMAT,
    network: options.network,
    databaseId: options.newDatabaseId(),
    createdBy: options.programVersion,
    rules: RULES_VERSION,
  };
  const w = new RowWriter().begin().u32(identity.format).text(identity.network).text(identity.databaseId);
  try {
    await level.put(IDENTITY_KEY, w.text(identity.createdBy).u32(identity.rules).seal(IDENTITY_KEY), {
      sync: true,
    });
  } catch (error) {
    throw writeFailed(error);
  }
  return identity;
}

/** Value of the `m` row `identity`. */
export function readIdentity(value: Buffer): Identity {
  const r = RowReader.open(IDENTITY_KEY, value);
  const identity = { format: r.u32(), network: r.text(), databaseId: r.text(), createdBy: r.text() };
  // Rows made before the version was kept are of the first.
  return { ...identity, rules: r.remaining > 0 ? r.u32() : 1 };
}

/** @throws StoreError STORE_FORMAT_NEWER, STORE_FOREIGN_NETWORK */
export function checkIdentity(identity: Identity, network: string): Identity {
  checkFormatAndNetwork(identity.format, identity.network, network, 'the store');
  return identity;
}

/** Verdicts of two versions of the rules must not mix: figures would be of neither. */
function checkRules(identity: Identity): Identity {
  const { rules } = identity;
  if (rules === RULES_VERSION) return identity;
  throw new StoreError(
    'STORE_RULES_OTHER',
    `the store was judged by version ${rules} of the token rules, this btcfed has version ${RULES_VERSION}: run \`btcfed verify --rebuild\` to judge it anew`,
    { rules, supported: RULES_VERSION },
  );
}

function checkMarker(marker: Marker, network: string, path: string): void {
  checkFormatAndNetwork(marker.format, marker.network, network, path);
}

function checkFormatAndNetwork(format: number, found: string, wanted: string, where: string): void {
  if (format > STORE_FORMAT) {
    throw new StoreError(
      'STORE_FORMAT_NEWER',
      `${where} has format ${format}, this btcfed knows formats up to ${STORE_FORMAT}: run the newer version that wrote it`,
      { format, supported: STORE_FORMAT },
    );
  }
  if (found !== wanted) {
    throw new StoreError(
      'STORE_FOREIGN_NETWORK',
      `${where} holds the ${found} network, but chain.network is ${wanted}: change it back, or set another store.path`,
      { found, wanted },
    );
  }
}

/** True for no folder, an empty one, or what a first start leaves that was cut short before LevelDB had any data. */
function isEmptyFolder(folder: string): boolean {
  if (!existsSync(folder)) return true;
  return readdirSync(folder).every(
    (name) =>
      !name.endsWith('.ldb') &&
      name !== 'CURRENT' &&
      (!name.endsWith('.log') || statSync(join(folder, name)).size === 0),
  );
}

function readFailed(key: Uint8Array, error: unknown): StoreError {
  const text = textOf(error);
  return new StoreError(
    'STORE_READ_FAILED',
    `the store could not be read: ${text}`,
    { key: Buffer.from(key).toString('hex') },
    error,
  );
}

function writeFailed(error: unknown, cure?: string): StoreError {
  const message = `the store could not be written: ${textOf(error)}${cure === undefined ? '' : `; ${cure}`}`;
  return new StoreError('STORE_WRITE_FAILED', message, {}, error);
}

function causeCode(error: unknown): string {
  for (let e = error; e instanceof Error; e = e.cause) {
    const code = (e as { code?: unknown }).code;
    if (typeof code === 'string' && code !== 'LEVEL_DATABASE_NOT_OPEN') return code;
  }
  return 'UNKNOWN';
}

function textOf(error: unknown): string {
  let text = error instanceof Error ? error.message : String(error);
  if (error instanceof Error && error.cause instanceof Error) text = error.cause.message;
  return text;
}
