import { resolve } from 'node:path';
import { formatProblem } from '../../../config/errors.ts';
import { loadConfig } from '../../../config/load.ts';
import { formatShown, showConfig, sourceText } from '../../../config/show.ts';
import { checkConfig } from '../../api/config-check.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../errors.ts';

function fileOf(context: Context): string {
  const given = context.args[0];
  return given === undefined ? context.configFile : resolve(context.io.cwd, given);
}

async function runCheck(context: Context): Promise<number> {
  const { out, home } = context;
  const { file, problems, warnings } = await checkConfig({ file: fileOf(context), home });
  const valid = problems.length === 0;
  out.data({ valid, file, problems, warnings }, () => {
    for (const problem of problems) out.note(formatProblem(problem));
    for (const warning of warnings) out.note(`warning: ${formatProblem(warning)}`);
    return valid
      ? `${file} is valid`
      : `${file} is invalid: ${problems.length} problem${problems.length === 1 ? '' : 's'}`;
  });
  return valid ? EXIT.ok : EXIT.config;
}

async function runShow(context: Context): Promise<number> {
  const { out, home, configFile: file } = context;
  const { config, sources, warnings } = await loadConfig({ file, home, create: false });
  const shown = showConfig(config, sources);
  const entries = shown.map((entry) => ({ ...entry, source: sourceText(entry.source) }));
  out.data({ file, entries }, () => {
    for (const warning of warnings) out.note(`warning: ${formatProblem(warning)}`);
    return formatShown(shown, { sources: context.flag('sources') });
  });
  return EXIT.ok;
}

export const configCommands: readonly Command[] = [
  {
    name: 'config check',
    summary: "Check a configuration file with the daemon's own parser; all problems at once.",
    args: [{ name: 'FILE', doc: 'Default: conf.yaml of the home directory.', optional: true, file: true }],
    options: {},
    examples: [['config check', 'before a restart or a reload']],
    exits: [
      [0, 'valid'],
      [3, 'usage'],
      [4, 'invalid, missing or unreadable'],
    ],
    run: runCheck,
  },
  {
    name: 'config show',
    summary: 'Values of the configuration file with all defaults; secrets are redacted.',
    args: [],
    options: {
      sources: { type: 'flag', doc: 'Where each value comes from, and whether a reload takes it.' },
    },
    examples: [['config show --sources', 'with file:line or default']],
    exits: [
      [0, 'ok'],
      [3, 'usage'],
      [4, 'the file is invalid, missing or unreadable'],
    ],
    run: runShow,
  },
];
