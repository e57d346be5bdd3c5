/** Errors of text given by people: addresses, token ids, outpoints. Decoding scripts never throws. */

export type TokenErrorCode = 'ADDRESS_INVALID' | 'TOKEN_ID_INVALID' | 'OUTPOINT_INVALID';

export class TokenError extends Error {
  readonly code: TokenErrorCode;
  readonly data: Record<string, string | number | boolean | readonly string[]>;

  constructor(
    code: TokenErrorCode,
    message: string,
    data: Record<string, string | number | boolean | readonly string[]>,
  ) {
    super(message);
    this.name = 'TokenError';
    this.code = code;
    this.data = data;
  }
}

const SHOWN_CHARS = 100;

/** What an error repeats of the user's text: never more than a line of it. */
export function shown(text: string): string {
  return text.length <= SHOWN_CHARS ? text : `${text.slice(0, SHOWN_CHARS)}…`;
}
