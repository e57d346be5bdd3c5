/**
 * The framed stream of BEEFs that files and imports use: repeated u32 LE length + that many bytes.
 */
export const FRAME_HEAD_BYTES = 4;

export interface FrameFault {
  readonly code: 'FRAME_EMPTY' | 'FRAME_TOO_LONG' | 'FRAME_TRUNCATED';
  /** Where in the stream the damaged frame begins, in bytes. */
  readonly offset: number;
  readonly text: string;
}

/** Puts a frame's length before it. */
export function frameHead(bytes: number): Buffer {
  const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
  head.writeUInt32LE(bytes);
  return head;
}

/**
 * Cuts a stream into frames however it is chunked. Nothing is allocated for a claimed length; a frame becomes
 * one buffer when its last byte is there. After a fault no frame follows: the place of the next is unknown.
 */
export class FrameReader {
  readonly #maxFrameBytes: number;
  #chunks: Uint8Array[] = [];
  #held = 0;
  /** Bytes of the stream before the frame that is being read. */
  #offset = 0;
  #need: number | undefined;
  #fault: FrameFault | undefined;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  get fault(): FrameFault | undefined {
    return this.#fault;
  }

  /** Bytes of the whole frames given so far; where the current one begins. */
  get offset(): number {
    return this.#offset;
  }

  push(chunk: Uint8Array): void {
    if (this.#fault !== undefined || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#held += chunk.length;
  }

  /** The next whole frame, or undefined until more was pushed. */
  next(): Uint8Array | undefined {
    if (this.#need === undefined) {
      if (this.#fault !== undefined || this.#held < FRAME_HEAD_BYTES) return undefined;
      const head = this.#take(FRAME_HEAD_BYTES);
      const length = Buffer.from(head.buffer, head.byteOffset, head.length).readUInt32LE();
      const fault = this.#judgeLength(length);
      if (fault !== undefined) return this.#fail(fault);
      this.#need = length;
    }
    if (this.#held < this.#need) return undefined;
    const frame = this.#take(this.#need);
    this.#offset += FRAME_HEAD_BYTES + this.#need;
    this.#need = undefined;
    return frame;
  }

  /** Says that nothing follows: a begun frame is then a fault. */
  end(): FrameFault | undefined {
    if (this.#fault === undefined && (this.#need !== undefined || this.#held > 0)) {
      const want = this.#need === undefined ? 'its 4-byte length' : `${this.#need} bytes`;
      this.#fail({
        code: 'FRAME_TRUNCATED',
        offset: this.#offset,
        text: `the frame at offset ${this.#offset} is cut off: it needs ${want}, ${this.#held} are there`,
      });
    }
    return this.#fault;
  }

  #judgeLength(length: number): FrameFault | undefined {
    const at = `the frame at offset ${this.#offset}`;
    if (length === 0) return { code: 'FRAME_EMPTY', offset: this.#offset, text: `${at} has length 0` };
    if (length <= this.#maxFrameBytes) return undefined;
    const text = `${at} claims ${length} bytes; the most is ${this.#maxFrameBytes}`;
    return { code: 'FRAME_TOO_LONG', offset: this.#offset, text };
  }

  #fail(fault: FrameFault): undefined {
    this.#fault = fault;
    this.#chunks = [];
    this.#held = 0;
    this.#need = undefined;
  }

  /** Removes `count` held bytes; a view where they lie in one chunk. */
  #take(count: number): Uint8Array {
    const first = this.#chunks[0] as Uint8Array;
    this.#held -= count;
    if (first.length > count) {
      this.#chunks[0] = first.subarray(count);
      return first.subarray(0, count);
    }
    if (first.length === count) {
      this.#chunks.shift();
      return first;
    }
    const out = Buffer.allocUnsafe(count);
    let at = 0;
    let used = 0;
    while (at < count) {
      const chunk = this.#chunks[used] as Uint8Array;
      const part = chunk.subarray(0, count - at);
      out.set(part, at);
      at += part.length;
      if (part.length === chunk.length) used += 1;
      else this.#chunks[used] = chunk.subarray(part.length);
    }
    this.#chunks.splice(0, used);
    return out;
  }
}
