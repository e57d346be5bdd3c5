import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

const MAX_TRIES = 1000;
/** For LevelDB's own thread to come to an end of what it is at. */
const PAUSE_MS = 5;

/**
 * Copies a store that is being written to, as a kill at one moment would leave it. LevelDB deletes tables as soon as its
 * MANIFEST no longer names them, so a copy that took a while may have an old MANIFEST and new tables, which no kill ever
 * leaves. Where the MANIFEST, the marker and the set of files are the same after the copy as before it, nothing but the end
 * of the log was written meanwhile, and the copy is the store at one of those moments; else it is made anew. All in one turn
 * of the event loop: whoever writes from this process asks for nothing more meanwhile, so LevelDB comes to rest.
 */
export function crashCopy(from: string, to: string): void {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const before = frame(from);
    if (before !== undefined && copied(from, to, before.names) && frame(from)?.text === before.text) return;
    rmSync(to, { recursive: true, force: true });
    mkdirSync(to, { recursive: true });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
  }
  throw new Error(`${from} never held still for a copy`);
}

/** False if a file went meanwhile. */
function copied(from: string, to: string, names: readonly string[]): boolean {
  for (const name of names) {
    try {
      mkdirSync(dirname(join(to, name)), { recursive: true });
      copyFileSync(join(from, name), join(to, name));
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
