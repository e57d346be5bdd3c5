/** What can go wrong between us and a peer, or with our own network files and addresses. Codes are stable. */
export type P2pErrorCode =
  // a dial, by the step at which it failed
  | 'NO_ADDRESS' // nothing to dial, or nothing of it may be dialled
  | 'ADDRESS_INVALID' // not a TCP multiaddr of ours
  | 'DNS_FAILED' // no address of the peer's names could be resolved
  | 'REFUSED' // nobody listens there
  | 'UNREACHABLE' // no route to the host or network
  | 'TIMEOUT' // silence: black hole, or too slow
  | 'RESET_IN_HANDSHAKE' // the connection broke before the peer had proved who it is
  | 'WRONG_IDENTITY' // somebody else's key answers there
  | 'NO_COMMON_PROTOCOL' // no security, muxer or application protocol that both speak
  | 'CLOSED_AFTER_HANDSHAKE' // proved who it is, then hung up: it refuses us or is full
  | 'SELF' // the address or the id is our own
  | 'DENIED' // our own lists or a ban forbid the peer
  | 'LIMIT_REACHED' // our own limits leave no room
  // a connection or a stream
  | 'NOT_CONNECTED'
  | 'STREAM_ENDED' // the other side ended in order where a frame was due
  | 'STREAM_RESET' // the other side, or the connection under it, broke it off
  | 'FRAME_TOO_LARGE'
  | 'BAD_FRAME' // a length or a message that cannot be
  | 'BAD_RECORD' // a signed peer record that proves nothing
  // our own side
  | 'CANCELLED' // the caller's signal ended it
  | 'STOPPED' // the part is stopping or was never started
  | 'ADDRESS_IN_USE' // somebody else listens there
  | 'ADDRESS_UNAVAILABLE' // no interface of this machine has it
  | 'ADDRESS_NOT_PERMITTED' // a port that this user may not bind
  | 'KEY_INVALID' // the private key is none
  | 'FILE_DAMAGED' // a file of ours does not prove itself
  | 'FILE_NEWER' // a file of a later version
  | 'FILE_LOCKED' // another process has held a file's lock too long
  | 'DISK_FAILED'
  | 'INTERNAL'; // a fault of ours

export type P2pErrorData = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** recoverable: tried again by itself; configuration: the operator must change something; fatal: the node cannot go on. */
export type P2pErrorClass = 'recoverable' | 'configuration' | 'fatal';

/**
 * How the keeper waits after a failed dial. `transient`: an outage, from one second; `stubborn`: the peer is there
 * and says no, which a second does not change; `hopeless`: not until something is changed; `none`: the failure
 * says nothing about the peer.
 */
export type BackoffClass = 'transient' | 'stubborn' | 'hopeless' | 'none';

interface CodeRow {
  readonly class: P2pErrorClass;
  readonly backoff: BackoffClass;
}

function row(errorClass: P2pErrorClass, backoff: BackoffClass): CodeRow {
  return { class: errorClass, backoff };
}

/** What each code means for those who have to go on after it. */
export const P2P_CODES: Readonly<Record<P2pErrorCode, CodeRow>> = {
  NO_ADDRESS: row('configuration', 'hopeless'),
  ADDRESS_INVALID: row('configuration', 'hopeless'),
  DNS_FAILED: row('recoverable', 'transient'),
  REFUSED: row('recoverable', 'transient'),
  UNREACHABLE: row('recoverable', 'transient'),
  TIMEOUT: row('recoverable', 'transient'),
  RESET_IN_HANDSHAKE: row('recoverable', 'transient'),
  // Another node may have taken the address for a while; the operator must look at it all the same.
  WRONG_IDENTITY: row('configuration', 'stubborn'),
  NO_COMMON_PROTOCOL: row('recoverable', 'stubborn'),
  CLOSED_AFTER_HANDSHAKE: row('recoverable', 'stubborn'),
  SELF: row('configuration', 'hopeless'),
  DENIED: row('configuration', 'hopeless'),
  LIMIT_REACHED: row('recoverable', 'none'),
  NOT_CONNECTED: row('recoverable', 'transient'),
  STREAM_ENDED: row('recoverable', 'transient'),
  STREAM_RESET: row('recoverable', 'transient'),
  FRAME_TOO_LARGE: row('recoverable', 'stubborn'),
  BAD_FRAME: row('recoverable', 'stubborn'),
  BAD_RECORD: row('recoverable', 'stubborn'),
  CANCELLED: row('recoverable', 'none'),
  STOPPED: row('recoverable', 'none'),
  ADDRESS_IN_USE: row('recoverable', 'none'),
  ADDRESS_UNAVAILABLE: row('configuration', 'none'),
  ADDRESS_NOT_PERMITTED: row('configuration', 'none'),
  KEY_INVALID: row('fatal', 'none'),
  FILE_DAMAGED: row('recoverable', 'none'),
  FILE_NEWER: row('configuration', 'none'),
  FILE_LOCKED: row('recoverable', 'none'),
  DISK_FAILED: row('recoverable', 'none'),
  INTERNAL: row('fatal', 'transient'),
};

/** The one error of this module: a code to decide by, data to show, a message for people. */
export class P2pError extends Error {
  readonly code: P2pErrorCode;
  readonly data: P2pErrorData;

  constructor(code: P2pErrorCode, message: string, data: P2pErrorData = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'P2pError';
    this.code = code;
    this.data = data;
  }

  get class(): P2pErrorClass {
    return P2P_CODES[this.code].class;
  }

  get backoff(): BackoffClass {
    return P2P_CODES[this.code].backoff;
  }
}

/** Any thrown value as one of ours; what is not known already is a fault of ours. */
export function asP2pError(thrown: unknown): P2pError {
  if (thrown instanceof P2pError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new P2pError('INTERNAL', message, {}, thrown);
}
