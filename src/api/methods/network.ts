import { z } from 'zod';
import { Cursors } from '../cursor.ts';
import { ApiError } from '../errors.ts';
import { DEFAULT_PAGE } from '../limits.ts';
import { method } from '../method.ts';
import type { ApiModules, NetworkApi, PeerState, PeerView } from '../modules.ts';
import { isoMs } from '../present.ts';
import * as shapes from '../shapes.ts';
import { PEER_ID } from './examples.ts';

const STATES = [
  'idle',
  'connecting',
  'connected',
  'disconnecting',
  'failed',
] as const satisfies readonly PeerState[];
const WHICH = ['active', 'connected', 'all', 'banned', 'operator'] as const;
type Which = (typeof WHICH)[number];

/** Detail 0: counts alone; 1: what fits on a line; 2: everything. */
const MAX_DETAIL = 2;
const DEFAULT_DETAIL = 1;

/** One screen; `node.peers` has all. */
const MAX_STATUS_PEERS = 20;

const seconds = z.number().min(0).describe('seconds');

const peer = z.object({
  peerId: z.string(),
  state: z.enum(STATES),
  direction: z.enum(['inbound', 'outbound']).optional().describe('of its oldest connection'),
  latency: seconds.optional().describe('seconds, of the last ping'),
  lastSeen: shapes.isoTime.optional(),
  agent: z.string().optional().describe('what the peer says it runs'),
  source: z.enum(['operator', 'exchange', 'dht', 'inbound']).optional(),
  proved: z.boolean().describe('true once a handshake with it was completed'),
  banned: z.boolean(),
  bar: z
    .enum(['blocked', 'not_listed'])
    .optional()
    .describe('why the lists of conf.yaml keep it out: peers.block, or peers.allow_only_listed'),
  publicKey: z.string().optional().describe('base64, as in peers.yaml'),
  addresses: z.array(z.string()).optional(),
  remoteAddress: z.string().optional(),
  connections: shapes.count.optional(),
  protocols: z.array(z.string()).optional(),
  connectedSince: shapes.isoTime.optional(),
  failures: shapes.count.optional().describe('failed dials, one after the other'),
  lastError: z
    .string()
    .optional()
    .describe('code of the last failed dial; short lists have it of peers that are not connected'),
  nextDial: shapes.isoTime.optional(),
  breaker: z.enum(['closed', 'open', 'half_open']).optional(),
  penalty: z.number().min(0).optional(),
  bannedUntil: shapes.isoTime.optional(),
  banReason: z.string().optional(),
});

const SELECT: Record<Which, (peer: PeerView) => boolean> = {
  active: ({ state }) => state !== 'idle',
  connected: ({ state }) => state === 'connected',
  all: () => true,
  banned: ({ bannedUntilMs }) => bannedUntilMs !== undefined,
  operator: ({ source }) => source === 'operator',
};

/** @throws ApiError NETWORK_OFF */
function networkOf({ p2p }: Pick<ApiModules, 'p2p'>): NetworkApi {
  if (p2p === undefined) throw new ApiError('NETWORK_OFF');
  return p2p;
}

/** Absent values are absent fields. */
function defined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

function isoOrNone(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : isoMs(ms);
}

function shownPeer(of: PeerView, detail: number): z.input<typeof peer> {
  const line = {
    peerId: of.peerId,
    state: of.state,
    direction: of.direction,
    latency: of.latencyMs === undefined ? undefined : of.latencyMs / 1000,
    lastSeen: isoOrNone(of.lastSeenMs),
    agent: of.agent,
    source: of.source,
    proved: of.proved,
    banned: of.bannedUntilMs !== undefined,
    bar: of.bar,
    // Why it is not there, if it is not.
    lastError: of.state === 'connected' ? undefined : of.lastErrorCode,
    nextDial: of.state === 'connected' ? undefined : isoOrNone(of.nextDialMs),
  };
  if (detail < MAX_DETAIL) return defined(line);
  return defined({
    ...line,
    publicKey: of.publicKey,
    addresses: [...of.addresses],
    remoteAddress: of.remoteAddress,
    connections: of.connections,
    protocols: of.protocols === undefined ? undefined : [...of.protocols],
    connectedSince: isoOrNone(of.sinceMs),
    failures: of.failures,
    lastError: of.lastErrorCode,
    nextDial: isoOrNone(of.nextDialMs),
    breaker: of.breaker,
    penalty: of.penalty,
    bannedUntil: isoOrNone(of.bannedUntilMs),
    banReason: of.banCode,
  });
}

