import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Reads the rows in LevelDB's files without LevelDB, as far as their bytes can be followed. LevelDB gives up a file for
 * one lost block, drops 32 KB of log for one bit, does not open without MANIFEST and CURRENT, and ends the process where
 * a flipped key breaks the order of a table (measured). Here nothing is believed and nothing is refused: whoever calls
 * checks each row by its own seal. Files are read only, so a second try finds them as the first did.
 *
 * Formats: LevelDB's doc/table_format.md and doc/log_format.md.
 */
export interface SalvagedRow {
  readonly key: Buffer;
  /** Undefined: the row was deleted. */
  readonly value: Buffer | undefined;
  /** LevelDB's number of the write: of two rows with one key the higher one is the newer. */
  readonly sequence: number;
}

export interface SalvageNotes {
  files: number;
  /** Names of files of which nothing could be read. */
  readonly unreadable: string[];
  /** Blocks and log records that could not be followed to their end. */
  brokenPieces: number;
}

const FOOTER_BYTES = 48;
const BLOCK_TRAILER_BYTES = 5;
const SNAPPY = 1;
const LOG_BLOCK_BYTES = 32 * 1024;
const LOG_HEADER_BYTES = 7;
const LOG = { full: 1, first: 2, middle: 3, last: 4 } as const;
const BATCH_HEADER_BYTES = 12;
const PUT = 1;
const DELETE = 0;

/** Every version of every row in a database folder, file by file, in no order. */
export function* salvageRows(folder: string, notes: SalvageNotes): Generator<SalvagedRow> {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder).sort()) {
    const isTable = name.endsWith('.ldb') || name.endsWith('.sst');
    if (!isTable && !name.endsWith('.log')) continue;
    notes.files++;
    let bytes: Buffer;
    try {
      bytes = readFileSync(join(folder, name));
    } catch {
      notes.unreadable.push(name);
      continue;
    }
    if (bytes.length === 0) continue;
    let found = 0;
    for (const row of isTable ? tableRows(bytes, notes) : logRows(bytes, notes)) {
      found++;
      yield row;
    }
    if (found === 0) notes.unreadable.push(name);
  }
}

/** A position in bytes that never leaves them: undefined where a number or a range would. */
class Cursor {
  readonly bytes: Buffer;
  at: number;
  readonly stop: number;

  constructor(bytes: Buffer, at: number, stop: number) {
    this.bytes = bytes;
    this.at = at;
    this.stop = stop;
  }

