/** What can be wrong with a peer's messages or with what is in them. Codes are stable; a peer is told a code, never our text. */
export type TokenSyncErrorCode =
  // the frame
  | 'FRAME_TOO_LARGE'
  | 'FRAME_EMPTY'
  | 'FRAME_MALFORMED' // not a protobuf message, or known fields of a wrong form
  | 'MESSAGE_AMBIGUOUS' // more than one kind in one message
  | 'MESSAGE_UNEXPECTED' // a kind that may not come here
  | 'VERSION_UNSUPPORTED'
  // its fields
  | 'FIELD_INVALID' // missing, of a wrong length, or a value that cannot be
  | 'TOO_MANY' // more of something than a message may hold
  // what an answer says
  | 'CREDIT_EXCEEDED'
  | 'COUNT_EXCEEDED'
  | 'ORDER_WRONG'
  | 'TX_MALFORMED'
  | 'TX_TWICE'
  | 'TX_UNRELATED'
  | 'BUMP_MALFORMED'
  | 'BUMP_HEIGHT_WRONG'
  | 'BUMP_TXID_WRONG'
  | 'PIECE_WRONG'
  | 'SILENT'
  // no faults: what a failure says
  | 'INCOMPATIBLE'
  | 'NOT_SHARED'
  | 'NOT_READY'
  | 'BUSY'
  | 'TOO_LARGE'
  | 'UNAVAILABLE'
  // our own side
  | 'STOPPED';

export type TokenSyncErrorData = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** The one error of this protocol. */
export class TokenSyncError extends Error {
  readonly code: TokenSyncErrorCode;
  readonly data: TokenSyncErrorData;

  constructor(code: TokenSyncErrorCode, message: string, data: TokenSyncErrorData = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'TokenSyncError';
    this.code = code;
    this.data = data;
  }
}

/** Points a peer gets for a code; what is not listed is no fault of the peer. README.md has the same table. */
export const PENALTY_POINTS: Readonly<Partial<Record<TokenSyncErrorCode, number>>> = {
  FRAME_EMPTY: 25,
  FRAME_TOO_LARGE: 25,
  FRAME_MALFORMED: 25,
  MESSAGE_AMBIGUOUS: 25,
  FIELD_INVALID: 25,
  TOO_MANY: 25,
  MESSAGE_UNEXPECTED: 25,
  CREDIT_EXCEEDED: 25,
  COUNT_EXCEEDED: 50,
  ORDER_WRONG: 50,
  TX_MALFORMED: 50,
  BUMP_MALFORMED: 50,
  BUMP_HEIGHT_WRONG: 50,
  BUMP_TXID_WRONG: 50,
  TX_UNRELATED: 50,
  TX_TWICE: 25,
  PIECE_WRONG: 50,
  SILENT: 10,
};
