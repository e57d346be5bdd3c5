import { HeadersError, type HeadersErrorCode, PENALTY_POINTS } from '../../protocols/headers/errors.ts';
import { ChainError, type ChainErrorCode } from '../chain/errors.ts';
import { codeOf } from './error-code.ts';

/** What refused headers say of who gave them; codes that are missing say nothing of him. */
const OF_CHAIN: Readonly<Partial<Record<ChainErrorCode, HeadersErrorCode>>> = {
  BITS_INVALID: 'HEADERS_INVALID',
  BITS_WRONG: 'HEADERS_INVALID',
  POW_FAILED: 'HEADERS_INVALID',
  TIME_TOO_OLD: 'HEADERS_INVALID',
  // Only a bound of ours.
  BITS_IMPLAUSIBLE: 'HEADERS_OTHER_CHAIN',
  CHECKPOINT_MISMATCH: 'HEADERS_OTHER_CHAIN',
  FORK_BELOW_CHECKPOINT: 'HEADERS_OTHER_CHAIN',
  SIDE_BRANCH_TOO_LONG: 'HEADERS_OTHER_CHAIN',
  UNKNOWN_PARENT: 'HEADERS_UNLINKED',
  BELOW_BASE: 'HEADERS_UNLINKED',
  TIME_TOO_NEW: 'TIME_TOO_NEW',
  // It begins where no checkpoint of ours is.
  UNKNOWN_START: 'APART',
};

/** A refusal of our chain as what the peer did; anything else as it is. */
export function refusalOf(thrown: unknown): unknown {
  const code = thrown instanceof ChainError ? OF_CHAIN[thrown.code] : undefined;
  if (code === undefined || !(thrown instanceof ChainError)) return thrown;
  return new HeadersError(code, thrown.message, { ...thrown.data, reason: thrown.code }, thrown);
}

/** What the stream layer says a peer did. */
export function faultOfStream(thrown: unknown): unknown {
  const code = codeOf(thrown);
  if (code !== 'FRAME_TOO_LARGE' && code !== 'BAD_FRAME') return thrown;
  if (thrown instanceof HeadersError) return thrown;
  const as = code === 'BAD_FRAME' ? 'FRAME_MALFORMED' : code;
  return new HeadersError(as, 'a frame that is none', {}, thrown);
}

/** Codes after which trying again soon is of no use, though nobody did wrong. */
const LASTING: ReadonlySet<string> = new Set([
  'APART',
  'NETWORK_OTHER',
  'TIME_TOO_NEW',
  'VERSION_UNSUPPORTED',
  'NO_COMMON_PROTOCOL',
  'HEADERS_OTHER_CHAIN',
]);

/**
 * `fault`: of the peer. `lasting`: nobody's, and it will not pass soon. `passing`: of the connection. `silence`: of the peer, or of a
 * line that is dead, and then it is one of all peers. `own`: ours.
 */
export type FailureKind = 'fault' | 'lasting' | 'passing' | 'silence' | 'own';

export function kindOf(thrown: unknown): FailureKind {
  const code = codeOf(thrown);
  if (code === undefined || code === 'INTERNAL' || thrown instanceof ChainError) return 'own';
  if (LASTING.has(code)) return 'lasting';
  // Who takes its place may turn out to be worse.
  if (code === 'SLOW') return 'passing';
  if (code === 'SILENT') return 'silence';
  return thrown instanceof HeadersError && PENALTY_POINTS[thrown.code] !== undefined ? 'fault' : 'passing';
}
