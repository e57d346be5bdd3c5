/** What can be wrong with a peer's messages or headers. Codes are stable; a peer is told a reset, never our text. */
export type HeadersErrorCode =
  // the frame
  | 'FRAME_TOO_LARGE'
  | 'FRAME_EMPTY'
  | 'FRAME_MALFORMED' // not a protobuf message, or known fields of a wrong form
  | 'MESSAGE_AMBIGUOUS' // more than one kind in one message
  | 'MESSAGE_UNEXPECTED' // a kind that may not come here
  | 'VERSION_UNSUPPORTED'
  // its fields
  | 'FIELD_INVALID' // missing, of a wrong length, or a value that cannot be
  | 'TOO_MANY' // more hashes or headers than a message may hold, or than were asked
  // what the headers say
  | 'HEADERS_INVALID' // difficulty, work or time that the rules refuse
  | 'HEADERS_UNLINKED' // they continue nothing that was asked for
  | 'HEADERS_WITHHELD' // fewer than its tip demands, or the same ones again and again
  | 'HEADERS_OTHER_CHAIN' // they contradict a checkpoint, or are too long a branch without its work
  | 'CLAIM_FALSE' // its tip has another height or less work than it said
  // conduct
  | 'SILENT' // no status, or no answer, in time
  | 'SLOW' // others had to take its place
  // no faults
  | 'NETWORK_OTHER'
  | 'APART' // the two chains have no height in common
  | 'TIME_TOO_NEW' // one of two clocks is wrong
  | 'BUSY'
  | 'STOPPED';

export type HeadersErrorData = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** The one error of this protocol. */
export class HeadersError extends Error {
  readonly code: HeadersErrorCode;
  readonly data: HeadersErrorData;

  constructor(code: HeadersErrorCode, message: string, data: HeadersErrorData = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'HeadersError';
    this.code = code;
    this.data = data;
  }
}

/** Points a peer gets for a code; what is not listed is no fault of the peer. README.md has the same table. */
export const PENALTY_POINTS: Readonly<Partial<Record<HeadersErrorCode, number>>> = {
  FRAME_EMPTY: 25,
  FRAME_TOO_LARGE: 50,
  FRAME_MALFORMED: 25,
  MESSAGE_AMBIGUOUS: 25,
  MESSAGE_UNEXPECTED: 25,
  FIELD_INVALID: 25,
  TOO_MANY: 50,
  // Whoever gives a header has checked it.
  HEADERS_INVALID: 100,
  HEADERS_UNLINKED: 50,
  HEADERS_WITHHELD: 25,
  // It may be our own checkpoint that is wrong.
  HEADERS_OTHER_CHAIN: 10,
  CLAIM_FALSE: 50,
  // A frozen or overloaded peer looks the same; asked again ever more rarely, it stays connected.
  SILENT: 5,
  SLOW: 2,
};
