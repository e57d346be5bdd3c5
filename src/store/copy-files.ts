import { constants } from 'node:fs';
import { copyFile, link, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { tablesOf } from './manifest.ts';

/** LevelDB never changes a table once it is written. */
const TABLE = /\.(ldb|sst)$/;
const LOG = /^\d+\.log$/;
const MANIFEST = /^(CURRENT|MANIFEST-\d+)$/;

/**
 * Copies the files of a LevelDB that is open, while nobody writes to it: tables are linked where the file system can. Compaction goes on
 * meanwhile, and removes a log or a table only behind the manifest that does without it. So the manifest is copied behind what
 * it may need, and what it may name that is newer behind it. A table that came and went in between is missing then, and
 * the copy does not open: try again.
 *
 * Tables that the copied manifest does not name do not stay: their numbers may be those that it gives out next. LevelDB would
 * write the copy's log, as a table, over a link to a table of the original: SIGBUS, and a store in ruins (seen).
 */
export async function copyFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  await each(from, LOG, (name) => copy(join(from, name), join(to, name)));
  await each(from, TABLE, (name) => linkOrCopy(join(from, name), join(to, name)));
  await each(from, MANIFEST, (name) => copy(join(from, name), join(to, name)));
  await each(from, TABLE, (name) => linkOrCopy(join(from, name), join(to, name)));
  const named = await namedIn(to);
  await each(to, TABLE, async (name) => {
    if (!named.has(Number.parseInt(name, 10))) await rm(join(to, name));
  });
}

/** Numbers of the tables that the manifest of a folder names. */
async function namedIn(folder: string): Promise<ReadonlySet<number>> {
  const current = (await readFile(join(folder, 'CURRENT'), 'latin1')).trim();
  const tables = tablesOf(await readFile(join(folder, current)));
  if (tables === undefined) throw new Error(`${current} cannot be read`);
  return tables;
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
