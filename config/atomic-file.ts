import { basename, dirname, join } from 'node:path';
import type { ConfigDisk, FileOwner } from './disk.ts';

const TOKEN_BYTES = 6;

/**
 * Puts `bytes` in the place of a file so that at any instant the old or the new content is there, whole: temp
 * file in the same folder, fsync, rename, fsync of the folder. Removes what a killed writer left behind.
 * @throws the disk's error; then the old content still stands (or, if only the last step failed, the new)
 */
export async function replaceFile(
  target: { readonly path: string; readonly bytes: Uint8Array; readonly owner: FileOwner | undefined },
  modules: { readonly disk: ConfigDisk; readonly randomBytes: (count: number) => Uint8Array },
): Promise<void> {
  const { disk } = modules;
  const folder = dirname(target.path);
  const prefix = `.${basename(target.path)}.`;
  for (const name of await disk.list(folder)) {
    if (name.startsWith(prefix) && name.endsWith('.tmp')) await removeIfThere(disk, join(folder, name));
  }
  const token = Buffer.from(modules.randomBytes(TOKEN_BYTES)).toString('hex');
  const temp = join(folder, `${prefix}${token}.tmp`);
  try {
    await disk.create(temp, target.bytes, target.owner);
    await disk.rename(temp, target.path);
  } catch (error) {
    await removeIfThere(disk, temp);
    throw error;
  }
  await disk.syncFolder(folder);
}

/** Best effort: a leftover is mode 0600 and goes with the next write. */
async function removeIfThere(disk: ConfigDisk, path: string): Promise<void> {
  try {
    await disk.remove(path);
  } catch {
    // Not there, or not ours to remove.
  }
}
