import { ConfigError } from '../../../config/errors.ts';
import { ClientError } from '../../api/client.ts';
import type { Result } from '../../api/methods/index.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT, type ExitCode } from '../errors.ts';
import { clean, formatBytes, formatSeconds, table } from '../format.ts';
import { disagreeLines, syncText } from '../sync-text.ts';
import { peerRow } from './network.ts';

type Status = Result<'node.status'>;

const WATCH_MS = 2_000;
const WAIT_STEP_MS = 200;
const WAIT_DEFAULT_MS = 60_000;

function statusText({ out, io }: Context, s: Status): string {
  const verdict = s.degraded ? out.style('degraded', 'yellow') : out.style('healthy', 'green');
  const rejected = Object.values(s.ingest.rejected).reduce((sum, n) => sum + n, 0);
  const commit = s.commit === undefined ? '' : ` (${s.commit.slice(0, 12)})`;
  const lines = [
    `${out.style(`btcfed ${s.version}`, 'bold')}${commit}  ${s.state}, ${verdict}  ${s.network}  pid ${s.pid}  up ${formatSeconds(s.uptime)}`,
    table([
      ['home', s.home],
      ...reloadRows(s),
      ...networkRows(s),
      ['tip', `${s.tip.height}  ${s.tip.time ?? '-'}  ${s.tip.hash}`],
      ...(s.tip.lag === undefined || s.tip.lag === 0 ? [] : [['', `${s.tip.lag} blocks behind its source`]]),
      [
        'store',
        `${s.store.transactions} transactions, ${s.store.outputs} outputs, ${s.store.pending} pending, ${s.store.conflicts} conflicts`,
      ],
      ['', `sequence ${s.store.sequence}, commit ${s.store.commit}`],
      [
        'intake',
        `${s.ingest.queued} queued, ${s.ingest.inFlight} in work, ${s.ingest.admitted} admitted, ${rejected} rejected`,
      ],
      ['memory', formatBytes(s.memory)],
      ['tokens', `${s.tokensFollowed} followed`],
    ]),
  ];
  const { peers = [], inbound = 0, outbound = 0 } = s.p2p ?? {};
  if (peers.length > 0) lines.push(table(peers.map((peer) => peerRow(peer).map(indented))));
  const more = inbound + outbound - peers.length;
  if (peers.length > 0 && more > 0) lines.push(`  and ${more} more: \`btcfed peers\``);
  const tokens = s.tokens.map((t) => [
    `  ${t.token}`,
    clean(t.symbol ?? '-', 20),
    t.state,
    `${t.transactions} transactions`,
    `${t.coins} coins`,
    `${t.holders} holders`,
    t.undecided > 0 ? `${t.undecided} undecided` : '',
    t.sync === undefined ? '' : syncText(t.sync, io.stdout.isTty),
  ]);
  const rows = tokens.length === 0 ? [] : table(tokens).split('\n');
  rows.forEach((row, i) => {
    const { sync } = s.tokens[i]!;
    lines.push(row, ...(sync === undefined ? [] : disagreeLines(sync)).map((line) => `    ${line}`));
  });
  for (const w of s.health) {
    const mark = w.severity === 'error' ? out.style(w.code, 'red') : out.style(w.code, 'yellow');
    lines.push(`${mark}  ${w.title}: ${w.text} (since ${w.since})`);
  }
  return lines.join('\n');
}

function indented(cell: string, column: number): string {
  return column === 0 ? `  ${cell}` : cell;
}

function networkRows({ p2p }: Status): string[][] {
  if (p2p === undefined) return [];
  const { inbound, outbound, dialling, maxPeers, known, proved, operator, banned } = p2p;
  const bans = banned > 0 ? `, ${banned} banned` : '';
  return [
    ['peer id', p2p.peerId],
    ['public key', p2p.publicKey],
    ['listens', p2p.listening.length === 0 ? 'nowhere' : p2p.listening.join('  ')],
    ...(p2p.announced.join() === p2p.listening.join() ? [] : [['announces', p2p.announced.join('  ')]]),
    [
      'peers',
      `${inbound + outbound} of at most ${maxPeers} (${inbound} in, ${outbound} out), ${dialling} being dialled`,
    ],
    ['', `${known} known, ${proved} proved, ${operator} of the operator${bans}`],
  ];
}

function reloadRows({ reload }: Status): string[][] {
  const last = reload?.last;
  if (reload === undefined || last === undefined) return [];
  const state = reload.state === 'idle' ? '' : `${reload.state.replace('_', ' ')}; `;
  const keys = last.keys.length === 0 ? '' : `  ${last.keys.join(', ')}`;
  const why = last.code === undefined ? '' : `  ${last.code}`;
  return [['reload', `${state}${last.verdict.replace('_', ' ')} ${last.time}${keys}${why}`]];
}

function exitOf(status: Status): ExitCode {
  return status.degraded || status.state !== 'running' ? EXIT.refused : EXIT.ok;
}

async function once(context: Context): Promise<Status> {
  return context.with(context.daemon(), (caller) => caller.call('node.status', {}));
}

