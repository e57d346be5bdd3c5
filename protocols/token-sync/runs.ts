import { TokenSyncError } from './errors.ts';

/** Places are block indexes: below 2^32, as a BUMP of our limits can state them. */
const MAX_PLACE = 0xffff_ffff;

/** Places in a block, ascending, as runs (README.md). Empty for none. */
export function encodeRuns(places: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  let next = 0;
  for (let i = 0; i < places.length; ) {
    const first = places[i] as number;
    let length = 1;
    while (places[i + length] === first + length) length++;
    pushVarint(bytes, first - next);
    pushVarint(bytes, length - 1);
    next = first + length;
    i += length;
  }
  return Uint8Array.from(bytes);
}

/**
 * How many places the runs name, without making a list of them.
 * @throws TokenSyncError FIELD_INVALID: not in the one form there is; TOO_MANY: more than `max`
 */
export function countRuns(runs: Uint8Array, max: number): number {
  let count = 0;
  eachRun(runs, (_, length) => {
    count += length;
    if (count > max) throw new TokenSyncError('TOO_MANY', `runs name more than ${max} places`, { max });
  });
  return count;
}

/** The places; errors as countRuns. */
export function decodeRuns(runs: Uint8Array, max: number): number[] {
  countRuns(runs, max);
  const places: number[] = [];
  eachRun(runs, (first, length) => {
    for (let i = 0; i < length; i++) places.push(first + i);
  });
  return places;
}

function eachRun(runs: Uint8Array, visit: (first: number, length: number) => void): void {
  const cursor = { at: 0 };
  for (let next = 0, i = 0; cursor.at < runs.length; i++) {
    const skipped = readVarint(runs, cursor);
    const length = readVarint(runs, cursor) + 1;
    if (i > 0 && skipped === 0) throw invalid('two runs that are one');
    const first = next + skipped;
    next = first + length;
    if (next - 1 > MAX_PLACE) throw invalid('a place of more than 32 bits');
    visit(first, length);
  }
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
}

function readVarint(bytes: Uint8Array, cursor: { at: number }): number {
  let value = 0;
  for (let unit = 1, i = 0; i < 5; i++, unit *= 0x80) {
    if (cursor.at >= bytes.length) throw invalid('the runs end inside a number');
    const byte = bytes[cursor.at++] as number;
    value += (byte & 0x7f) * unit;
    if (byte >= 0x80) continue;
    if (byte === 0 && i > 0) throw invalid('a number that is not in its shortest form');
    return value;
  }
  throw invalid('a number of more than 32 bits');
}

function invalid(message: string): TokenSyncError {
  return new TokenSyncError('FIELD_INVALID', `runs: ${message}`, { field: 'runs' });
}
