import type { Caller } from '../../api/client.ts';
import type { Result } from '../../api/methods/index.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT, usage } from '../errors.ts';
import { clean, formatBytes, formatSeconds } from '../format.ts';
import { Progress } from '../progress.ts';

type Answer = Result<'token.purge'>;

const YES = /^y(es)?$/i;

function nameOf({ token, symbol }: Answer): string {
  return symbol === undefined ? token : `${token} (${clean(symbol, 20)})`;
}

function question(found: Answer): string {
  const { transactions, coins } = found;
  return [
    `Deletes all data of token ${nameOf(found)}: ${transactions} transactions of its history, ${coins} coins, and what is kept`,
    'for them alone. What other tokens need stays. It can be synced or imported again. Go on? [y/N] ',
  ].join('\n');
}

function text(answer: Answer): string {
  const { dropped, kept, bytesBefore = 0, bytesAfter = 0, stateDigest, seconds } = answer;
  return [
    `purged ${nameOf(answer)} in ${formatSeconds(seconds)}`,
    `dropped ${dropped?.transactions ?? 0} transactions, and ${dropped?.waiting ?? 0} that waited; ${answer.coins} coins`,
    `kept ${kept?.transactions ?? 0} transactions, and ${kept?.waiting ?? 0} that wait; all rows checked`,
    `index ${formatBytes(bytesBefore)}, now ${formatBytes(bytesAfter)}`,
    `state ${stateDigest ?? ''}`,
  ].join('\n');
}

/** Throws unless the operator wants it. */
async function confirm({ io }: Context, found: Answer): Promise<void> {
  const answer = await io.ask(question(found));
  if (answer === undefined) throw usage('nobody can be asked without a terminal: give --yes to purge');
  if (!YES.test(answer.trim())) throw new CliError('NOT_CONFIRMED', 'not confirmed: nothing was changed');
}

async function purge(context: Context, caller: Caller): Promise<Answer> {
  const token = context.arg(0);
  const found = await caller.call('token.purge', { token, dryRun: true });
  if (!context.flag('yes')) await confirm(context, found);
  const progress = new Progress(context.io);
  caller.onNotification((method, { done, total }) => {
    if (method === 'progress') progress.update(Number(done), Number(total), `${String(done)} rows`);
  });
  try {
    return await caller.call('token.purge', { token });
  } finally {
    progress.clear();
  }
}

async function runPurge(context: Context): Promise<number> {
  const open = context.daemonOrLocal({ repair: true, create: false });
  const answer = await context.with(open, (caller) => purge(context, caller));
  context.out.data(answer, () => text(answer));
  return EXIT.ok;
}

export const purgeCommands: readonly Command[] = [
  {
    name: 'token purge',
    summary: 'Delete the data of a token that is not followed any more.',
    doc: [
      'Without a daemon, and only once the token is gone from tokens.follow in conf.yaml. Asks before it begins. Makes the store anew without the token, as `verify --rebuild` does, so it needs disk space for that; a kill at any moment leaves the old store or the new one. Events are numbered anew.',
      'Transactions of other tokens stay, with all that they need: what they spend, what spends the same, and what waits and may be of any token. Followed again, the token is synced or imported anew.',
    ],
    args: [{ name: 'ID', doc: 'Token id <txid>_<output index>.' }],
    options: { yes: { type: 'flag', doc: 'Do not ask.' } },
    examples: [
      ['token purge ID', 'say what will be deleted, ask, and do it'],
      ['token purge ID --yes', 'in scripts'],
    ],
    exits: [
      [0, 'purged'],
      [
        1,
        'refused: a daemon runs, the token is still followed, nothing of it is here, the store is damaged, or the answer was no',
      ],
      [2, 'the daemon cannot be reached although its socket is there'],
      [3, 'usage, or no --yes and no terminal to ask on'],
      [4, 'the configuration of the data directory is invalid'],
    ],
    run: runPurge,
  },
];
