import { P2pError, type P2pErrorCode } from './errors.ts';
import type { PeerIdText } from './types.ts';

/** How far a dial got: the code of its failure says at which step. */
type DialPhase = 'connect' | 'handshake' | 'proof';

/** What is known about one dialled address when it fails. */
export interface DialTrace {
  readonly address: string;
  phase: DialPhase;
  /** Who answered, if it was not the one we wanted. */
  stranger: PeerIdText | undefined;
  /** The socket was still open when the handshake failed: the other side speaks, but not our protocols. */
  wasOpen: boolean;
  /** Our own gater forbade the connection. */
  forbidden: P2pError | undefined;
}

const CONNECT_CODES: Readonly<Record<string, P2pErrorCode>> = {
  ECONNREFUSED: 'REFUSED',
  EHOSTUNREACH: 'UNREACHABLE',
  ENETUNREACH: 'UNREACHABLE',
  EHOSTDOWN: 'UNREACHABLE',
  ENETDOWN: 'UNREACHABLE',
  EADDRNOTAVAIL: 'UNREACHABLE',
  EAFNOSUPPORT: 'UNREACHABLE',
  EACCES: 'UNREACHABLE',
  EPERM: 'UNREACHABLE',
  ENOTFOUND: 'DNS_FAILED',
  EAI_AGAIN: 'DNS_FAILED',
  ECONNRESET: 'RESET_IN_HANDSHAKE',
  EPIPE: 'RESET_IN_HANDSHAKE',
  ETIMEDOUT: 'TIMEOUT',
};

const TEXTS: Partial<Record<P2pErrorCode, string>> = {
  REFUSED: 'nobody listens there',
  UNREACHABLE: 'no way to that address',
  TIMEOUT: 'no answer in time',
  DNS_FAILED: 'the name could not be resolved',
  RESET_IN_HANDSHAKE: 'the connection broke during the handshake',
  NO_COMMON_PROTOCOL: 'the other side speaks no protocol of ours (TCP, Noise, Yamux)',
  CLOSED_AFTER_HANDSHAKE: 'the peer hung up after the handshake: it refuses us or is full',
};

/** The error of one address; `ownId` tells a foreign key from our own. */
export function dialError(
  thrown: unknown,
  trace: DialTrace,
  isAborted: boolean,
  ownId: PeerIdText,
): P2pError {
  const { address, phase, stranger } = trace;
  const known = trace.forbidden ?? (thrown instanceof P2pError ? thrown : undefined);
  if (known !== undefined) {
    return new P2pError(known.code, `${address}: ${known.message}`, { ...known.data, address }, known.cause);
  }
  if (stranger === ownId || nameOf(thrown) === 'InvalidPeerIdError') {
    return new P2pError('SELF', `${address} is our own address`, { address });
  }
  if (stranger !== undefined) {
    return new P2pError('WRONG_IDENTITY', `${address}: peer ${stranger} answers there`, {
      address,
      found: stranger,
    });
  }
  const code = isAborted ? 'TIMEOUT' : codeOf(thrown, phase, trace.wasOpen);
  return new P2pError(code, `${address}: ${TEXTS[code] ?? code}`, { address, phase }, thrown);
}

function codeOf(thrown: unknown, phase: DialPhase, wasOpen: boolean): P2pErrorCode {
  if (phase === 'proof') return 'CLOSED_AFTER_HANDSHAKE';
  if (phase === 'handshake') return wasOpen ? 'NO_COMMON_PROTOCOL' : 'RESET_IN_HANDSHAKE';
  const { code } = thrown as { readonly code?: unknown };
  if (typeof code === 'string' && CONNECT_CODES[code] !== undefined) return CONNECT_CODES[code];
  return nameOf(thrown) === 'AbortError' || nameOf(thrown) === 'TimeoutError' ? 'TIMEOUT' : 'UNREACHABLE';
}

function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : '';
}

/** Of several failures the one that got furthest tells most about the peer. */
const TELLING: readonly P2pErrorCode[] = [
  'DENIED',
  'LIMIT_REACHED',
  'CLOSED_AFTER_HANDSHAKE',
  'BAD_FRAME',
  'WRONG_IDENTITY',
  'SELF',
  'NO_COMMON_PROTOCOL',
  'RESET_IN_HANDSHAKE',
  'TIMEOUT',
  'REFUSED',
  'UNREACHABLE',
  'DNS_FAILED',
  'NO_ADDRESS',
];

/** One error for a whole dial: code of the most telling, all addresses with their codes in `tried`. */
export function mergedError(failures: readonly P2pError[]): P2pError {
  const [first, ...rest] = [...failures].sort((a, b) => rank(a) - rank(b));
  if (first === undefined) return new P2pError('NO_ADDRESS', 'no address that can be dialled');
  if (rest.length === 0) return first;
  const tried = failures.map(({ code, data }) => `${String(data['address'] ?? '')} ${code}`.trim());
  return new P2pError(first.code, first.message, { ...first.data, tried }, first.cause);
}

function rank({ code }: P2pError): number {
  const at = TELLING.indexOf(code);
  return at === -1 ? TELLING.length : at;
}
