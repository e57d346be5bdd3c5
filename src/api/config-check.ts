import { type ConfigChange, diffConfig } from '../../config/diff.ts';
import { ConfigError, type ConfigProblem } from '../../config/errors.ts';
import { loadConfig } from '../../config/load.ts';
import { parseConfig } from '../../config/parse.ts';
import type { Config } from '../../config/schema.ts';

/** All that is wrong with a configuration, and what is only worth a warning. */
export interface ConfigVerdict {
  readonly file: string;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
  /** Of a valid file: what a reload would change in the daemon that checks it. */
  readonly changes?: readonly ConfigChange[];
}

/** Runs the daemon's own loader without its effects: on this text, or on the file. Never throws on what it finds. */
export async function checkConfig(
  opts: { readonly file: string; readonly home: string; readonly running?: Config },
  text?: string,
): Promise<ConfigVerdict> {
  const { file, home, running } = opts;
  try {
    const { config, warnings } =
      text === undefined
        ? await loadConfig({ file, home, create: false })
        : parseConfig(text, { file, home });
    const changes = running === undefined ? {} : { changes: diffConfig(running, config) };
    return { file, problems: [], warnings, ...changes };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { file, problems: error.problems, warnings: [] };
  }
}
