import {
  DIAL_RESULTS,
  DIRECTIONS,
  GOSSIP_OUTCOMES,
  GOSSIP_SENDINGS,
  GOSSIP_VERDICTS,
  PEER_STATES,
  PENALTY_CODES,
  PROTOCOLS,
  QUEUES,
  RECORD_RESULTS,
  REJECT_CODES,
  RELOAD_RESULTS,
  RPC_ERRORS,
  RPC_METHODS,
  SYNC_PEER_STATES,
  SYNC_STATES,
  WARNING_CODES,
} from './metric-labels.ts';

/** Label names with their closed sets of values. */
export type LabelSets = Readonly<Record<string, readonly string[]>>;

interface Row<K extends string, L extends LabelSets> {
  readonly kind: K;
  readonly help: string;
  readonly labels: L;
}

interface HistogramRow<L extends LabelSets> extends Row<'histogram', L> {
  readonly buckets: readonly number[];
}

/** Label values are facts of the process, given once; its value is always 1. */
interface InfoRow extends Row<'info', Readonly<Record<string, never>>> {
  readonly facts: readonly string[];
}

export type MetricRow = Row<'counter' | 'gauge', LabelSets> | HistogramRow<LabelSets> | InfoRow;

const NONE = {} as const;

function counter(help: string): Row<'counter', typeof NONE>;
function counter<const L extends LabelSets>(help: string, labels: L): Row<'counter', L>;
function counter(help: string, labels: LabelSets = NONE): Row<'counter', LabelSets> {
  return { kind: 'counter', help, labels };
}

function gauge(help: string): Row<'gauge', typeof NONE>;
function gauge<const L extends LabelSets>(help: string, labels: L): Row<'gauge', L>;
function gauge(help: string, labels: LabelSets = NONE): Row<'gauge', LabelSets> {
  return { kind: 'gauge', help, labels };
}

function histogram<const L extends LabelSets>(
  help: string,
  buckets: readonly number[],
  labels: L,
): HistogramRow<L> {
  return { kind: 'histogram', help, buckets, labels };
}

/** From a row in LevelDB's cache to a disk that is busy. */
const READ_SECONDS = [0.00001, 0.0001, 0.001, 0.01, 0.1];
/** From an fsync of an SSD to one of a disk that hangs. */
const WRITE_SECONDS = [0.001, 0.005, 0.02, 0.1, 0.5, 2];
/** From a cached answer to a page of a thousand items, and beyond what a caller waits. */
const CALL_SECONDS = [0.001, 0.01, 0.1, 1, 10];
/** A batch of transactions, from a few signatures to scripts that run until their limit. */
const VERIFY_SECONDS = [0.001, 0.01, 0.05, 0.2, 1, 5];

/**
 * Every metric of the daemon by its name without the prefix. Base units are in the names. Every label has a closed set of
 * values, so that the number of series is known before anything runs; a test holds it below 1,000.
 */
