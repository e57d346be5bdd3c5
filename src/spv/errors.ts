/**
 * The one error class of src/spv. `code` is for programs, `message` for people, `data` carries where it is
 * (byte offset, transaction, input) and what would have been right.
 */

/** What parsing bytes can find wrong. */
export type SpvDecodeErrorCode =
  // any byte format
  | 'UNEXPECTED_END'
  | 'TRAILING_BYTES'
  | 'NUMBER_TOO_LARGE'
  | 'COUNT_TOO_LARGE'
  | 'LIMIT_EXCEEDED'
  | 'BAD_HEX'
  // transaction
  | 'EXTENDED_FORMAT'
  | 'TX_NO_INPUTS'
  | 'TX_NO_OUTPUTS'
  | 'SATOSHIS_OUT_OF_RANGE'
  | 'VARINT_NOT_MINIMAL'
  | 'TX_INPUT_TWICE'
  // BUMP (BRC-74)
  | 'BUMP_TREE_HEIGHT'
  | 'BUMP_NO_LEAF'
  | 'BUMP_FLAG_UNKNOWN'
  | 'BUMP_OFFSET_OUT_OF_RANGE'
  | 'BUMP_OFFSET_TWICE'
  | 'BUMP_DUPLICATE_MISPLACED'
  | 'BUMP_MISSING_HASH'
  | 'BUMP_HASH_CONFLICT'
  | 'BUMP_PHANTOM_POSITION'
  | 'BUMP_TXID_ABSENT'
  | 'BUMP_MERGE_MISMATCH'
  // BEEF (BRC-62, BRC-95, BRC-96)
  | 'BEEF_VERSION_UNKNOWN'
  | 'BEEF_NO_TRANSACTION'
  | 'BEEF_TX_FORMAT_UNKNOWN'
  | 'BEEF_BUMP_FLAG_UNKNOWN'
  | 'BEEF_BUMP_INDEX'
  | 'BEEF_PROVEN_TX_AMBIGUOUS'
  | 'BEEF_CYCLE'
  | 'BEEF_NO_SUBJECT'
  | 'ATOMIC_SUBJECT_ABSENT'
  | 'ATOMIC_SUBJECT_DISPLAY_ORDER'
  | 'ATOMIC_UNRELATED_TX';

/** What verifying a transaction can find wrong. */
export type SpvVerifyErrorCode =
  | 'SCRIPT_FAILED'
  | 'VALUES_NOT_CONSERVED'
  | 'COINBASE_UNPROVEN'
  | 'PREVOUT_COUNT'
  | 'VERIFIER_FAILED';

export type SpvErrorCode = SpvDecodeErrorCode | SpvVerifyErrorCode;

export type SpvErrorData = Record<string, string | number | boolean | readonly string[]>;

export class SpvError extends Error {
  readonly code: SpvErrorCode;
  readonly data: SpvErrorData;

  constructor(code: SpvErrorCode, message: string, data: SpvErrorData = {}) {
    super(message);
    this.name = 'SpvError';
    this.code = code;
    this.data = data;
  }
}
