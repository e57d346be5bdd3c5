export type SyncErrorCode =
  /** The index is following the header chain, or block hashes that a commitment needs are not held. */
  | 'NOT_READY'
  /** The token has no row in the store. */
  | 'TOKEN_UNKNOWN'
  /** Rows that must agree do not: the store is damaged. */
  | 'INCONSISTENT'
  | 'STOPPED';

export type SyncErrorData = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** The one error of this module's own side; faults of peers are TokenSyncErrors. */
export class SyncError extends Error {
  readonly code: SyncErrorCode;
  readonly data: SyncErrorData;

  constructor(code: SyncErrorCode, message: string, data: SyncErrorData = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SyncError';
    this.code = code;
    this.data = data;
  }
}
