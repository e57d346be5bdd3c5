import { ApiError } from './errors.ts';
import { MAX_BATCH, MAX_ID_CHARS, MAX_NESTING } from './limits.ts';

export type RequestId = string | number | null;

/** `id` absent: a notification, which gets no answer whatever happens. */
export interface Request {
  readonly kind: 'request';
  readonly id?: RequestId;
  readonly method: string;
  readonly params: unknown;
}

export interface InvalidRequest {
  readonly kind: 'invalid';
  readonly id: RequestId;
  readonly error: ApiError;
}

export type ParsedLine =
  | { readonly kind: 'blank' }
  | { readonly kind: 'single'; readonly item: Request | InvalidRequest }
  | { readonly kind: 'batch'; readonly items: readonly (Request | InvalidRequest)[] }
  /** Answered with id null; after a broken limit the connection is closed. */
  | { readonly kind: 'refused'; readonly error: ApiError; readonly close: boolean };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** True if arrays and objects nest deeper than `limit`. Linear; strings are skipped at the speed of a search. */
export function nestsDeeper(line: Buffer, limit: number): boolean {
  let depth = 0;
  for (let i = 0; i < line.length; i++) {
    const byte = line[i];
    if (byte === QUOTE) {
      i = stringEnd(line, i);
    } else if (byte === 0x5b || byte === 0x7b) {
      depth += 1;
      if (depth > limit) return true;
    } else if (byte === 0x5d || byte === 0x7d) {
      depth -= 1;
    }
  }
  return false;
}

/** Position of the quote that closes the string opened at `start`; the end of the line if none does. */
function stringEnd(line: Buffer, start: number): number {
  let end = start;
  for (;;) {
    end = line.indexOf(QUOTE, end + 1);
    if (end === -1) return line.length;
    let slashes = 0;
    while (line[end - 1 - slashes] === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return end;
  }
}

/** Reads one line of JSON-RPC 2.0. Total: any bytes give one of the kinds, and nothing is thrown. */
export function parseLine(line: Buffer): ParsedLine {
  if (nestsDeeper(line, MAX_NESTING)) {
    return { kind: 'refused', error: new ApiError('NESTING_TOO_DEEP', { max: MAX_NESTING }), close: true };
  }
  let value: unknown;
  try {
    const text = utf8.decode(line);
    if (text.trim() === '') return { kind: 'blank' };
    value = JSON.parse(text);
  } catch {
    return { kind: 'refused', error: new ApiError('PARSE_ERROR'), close: false };
  }
  if (!Array.isArray(value)) return { kind: 'single', item: readRequest(value) };
  if (value.length === 0) {
    return {
      kind: 'refused',
      error: new ApiError('INVALID_REQUEST', {}, 'the batch is empty'),
      close: false,
    };
  }
  if (value.length > MAX_BATCH) {
    const error = new ApiError('BATCH_TOO_LARGE', { max: MAX_BATCH, got: value.length });
    return { kind: 'refused', error, close: true };
  }
  return { kind: 'batch', items: value.map(readRequest) };
}

function readRequest(value: unknown): Request | InvalidRequest {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return invalid(null, 'a request is an object');
  }
  const { jsonrpc, id, method, params } = value as Record<string, unknown>;
  if (id !== undefined && !isId(id)) return invalid(null, 'id must be a short string, a number or null');
  if (jsonrpc !== '2.0') return invalid(id ?? null, 'jsonrpc must be "2.0"');
  if (typeof method !== 'string') return invalid(id ?? null, 'method must be a string');
  return {
    kind: 'request',
    method,
    params: params === undefined ? {} : params,
    ...(id === undefined ? {} : { id }),
  };
}

function isId(id: unknown): id is RequestId {
  if (typeof id === 'string') return id.length <= MAX_ID_CHARS;
  return id === null || (typeof id === 'number' && Number.isFinite(id));
}

function invalid(id: RequestId, why: string): InvalidRequest {
  return { kind: 'invalid', id, error: new ApiError('INVALID_REQUEST', {}, why) };
}
