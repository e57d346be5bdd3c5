import { type FrameFault, FrameReader } from '../api/frames.ts';
import { type BeefSource, beefOfBytes, damagedFile, kindOfStart } from './beef-file.ts';

/** Bytes that tell what a stream holds. */
const START_BYTES = 1024;

/** BEEFs from standard input, in the same forms as in a file; read as they come. */
export class BeefStream implements BeefSource {
  readonly path = 'standard input';
  /** Nobody knows before its end. */
  readonly bytes = 0;
  readonly #stdin: AsyncIterable<Uint8Array>;
  #damage: FrameFault | undefined;

  constructor(stdin: AsyncIterable<Uint8Array>) {
    this.#stdin = stdin;
  }

  get damage(): FrameFault | undefined {
    return this.#damage;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async *frames(maxBeefBytes: number): AsyncGenerator<Uint8Array> {
    const pieces: Uint8Array[] = [];
    let size = 0;
    let reader: FrameReader | undefined;
    for await (const piece of this.#stdin) {
      if (reader === undefined) {
        pieces.push(piece);
        size += piece.length;
        if (size < START_BYTES) continue;
        const kind = kindOfStart(Buffer.concat(pieces), this.path);
        if (kind === 'framed') {
          reader = new FrameReader(maxBeefBytes);
          for (const each of pieces.splice(0)) reader.push(each);
        } else if (size > maxBeefBytes * (kind === 'raw' ? 1 : 3)) {
          throw damagedFile(this.path, `is larger than one BEEF may be (${maxBeefBytes} bytes)`);
        }
      } else reader.push(piece);
      if (reader === undefined) continue;
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) yield frame;
      if (reader.fault !== undefined) break;
    }
    if (reader === undefined) {
      const whole = Buffer.concat(pieces);
      if (whole.length === 0) throw damagedFile(this.path, 'is empty');
      if (kindOfStart(whole, this.path) !== 'framed') {
        yield beefOfBytes(whole, this.path);
        return;
      }
      reader = new FrameReader(maxBeefBytes);
      reader.push(whole);
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) yield frame;
    }
    this.#damage = reader.end();
  }
}