async function runStatus(context: Context): Promise<number> {
  const { io, out } = context;
  let status = await once(context);
  const live = context.flag('watch');
  for (;;) {
    if (live && out.mode === 'human' && io.stdout.isTty) io.stdout.write('\u001b[H\u001b[2J');
    out.data(status, () => statusText(context, status));
    if (!live || io.signal.aborted) return exitOf(status);
    await io.sleep(WATCH_MS);
    if (io.signal.aborted) return exitOf(status);
    status = await once(context);
  }
}

/** Running, not running yet, or not there. */
async function tryStatus(context: Context): Promise<Status | CliError> {
  try {
    return await once(context);
  } catch (error) {
    if (error instanceof CliError && error.code === 'UNREACHABLE') return error;
    if (error instanceof ClientError) return new CliError('UNREACHABLE', error.message);
    throw error;
  }
}

/** What is still missing of what was asked for; undefined when it is all there. */
function missing(status: Status, context: Context): string | undefined {
  if (status.state !== 'running') return `still ${status.state}`;
  const peers = context.number('peers') ?? 0;
  const { inbound = 0, outbound = 0 } = status.p2p ?? {};
  if (inbound + outbound < peers) return `connected to ${inbound + outbound} of ${peers} peers`;
  if (!context.flag('synced')) return undefined;
  const { lag = 0 } = status.tip;
  if (lag > 0) return `${lag} blocks behind its header source`;
  const headers = status.health.find(({ code }) => code.startsWith('HEADER'));
  if (headers !== undefined) return `not synced: ${headers.text}`;
  const open = status.tokens.find((token) => token.sync !== undefined && token.sync.state !== 'synced');
  if (open?.sync !== undefined) return `not synced: ${open.token} is ${syncText(open.sync, false)}`;
  const { queued, inFlight } = status.ingest;
  return queued + inFlight > 0 ? `${queued + inFlight} transactions before the end of its queue` : undefined;
}

async function runWait(context: Context): Promise<number> {
  const { io, out } = context;
  const timeoutMs = context.number('timeout') ?? WAIT_DEFAULT_MS;
  const startMs = io.nowMs();
  for (;;) {
    const found = await tryStatus(context);
    const waited = (io.nowMs() - startMs) / 1000;
    const lacks = found instanceof CliError ? found.message : missing(found, context);
    if (!(found instanceof CliError) && lacks === undefined) {
      const { state, pid } = found;
      out.data({ state, pid, seconds: waited }, () => `running (pid ${pid}) after ${formatSeconds(waited)}`);
      return EXIT.ok;
    }
    if (waited * 1000 >= timeoutMs || io.signal.aborted) {
      if (found instanceof CliError) throw found;
      throw new CliError('NOT_READY', `the daemon is ${lacks} after ${formatSeconds(waited)}`);
    }
    await io.sleep(WAIT_STEP_MS);
  }
}

/** As a daemon: a configuration that is wrong is a start that failed, like any other. */
async function runRun({ io, home }: Context): Promise<number> {
  try {
    return await io.runDaemon(home);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new CliError('NOT_STARTED', error.message, { reason: error.code });
  }
}

export const daemonCommands: readonly Command[] = [
  {
    name: 'run',
    summary: 'Run the daemon in the foreground.',
    doc: [
      'The first SIGINT or SIGTERM stops it and saves all state; a second one forces the stop. A missing conf.yaml is written with defaults and a new key.',
      'SIGHUP takes conf.yaml as it is now, like `btcfed reload`. SIGUSR1 looks at once for what is looked at from time to time: peers that are away, their lists, headers, histories.',
    ],
    args: [],
    options: {},
    examples: [['run --home /var/lib/btcfed', 'with conf.yaml and data in this directory']],
    exits: [
      [0, 'asked to stop, state saved'],
      [1, 'did not start: configuration invalid, store not usable, or already running'],
      [2, 'stop forced by a second signal'],
      [3, 'stopped, but not cleanly'],
      [70, 'unexpected fault'],
    ],
    run: runRun,
  },
  {
    name: 'status',
    summary: 'State of the daemon on one screen.',
    args: [],
    options: { watch: { type: 'flag', doc: 'Again every 2 seconds, until Ctrl-C.' } },
    examples: [
      ['status', 'once'],
      ['status --watch', 'live'],
      ['status --flat | grep ^health', 'health warnings only'],
    ],
    exits: [
      [0, 'running and healthy'],
      [1, 'degraded, starting or stopping'],
      [2, 'daemon unreachable'],
      [3, 'usage'],
    ],
    run: runStatus,
  },
  {
    name: 'wait',
    summary: 'Wait until the daemon answers and runs.',
    args: [],
    options: {
      timeout: { type: 'duration', value: 'TIME', doc: 'Give up after this time (default 60s).' },
      synced: {
        type: 'flag',
        doc: 'Also until its headers are up to date, peers confirm every followed token, and nothing is queued.',
      },
      peers: { type: 'int', value: 'N', doc: 'Also until it is connected to so many peers.' },
    },
    examples: [
      ['wait --timeout 10s', 'in a script, after the start'],
      ['wait --synced --peers 1', 'until its figures are those of the network'],
    ],
    exits: [
      [0, 'it runs'],
      [1, 'it answers, but is not yet what was asked for'],
      [2, 'daemon unreachable'],
      [3, 'usage'],
    ],
    run: runWait,
  },
];