  varint(): number | undefined {
    let value = 0;
    for (let unit = 1; this.at < this.stop && unit <= 2 ** 49; unit *= 0x80) {
      const byte = this.bytes[this.at++]!;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
    return undefined;
  }

  take(length: number): Buffer | undefined {
    if (length > this.stop - this.at) return undefined;
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}

interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
}

function* tableRows(bytes: Buffer, notes: SalvageNotes): Generator<SalvagedRow> {
  if (bytes.length < FOOTER_BYTES) return;
  const footer = new Cursor(bytes, bytes.length - FOOTER_BYTES, bytes.length);
  footer.varint();
  footer.varint(); // the first handle is of the filters
  for (const { value } of blockEntries(bytes, footer.varint(), footer.varint(), notes)) {
    const handle = new Cursor(value, 0, value.length);
    for (const { key, value: row } of blockEntries(bytes, handle.varint(), handle.varint(), notes)) {
      if (key.length < 8) continue;
      const tag = key.readBigUInt64LE(key.length - 8);
      yield {
        key: key.subarray(0, -8),
        value: (tag & 0xffn) === BigInt(DELETE) ? undefined : row,
        sequence: Number(tag >> 8n),
      };
    }
  }
}

/**
 * Entries of a block. Keys share their beginning with the one before, but for every 16th, where a restart begins; a piece
 * that cannot be followed costs what lies before the next restart.
 */
function* blockEntries(
  bytes: Buffer,
  offset: number | undefined,
  size: number | undefined,
  notes: SalvageNotes,
): Generator<Entry> {
  const isInside =
    offset !== undefined &&
    size !== undefined &&
    size >= 8 &&
    offset + size + BLOCK_TRAILER_BYTES <= bytes.length;
  if (!isInside || bytes[offset + size] === SNAPPY) {
    notes.brokenPieces++;
    return;
  }
  const end = offset + size;
  const { restarts, stop } = restartsOf(bytes, offset, end);
  for (const restart of restarts) {
    const cursor = new Cursor(bytes, restart, stop);
    let last: Buffer = Buffer.alloc(0);
    while (cursor.at < stop && (cursor.at === restart || !restarts.has(cursor.at))) {
      const entry = nextEntry(cursor, last);
      if (entry === undefined) {
        notes.brokenPieces++;
        break;
      }
      yield entry;
      last = entry.key;
    }
  }
}

/** Where entries with a whole key begin, and where entries end. */
function restartsOf(bytes: Buffer, offset: number, end: number): { restarts: Set<number>; stop: number } {
  const restarts = new Set([offset]);
  const count = bytes.readUInt32LE(end - 4);
  const stop = end - 4 - 4 * count;
  if (stop < offset) return { restarts, stop: end - 4 };
  for (let at = stop; at < end - 4; at += 4) {
    const restart = offset + bytes.readUInt32LE(at);
    if (restart < stop) restarts.add(restart);
  }
  return { restarts, stop };
}

function nextEntry(cursor: Cursor, last: Buffer): Entry | undefined {
  const shared = cursor.varint();
  const rest = cursor.varint();
  const length = cursor.varint();
  if (shared === undefined || rest === undefined || length === undefined || shared > last.length)
    return undefined;
  const tail = cursor.take(rest);
  const value = tail === undefined ? undefined : cursor.take(length);
  if (tail === undefined || value === undefined) return undefined;
  return { key: shared === 0 ? tail : Buffer.concat([last.subarray(0, shared), tail]), value };
}

/** Rows of the write batches in a log; a batch whose later pieces are lost gives the rows of those before. */
function* logRows(bytes: Buffer, notes: SalvageNotes): Generator<SalvagedRow> {
  let pieces: Buffer[] = [];
  for (const piece of logPieces(bytes, notes)) {
    const begins = piece.type === LOG.full || piece.type === LOG.first;
    if (begins && pieces.length > 0) {
      notes.brokenPieces++;
      yield* batchRows(Buffer.concat(pieces), notes);
      pieces = [];
    }
    if (!begins && pieces.length === 0) {
      notes.brokenPieces++; // its beginning is lost
      continue;
    }
    pieces.push(piece.bytes);
    if (piece.type === LOG.first || piece.type === LOG.middle) continue;
    yield* batchRows(Buffer.concat(pieces), notes);
    pieces = [];
  }
  if (pieces.length > 0) yield* batchRows(Buffer.concat(pieces), notes);
}

function* logPieces(bytes: Buffer, notes: SalvageNotes): Generator<{ type: number; bytes: Buffer }> {
  for (let block = 0; block < bytes.length; block += LOG_BLOCK_BYTES) {
    const stop = Math.min(bytes.length, block + LOG_BLOCK_BYTES);
    let at = block;
    while (at + LOG_HEADER_BYTES <= stop) {
      const length = bytes.readUInt16LE(at + 4);
      const type = bytes[at + 6]!;
      if (type === 0 && length === 0) break; // the rest of the block is unused
      const end = at + LOG_HEADER_BYTES + length;
      if (type < LOG.full || type > LOG.last) {
        notes.brokenPieces++;
        break;
      }
      // A record that claims more than the block has was cut, or its length is damaged: what is there may hold rows.
      yield {
        type: end > stop ? LOG.full : type,
        bytes: bytes.subarray(at + LOG_HEADER_BYTES, Math.min(end, stop)),
      };
      at = end;
    }
  }
}

function* batchRows(batch: Buffer, notes: SalvageNotes): Generator<SalvagedRow> {
  if (batch.length < BATCH_HEADER_BYTES) return;
  let sequence = Number(batch.readBigUInt64LE(0));
  const cursor = new Cursor(batch, BATCH_HEADER_BYTES, batch.length);
  while (cursor.at < batch.length) {
    const type = batch[cursor.at++];
    const keyLength = cursor.varint();
    const key = keyLength === undefined ? undefined : cursor.take(keyLength);
    const valueLength = type === PUT ? cursor.varint() : 0;
    const value = valueLength === undefined ? undefined : cursor.take(valueLength);
    if ((type !== PUT && type !== DELETE) || key === undefined || value === undefined) {
      notes.brokenPieces++;
      return;
    }
    yield { key, value: type === PUT ? value : undefined, sequence };
    sequence++;
  }
}