export const METRICS = {
  build_info: {
    kind: 'info',
    help: 'What runs; always 1.',
    labels: NONE,
    facts: ['version', 'commit', 'node', 'libp2p'],
  } satisfies InfoRow,
  start_timestamp_seconds: gauge('When the daemon was started, Unix time.'),
  cpu_seconds_total: counter('Processor time of all threads.'),
  resident_memory_bytes: gauge('Memory of the process.'),
  heap_bytes: gauge('Heap of JavaScript; external: buffers outside of it.', {
    part: ['used', 'total', 'external'],
  }),
  open_descriptors: gauge('Open files and sockets.'),
  max_descriptors: gauge('Limit of open files and sockets.'),
  event_loop_lag_seconds: gauge('Delay of the event loop since the metrics were last read.', {
    quantile: ['0.5', '0.99', '1'],
  }),
  config_reload_success: gauge('1 if the last reload was applied or had nothing to apply, 0 if refused.'),
  config_reload_timestamp_seconds: gauge('When a configuration was last taken into use, Unix time.'),
  config_reloads_total: counter('Reloads by result.', { result: RELOAD_RESULTS }),
  health_warnings: gauge('1 while the named health warning is shown.', { code: WARNING_CODES }),

  peers: gauge('Peers in a state; a connected one in the direction of its oldest connection.', {
    state: PEER_STATES,
    direction: DIRECTIONS,
  }),
  known_peers: gauge('Peers of the address book. proved: a handshake with them was completed.', {
    state: ['heard', 'proved'],
  }),
  banned_peers: gauge('Peers that are banned now.'),
  breaker_open_peers: gauge('Peers that are not dialled for a while after repeated failures.'),
  listen_addresses: gauge('Addresses that accept connections.'),
  flapping_peers: gauge('Peers that come and go too often to be reported each time.'),
  peer_connects_total: counter('Times that a peer became connected.'),
  peer_disconnects_total: counter('Times that a peer was no longer connected.'),
  dials_total: counter('Dials of the keeper by result.', { result: DIAL_RESULTS }),
  exchange_requests_total: counter('Requests of the peer exchange: theirs are inbound.', {
    direction: DIRECTIONS,
    result: ['ok', 'failed'],
  }),
  exchange_unchanged_total: counter('Requests of either side that needed no answer since the books agreed.'),
  exchange_announcements_total: counter('Announcements of peers.', { direction: DIRECTIONS }),
  exchange_updates_total: counter('Updates, by which a peer tells of itself.', { direction: DIRECTIONS }),
  peer_records_total: counter('Peer records that others told us, by what became of them.', {
    result: RECORD_RESULTS,
  }),
  frames_total: counter('Frames of our protocols.', { protocol: PROTOCOLS, direction: DIRECTIONS }),
  frame_bytes_total: counter('Bytes of these frames.', { protocol: PROTOCOLS, direction: DIRECTIONS }),
  peer_penalties_total: counter('Penalties for what peers sent or did.', { code: PENALTY_CODES }),

  gossip_topics: gauge('Topics that we are in: followed tokens.'),
  gossip_messages_total: counter('Gossip messages of peers by our verdict.', { verdict: GOSSIP_VERDICTS }),
  gossip_received_total: counter('Transactions in them by what became of them.', { result: GOSSIP_OUTCOMES }),
  gossip_published_messages_total: counter('Gossip messages that we published.'),
  gossip_published_bytes_total: counter('Bytes of these.'),
  gossip_published_total: counter('Transactions that we gossiped. txs: whole; announced: their txids.', {
    result: GOSSIP_SENDINGS,
  }),
  gossip_skipped_total: counter('Events and transactions that were not gossiped any more: too many at once.'),
  gossip_held_messages: gauge('Undecided gossip messages that may still be passed on.'),
  gossip_buffer_bytes: gauge('Gossip in memory. in: undecided, of peers; out: waits for slow peers.', {
    direction: DIRECTIONS,
  }),
  gossip_deaf_peers: gauge('Connected peers to which no gossip stream is open.'),
  gossip_streams_repaired_total: counter('Gossip streams that were opened again.'),

  queue_length: gauge('What waits in a queue.', { queue: QUEUES }),
  queue_dropped_total: counter('What was turned away because a queue was full.', { queue: QUEUES }),

  header_height: gauge('Height of our header tip.'),
  header_timestamp_seconds: gauge('Time of the block at our header tip, Unix time.'),
  header_lag_blocks: gauge('How far our tip is below what the best header source tells; 0 without one.'),
  reorganisations_total: counter('Times that blocks of the best chain were undone.'),
  sync_height: gauge('Height up to which the index has followed the headers.'),
  sync_tokens: gauge('Followed tokens by how far they are synced with peers.', { state: SYNC_STATES }),
  sync_peers: gauge('Peers that are talked to about tokens.', { state: SYNC_PEER_STATES }),
  sync_transfers: gauge('Large parts of token histories that are being fetched.'),
  sync_taken_total: counter('Transactions of token histories that were fetched from peers.'),
  transactions_admitted_total: counter('Transactions that were admitted since the start.'),
  transactions_rejected_total: counter('Offered transactions that were refused, by code.', {
    code: REJECT_CODES,
  }),
  transactions: gauge('Transactions in the index, and those that wait or stand in conflict.', {
    state: ['indexed', 'pending', 'conflicted'],
  }),
  event_sequence: gauge('Sequence of the newest token event.'),
  verify_seconds: histogram(
    'Time from handing a batch of transactions to the verifier threads to its verdicts.',
    VERIFY_SECONDS,
    NONE,
  ),

  store_bytes: gauge('Size of the store on disk.'),
  store_read_seconds: histogram(
    'Time of a read of the store; single rows are measured one in 64.',
    READ_SECONDS,
    {
      kind: ['row', 'batch'],
    },
  ),
  store_write_seconds: histogram('Time of a write of the store, fsync included.', WRITE_SECONDS, NONE),
  store_write_failures_total: counter('Writes of the store that failed.'),

  rpc_seconds: histogram('Time of RPC calls by method.', CALL_SECONDS, { method: RPC_METHODS }),
  rpc_errors_total: counter('RPC calls that were answered by an error, by code.', { code: RPC_ERRORS }),
  rpc_connections: gauge('Open connections of the RPC socket.'),
  rpc_clients_total: counter('Connections of the RPC socket. dropped: ended by us.', {
    result: ['accepted', 'refused', 'dropped'],
  }),
} as const satisfies Record<string, MetricRow>;

