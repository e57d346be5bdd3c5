/** What can be wrong with a peer's messages. Codes are stable; a peer is told a reset, never our text. */
export type ExchangeErrorCode =
  // the frame
  | 'FRAME_TOO_LARGE'
  | 'FRAME_EMPTY'
  | 'FRAME_MALFORMED' // not a protobuf message, or known fields of a wrong form
  | 'MESSAGE_AMBIGUOUS' // more than one kind in one message
  | 'MESSAGE_UNEXPECTED' // a kind that may not come here
  | 'VERSION_UNSUPPORTED'
  // its fields
  | 'DIGEST_INVALID'
  | 'TOO_MANY_RECORDS'
  | 'RECORD_TOO_LARGE'
  | 'TOO_MANY_ADDRESSES'
  | 'ADDRESS_TOO_LONG'
  | 'TOKENS_INVALID'
  // a record
  | 'RECORD_FORGED' // the signature or the key proves nothing
  | 'RECORD_UNREADABLE' // well signed, content of another form
  | 'RECORD_NOT_OWN' // unsigned and about somebody else
  | 'RECORD_KEY_TYPE' // not Ed25519
  | 'RECORD_NO_ADDRESS' // none of its addresses may be used
  | 'RECORD_STALE' // of the sender itself, with an older signature than before
  // conduct
  | 'REQUEST_EXCESS'
  | 'REQUEST_FLOOD'
  | 'RECORD_EXCESS'
  | 'RECORD_FLOOD'
  | 'MESSAGE_FLOOD'
  | 'SILENT' // opened a stream and sent nothing
  | 'BUSY' // our own limit of streams
  // the stream
  | 'TIMEOUT'
  | 'STREAM_RESET'
  | 'NOT_CONNECTED'
  | 'STOPPED'
  | 'INTERNAL'; // a fault of ours

export type ExchangeErrorData = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** The one error of this protocol. */
export class ExchangeError extends Error {
  readonly code: ExchangeErrorCode;
  readonly data: ExchangeErrorData;

  constructor(code: ExchangeErrorCode, message: string, data: ExchangeErrorData = {}) {
    super(message);
    this.name = 'ExchangeError';
    this.code = code;
    this.data = data;
  }
}

/** A sum of this many points is a ban; half of it ends the connection. */
export const BAN_POINTS = 100;

/** Points a peer gets for a code; what is not listed is no fault of the peer. README.md has the same table. */
export const PENALTY_POINTS: Readonly<Partial<Record<ExchangeErrorCode, number>>> = {
  FRAME_TOO_LARGE: 50,
  FRAME_EMPTY: 10,
  FRAME_MALFORMED: 25,
  MESSAGE_AMBIGUOUS: 25,
  MESSAGE_UNEXPECTED: 25,
  DIGEST_INVALID: 25,
  TOO_MANY_RECORDS: 50,
  RECORD_TOO_LARGE: 25,
  TOO_MANY_ADDRESSES: 10,
  ADDRESS_TOO_LONG: 10,
  TOKENS_INVALID: 25,
  // Nobody forges by mistake: who passes a record on has verified it.
  RECORD_FORGED: BAN_POINTS,
  // A clock that was put right does this too.
  RECORD_STALE: 1,
  RECORD_NOT_OWN: 25,
  // Ten of them stay below the end of the connection; the flood that follows is a ban.
  REQUEST_EXCESS: 4,
  REQUEST_FLOOD: BAN_POINTS,
  RECORD_EXCESS: 2,
  RECORD_FLOOD: BAN_POINTS,
  MESSAGE_FLOOD: 50,
  // A frozen or overloaded peer looks the same.
  SILENT: 5,
};
