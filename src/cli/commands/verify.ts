import type { Result } from '../../api/methods/index.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../errors.ts';
import { formatSeconds } from '../format.ts';
import { Progress } from '../progress.ts';

function text(report: Result<'store.verify'>): string {
  const lines = [
    `${report.rows} rows of ${report.transactions} transactions checked in ${formatSeconds(report.seconds)}`,
    `state ${report.stateDigest}`,
    ...(report.rebuilt ? ['derived rows were written anew'] : []),
    report.problemCount === 0 ? 'no problems' : `${report.problemCount} problems:`,
    ...report.problems.map((problem) => `  ${problem.code}  ${problem.what}`),
  ];
  const hidden = report.problemCount - report.problems.length;
  if (hidden > 0) lines.push(`  and ${hidden} more`);
  return lines.join('\n');
}

async function runVerify(context: Context): Promise<number> {
  const progress = new Progress(context.io);
  const repair = context.flag('rebuild');
  const params = repair ? { rebuild: true } : {};
  const report = await context.with(context.daemonOrLocal({ repair }), async (caller) => {
    caller.onNotification((method, { done, total }) => {
      if (method === 'progress') progress.update(Number(done), Number(total), `${String(done)} rows`);
    });
    try {
      return await caller.call('store.verify', params);
    } finally {
      progress.clear();
    }
  });
  context.out.data(report, () => text(report));
  return report.problemCount === 0 ? EXIT.ok : EXIT.refused;
}

export const verifyCommands: readonly Command[] = [
  {
    name: 'verify',
    summary: 'Check every row of the store against its transactions.',
    doc: [
      'Works through a running daemon or, when none runs, on the data directory. Nothing is changed without --rebuild.',
    ],
    args: [],
    options: { rebuild: { type: 'flag', doc: 'Write all derived rows anew from the stored transactions.' } },
    examples: [
      ['verify', 'check'],
      ['verify --rebuild', 'check and repair what can be derived'],
    ],
    exits: [
      [0, 'no problems'],
      [1, 'problems were found, or the check could not be made'],
      [2, 'the daemon cannot be reached although its socket is there'],
      [3, 'usage'],
      [4, 'the configuration of the data directory is invalid'],
    ],
    run: runVerify,
  },
];