export const METRIC_PREFIX = 'btcfed_';

type Table = typeof METRICS;
export type MetricName = keyof Table;
type NamesOf<K extends MetricRow['kind']> = {
  [N in MetricName]: Table[N]['kind'] extends K ? N : never;
}[MetricName];
export type CounterName = NamesOf<'counter'>;
export type GaugeName = NamesOf<'gauge'>;
export type HistogramName = NamesOf<'histogram'>;

/** The labels of a metric, each one of its set. */
export type LabelsOf<N extends MetricName> = {
  readonly [L in keyof Table[N]['labels']]: Table[N]['labels'][L] extends readonly (infer V extends string)[]
    ? V
    : never;
};

/** Series that a metric can have at most: each bucket of a histogram is one, and so are +Inf, sum and count. */
export function maxSeries(row: MetricRow): number {
  const combinations = Object.values<readonly string[]>(row.labels).reduce(
    (n, values) => n * values.length,
    1,
  );
  return combinations * (row.kind === 'histogram' ? row.buckets.length + 3 : 1);
}

/** METRICS.md: the table for the operator, generated. */
export function metricsDocument(): string {
  const rows = Object.entries<MetricRow>(METRICS).map(([name, row]) => {
    const labels = row.kind === 'info' ? row.facts.map((fact) => `\`${fact}\``) : labelTexts(row.labels);
    return `| \`${METRIC_PREFIX}${name}\` | ${row.kind === 'info' ? 'gauge' : row.kind} | ${labels.join('; ')} | ${row.help} |`;
  });
  const series = Object.values<MetricRow>(METRICS).reduce((sum, row) => sum + maxSeries(row), 0);
  return [
    '# Metrics',
    '',
    '`btcfed metrics`, or `node.metrics` on the socket, prints all of these in the text form of Prometheus. Generated from',
    'src/observe/metric-table.ts. A name is not changed; base units are in it. No label is ever a peer, an address, a',
    `transaction or a token: there are at most ${series} series. \`other\` is what has no value of its own.`,
    '',
    '| metric | type | labels | what |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

/** Long sets of codes are told by their number. */
const MAX_LISTED = 12;

function labelTexts(labels: LabelSets): string[] {
  return Object.entries(labels).map(([name, values]) =>
    values.length > MAX_LISTED ? `\`${name}\` (${values.length} codes)` : `\`${name}\`: ${values.join(', ')}`,
  );
}
