import { MAX_LINE_BYTES } from './limits.ts';

const NEWLINE = 0x0a;

/**
 * Cuts a byte stream into lines, each looked at once however it is chunked. Holds at most one line of
 * `maxBytes` plus what one chunk brought; a longer line sets `tooLong` and ends the reading.
 */
export class LineReader {
  readonly #maxBytes: number;
  #lines: Buffer[] = [];
  #at = 0;
  #head: Buffer[] = [];
  #headBytes = 0;
  #tooLong = false;

  constructor(maxBytes: number = MAX_LINE_BYTES) {
    this.#maxBytes = maxBytes;
  }

  push(chunk: Buffer): void {
    let from = 0;
    while (!this.#tooLong) {
      const end = chunk.indexOf(NEWLINE, from);
      const piece = chunk.subarray(from, end === -1 ? chunk.length : end);
      this.#headBytes += piece.length;
      if (this.#headBytes > this.#maxBytes) {
        this.#tooLong = true;
        this.#head = [];
        return;
      }
      this.#head.push(piece);
      if (end === -1) return;
      this.#lines.push(this.#head.length === 1 ? piece : Buffer.concat(this.#head, this.#headBytes));
      this.#head = [];
      this.#headBytes = 0;
      from = end + 1;
    }
  }

  /** The next complete line without its newline. Lines before a too long one are still given. */
  next(): Buffer | undefined {
    const line = this.#lines[this.#at];
    if (line === undefined) return undefined;
    this.#at += 1;
    // Not shift(): on a chunk of many short lines it would move them all each time.
    if (this.#at === this.#lines.length) {
      this.#lines = [];
      this.#at = 0;
    }
    return line;
  }

  get pending(): number {
    return this.#lines.length - this.#at;
  }

  get tooLong(): boolean {
    return this.#tooLong;
  }
}
