import { z } from 'zod';
import { METRICS_TYPE } from '../../observe/metrics.ts';
import { method } from '../method.ts';
import type { ApiModules } from '../modules.ts';
import { isoMs, isoSeconds, shownSync, tokenHead } from '../present.ts';
import * as shapes from '../shapes.ts';
import { BLOCK, PEER_ID, PUBLIC_KEY, TOKEN } from './examples.ts';
import { networkShape, shownNetwork } from './network.ts';
import { reloadShape, shownReload } from './reload.ts';

/** Tokens named in one status answer; `token.list` has all. */
const MAX_STATUS_TOKENS = 100;

const warning = z.object({
  code: z.string(),
  severity: z.enum(['warning', 'error']),
  title: z.string(),
  text: z.string(),
  since: shapes.isoTime,
});

const tokenLine = z.object({
  ...shapes.tokenHead,
  transactions: shapes.count,
  undecided: shapes.count,
  coins: shapes.count,
  holders: shapes.count,
  sync: shapes.sync.optional(),
});

const result = z.object({
  state: z.enum(['starting', 'running', 'stopping']),
  degraded: z.boolean().describe('true if there is a health warning'),
  version: z.string(),
  commit: z.string().optional(),
  node: z.string().describe('version of Node.js'),
  pid: shapes.count,
  started: shapes.isoTime,
  uptime: z.number().describe('seconds'),
  home: z.string(),
  network: z.enum(['main', 'test', 'regtest']),
  configHash: z.string().optional(),
  reload: reloadShape.optional().describe('of the configuration'),
  p2p: networkShape.optional().describe('absent while no network runs'),
  tip: z.object({
    height: shapes.height,
    hash: z.string(),
    time: shapes.isoTime.optional(),
    lag: shapes.count.optional().describe('blocks that the best header source is ahead; absent without one'),
  }),
  store: z.object({
    transactions: shapes.count,
    outputs: shapes.count,
    pending: shapes.count,
    conflicts: shapes.count,
    commit: shapes.sequence,
    sequence: shapes.sequence,
    format: shapes.count,
    databaseId: z.string(),
    lost: shapes.count.optional().describe('transactions that damage took and that are not back'),
  }),
  ingest: z.object({
    queued: shapes.count,
    inFlight: shapes.count,
    admitted: shapes.count,
    rejected: z.record(z.string(), shapes.count).describe('by code, since the start'),
  }),
  tokens: z.array(tokenLine).describe('followed tokens'),
  tokensFollowed: shapes.count,
  memory: shapes.count.describe('bytes, resident'),
  health: z.array(warning),
});

function status(modules: ApiModules): z.input<typeof result> {
  const { node, chain, view, offers, health, network, clock, p2p, sync } = modules;
  const facts = node.facts();
  const lag = chain.lag?.();
  const tip = chain.tip();
  const tipHeader = chain.header(tip.height);
  const { lost, ...store } = view.facts();
  const ingest = offers.facts();
  const warnings = health.warnings();
  const followed = view.tokens().filter((token) => token.state === 'followed');
  return {
    state: facts.state,
    degraded: warnings.length > 0,
    version: facts.version,
    ...(facts.commit === undefined ? {} : { commit: facts.commit }),
    node: process.version,
    pid: facts.pid,
    started: isoMs(facts.startedAtMs),
    uptime: Math.max(0, Math.round((clock.nowMs() - facts.startedAtMs) / 1000)),
    home: facts.home,
    network,
    ...(facts.configHash === undefined ? {} : { configHash: facts.configHash }),
    ...(facts.reload === undefined ? {} : { reload: shownReload(facts.reload) }),
    ...(p2p === undefined ? {} : { p2p: shownNetwork(p2p) }),
    tip: {
      height: tip.height,
      hash: tip.hash,
      ...(tipHeader === undefined ? {} : { time: isoSeconds(tipHeader.time) }),
      ...(lag === undefined ? {} : { lag }),
    },
    store: {
      ...store,
      ...(lost === undefined ? {} : { lost: lost.count }),
      commit: String(store.commit),
      sequence: String(store.sequence),
    },
    ingest: {
      queued: ingest.queued,
      inFlight: ingest.inFlight,
      admitted: ingest.admitted,
      rejected: { ...ingest.rejectedByCode },
    },
    tokens: followed.slice(0, MAX_STATUS_TOKENS).map((token) => {
      const synced = sync?.status(token.tokenId);
      return {
        ...tokenHead(token.tokenId, token),
        transactions: token.transactions,
        undecided: token.undecided,
        coins: token.coins,
        holders: token.holders,
        ...(synced === undefined ? {} : { sync: shownSync(synced) }),
      };
    }),
    tokensFollowed: followed.length,
    memory: process.memoryUsage.rss(),
    health: warnings.map(({ code, severity, title, text, sinceMs }) => ({
      code,
      severity,
      title,
      text,
      since: isoMs(sinceMs),
    })),
  };
}

