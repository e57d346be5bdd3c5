import { SyncError } from './errors.ts';

const HASH_BYTES = 32;
const SEGMENT_HEIGHTS = 1_024;
/** 16 MB: half a million block hashes, more than there are since the first BSV-21 token. */
const MAX_SEGMENTS = 512;

interface Segment {
  readonly hashes: Buffer;
  /** 1 for each height whose hash is there. */
  readonly known: Uint8Array;
}

/** Block hashes of the best chain in internal order: many tokens walk over the same heights. */
export class BlockHashes {
  private readonly hashAt: (height: number) => string | undefined;
  /** Least recently used first. */
  private readonly segments = new Map<number, Segment>();
  private newest: { readonly number: number; readonly segment: Segment } | undefined;

  /** `hashAt`: display order, of the best chain. */
  constructor(hashAt: (height: number) => string | undefined) {
    this.hashAt = hashAt;
  }

  /** A view, good until the chain changes. @throws SyncError NOT_READY: no header of that height is held */
  at(height: number): Uint8Array {
    const number = Math.floor(height / SEGMENT_HEIGHTS);
    const segment = this.newest?.number === number ? this.newest.segment : this.segment(number);
    const place = height - number * SEGMENT_HEIGHTS;
    const at = place * HASH_BYTES;
    if (segment.known[place] === 0) {
      const hex = this.hashAt(height);
      if (hex === undefined) throw new SyncError('NOT_READY', `no header of height ${height}`, { height });
      segment.hashes.set(Buffer.from(hex, 'hex').reverse(), at);
      segment.known[place] = 1;
    }
    return segment.hashes.subarray(at, at + HASH_BYTES);
  }

  /** Blocks from this height on are others now. */
  cut(fromHeight: number): void {
    for (const [number, segment] of this.segments) {
      const first = number * SEGMENT_HEIGHTS;
      if (first >= fromHeight) this.segments.delete(number);
      else segment.known.fill(0, Math.max(0, fromHeight - first));
    }
    this.newest = undefined;
  }

  private segment(number: number): Segment {
    const segment = this.segments.get(number) ?? {
      hashes: Buffer.alloc(SEGMENT_HEIGHTS * HASH_BYTES),
      known: new Uint8Array(SEGMENT_HEIGHTS),
    };
    this.segments.delete(number);
    this.segments.set(number, segment);
    if (this.segments.size > MAX_SEGMENTS) {
      const oldest = this.segments.keys().next().value;
      if (oldest !== undefined) this.segments.delete(oldest);
    }
    this.newest = { number, segment };
    return segment;
  }
}
