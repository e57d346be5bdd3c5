export type Severity = 'warning' | 'error';

export interface WarningDef {
  readonly title: string;
  readonly severity: Severity;
  /** How long it must last before it is shown, and how long it must be gone before it is not: no flapping. */
  readonly showAfterMs: number;
  readonly clearAfterMs: number;
}

function def(severity: Severity, title: string, showAfterMs = 0, clearAfterMs = 0): WarningDef {
  return { title, severity, showAfterMs, clearAfterMs };
}

/** Every health warning of the daemon. A visible one makes `status` degraded. */
export const WARNINGS = {
  STORE_DAMAGED: def('error', 'the store is damaged'),
  STORE_INCOMPLETE: def('error', 'transactions were lost to damage of the store'),
  STORE_WRITE_FAILED: def('error', 'the store cannot be written', 0, 30_000),
  HEADERS_NONE: def('warning', 'no block headers: nothing can be confirmed', 5_000),
  HEADERS_STALE: def('warning', 'the header tip is old', 60_000, 10_000),
  HEADER_SOURCE_FAILED: def('warning', 'no header source answers', 60_000, 30_000),
  PENDING_NEAR_LIMIT: def('warning', 'the pending set is nearly full', 10_000, 60_000),
  CONFIG_MODE_WIDE: def('warning', 'conf.yaml is readable by others'),
  KEY_HALVES_DIFFER: def('warning', 'the private key carries a foreign public half'),
  CONFIG_ROLLBACK_FAILED: def('error', 'a reload failed and could not be undone'),
  LOG_FILE_FAILED: def('warning', 'the log file cannot be written'),
  TOKENS_NONE_FOLLOWED: def('warning', 'no token is followed'),
  PEERS_NONE: def('warning', 'no peer is connected', 30_000, 5_000),
  LISTEN_FAILED: def('warning', 'an address of network.addresses does not listen'),
  CLOCK_STEPPED: def('warning', 'the clock of this machine was stepped'),
  PEERS_NOT_SAVED: def('warning', 'the list of peers cannot be saved'),
  DESCRIPTORS_LOW: def('warning', 'the limit of open files is low'),
  SYNC_BEHIND: def('warning', 'peers have more of a followed token', 60_000, 5_000),
  SYNC_DISPUTED: def('error', 'a peer keeps another history of a followed token', 0, 5_000),
  SYNC_ALONE: def('warning', 'no peer confirms a followed token', 300_000, 5_000),
} as const satisfies Record<string, WarningDef>;

export type WarningCode = keyof typeof WARNINGS;
