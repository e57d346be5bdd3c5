import { readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** More than compaction could come between in one test. */
const MAX_TRIES = 1000;

/**
 * Copies a store that is being written to, as a kill at one moment would leave it. LevelDB deletes tables as soon as its
 * MANIFEST no longer names them, so a copy that took a while may have an old MANIFEST and new tables, which no kill ever
 * leaves. Where the MANIFEST, the marker and the set of files are the same after the copy as before it, nothing but the end
 * of the log was written meanwhile, and the copy is the store at one of those moments; else it is made anew.
 */
export async function crashCopy(from: string, to: string): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const before = frame(from);
    if (before !== undefined && (await copied(from, to, before.names)) && frame(from)?.text === before.text)
      return;
    await rm(to, { recursive: true, force: true });
    await mkdir(to, { recursive: true });
  }
  throw new Error(`${from} never held still for a copy`);
}

/** False if a file went meanwhile. */
async function copied(from: string, to: string, names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    try {
      await mkdir(dirname(join(to, name)), { recursive: true });
      await cp(join(from, name), join(to, name));
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }
  return true;
}

/** All that says which files make up the store, read in one turn; undefined if one of them went just then. */
function frame(folder: string): { readonly names: readonly string[]; readonly text: string } | undefined {
  try {
    const names = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'LOCK' && !entry.name.startsWith('LOG'))
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
      .sort();
    const telling = names.filter((name) => /MANIFEST|CURRENT|store\.json/.test(name));
    const text = telling.map((name) => readFileSync(join(folder, name), 'latin1'));
    return { names, text: JSON.stringify([names, text]) };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
