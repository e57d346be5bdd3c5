/** Why an offered BEEF is refused, besides the codes of src/spv. */
export type RefusalCode =
  /** The proof's merkle root is not the one of that block. */
  | 'PROOF_ROOT_MISMATCH'
  /** 64 bytes: the same bytes could be an inner node of a merkle tree. */
  | 'TX_AMBIGUOUS'
  /** It spends an output that its parent does not have. */
  | 'OUTPUT_ABSENT'
  /** No output or input of a followed token. */
  | 'TOKEN_NOT_FOLLOWED'
  /** Its token outputs are not covered by its inputs, and it spends no tokens: nothing to index. */
  | 'TOKEN_INVALID'
  /** A transaction it descends from was refused or can never be mined. */
  | 'PARENT_INVALID'
  /** An unproven transaction spends a coinbase output younger than 100 blocks. */
  | 'COINBASE_IMMATURE'
  /** Too many offers wait to be processed. */
  | 'QUEUE_FULL'
  /** The pending set is full. */
  | 'PENDING_FULL'
  /** The daemon is stopping or its store cannot be written. */
  | 'UNAVAILABLE';

export class IngestError extends Error {
  readonly code: RefusalCode;
  readonly data: Readonly<Record<string, string | number | boolean | readonly string[]>>;

  constructor(
    code: RefusalCode,
    message: string,
    data: Readonly<Record<string, string | number | boolean | readonly string[]>> = {},
  ) {
    super(message);
    this.name = 'IngestError';
    this.code = code;
    this.data = data;
  }
}
