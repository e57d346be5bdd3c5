import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import type { DatabaseOptions } from './database.ts';
import { StoreError } from './errors.ts';
import { causeCode, textOf } from './level-errors.ts';
import { freeBytesOf, roomAdvice } from './room.ts';
import { STORE_FOLDER } from './swap.ts';

/** Reads of classic-level block the event loop for as long as LevelDB takes; writes run on the thread pool. */
export type Level = ClassicLevel<Buffer, Buffer>;

export function locked(folder: string, cause: unknown): StoreError {
  const message = `the store in ${folder} is in use: btcfed is already running on this home`;
  return new StoreError('STORE_LOCKED', message, { path: folder }, cause);
}

/** Bytes that opening may have to write: what the log holds, as tables. */
export function roomFor({ writeBufferBytes }: DatabaseOptions): number {
  return 2 * writeBufferBytes;
}

export function makeFolder(folder: string): void {
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

export async function openLevel(
  folder: string,
  options: DatabaseOptions,
  createIfMissing: boolean,
): Promise<Level> {
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

/** True for no folder, an empty one, or what a first start leaves that was cut short before LevelDB had any data. */
export function isEmptyFolder(folder: string): boolean {
  if (!existsSync(folder)) return true;
  return readdirSync(folder).every(
    (name) =>
      !name.endsWith('.ldb') &&
      name !== 'CURRENT' &&
      (!name.endsWith('.log') || statSync(join(folder, name)).size === 0),
  );
}

/**
 * Makes sure that nobody has the database open, whatever state it is in: LevelDB takes its lock before it looks at a
 * file, and then refuses since the database exists.
 * Not for a process that has it open itself: POSIX takes away its lock when the attempt closes the file.
 * @throws StoreError STORE_LOCKED; STORE_MISSING if there is no folder
 */
export async function assertFree(path: string): Promise<void> {
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
