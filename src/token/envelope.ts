import {
  dataStart,
  OP_0,
  OP_1,
  OP_16,
  OP_ENDIF,
  OP_IF,
  OP_PUSHDATA4,
  OP_RESERVED,
  opEnd,
  startsAt,
} from './script.ts';

/** Offsets into the script: prefix = [0, start), JSON = [bodyStart, bodyEnd), suffix = [end, length). */
export interface Envelope {
  readonly start: number;
  readonly end: number;
  readonly bodyStart: number;
  readonly bodyEnd: number;
}

const CONTENT_TYPE = new TextEncoder().encode('application/bsv-20');
const TAG_BODY = 0;
const TAG_CONTENT_TYPE = 1;
const TAG_UNKNOWN = -1;
const TAG_FORBIDDEN = -2;
/** 00 63 03 "ord" | 51 12 <content type> | 00 00 | 68. A bare P2PKH (25 bytes) is never walked. */
const MIN_ENVELOPE_BYTES = 6 + 2 + CONTENT_TYPE.length + 2 + 1;

/**
 * Finds the token envelope of a locking script (token-rules E1-E8): walks op by op, never inside a push, and stops at
 * the first well-formed envelope whatever its content type. Linear in the script, allocates only for a result.
 *
 * @returns undefined if there is no envelope or it is not one of content type `application/bsv-20`
 */
export function findEnvelope(script: Uint8Array): Envelope | undefined {
  const last = script.length - MIN_ENVELOPE_BYTES;
  let pos = 0;
  while (pos <= last) {
    if (script[pos] === OP_0 && isStart(script, pos)) {
      const found = readFields(script, pos);
      if (typeof found !== 'number') return found;
      pos = found;
    } else {
      pos = opEnd(script, pos);
    }
    if (pos < 0) return undefined;
  }
  return undefined;
}

/** E1: OP_FALSE, OP_IF, push "ord", each an op of its own since `pos` is an op boundary. */
function isStart(script: Uint8Array, pos: number): boolean {
  return (
    script[pos + 1] === OP_IF &&
    script[pos + 2] === 3 &&
    script[pos + 3] === 0x6f &&
    script[pos + 4] === 0x72 &&
    script[pos + 5] === 0x64
  );
}

/**
 * E3-E6: reads the (tag, value) pairs after the start at `start`.
 *
 * @returns the envelope if it carries a token; undefined if it is another inscription; else the offset to go on
 *   from, -1 for "no token in this script"
 */
function readFields(script: Uint8Array, start: number): Envelope | undefined | number {
  let typeStart = 0;
  let typeEnd = 0;
  let pos = start + 6;
  while (pos < script.length) {
    const value = opEnd(script, pos);
    if (value < 0 || value >= script.length) return -1;
    const tag = tagAt(script, pos, value);
    const op = script[value]!;
    if (tag === TAG_FORBIDDEN || op === OP_RESERVED || op > OP_16) return -1;
    const end = opEnd(script, value);
    if (end < 0) return -1;
    // OP_1NEGATE and OP_1-OP_16 bring no bytes: as a content type or a body they are empty
    const data = op <= OP_PUSHDATA4 ? dataStart(script, value) : end;
    if (tag === TAG_BODY) {
      if (script[end] !== OP_ENDIF) return end;
      if (!isTokenType(script, typeStart, typeEnd)) return undefined;
      return { start, end: end + 1, bodyStart: data, bodyEnd: end };
    }
    if (tag === TAG_CONTENT_TYPE) {
      typeStart = data;
      typeEnd = end;
    }
    pos = end;
  }
  return -1;
}

function tagAt(script: Uint8Array, pos: number, end: number): number {
  const op = script[pos]!;
  if (op >= OP_1 && op <= OP_16) return op - OP_1 + 1;
  if (op > OP_PUSHDATA4) return TAG_FORBIDDEN;
  const start = dataStart(script, pos);
  if (start === end) return TAG_BODY;
  return end - start === 1 ? script[start]! : TAG_UNKNOWN;
}

/** E5: exact bytes; no parameters, no case folding. */
function isTokenType(script: Uint8Array, start: number, end: number): boolean {
  return end - start === CONTENT_TYPE.length && startsAt(script, start, CONTENT_TYPE);
}
