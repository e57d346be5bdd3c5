import { closeSync, openSync, writeSync } from 'node:fs';
import { u32 } from './bytes.ts';
import { CorpusError } from './errors.ts';

const FLUSH_BYTES = 4 << 20;

/** Writes repeated `u32 LE length` + BEEF to a file, a few MB at a time. */
export class FrameWriter {
  readonly #file: number;
  #parts: Buffer[] = [];
  #waitingBytes = 0;
  frames = 0;
  bytes = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'w');
  }

  write(beef: Buffer): void {
    this.#parts.push(u32(beef.length), beef);
    this.frames++;
    this.bytes += beef.length + 4;
    this.#waitingBytes += beef.length + 4;
    if (this.#waitingBytes >= FLUSH_BYTES) {
      this.#flush();
    }
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    const all = Buffer.concat(this.#parts);
    for (let at = 0; at < all.length; ) {
      at += writeSync(this.#file, all, at);
    }
    this.#parts = [];
    this.#waitingBytes = 0;
  }
}

/** The frames of a file's bytes, as views. */
export function* readFrames(file: Buffer): Generator<Buffer> {
  for (let at = 0; at < file.length; ) {
    if (at + 4 > file.length || at + 4 + file.readUInt32LE(at) > file.length) {
      throw new CorpusError('TRUNCATED', `the frame at byte ${at} runs past the end`);
    }
    const end = at + 4 + file.readUInt32LE(at);
    yield file.subarray(at + 4, end);
    at = end;
  }
}
