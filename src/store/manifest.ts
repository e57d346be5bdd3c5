const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
const PIECE = { full: 1, first: 2, last: 4 } as const;
/** Fields of an edit. Format: LevelDB's db/version_edit.cc. */
const FIELD = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  previousLog: 9,
} as const;

/**
 * Numbers of the tables that a MANIFEST of LevelDB names, as of its last whole edit; undefined if it cannot be followed. Its
 * end may be torn: LevelDB reads up to there, too.
 */
export function tablesOf(manifest: Buffer): Set<number> | undefined {
  const tables = new Set<number>();
  for (const edit of recordsOf(manifest)) {
    if (!apply(new Fields(edit), tables)) return undefined;
  }
  return tables;
}

function* recordsOf(bytes: Buffer): Generator<Buffer> {
  let pieces: Buffer[] = [];
  for (let block = 0; block < bytes.length; block += BLOCK_BYTES) {
    const stop = Math.min(bytes.length, block + BLOCK_BYTES);
    for (let at = block; at + HEADER_BYTES <= stop; ) {
      const end = at + HEADER_BYTES + bytes.readUInt16LE(at + 4);
      const type = bytes[at + 6] as number;
      if (type === 0) break; // the rest of the block is unused
      if (end > stop) return;
      if (type === PIECE.full || type === PIECE.first) pieces = [];
      pieces.push(bytes.subarray(at + HEADER_BYTES, end));
      if (type === PIECE.full || type === PIECE.last) yield Buffer.concat(pieces);
      at = end;
    }
  }
}

/** False if the edit cannot be read. Deleted tables come before new ones, so one that only changes its level stays. */
function apply(fields: Fields, tables: Set<number>): boolean {
  while (!fields.isOver) {
    switch (fields.number()) {
      case FIELD.comparator:
        fields.skipBytes();
        break;
      case FIELD.logNumber:
      case FIELD.nextFile:
      case FIELD.lastSequence:
      case FIELD.previousLog:
        fields.number();
        break;
      case FIELD.compactPointer:
        fields.number();
        fields.skipBytes();
        break;
      case FIELD.deletedFile:
        fields.number();
        tables.delete(fields.number());
        break;
      case FIELD.newFile:
        fields.number();
        tables.add(fields.number());
        fields.number();
        fields.skipBytes();
        fields.skipBytes();
        break;
      default:
        return false;
    }
  }
  return fields.isWhole;
}

/** Reads on behind its end as zeros, and tells so. */
class Fields {
  private readonly bytes: Buffer;
  private at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get isOver(): boolean {
    return this.at >= this.bytes.length;
  }

  get isWhole(): boolean {
    return this.at === this.bytes.length;
  }

  number(): number {
    let value = 0;
    for (let unit = 1; ; unit *= 0x80) {
      const byte = this.bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value;
    }
  }

  skipBytes(): void {
    const length = this.number();
    this.at += length;
  }
}
