import { bitsOf, HEADER_BYTES, headerHash, prevBytesOf, sameHash, timeOf } from './header.ts';
import { type ChunkRow, chunkKey, rowDamaged, workOfBytes } from './rows.ts';
import { workOfBits } from './target.ts';

const PREV_AT = 4;

/**
 * Up to 64 neighbouring headers of the best chain. The row's CRC was checked on loading; each header is also proven
 * against its link before it is first given out: its hash must be what the next header (or the row's last hash) names.
 * Per header rather than for the whole row: 1.4 us against 90 us, which decides what a cold lookup costs.
 */
export class Chunk {
  readonly number: number;
  readonly firstHeight: number;
  readonly count: number;
  private readonly row: ChunkRow;
  private readonly proven: Uint8Array;
  private works: bigint[] | undefined;

  /** `proven`: the headers come from checked input, not from the disk. */
  constructor(number: number, firstHeight: number, row: ChunkRow, proven: boolean) {
    this.number = number;
    this.firstHeight = firstHeight;
    this.row = row;
    this.count = row.headers.length / HEADER_BYTES;
    this.proven = new Uint8Array(this.count).fill(proven ? 1 : 0);
  }

  get startWork(): bigint {
    return workOfBytes(this.row.startWork);
  }

  /** Hash of the last header, internal order. */
  get lastHash(): Uint8Array {
    return this.row.lastHash;
  }

  /** What the row's first header links to. */
  get firstPrev(): Uint8Array {
    return prevBytesOf(this.row.headers);
  }

  /** The 80 bytes at `height`. @throws ChainError CHAIN_ROW_DAMAGED if its hash is not what its successor names. */
  header(height: number): Uint8Array {
    const i = height - this.firstHeight;
    const at = i * HEADER_BYTES;
    const raw = this.row.headers.subarray(at, at + HEADER_BYTES);
    if (this.proven[i] !== 1) {
      const hash = headerHash(raw);
      const linked = i + 1 < this.count;
      const source = linked ? this.row.headers : this.row.lastHash;
      if (!sameHash(source, linked ? at + HEADER_BYTES + PREV_AT : 0, hash)) {
        throw rowDamaged('chunk', chunkKey(this.number), `link of height ${height}`);
      }
      this.proven[i] = 1;
    }
    return raw;
  }

  /** Hash of the header at `height`, internal order. */
  hash(height: number): Uint8Array {
    this.header(height);
    const i = height - this.firstHeight;
    if (i + 1 === this.count) return this.row.lastHash;
    return prevBytesOf(this.row.headers.subarray((i + 1) * HEADER_BYTES));
  }

  time(height: number): number {
    return timeOf(this.header(height));
  }

  bits(height: number): number {
    return bitsOf(this.header(height));
  }

  /** Chain work up to and with the header at `height`. */
  work(height: number): bigint {
    if (this.works === undefined) {
      let sum = this.startWork;
      const works: bigint[] = [];
      for (let h = this.firstHeight; h < this.firstHeight + this.count; h++) {
        sum += workOfBits(this.bits(h));
        works.push(sum);
      }
      this.works = works;
    }
    return this.works[height - this.firstHeight]!;
  }

  /** Headers from the first to `height`, n x 80 bytes, each proven. */
  upTo(height: number): Uint8Array {
    for (let h = this.firstHeight; h <= height; h++) this.header(h);
    return this.row.headers.subarray(0, (height - this.firstHeight + 1) * HEADER_BYTES);
  }
}
