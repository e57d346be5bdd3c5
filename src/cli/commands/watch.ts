import type { Caller } from '../../api/client.ts';
import { MAX_PAGE } from '../../api/limits.ts';
import type { Result } from '../../api/methods/index.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT } from '../errors.ts';
import { clean, formatUnits } from '../format.ts';

type ShownEvent = Result<'events.since'>['items'][number];

const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 10_000;

interface Watching {
  /** Sequence of the last event printed, or asked for; undefined: from now on. */
  after: string | undefined;
  printed: number;
  readonly decimals: Map<string, { decimals: number | undefined; symbol: string }>;
}

function eventText(event: ShownEvent, watching: Watching): string {
  const of = watching.decimals.get(event.token);
  const place = event.height === undefined ? 'unmined' : `${event.height}:${event.index}`;
  const amount = `${formatUnits(event.amount, of?.decimals)}${of?.symbol ?? ''}`;
  return [event.sequence, event.type, event.op, amount, event.address, event.outpoint, place].join('  ');
}

/** Checks the ids at once, and learns how amounts are shown. */
async function learn(caller: Caller, tokens: readonly string[], watching: Watching): Promise<void> {
  const infos =
    tokens.length === 0
      ? (await caller.call('token.list', { limit: MAX_PAGE })).items
      : await Promise.all(tokens.map((token) => caller.call('token.get', { token })));
  for (const info of infos) {
    const symbol = info.symbol === undefined ? '' : ` ${clean(info.symbol, 20)}`;
    watching.decimals.set(info.token, { decimals: info.decimals, symbol });
  }
}

/** Prints events until the connection ends, Ctrl-C, or the count is reached. True if that was all. */
async function follow(context: Context, caller: Caller, watching: Watching): Promise<boolean> {
  const { io, out, args: tokens } = context;
  const most = context.number('count') ?? Number.POSITIVE_INFINITY;
  const finished = Promise.withResolvers<void>();
  let failure: CliError | undefined;
  caller.onNotification((method, params) => {
    if (watching.printed >= most) return;
    if (method === 'event.end') {
      failure = new CliError(
        'NOT_READY',
        `the daemon ended the subscription: ${JSON.stringify(params['error'])}`,
      );
      finished.resolve();
    }
    if (method !== 'event') return;
    const event = params as unknown as ShownEvent;
    out.data(event, () => eventText(event, watching));
    watching.after = event.sequence;
    watching.printed += 1;
    if (watching.printed >= most) finished.resolve();
  });
  await learn(caller, tokens, watching);
  const answer = await caller.call('events.subscribe', {
    ...(watching.after === undefined ? {} : { after: watching.after }),
    ...(tokens.length === 0 ? {} : { tokens: [...tokens] }),
  });
  watching.after ??= answer.after;
  const stopped = new Promise<void>((resolve) => {
    if (io.signal.aborted) resolve();
    io.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([finished.promise, stopped, caller.closed]);
  if (failure !== undefined) throw failure;
  return watching.printed >= most || io.signal.aborted;
}

function isLost(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return code === 'UNREACHABLE' || code === 'CONNECTION_LOST' || code === 'TOO_MANY_CONNECTIONS';
}

async function runWatch(context: Context): Promise<number> {
  const { io, out } = context;
  const watching: Watching = { after: context.text('after'), printed: 0, decimals: new Map() };
  let retryMs = FIRST_RETRY_MS;
  let connectedOnce = false;
  while (!io.signal.aborted) {
    try {
      const done = await context.with(context.daemon(), (caller) => {
        connectedOnce = true;
        retryMs = FIRST_RETRY_MS;
        return follow(context, caller, watching);
      });
      if (done) return EXIT.ok;
      out.note(`connection lost after event ${watching.after ?? '-'}; connecting again`);
    } catch (error) {
      // The first connection must work; a lost one is found again, and nothing is missed in between.
      if (!connectedOnce || !isLost(error)) throw error;
    }
    await io.sleep(retryMs);
    retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
  }
  return EXIT.ok;
}

export const watchCommands: readonly Command[] = [
  {
    name: 'watch',
    summary: 'Events as they happen, one a line; resumes without a gap when the daemon comes back.',
    args: [{ name: 'ID', doc: 'Only events of these tokens.', optional: true, many: true }],
    options: {
      after: {
        type: 'text',
        value: 'SEQUENCE',
        doc: 'Begin behind this event (0: from the first); default: from now on.',
      },
      count: { type: 'int', value: 'N', min: 1, doc: 'End after so many events.' },
    },
    examples: [
      ['watch ID', 'what happens to one token'],
      ['watch --after 0 --json', 'all events from the first, as JSON lines'],
    ],
    run: runWatch,
  },
];
