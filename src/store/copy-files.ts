import { constants } from 'node:fs';
import { copyFile, link, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** LevelDB never changes a table once it is written. */
const TABLE = /\.(ldb|sst)$/;
const LOG = /^\d+\.log$/;
const MANIFEST = /^(CURRENT|MANIFEST-\d+)$/;

/**
 * Copies the files of a LevelDB that is open, while nobody writes to it: tables are linked where the file system can. Compaction goes on
 * meanwhile, and removes a log or a table only behind the manifest that does without it. So the manifest is copied behind what
 * it may need, and what it may name that is newer behind it. A table that came and went in between is missing then, and
 * the copy does not open: try again.
 */
export async function copyFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  await each(from, LOG, (name) => copy(join(from, name), join(to, name)));
  await each(from, TABLE, (name) => linkOrCopy(join(from, name), join(to, name)));
  await each(from, MANIFEST, (name) => copy(join(from, name), join(to, name)));
  await each(from, TABLE, (name) => linkOrCopy(join(from, name), join(to, name)));
}

async function each(folder: string, kind: RegExp, work: (name: string) => Promise<void>): Promise<void> {
  for (const name of await readdir(folder)) {
    if (kind.test(name)) await work(name).catch(unlessGone);
  }
}

function copy(from: string, to: string): Promise<void> {
  return copyFile(from, to, constants.COPYFILE_FICLONE);
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code === 'ENOENT') throw error;
    await copy(from, to);
  }
}

function unlessGone(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
