export type CorpusErrorCode =
  | 'TRUNCATED'
  | 'NOT_BEEF'
  | 'BUMP_INCONSISTENT'
  | 'PURSE_EMPTY'
  | 'VALUES_NOT_CONSERVED'
  | 'CANNOT_UNLOCK'
  | 'NOT_MINED'
  | 'VIEW_CONTRADICTORY'
  | 'BAD_OPTION'
  | 'NOT_FOUND';

/** The one error of the test generators: a test asked for something impossible, or a file is not what it claims. */
export class CorpusError extends Error {
  readonly code: CorpusErrorCode;
  readonly data: Record<string, string | number | boolean | readonly string[]>;

  constructor(
    code: CorpusErrorCode,
    message: string,
    data: Record<string, string | number | boolean | readonly string[]> = {},
  ) {
    super(`${code}: ${message}`);
    this.name = 'CorpusError';
    this.code = code;
    this.data = data;
  }
}
