import { ConfigError, type ConfigProblem } from '../../config/errors.ts';
import { loadConfig } from '../../config/load.ts';
import { parseConfig } from '../../config/parse.ts';

/** All that is wrong with a configuration, and what is only worth a warning. */
export interface ConfigVerdict {
  readonly file: string;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

/** Runs the daemon's own loader without its effects: on this text, or on the file. Never throws on what it finds. */
export async function checkConfig(
  opts: { readonly file: string; readonly home: string },
  text?: string,
): Promise<ConfigVerdict> {
  const { file } = opts;
  try {
    const { warnings } =
      text === undefined ? await loadConfig({ ...opts, create: false }) : parseConfig(text, opts);
    return { file, problems: [], warnings };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { file, problems: error.problems, warnings: [] };
  }
}
