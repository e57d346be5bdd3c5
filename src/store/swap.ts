import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { StoreError } from './errors.ts';

/** Names in the folder of a store. */
export const STORE_FOLDER = {
  database: 'index',
  marker: 'store.json',
  /** A store being made anew: its own `index` and `store.json`. */
  building: 'rebuild',
  /** The same when it is whole: it takes the place of the old one at the next opportunity. */
  ready: 'rebuilt',
  /** The database that it replaced, one at most. */
  damaged: 'index.damaged',
  /** A copy that is being checked beside the daemon's writes. */
  copy: 'copy',
  /** In a store that is ready: nothing of what it replaces is to be kept. */
  forget: 'forget',
} as const;

/** The file operations of a swap, so that a test can stop it at each. */
export interface SwapDisk {
  readonly exists: (path: string) => boolean;
  readonly rename: (from: string, to: string) => void;
  readonly remove: (path: string) => void;
  readonly removeFolder: (path: string) => void;
  readonly sync: (folder: string) => void;
}

export const systemSwapDisk: SwapDisk = {
  exists: existsSync,
  rename: renameSync,
  remove: (path) => rmSync(path, { recursive: true, force: true }),
  removeFolder: rmdirSync,
  sync: (folder) => {
    const file = openSync(folder, 'r');
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  },
};

/** Names, sizes and times of a database's files: the same as long as nobody has opened it. */
export function folderState(folder: string): string {
  const names = readdirSync(folder).filter((name) => name !== 'LOCK' && !name.startsWith('LOG'));
  return names
    .map((name) => {
      const { size, mtimeMs } = statSync(join(folder, name));
      return `${name}:${size}:${mtimeMs}`;
    })
    .join('\n');
}

/** Removes a folder and all that is in it, if it is there. */
export function discard(folder: string): void {
  fileStep(folder, 'removed', () => systemSwapDisk.remove(folder));
}

/**
 * Says in one step that the store in `rebuild/` is whole: before this the old store counts, after it the new one. `keepOld`
 * false: the old database is removed then, and an older one that was kept, for it may hold what is to be gone.
 */
export function declareReady(
  path: string,
  { keepOld }: { readonly keepOld: boolean } = { keepOld: true },
  disk: SwapDisk = systemSwapDisk,
): void {
  const from = join(path, STORE_FOLDER.building);
  fileStep(from, 'declared whole', () => {
    if (!keepOld) {
      writeFileSync(join(from, STORE_FOLDER.forget), '');
      disk.sync(from);
    }
    disk.rename(from, join(path, STORE_FOLDER.ready));
    disk.sync(path);
  });
}

function fileStep(path: string, what: string, step: () => void): void {
  try {
    step();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreError('STORE_WRITE_FAILED', `${path} could not be ${what}: ${reason}`, { path }, error);
  }
}

/**
 * Puts a store that is whole in the place of the old one. Every step may be the last before a crash: called again, as at
 * each open, it goes on where it was. Does nothing where no store waits.
 */
export function finishSwap(path: string, disk: SwapDisk = systemSwapDisk): void {
  try {
    swap(path, disk);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreError(
      'STORE_UNOPENABLE',
      `the rebuilt store in ${join(path, STORE_FOLDER.ready)} could not be moved to its place: ${reason}`,
      { path },
      error,
    );
  }
}

function swap(path: string, disk: SwapDisk): void {
  const { database, marker, ready, damaged, forget } = STORE_FOLDER;
  const from = join(path, ready);
  if (!disk.exists(from)) return;
  if (disk.exists(join(from, database))) {
    if (disk.exists(join(path, database))) {
      disk.remove(join(path, damaged));
      disk.rename(join(path, database), join(path, damaged));
    }
    disk.rename(join(from, database), join(path, database));
    disk.sync(path);
  }
  if (disk.exists(join(from, marker))) {
    disk.rename(join(from, marker), join(path, marker));
    disk.sync(path);
  }
  if (disk.exists(join(from, forget))) {
    disk.remove(join(path, damaged));
    disk.remove(join(from, forget));
  }
  disk.removeFolder(from);
}
