import type { LogLevel, LogModule } from './levels.ts';

interface LogEventRow {
  readonly module: LogModule;
  readonly level: LogLevel;
  /** The fixed text of the line; what varies is in its fields. */
  readonly message: string;
  /** Fields of the line, for the operator's documentation. */
  readonly fields: string;
}

function row(module: LogModule, level: LogLevel, message: string, fields = ''): LogEventRow {
  return { module, level, message, fields };
}

/**
 * Every line the daemon can log at info or above, by its stable name: what a collector filters on. The text may
 * be reworded, a name may not. Bytes from peers never appear as text here, only ids, counts and codes.
 */
export const LOG_EVENTS = {
  'node.starting': row('node', 'info', 'BTC Federation Node starting with config', 'home, network, version'),
  'node.started': row('node', 'info', 'Node started successfully', 'ms, pid'),
  'node.stopping': row('node', 'info', 'Stopping', 'reason'),
  'node.stopped': row('node', 'info', 'Stopped', 'ms'),
  'node.stop_forced': row('node', 'error', 'Stop forced by a second signal', 'signal'),
  'node.stop_failed': row('node', 'error', 'A part did not stop cleanly', 'part, code'),
  'node.start_failed': row('node', 'error', 'The node did not start', 'code, part'),
  'node.fault': row('node', 'error', 'Unexpected fault', 'err_name, err_message, err_stack'),
  'node.status': row('node', 'info', 'Status', 'height, commit, sequence, queued, per_s, memory_mb'),
  'config.loaded': row('node', 'info', 'Configuration loaded', 'file, hash'),
  'config.created': row('node', 'info', 'Configuration written with defaults and a new key', 'file'),
  'config.warning': row('node', 'warn', 'Configuration warning', 'text'),
  'config.mode_wide': row('node', 'warn', 'Configuration is readable by others', 'file, mode'),
  'store.opened': row('store', 'info', 'Store opened', 'path, format, commit, sequence, ms'),
  'store.created': row('store', 'info', 'Store created', 'path, network'),
  'store.recovered': row('store', 'warn', 'Store was not closed cleanly and was recovered', 'commit'),
  'store.damaged': row('store', 'error', 'Store is damaged', 'code, what'),
  'store.write_failed': row('store', 'error', 'Store could not be written', 'code'),
  'store.rebuilt': row('store', 'warn', 'Store rebuilt', 'kept, lost, unproven, waiting, damaged_rows'),
  'store.verified': row('store', 'info', 'Store checked', 'rows, transactions, problems, digest, ms'),
  'ingest.rejected': row('ingest', 'warn', 'Transaction rejected', 'code, txid, source'),
  'ingest.conflict': row('ingest', 'warn', 'Transaction conflicts with another', 'txid, with'),
  'ingest.pending_full': row('ingest', 'warn', 'Pending set is full', 'limit, dropped'),
  'spv.worker_lost': row('spv', 'error', 'A verifier thread ended', 'code'),
  'chain.extended': row('chain', 'info', 'Headers added', 'added, height, hash'),
  'chain.reorganised': row('chain', 'warn', 'Chain reorganised', 'from, to, height, hash'),
  'chain.source_failed': row('chain', 'warn', 'Header source failed', 'code, source'),
  'chain.refused': row('chain', 'warn', 'Headers refused', 'code, height'),
  'api.listening': row('api', 'info', 'RPC socket listening', 'socket, mode'),
  'api.stale_socket': row('api', 'info', 'Removed the socket of a process that is gone', 'socket'),
  'api.closed': row('api', 'info', 'RPC socket closed', 'socket'),
  'api.client_dropped': row('api', 'warn', 'RPC client dropped', 'code, client'),
  'api.clients_full': row('api', 'warn', 'RPC client refused: too many connections', 'limit'),
  'api.fault': row('api', 'error', 'RPC method failed unexpectedly', 'method, ref, err_name, err_message'),
  'api.store_failed': row('api', 'error', 'RPC method could not read the store', 'method, code'),
  'api.import_done': row('api', 'info', 'Import finished', 'admitted, known, pending, conflict, rejected'),
  'health.raised': row('node', 'warn', 'Health warning', 'warning, text'),
  'health.cleared': row('node', 'info', 'Health warning ended', 'warning, seconds'),
  'log.level': row('node', 'info', 'Log level changed', 'of, value'),
  'log.suppressed': row('node', 'warn', 'Repeated lines were suppressed', 'event, code, peer, count'),
} as const satisfies Record<string, LogEventRow>;

export type LogEventName = keyof typeof LOG_EVENTS;

/** The table as Markdown, for the operator's documentation. */
export function logEventsMarkdown(): string {
  const rows = Object.entries(LOG_EVENTS).map(
    ([name, r]) => `| \`${name}\` | ${r.level} | ${r.message} | ${r.fields} |`,
  );
  return ['| event | level | text | fields |', '|---|---|---|---|', ...rows, ''].join('\n');
}
