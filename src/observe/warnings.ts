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
  STORE_WRITE_FAILED: def('error', 'the store cannot be written', 0, 30_000),
  HEADERS_NONE: def('warning', 'no block headers: nothing can be confirmed', 5_000),
  HEADERS_STALE: def('warning', 'the header tip is old', 60_000, 10_000),
  HEADER_SOURCE_FAILED: def('warning', 'no header source answers', 60_000, 30_000),
  PENDING_NEAR_LIMIT: def('warning', 'the pending set is nearly full', 10_000, 60_000),
  CONFIG_MODE_WIDE: def('warning', 'conf.yaml is readable by others'),
  KEY_HALVES_DIFFER: def('warning', 'the private key carries a foreign public half'),
  TOKENS_NONE_FOLLOWED: def('warning', 'no token is followed'),
  DESCRIPTORS_LOW: def('warning', 'the limit of open files is low'),
} as const satisfies Record<string, WarningDef>;

export type WarningCode = keyof typeof WARNINGS;
