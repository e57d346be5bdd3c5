import type { Result } from '../../api/methods/index.ts';
import { lostText } from '../../observe/lost-text.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT, usage } from '../errors.ts';
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
  if (report.lost !== undefined) lines.push(...lostLines(report.lost));
  return lines.join('\n');
}

function lostLines(lost: NonNullable<Result<'store.verify'>['lost']>): string[] {
  const hidden = lost.count - lost.txids.length;
  const more = lost.txids.length > 0 ? `  and ${hidden} more` : `  their names are lost too`;
  return [lostText(lost), ...lost.txids.map((txid) => `  ${txid}`), ...(hidden > 0 ? [more] : [])];
}

async function runVerify(context: Context): Promise<number> {
  const progress = new Progress(context.io);
  const repair = context.flag('rebuild');
  const acceptLoss = context.flag('accept-loss');
  if (acceptLoss && !repair) throw usage('--accept-loss goes with --rebuild');
  const params = { ...(repair ? { rebuild: true } : {}), ...(acceptLoss ? { acceptLoss: true } : {}) };
  const report = await context.with(context.daemonOrLocal({ repair, create: false }), async (caller) => {
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
  return report.problemCount === 0 && report.lost === undefined ? EXIT.ok : EXIT.refused;
}

export const verifyCommands: readonly Command[] = [
  {
    name: 'verify',
    summary: 'Check every row of the store against its transactions.',
    doc: [
      'Works through a running daemon or, when none runs, on the data directory. Nothing is changed without --rebuild.',
    ],
    args: [],
    options: {
      rebuild: { type: 'flag', doc: 'Write all derived rows anew from the stored transactions.' },
      'accept-loss': {
        type: 'flag',
        doc: 'With --rebuild: keep no note of what is lost; it is back, or not needed.',
      },
    },
    examples: [
      ['verify', 'check'],
      ['verify --rebuild', 'check and repair what can be derived'],
    ],
    exits: [
      [0, 'no problems'],
      [1, 'problems were found, transactions are lost, or the check could not be made'],
      [2, 'the daemon cannot be reached although its socket is there'],
      [3, 'usage'],
      [4, 'the configuration of the data directory is invalid'],
    ],
    run: runVerify,
  },
];