/** In order of PeerId, so that a page begins where the one before ended, whoever came or went in between. */
function pageOfPeers(peers: readonly PeerView[], after: string, limit: number) {
  const rest = peers.filter(({ peerId }) => peerId > after).sort((a, b) => (a.peerId < b.peerId ? -1 : 1));
  const items = rest.slice(0, limit);
  return { items, last: rest.length > limit ? items.at(-1)?.peerId : undefined };
}

export const networkMethods = {
  'node.peers': method({
    doc: 'Peers by state, and a page of them in order of their ids.',
    params: z.strictObject({
      which: z
        .enum(WHICH)
        .optional()
        .describe('active (default): in any state but idle; all: the whole address book too'),
      detail: z
        .number()
        .int()
        .min(0)
        .max(MAX_DETAIL)
        .optional()
        .describe('0 counts alone, 1 (default) short, 2 everything'),
      limit: shapes.limit,
      cursor: shapes.cursor,
    }),
    result: z.object({
      counts: z.object({
        inbound: shapes.count,
        outbound: shapes.count,
        ...Object.fromEntries(STATES.map((state) => [state, shapes.count])),
        banned: shapes.count,
      } as Record<'inbound' | 'outbound' | 'banned' | PeerState, typeof shapes.count>),
      total: shapes.count.describe('peers of this selection, on all pages'),
      items: z.array(peer),
      cursor: shapes.nextCursor,
    }),
    errors: ['NETWORK_OFF', 'CURSOR_INVALID'],
    changes: false,
    example: {
      params: { which: 'connected', detail: 1, limit: 1 },
      result: {
        counts: {
          inbound: 4,
          outbound: 8,
          idle: 50,
          connecting: 1,
          connected: 12,
          disconnecting: 0,
          failed: 2,
          banned: 0,
        },
        total: 12,
        items: [
          {
            peerId: PEER_ID,
            state: 'connected',
            direction: 'outbound',
            latency: 0.018,
            lastSeen: '2025-07-01T12:58:11.000Z',
            agent: 'btc-federation/0.1.0',
            source: 'operator',
            proved: true,
            banned: false,
          },
        ],
        cursor: `${PEER_ID}.c2VhbA`,
      },
    },
    check: (modules) => void networkOf(modules),
    run: (modules, params) => {
      const { which = 'active', detail = DEFAULT_DETAIL, limit = DEFAULT_PAGE } = params;
      const network = networkOf(modules);
      const all = network.peers();
      const selected = all.filter(SELECT[which]);
      const cursors = new Cursors(modules.view, ['peers', network.facts().peerId, which]);
      const after = params.cursor === undefined ? '' : cursors.take(params.cursor);
      const page = detail === 0 ? { items: [], last: undefined } : pageOfPeers(selected, after, limit);
      return {
        counts: countsOf(all),
        total: selected.length,
        items: page.items.map((item) => shownPeer(item, detail)),
        ...(page.last === undefined ? {} : { cursor: cursors.give(page.last) }),
      };
    },
  }),
};

function countsOf(peers: readonly PeerView[]) {
  const counts = {
    inbound: 0,
    outbound: 0,
    idle: 0,
    connecting: 0,
    connected: 0,
    disconnecting: 0,
    failed: 0,
    banned: 0,
  };
  for (const { state, direction, bannedUntilMs } of peers) {
    counts[state] += 1;
    if (state === 'connected' && direction !== undefined) counts[direction] += 1;
    if (bannedUntilMs !== undefined) counts.banned += 1;
  }
  return counts;
}

/** Of `node.status`. */
export const networkShape = z.object({
  peerId: z.string(),
  publicKey: z.string().describe('base64, for the peers.yaml of others'),
  listening: z.array(z.string()).describe('really bound'),
  announced: z.array(z.string()).describe('what others are told to dial'),
  inbound: shapes.count,
  outbound: shapes.count,
  dialling: shapes.count,
  maxPeers: shapes.count,
  known: shapes.count.describe('entries of the address book'),
  proved: shapes.count,
  operator: shapes.count,
  banned: shapes.count,
  peers: z.array(peer).describe(`who is connected, the operator's own first; ${MAX_STATUS_PEERS} at most`),
});

export function shownNetwork(network: NetworkApi): z.input<typeof networkShape> {
  const facts = network.facts();
  const connected = network.peers().filter(SELECT.connected);
  const isOther = (of: PeerView): number => Number(!SELECT.operator(of));
  const peers = connected.sort((a, b) => isOther(a) - isOther(b) || (a.peerId < b.peerId ? -1 : 1));
  return {
    ...facts,
    listening: [...facts.listening],
    announced: [...facts.announced],
    peers: peers.slice(0, MAX_STATUS_PEERS).map((of) => shownPeer(of, 1)),
  };
}
