import type { Params, Result } from '../../api/methods/index.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT, usage } from '../errors.ts';
import { clean, table } from '../format.ts';
import { printPages } from '../pages.ts';

type Page = Result<'node.peers'>;
type Peer = Page['items'][number];
type Which = NonNullable<Params<'node.peers'>['which']>;

const DETAILS = ['0', '1', '2'] as const;
const SELECTIONS = ['connected', 'all', 'banned', 'operator'] as const satisfies readonly Which[];
const MAX_AGENT_CHARS = 40;
const MAX_CODE_CHARS = 30;

function countsText({ counts: n }: Page): string {
  const connected = `${n.connected} connected (${n.inbound} in, ${n.outbound} out)`;
  return `${connected}, ${n.connecting} connecting, ${n.failed} failed, ${n.idle} idle, ${n.banned} banned`;
}

function milliseconds(seconds: number | undefined): string {
  return seconds === undefined ? '-' : `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms`;
}

/** With the reason, where there is one. */
function stateText({ state, banned, bar, lastError }: Peer): string {
  if (banned) return 'banned';
  if (bar !== undefined && state !== 'connected') return bar === 'blocked' ? 'blocked' : 'not listed';
  return lastError === undefined ? state : `${state} (${clean(lastError, MAX_CODE_CHARS)})`;
}

/** State, direction, latency, last seen, source and agent. */
export function peerRow(peer: Peer): string[] {
  return [
    peer.peerId,
    stateText(peer),
    peer.direction === undefined ? '-' : peer.direction === 'inbound' ? 'in' : 'out',
    milliseconds(peer.latency),
    peer.lastSeen ?? '-',
    peer.source ?? '-',
    peer.agent === undefined ? '-' : clean(peer.agent, MAX_AGENT_CHARS),
  ];
}

/** Everything of a peer, a line a fact. */
function peerBlock(peer: Peer): string {
  const { peerId, ...facts } = peer;
  const rows = Object.entries(facts).map(([name, value]) => {
    const text = Array.isArray(value) ? value.map((item) => clean(item, 256)).join(', ') : String(value);
    return [`  ${name}`, name === 'latency' ? milliseconds(peer.latency) : clean(text, 1_000)];
  });
  return [peerId, table(rows)].join('\n');
}

function whichOf(context: Context): Which {
  const asked = SELECTIONS.filter((name) => context.flag(name));
  if (asked.length > 1) throw usage(`only one of --${asked.join(', --')}`);
  return asked[0] ?? 'active';
}

async function runPeers(context: Context): Promise<number> {
  const which = whichOf(context);
  const detail = Number(context.text('detail') ?? 1);
  return context.with(context.daemon(), async (caller) => {
    if (detail === 0) {
      const page = await caller.call('node.peers', { which, detail });
      context.out.data(page, () => countsText(page));
      return EXIT.ok;
    }
    return printPages(context, (page) => caller.call('node.peers', { which, detail, ...page }), {
      row: (peer) => (detail > 1 ? [peerBlock(peer)] : peerRow(peer)),
      right: detail > 1 ? [] : [3],
      none: which === 'active' ? 'no peer is connected or being dialled' : 'no such peer',
      remarks: (page) => [countsText(page)],
    });
  });
}

async function runMetrics(context: Context): Promise<number> {
  const answer = await context.with(context.daemon(), (caller) => caller.call('node.metrics', {}));
  context.out.data(answer, () => answer.text);
  return EXIT.ok;
}

export const networkCommands: readonly Command[] = [
  {
    name: 'peers',
    summary: 'Peers with state, direction, latency, last seen, source and agent.',
    doc: [
      'Without a selection these are all that are connected, being dialled or failed. The agent is what a peer says of itself.',
    ],
    args: [],
    options: {
      connected: { type: 'flag', doc: 'Only connected peers.' },
      operator: { type: 'flag', doc: "Only the operator's own of peers.yaml." },
      banned: { type: 'flag', doc: 'Only banned ones.' },
      all: { type: 'flag', doc: 'The whole address book, all pages; with --json one object a page.' },
      detail: {
        type: 'text',
        value: 'LEVEL',
        choices: DETAILS,
        doc: '0 counts alone, 1 a line a peer (default), 2 all that is known of each.',
      },
      limit: { type: 'int', value: 'N', min: 1, max: 1000, doc: 'Peers at most (1 to 1000; default 100).' },
      cursor: { type: 'text', value: 'CURSOR', doc: 'Go on where a list was cut.' },
    },
    examples: [
      ['peers', 'who is there'],
      ['peers --operator --detail 2', 'why one of peers.yaml is not'],
      ['peers --all --json', 'the address book, a page a line'],
    ],
    run: runPeers,
  },
  {
    name: 'metrics',
    summary: 'All metrics in the text form of Prometheus.',
    doc: [
      'Names, types and labels are documented in src/observe/METRICS.md. For the text file collector of a node exporter run it from a timer.',
    ],
    args: [],
    options: {},
    examples: [
      ['metrics', 'once'],
      ['metrics | grep ^btcfed_peers', 'peers by state and direction'],
    ],
    run: runMetrics,
  },
];
