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
  'node.notify_failed': row('node', 'warn', 'The service manager could not be told', 'err_message'),
  'node.heartbeat_failed': row('node', 'error', 'The store did not read and write in time', 'err_message'),
  'node.metrics_failed': row('node', 'warn', 'Some metrics could not be read', 'err_message'),
  'node.look_now': row('node', 'info', 'Looking at peers, headers and histories now'),
  'node.status': row('node', 'info', 'Status', 'height, commit, sequence, queued, per_s, memory_mb'),
  'config.loaded': row('node', 'info', 'Configuration loaded', 'file, hash'),
  'config.created': row('node', 'info', 'Configuration written with defaults and a new key', 'file'),
  'config.warning': row('node', 'warn', 'Configuration warning', 'text'),
  'config.reloaded': row(
    'node',
    'info',
    'Configuration reloaded',
    'op, trigger, verdict, keys, hash, ms, text',
  ),
  'config.reload_refused': row(
    'node',
    'error',
    'Configuration reload refused, the running one stays',
    'op, trigger, code, component, reason, keys, ms, text',
  ),
  'config.rolled_back': row(
    'node',
    'error',
    'Configuration reload failed and was rolled back',
    'op, trigger, code, component, reason, keys, ms, text',
  ),
  'config.rollback_failed': row(
    'node',
    'error',
    'Configuration reload failed and could not be undone: restart the daemon',
    'op, trigger, code, component, reason, keys, ms, text',
  ),
  'config.finish_failed': row('node', 'warn', 'A part did not clean up after a reload', 'component, code'),
  'config.file_changed': row(
    'node',
    'info',
    'The configuration file was changed: send SIGHUP or run `btcfed reload`',
    'file, keys',
  ),
  'config.file_refusable': row(
    'node',
    'warn',
    'The configuration file was changed, and a reload would refuse it',
    'file, text',
  ),
  'config.watch_failed': row('node', 'warn', 'The configuration file cannot be watched', 'file, code'),
  'config.mode_wide': row('node', 'warn', 'Configuration is readable by others', 'file, mode'),
  'peers.loaded': row('peers', 'info', 'List of peers loaded', 'file, operator, learned'),
  'peers.edited': row('peers', 'info', 'List of peers was edited', 'file, operator, added, removed'),
  'peers.entry_skipped': row('peers', 'warn', 'Part of the list of peers is not used', 'text'),
  'peers.entry_note': row('peers', 'info', 'Note on the list of peers', 'text'),
  'peers.damaged': row('peers', 'error', 'List of peers is damaged', 'file, copy, text'),
  'peers.gone': row('peers', 'warn', 'List of peers was deleted or emptied', 'file, found'),
  'peers.recovered': row('peers', 'warn', 'List of peers written anew', 'file, from'),
  'peers.not_read': row(
    'peers',
    'warn',
    'List of peers cannot be read, and is not saved',
    'file, state, code',
  ),
  'peers.not_saved': row('peers', 'warn', 'List of peers cannot be saved', 'file, state, code'),
  'peers.saved_again': row('peers', 'info', 'List of peers is saved again', 'file, state'),
  'peers.watch_failed': row('peers', 'warn', 'List of peers is polled, not watched', 'code'),
  'store.opened': row('store', 'info', 'Store opened', 'path, format, commit, sequence, ms'),
  'store.created': row('store', 'info', 'Store created', 'path, network'),
  'store.recovered': row('store', 'warn', 'Store was not closed cleanly and was recovered', 'commit'),
  'store.damaged': row('store', 'error', 'Store is damaged', 'code, what'),
  'store.write_failed': row('store', 'error', 'Store could not be written', 'code'),
  'store.rebuilt': row('store', 'warn', 'Store rebuilt', 'kept, lost, unproven, waiting, damaged_rows'),
  'store.purged': row('store', 'info', 'Token purged from the store', 'token, dropped, kept, waiting'),
  'store.verified': row('store', 'info', 'Store checked', 'rows, transactions, problems, digest, ms'),
  'ingest.rejected': row('ingest', 'warn', 'Transaction rejected', 'code, txid, source'),
  'ingest.conflict': row('ingest', 'warn', 'Transaction conflicts with another', 'txid, with'),
  'ingest.pending_full': row('ingest', 'warn', 'Pending set is full', 'limit, dropped'),
  'spv.worker_lost': row('spv', 'error', 'A verifier thread ended', 'code'),
  'chain.extended': row('chain', 'info', 'Headers added', 'added, height, hash'),
  'chain.reorganised': row('chain', 'warn', 'Chain reorganised', 'from, to, height, hash'),
  'chain.source_failed': row('chain', 'warn', 'Header source failed', 'code, source'),
  'chain.refused': row('chain', 'warn', 'Headers refused', 'code, height, peer'),
  'api.listening': row('api', 'info', 'RPC socket listening', 'socket, mode'),
  'api.stale_socket': row('api', 'info', 'Removed the socket of a process that is gone', 'socket'),
  'api.closed': row('api', 'info', 'RPC socket closed', 'socket'),
  'api.client_dropped': row('api', 'warn', 'RPC client dropped', 'code, client'),
  'api.clients_full': row('api', 'warn', 'RPC client refused: too many connections', 'limit'),
  'api.fault': row('api', 'error', 'RPC method failed unexpectedly', 'method, ref, err_name, err_message'),
  'api.store_failed': row('api', 'error', 'RPC method could not read the store', 'method, code'),
  'api.import_done': row(
    'api',
    'info',
    'Import finished',
    'admitted, known, pending, conflict, rejected, unavailable',
  ),
  'p2p.started': row('p2p', 'info', 'Network manager started successfully', 'peer, public_key'),
  'p2p.standalone': row('p2p', 'info', 'No peers configured - running in standalone mode', 'file'),
  'p2p.listening': row('p2p', 'info', 'Listening addresses', 'addresses, announced'),
  'p2p.listen_retry': row('p2p', 'warn', 'Listen address is busy, trying again', 'address, ms'),
  'p2p.listen_lost': row('p2p', 'error', 'Listen address could not be taken back', 'address, code'),
  'p2p.no_ipv6': row('p2p', 'info', 'No IPv6 on this machine, address left out', 'address'),
  'p2p.fault': row('p2p', 'error', 'Unexpected fault', 'err_name, err_message, err_stack'),
  'peer.connected': row('p2p', 'info', 'Peer connected', 'peer, direction, address, peers'),
  'peer.disconnected': row('p2p', 'info', 'Peer disconnected', 'peer, reason, seconds, peers'),
  'peer.key_twice': row(
    'p2p',
    'warn',
    'Two programs run with the key of one peer: one of them needs a key of its own',
    'peer, addresses',
  ),
  'peer.flapping': row(
    'p2p',
    'warn',
    'Peer connects and disconnects again and again',
    'peer, connects, seconds, connected',
  ),
  'peer.dial_failed': row(
    'p2p',
    'warn',
    'Peer could not be dialled',
    'peer, code, failures, breaker, next_ms, addresses, found',
  ),
  'peer.learned': row('peers', 'info', 'Peer learned', 'peer, from, known'),
  'peers.learned_more': row('peers', 'info', 'More peers learned than are named', 'count, known'),
  'peer.refused': row('peers', 'warn', 'Peer record refused', 'code, peer'),
  'peers.clock_stepped': row('peers', 'warn', 'Clock was set while running', 'seconds'),
  'peers.own_record': row('peers', 'warn', 'Own addresses cannot be told to peers', 'code, addresses'),
  'peer.banned': row('p2p', 'warn', 'Peer banned', 'peer, code, seconds, bans'),
  'peer.ban_ended': row('p2p', 'info', 'Ban of a peer ended', 'peer, bans'),
  'peer.misbehaves': row(
    'p2p',
    'warn',
    'Peer of the operator would be banned if it were not listed',
    'peer, code, score',
  ),
  'peer.bans_unreadable': row(
    'p2p',
    'warn',
    'File of bans cannot be used; starting without bans',
    'code, file, kept_as',
  ),
  'peer.bans_unsaved': row('p2p', 'warn', 'Bans could not be saved', 'code, file'),
  'peer.bans_saved': row('p2p', 'info', 'Bans can be saved again', 'file'),
  'gossip.repaired': row('gossip', 'info', 'Gossip stream to a peer opened again', 'peer'),
  'gossip.full': row(
    'gossip',
    'warn',
    'Gossip of a peer dropped: too much of it is undecided',
    'peer, messages',
  ),
  'gossip.skipped': row('gossip', 'warn', 'Old events are not gossiped any more', 'events'),
  'gossip.fault': row('gossip', 'error', 'Unexpected fault', 'err_name, err_message, err_stack'),
  'sync.synced': row(
    'sync',
    'info',
    'Token is synced: peers have the same history',
    'token, agree, disagree, with, why, height',
  ),
  'sync.behind': row(
    'sync',
    'info',
    'Token is behind: a peer has more of its history',
    'token, agree, disagree, with, why, height, missing',
  ),
  'sync.alone': row(
    'sync',
    'info',
    'Token is alone: no peer confirms its history',
    'token, agree, disagree, with, why, height',
  ),
  'sync.disputed': row(
    'sync',
    'warn',
    'Token is disputed: a peer keeps another history of it',
    'token, agree, disagree, with, why, height',
  ),
  'sync.peer_fault': row('sync', 'warn', 'Peer was penalised for what it gave', 'peer, code, points'),
  'sync.peer_incompatible': row(
    'sync',
    'warn',
    'Peer is of another network or has other token rules',
    'peer',
  ),
  'sync.fault': row(
    'sync',
    'error',
    'Token sync failed unexpectedly',
    'token, code, err_name, err_message, err_stack',
  ),
  'health.raised': row('node', 'warn', 'Health warning', 'warning, text'),
  'health.cleared': row('node', 'info', 'Health warning ended', 'warning, seconds'),
  'tokens.followed': row('ingest', 'info', 'Followed tokens changed', 'followed, added, removed'),
  'tokens.evaluated': row('ingest', 'info', 'History of newly followed tokens evaluated', 'tokens, ms'),
  'log.file_failed': row('node', 'error', 'Log file cannot be written', 'file, code'),
  'log.file_recovered': row('node', 'info', 'Log file is written again', 'file, lost'),
  'log.level': row('node', 'info', 'Log level changed', 'of, value'),
  'log.suppressed': row('node', 'warn', 'Repeated lines were suppressed', 'event, code, peer, count'),
} as const satisfies Record<string, LogEventRow>;

export type LogEventName = keyof typeof LOG_EVENTS;

/** Answers to what the operator did: each is written, however often the same comes. */
export const UNLIMITED_EVENTS: ReadonlySet<LogEventName> = new Set<LogEventName>([
  'config.reloaded',
  'config.reload_refused',
  'config.rolled_back',
  'config.rollback_failed',
]);

/** The table as Markdown, for the operator's documentation. */
export function logEventsMarkdown(): string {
  const rows = Object.entries(LOG_EVENTS).map(
    ([name, r]) => `| \`${name}\` | ${r.level} | ${r.message} | ${r.fields} |`,
  );
  return ['| event | level | text | fields |', '|---|---|---|---|', ...rows, ''].join('\n');
}