export const nodeMethods = {
  'node.status': method({
    doc: 'State of the daemon on one screen: tip, store, intake, followed tokens, health.',
    params: z.strictObject({}),
    result,
    errors: [],
    changes: false,
    example: {
      params: {},
      result: {
        state: 'running',
        degraded: false,
        version: '0.1.0',
        node: 'v24.0.0',
        pid: 4711,
        started: '2025-07-01T12:00:00.000Z',
        uptime: 3600,
        home: '/var/lib/btcfed',
        network: 'main',
        reload: {
          state: 'idle',
          last: { verdict: 'applied', time: '2025-07-01T12:30:00.000Z', keys: ['logging.level'], ms: 4.2 },
          earlier: [],
        },
        p2p: {
          peerId: PEER_ID,
          publicKey: PUBLIC_KEY,
          listening: ['/ip4/192.0.2.7/tcp/9000'],
          announced: ['/ip4/192.0.2.7/tcp/9000'],
          inbound: 4,
          outbound: 8,
          dialling: 1,
          maxPeers: 300,
          known: 64,
          proved: 60,
          operator: 3,
          banned: 0,
          peers: [
            {
              peerId: PEER_ID,
              state: 'connected',
              direction: 'outbound',
              latency: 0.018,
              lastSeen: '2025-07-01T13:00:00Z',
              agent: 'btc-federation/0.1.0',
              source: 'operator',
              proved: true,
              banned: false,
            },
          ],
        },
        tip: { height: 905_506, hash: BLOCK, time: '2025-07-01T12:58:11Z', lag: 0 },
        store: {
          transactions: 1200,
          outputs: 2600,
          pending: 0,
          conflicts: 0,
          commit: '310',
          sequence: '5230',
          format: 1,
          databaseId: '6f1d0e3c',
        },
        ingest: { queued: 0, inFlight: 0, admitted: 1200, rejected: {} },
        tokens: [
          {
            token: TOKEN,
            symbol: 'MNEE',
            decimals: 5,
            state: 'indexed',
            transactions: 1200,
            undecided: 0,
            coins: 840,
            holders: 300,
          },
        ],
        tokensFollowed: 1,
        memory: 98_000_000,
        health: [],
      },
    },
    run: status,
  }),
  'node.metrics': method({
    doc: 'All metrics in the text form of Prometheus.',
    params: z.strictObject({}),
    result: z.object({ contentType: z.string(), text: z.string() }),
    errors: [],
    changes: false,
    example: {
      params: {},
      result: {
        contentType: METRICS_TYPE,
        text: '# HELP btcfed_banned_peers Peers that are banned now.\n# TYPE btcfed_banned_peers gauge\nbtcfed_banned_peers 0\n',
      },
    },
    run: async ({ metrics }) => ({ contentType: METRICS_TYPE, text: await metrics.text() }),
  }),
};
