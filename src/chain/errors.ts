/** What can be wrong with a header, a chain, its rows, a header file or a header source. Codes are stable. */
export type ChainErrorCode =
  // arguments
  | 'HEADER_LENGTH' // bytes are not a whole number of 80-byte headers
  | 'CHECKPOINT_INVALID' // a configured checkpoint contradicts itself or the built-in ones
  // a header refused
  | 'BITS_INVALID' // negative, zero, overflowing or easier than the network allows
  | 'BITS_WRONG' // not what the difficulty rule demands at this height
  | 'BITS_IMPLAUSIBLE' // rule not computable yet after a checkpoint, and easier than the stated bound
  | 'POW_FAILED' // hash above the target
  | 'TIME_TOO_OLD' // not above the median time of the 11 headers before
  | 'TIME_TOO_NEW' // more than 2 h ahead of our clock; may be offered again later
  | 'UNKNOWN_PARENT' // links to nothing held
  | 'UNKNOWN_START' // an empty store, and headers that begin at no known place
  | 'BELOW_BASE' // headers below the first height this store was begun at
  | 'CHECKPOINT_MISMATCH' // another hash than the checkpoint of that height
  | 'FORK_BELOW_CHECKPOINT' // a branch leaving the chain below a checkpoint it has passed
  | 'SIDE_BRANCH_TOO_LONG' // a weaker branch longer than the number of side headers kept
  // the store
  | 'CHAIN_ROW_DAMAGED'
  | 'CHAIN_ROW_MISSING'
  | 'CHAIN_WRONG_NETWORK'
  | 'CHAIN_FORMAT_UNKNOWN'
  | 'CHAIN_STATE_CHANGED' // the disk holds another tip than this process
  | 'DISK_FAILED'
  // header files
  | 'HEADER_FILE_UNREADABLE'
  | 'HEADER_FILE_EMPTY'
  | 'HEADER_FILE_LENGTH'
  | 'HEADER_FILE_NOT_HEX'
  // header sources
  | 'SERVICE_URL_INVALID'
  | 'SERVICE_AUTH'
  | 'SERVICE_REFUSED' // any other 4xx
  | 'SERVICE_FAILED' // 5xx, 429, 408
  | 'SERVICE_TIMEOUT'
  | 'SERVICE_UNREACHABLE'
  | 'SERVICE_REPLY_TOO_LARGE'
  | 'SERVICE_BAD_REPLY'
  | 'SOURCE_DISAGREES' // no header of the source connects to ours down to our base or checkpoint
  | 'SOURCE_NO_PROGRESS' // the source claims more than it delivers
  | 'STOPPED';

export type ChainErrorData = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** The one error of this module: a code to decide by, data to show, a message for people. */
export class ChainError extends Error {
  readonly code: ChainErrorCode;
  readonly data: ChainErrorData;

  constructor(code: ChainErrorCode, message: string, data: ChainErrorData = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ChainError';
    this.code = code;
    this.data = data;
  }

  /** True where the same input may be accepted later without anybody changing anything. */
  get retriable(): boolean {
    return RETRIABLE.has(this.code);
  }
}

const RETRIABLE: ReadonlySet<ChainErrorCode> = new Set([
  'TIME_TOO_NEW',
  'DISK_FAILED',
  'SERVICE_FAILED',
  'SERVICE_TIMEOUT',
  'SERVICE_UNREACHABLE',
]);

/** Text of an unknown thrown value, for messages. */
export function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause instanceof Error ? `: ${thrown.cause.message}` : '';
  return `${thrown.message}${cause}`;
}
