export type StoreErrorCode =
  /** A row's bytes do not match its checksum, or do not parse. */
  | 'STORE_ROW_DAMAGED'
  /** A row that others prove must exist is not there. */
  | 'STORE_ROW_MISSING'
  /** Commits are missing between the last checkpoint and the tip. */
  | 'STORE_COMMIT_GAP'
  /** The store ends before the commit it had when it was last closed. */
  | 'STORE_TIP_LOST'
  /** The header chain no longer has the block that the last commit was made with. */
  | 'STORE_HEADERS_LOST'
  /** The marker says that a store was made here, but it is gone. */
  | 'STORE_MISSING'
  | 'STORE_IDENTITY'
  | 'STORE_FOREIGN_NETWORK'
  | 'STORE_FORMAT_NEWER'
  /** Its verdicts were made by another version of the token rules. */
  | 'STORE_RULES_OTHER'
  | 'STORE_LOCKED'
  | 'STORE_UNOPENABLE'
  | 'STORE_READ_FAILED'
  | 'STORE_WRITE_FAILED'
  | 'STORE_CLOSED'
  | 'STORE_CURSOR_INVALID'
  /** Two figures that must agree by construction do not. */
  | 'STORE_INCONSISTENT';

export type StoreErrorData = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** The only error of the store. `data` names the row, key, path or figures. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;
  readonly data: StoreErrorData;

  constructor(code: StoreErrorCode, message: string, data: StoreErrorData = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StoreError';
    this.code = code;
    this.data = data;
  }
}
