import { basename, dirname, join } from 'node:path';
import type { ConfigDisk, FileOwner } from './disk.ts';
import { identityText, type ProcessTable, parseIdentity, processTable } from './process-id.ts';

const TOKEN_BYTES = 6;

export interface AtomicFileModules {
  readonly disk: ConfigDisk;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly processes?: ProcessTable;
}

/**
 * Puts `bytes` in the place of a file so that at any instant the old or the new content is there, whole: temp
 * file in the same folder, fsync, rename, fsync of the folder. Removes what a killed writer left behind.
 * @throws the disk's error; then the old content still stands (or, if only the last step failed, the new)
 */
export async function replaceFile(
  target: { readonly path: string; readonly bytes: Uint8Array; readonly owner: FileOwner | undefined },
  modules: AtomicFileModules,
): Promise<void> {
  const { disk, processes = processTable } = modules;
  const folder = dirname(target.path);
  await removeLeftovers(target.path, modules);
  const token = Buffer.from(modules.randomBytes(TOKEN_BYTES)).toString('hex');
  const name = `.${basename(target.path)}.${identityText(processes.self)}.${token}.tmp`;
  const temp = join(folder, name);
  try {
    await disk.create(temp, target.bytes, target.owner);
    await disk.rename(temp, target.path);
  } catch (error) {
    await removeIfThere(disk, temp);
    throw error;
  }
  await disk.syncFolder(folder);
}

/**
 * Removes the temp files of writers of a file, and of its lock, that are no longer alive: the name of a temp
 * file says whose it is. One of a living process is left to it.
 * @throws the disk's error if the folder cannot be listed
 */
export async function removeLeftovers(path: string, modules: AtomicFileModules): Promise<void> {
  const { disk, processes = processTable } = modules;
  const folder = dirname(path);
  for (const name of await disk.list(folder)) {
    if (!name.startsWith(`.${basename(path)}.`) || !name.endsWith('.tmp')) continue;
    // `.FILE.tmp` with the writer and a token before the end; older versions had the token alone.
    const fields = name.slice(basename(path).length + 2, -'.tmp'.length).split('.');
    const writer = parseIdentity(fields.at(-2) ?? '');
    const isLeft = writer === undefined ? fields.length === 1 : processes.liveness(writer) === 'dead';
    if (isLeft) await removeIfThere(disk, join(folder, name));
  }
}

/** Best effort: a leftover is mode 0600 and goes with the next write. */
async function removeIfThere(disk: ConfigDisk, path: string): Promise<void> {
  try {
    await disk.remove(path);
  } catch {
    // Not there, or not ours to remove.
  }
}
