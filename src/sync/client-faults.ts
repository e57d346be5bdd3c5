import { PENALTY_POINTS, TokenSyncError } from '../../protocols/token-sync/errors.ts';
import type { PeerIdText } from '../p2p/types.ts';
import { codeOf } from './error-code.ts';

/** What a peer did that its messages alone do not show. */
export type ClientFaultCode =
  /** What it lists makes another commitment than the one it tells, and told again afterwards. */
  | 'COMMITMENT_WRONG'
  /** It lists transactions and does not give them. */
  | 'WITHHELD'
  /** Transactions that it counts to a token's history, and of which nothing shows it. */
  | 'ENTRIES_UNRELATED';

/** Points for these: README.md of the protocol, section Client. */
export const CLIENT_POINTS: Readonly<Record<ClientFaultCode, number>> = {
  COMMITMENT_WRONG: 50,
  WITHHELD: 50,
  ENTRIES_UNRELATED: 50,
};

/**
 * Points for what the ingest refuses of a transaction that a peer counts to the history. A forged proof or signature does not
 * come about by mistake. What is not here says nothing about the sender: our own limits, or a tip that moved.
 */
const REFUSAL_POINTS: Readonly<Record<string, number>> = {
  PROOF_ROOT_MISMATCH: 100,
  SCRIPT_FAILED: 100,
  VALUES_NOT_CONSERVED: 100,
  OUTPUT_ABSENT: 100,
  BUMP_HASH_CONFLICT: 50,
  BUMP_MISSING_HASH: 50,
  BUMP_OFFSET_TWICE: 50,
  BUMP_OFFSET_OUT_OF_RANGE: 50,
  BUMP_DUPLICATE_MISPLACED: 50,
  BUMP_PHANTOM_POSITION: 50,
  BUMP_TXID_ABSENT: 50,
  PARENT_INVALID: 50,
  TX_AMBIGUOUS: 25,
  TOKEN_NOT_FOLLOWED: 25,
  COINBASE_UNPROVEN: 25,
};

/** Something a peer gave is false, as the index or we ourselves found out. */
export class PeerFault extends Error {
  readonly peerId: PeerIdText;
  readonly code: string;
  readonly points: number;
  readonly data: Readonly<Record<string, string | number>>;

  constructor(
    peerId: PeerIdText,
    code: string,
    points: number,
    data: Readonly<Record<string, string | number>> = {},
  ) {
    super(`${code}: ${JSON.stringify(data)}`);
    this.name = 'PeerFault';
    this.peerId = peerId;
    this.code = code;
    this.points = points;
    this.data = data;
  }
}

export function clientFault(
  peerId: PeerIdText,
  code: ClientFaultCode,
  data: Readonly<Record<string, string | number>> = {},
): PeerFault {
  return new PeerFault(peerId, code, CLIENT_POINTS[code], data);
}

/** Points for a refusal of the ingest; undefined: no fault of the sender. */
export function refusalPoints(code: string): number | undefined {
  return REFUSAL_POINTS[code];
}

/** What a peer is to be penalised for; undefined: nothing. A stream that ends or breaks off is no fault. */
export function faultOf(error: unknown): { readonly code: string; readonly points: number } | undefined {
  if (error instanceof PeerFault) return { code: error.code, points: error.points };
  const code = codeOf(error);
  if (error instanceof TokenSyncError) {
    const points = PENALTY_POINTS[error.code];
    return points === undefined ? undefined : { code: error.code, points };
  }
  if (code === 'FRAME_TOO_LARGE') return { code, points: PENALTY_POINTS.FRAME_TOO_LARGE ?? 0 };
  if (code === 'BAD_FRAME') return { code: 'FRAME_MALFORMED', points: PENALTY_POINTS.FRAME_MALFORMED ?? 0 };
  return undefined;
}

const STREAM_CODES: ReadonlySet<string> = new Set([
  'STREAM_ENDED',
  'STREAM_RESET',
  'TIMEOUT',
  'NOT_CONNECTED',
  'NO_COMMON_PROTOCOL',
  'LIMIT_REACHED',
  'CANCELLED',
  'STOPPED',
]);

/** A stream or a connection that is over, or was never there. */
export function isStreamError(error: unknown): boolean {
  return STREAM_CODES.has(codeOf(error) ?? '');
}

const ANSWERS: ReadonlySet<string> = new Set(['BUSY', 'NOT_READY', 'NOT_SHARED', 'TOO_LARGE', 'UNAVAILABLE']);

/** What a peer answered instead of what was asked. */
export function isAnswer(error: unknown): boolean {
  return ANSWERS.has(codeOf(error) ?? '');
}
