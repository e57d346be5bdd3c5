import { stat } from 'node:fs/promises';
import { type LoadedConfig, loadConfig } from '../../config/index.ts';

/** A file younger than this may still be on its way to the disk: an editor without a rename writes it in pieces. */
const QUIET_MS = 50;
/** A file that somebody writes all the time is taken as it is in the end; it is refused if it changes while it is read. */
const MAX_LOOKS = 10;

export interface SettledModules {
  readonly nowMs: () => number;
  readonly after: (ms: number, run: () => void) => void;
}

/**
 * Loads conf.yaml for a reload or a check, once nobody has written it for a moment; writes nothing.
 * @throws ConfigError
 */
export async function loadSettled(
  opts: { readonly file: string; readonly home: string },
  modules: SettledModules,
): Promise<LoadedConfig> {
  for (let looks = 0; looks < MAX_LOOKS; looks += 1) {
    const ageMs = modules.nowMs() - (await writtenMs(opts.file));
    // Stamped in the future: the clock was set back, and nothing can be told from it.
    if (!(ageMs >= 0 && ageMs < QUIET_MS)) break;
    await new Promise<void>((resolve) => modules.after(QUIET_MS - ageMs, resolve));
  }
  return loadConfig({ ...opts, create: false });
}

/** NaN if there is no such file: the loader says that better. */
async function writtenMs(file: string): Promise<number> {
  try {
    return (await stat(file)).mtimeMs;
  } catch {
    return Number.NaN;
  }
}
