import type { ConfigProblem } from '../../../config/errors.ts';
import { successLines } from '../../api/reload-outcome.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../errors.ts';
import { clean } from '../format.ts';

/** A line of a verdict may hold a list of token ids. */
const MAX_LINE_CHARS = 2_000;

/** A refusal is an error of the call; which exit code it means stands in main.ts. */
async function runReload(context: Context): Promise<number> {
  const answer = await context.with(context.daemon(), (caller) => caller.call('node.reload', {}));
  const { verdict, ms, changes } = answer;
  const warnings = answer.warnings as ConfigProblem[];
  context.out.data(answer, () => {
    const lines = successLines({
      verdict,
      ms,
      warnings,
      changes: changes.map(({ key, old, new: next }) => ({
        key,
        old: old as Changed['old'],
        new: next as Changed['new'],
      })),
    });
    return lines.map((line) => clean(line, MAX_LINE_CHARS)).join('\n  ');
  });
  return EXIT.ok;
}

type Changed = Parameters<typeof successLines>[0]['changes'][number];

export const reloadCommands: readonly Command[] = [
  {
    name: 'reload',
    summary: 'Take the edited conf.yaml into use without a restart, and print the verdict.',
    doc: [
      'The same as SIGHUP, but it waits and says what came of it. The file is taken whole or not at all: keys that need a restart, an error in the file, or a part of the daemon that cannot do what it says refuse all of it, and the running configuration stays. Connections stay up.',
    ],
    args: [],
    options: {},
    examples: [
      ['reload', 'after an edit'],
      ['reload --json', 'for a script: verdict, changed keys, warnings'],
    ],
    exits: [
      [0, 'taken into use, or nothing changed'],
      [
        1,
        'refused: the file is wrong or missing, a key needs a restart, or a part of the daemon cannot do it; all is as before',
      ],
      [2, 'daemon unreachable'],
      [3, 'usage'],
    ],
    run: runReload,
  },
];
