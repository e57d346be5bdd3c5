import type { NetworkApi } from '../api/modules.ts';
import {
  DIAL_RESULTS,
  labelOf,
  PEER_STATES,
  PENALTY_CODES,
  RECORD_RESULTS,
} from '../observe/metric-labels.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { AddressBook } from '../p2p/address-book.ts';
import type { ConnectionLog } from '../p2p/connection-log.ts';
import type { PeerExchange } from '../p2p/exchange.ts';
import type { PeerKeeper } from '../p2p/keeper.ts';
import type { PeerScores } from '../p2p/peer-scores.ts';
import type { Host } from '../p2p/types.ts';

/** The parts of the network that have figures. */
export interface MeasuredNetwork {
  readonly host: Pick<Host, 'states' | 'peer' | 'listenAddresses'>;
  readonly book: Pick<AddressBook, 'counts'>;
  readonly scores: Pick<PeerScores, 'counts'>;
  readonly keeper: Pick<PeerKeeper, 'facts'>;
  readonly exchange: Pick<PeerExchange, 'counts'>;
  readonly connections: Pick<ConnectionLog, 'counts'>;
  readonly api: NetworkApi;
}

/** Tells the figures that these parts keep anyway, when somebody reads the metrics; the result stops that. */
export function measureNetwork(network: MeasuredNetwork, metrics: Metrics): () => void {
  return metrics.onRead(() => {
    tellPeers(network, metrics);
    tellDials(network, metrics);
    tellExchange(network, metrics);
    tellPenalties(network, metrics);
  });
}

function tellPeers({ host, book, keeper, connections, api }: MeasuredNetwork, metrics: Metrics): void {
  metrics.reset('peers');
  for (const state of PEER_STATES) {
    for (const direction of ['inbound', 'outbound'] as const) metrics.set('peers', { state, direction }, 0);
  }
  const counts = new Map<string, number>();
  for (const [peerId, state] of host.states()) {
    if (state === 'idle') continue;
    const direction = host.peer(peerId)?.direction ?? 'outbound';
    const count = (counts.get(state + direction) ?? 0) + 1;
    counts.set(state + direction, count);
    metrics.set('peers', { state, direction }, count);
  }
  const { proved, heard } = book.counts();
  metrics.set('known_peers', { state: 'proved' }, proved);
  metrics.set('known_peers', { state: 'heard' }, heard);
  metrics.set('banned_peers', {}, api.facts().banned);
  metrics.set('breaker_open_peers', {}, keeper.facts().circuitsOpen);
  metrics.set('listen_addresses', {}, host.listenAddresses().length);
  const { connected, disconnected, flapping } = connections.counts();
  metrics.total('peer_connects_total', {}, connected);
  metrics.total('peer_disconnects_total', {}, disconnected);
  metrics.set('flapping_peers', {}, flapping);
}

function tellDials({ keeper }: MeasuredNetwork, metrics: Metrics): void {
  const { dialsSucceeded, dialsFailed } = keeper.facts();
  const totals = new Map<(typeof DIAL_RESULTS)[number], number>([['ok', dialsSucceeded]]);
  for (const [code, count] of Object.entries(dialsFailed)) add(totals, labelOf(DIAL_RESULTS, code), count);
  for (const [result, count] of totals) metrics.total('dials_total', { result }, count);
}

function tellExchange({ exchange }: MeasuredNetwork, metrics: Metrics): void {
  const { counters, records } = exchange.counts();
  const of = (name: keyof typeof counters): number => counters[name] ?? 0;
  metrics.total('exchange_requests_total', { direction: 'inbound', result: 'ok' }, of('requests_answered'));
  metrics.total('exchange_unchanged_total', {}, of('requests_unchanged') + of('skipped_unchanged'));
  metrics.total('exchange_updates_total', { direction: 'inbound' }, of('updates_received'));
  metrics.total('exchange_updates_total', { direction: 'outbound' }, of('updates_sent'));
  metrics.total('exchange_requests_total', { direction: 'outbound', result: 'ok' }, of('responses_received'));
  metrics.total(
    'exchange_requests_total',
    { direction: 'outbound', result: 'failed' },
    of('requests_failed'),
  );
  metrics.total('exchange_announcements_total', { direction: 'inbound' }, of('announcements_received'));
  metrics.total('exchange_announcements_total', { direction: 'outbound' }, of('announcements_sent'));
  for (const direction of ['inbound', 'outbound'] as const) {
    const way = direction === 'inbound' ? 'in' : 'out';
    const labels = { protocol: 'peer_exchange', direction } as const;
    metrics.total('frames_total', labels, of(`frames_${way}`));
    metrics.total('frame_bytes_total', labels, of(`bytes_${way}`));
  }
  const results = new Map<(typeof RECORD_RESULTS)[number], number>();
  for (const [outcome, count = 0] of Object.entries(records)) {
    add(results, RECORD_RESULTS.find((name) => name === outcome) ?? 'refused', count);
  }
  for (const [result, count] of results) metrics.total('peer_records_total', { result }, count);
}

function tellPenalties({ scores }: MeasuredNetwork, metrics: Metrics): void {
  const totals = new Map<(typeof PENALTY_CODES)[number], number>();
  for (const [code, count] of scores.counts()) add(totals, labelOf(PENALTY_CODES, code), count);
  for (const [code, count] of totals) metrics.total('peer_penalties_total', { code }, count);
}

function add<K>(totals: Map<K, number>, label: K, count: number): void {
  totals.set(label, (totals.get(label) ?? 0) + count);
}
