import type { WriteStream } from 'node:tty';
import { TABLE_WIDTH } from './table.ts';

/** Where nothing can be redrawn, a picture is written at most so often. */
const PLAIN_MS = 5_000;

export type Output = Pick<WriteStream, 'write'> & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>;

/** A picture of lines that is redrawn in its place on a terminal, and written now and then elsewhere. No colours. */
export class Screen {
  private readonly out: Output;
  /** Lines of the picture that the next one replaces. */
  private drawn = 0;
  private writtenMs = Number.NEGATIVE_INFINITY;

  constructor(out: Output) {
    this.out = out;
  }

  /** Lines that stay, above pictures that come later. */
  say(...lines: readonly string[]): void {
    this.clear();
    this.write(lines);
  }

  draw(lines: readonly string[]): void {
    if (this.isPlain()) {
      if (performance.now() - this.writtenMs >= PLAIN_MS) this.keep(lines);
      return;
    }
    this.clear();
    this.write(lines);
    this.drawn = lines.length;
  }

  /** The last picture, which stays. */
  keep(lines: readonly string[]): void {
    this.clear();
    this.write(lines);
    this.writtenMs = performance.now();
  }

  /** No terminal, or one on which lines would wrap or cannot be replaced. */
  private isPlain(): boolean {
    const { isTTY, columns = 0 } = this.out;
    return isTTY !== true || columns < TABLE_WIDTH || process.env['TERM'] === 'dumb';
  }

  private clear(): void {
    // Up so many lines, and away with all below.
    if (this.drawn > 0) this.out.write(`\u001b[${this.drawn}A\u001b[J`);
    this.drawn = 0;
  }

  private write(lines: readonly string[]): void {
    this.out.write(`${lines.join('\n')}\n`);
  }
}
