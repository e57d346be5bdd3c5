/**
 * Every error that the RPC can answer: number on the wire, stable string code (in `data.code`), text.
 * Ranges: JSON-RPC's own; -32001.. limits of the socket; 1 shutting down; 100s configuration, reload and log;
 * 200s peers; 300s headers and sync; 400s tokens and transactions; 500s store. A number is never reused.
 */
export const API_ERRORS = {
  PARSE_ERROR: [-32700, 'the line is not JSON in UTF-8'],
  INVALID_REQUEST: [-32600, 'not a JSON-RPC 2.0 request'],
  METHOD_NOT_FOUND: [-32601, 'no such method'],
  INVALID_PARAMS: [-32602, 'the parameters are not right'],
  INTERNAL_ERROR: [-32603, 'unexpected fault; the log has it under this reference'],
  LINE_TOO_LONG: [-32001, 'the line is too long'],
  BATCH_TOO_LARGE: [-32002, 'the batch has too many requests'],
  NESTING_TOO_DEEP: [-32003, 'the request is nested too deeply'],
  TOO_MANY_CONNECTIONS: [-32004, 'too many connections'],
  REPLY_TOO_LARGE: [-32005, 'the answers of this batch are too large together; ask in smaller batches'],
  SHUTTING_DOWN: [1, 'the daemon is shutting down'],
  RELOAD_INVALID: [100, 'the configuration file cannot be used; the running configuration stays'],
  RELOAD_RESTART_NEEDED: [101, 'a changed key needs a restart; the running configuration stays'],
  RELOAD_VETOED: [102, 'a part of the daemon refused the change; the running configuration stays'],
  RELOAD_ROLLED_BACK: [103, 'a part of the daemon failed; the running configuration stays'],
  RELOAD_FAILED: [104, 'a part of the daemon failed, and not all could be undone'],
  RELOAD_UNAVAILABLE: [105, 'only a running daemon reloads'],
  LOG_MODULE_UNKNOWN: [110, 'no such log module'],
  NETWORK_OFF: [200, 'no network runs here'],
  HEADERS_REFUSED: [300, 'the headers were refused'],
  HEADER_UNKNOWN: [301, 'no such header on the best chain'],
  TOKEN_UNKNOWN: [400, 'unknown token'],
  TOKEN_NOT_FOLLOWED: [401, 'the token is not followed'],
  ADDRESS_INVALID: [402, 'the address is not right'],
  CURSOR_INVALID: [403, 'the cursor is not one that this list gave'],
  TOKEN_FOLLOWED: [404, 'the token is still followed'],
  TX_UNKNOWN: [410, 'unknown transaction'],
  TX_NOT_PROVABLE: [411, 'the transaction cannot be proved yet'],
  IMPORT_UNKNOWN: [420, 'no such import is open on this connection'],
  IMPORT_LIMIT: [421, 'too many imports are open on this connection'],
  IMPORT_FRAME_INVALID: [422, 'the stream is damaged'],
  EVENTS_AHEAD: [430, 'the sequence is ahead of the event log'],
  SUBSCRIPTION_LIMIT: [431, 'too many subscriptions on this connection'],
  STORE_ERROR: [500, 'the store could not answer'],
  VERIFY_RUNNING: [510, 'the store is already being checked'],
} as const satisfies Record<string, readonly [number, string]>;

export type ApiErrorCode = keyof typeof API_ERRORS;
export type ApiErrorData = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** The only error of the RPC. `message` is for a person; `code` and `data` are for programs. */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly data: ApiErrorData;

  /** `detail` follows the text of the table; `instead` replaces it, where another module has said it all. */
  constructor(code: ApiErrorCode, data: ApiErrorData = {}, detail?: string | { readonly instead: string }) {
    const [, text] = API_ERRORS[code];
    super(detail === undefined ? text : typeof detail === 'string' ? `${text}: ${detail}` : detail.instead);
    this.name = 'ApiError';
    this.code = code;
    this.data = data;
  }
}

export interface WireError {
  readonly code: number;
  readonly message: string;
  readonly data: ApiErrorData & { readonly code: string };
}

/** `data.code` stays the name of the table's row, or of the store's error, which is more precise. */
export function wireError(error: ApiError): WireError {
  return {
    code: API_ERRORS[error.code][0],
    message: error.message,
    data: { code: error.code, ...error.data },
  };
}

/** An error of another module, known by its string code and flat data; others are faults. */
export function isCodedError(error: unknown): error is Error & { code: string; data: ApiErrorData } {
  return (
    error instanceof Error &&
    typeof (error as { code?: unknown }).code === 'string' &&
    typeof (error as { data?: unknown }).data === 'object' &&
    (error as { data?: unknown }).data !== null
  );
}

/**
 * The answer for an error that a handler threw: errors of the store become the 500s (a bad cursor is the
 * caller's), everything else is a fault of ours and gives no text away.
 */
export function toApiError(error: unknown, ref: string): ApiError {
  if (error instanceof ApiError) return error;
  if (isCodedError(error) && error.code === 'STORE_CURSOR_INVALID') return new ApiError('CURSOR_INVALID');
  if (isCodedError(error) && error.code.startsWith('STORE_')) {
    return new ApiError('STORE_ERROR', { ...error.data, code: error.code }, { instead: error.message });
  }
  return new ApiError('INTERNAL_ERROR', { ref }, ref);
}
