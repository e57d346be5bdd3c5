import { flatten } from './format.ts';
import type { CliIo } from './io.ts';

export type OutputMode = 'human' | 'json' | 'flat';

export interface OutputOptions {
  readonly mode: OutputMode;
  readonly color: 'auto' | 'always' | 'never';
}

const CODES = { red: 31, yellow: 33, green: 32, dim: 2, bold: 1 } as const;
export type Style = keyof typeof CODES;

/** What a command says: data on stdout in the form asked for, everything else on stderr. */
export class Output {
  readonly mode: OutputMode;
  readonly #io: CliIo;
  readonly #color: OutputOptions['color'];

  constructor(opts: OutputOptions, io: CliIo) {
    this.mode = opts.mode;
    this.#color = opts.color;
    this.#io = io;
  }

  /** The result: one JSON object, `path=value` lines, or the text for people. */
  data(result: object, human: () => string): void {
    if (this.mode === 'json') this.#io.stdout.write(`${JSON.stringify(result)}\n`);
    else if (this.mode === 'flat') this.#io.stdout.write(`${flatten(result).join('\n')}\n`);
    else this.text(human());
  }

  /** Text on stdout that is the result in every mode (help, completion scripts). */
  text(text: string): void {
    if (text !== '') this.#io.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
  }

  /** A remark beside the data. */
  note(text: string): void {
    this.#io.stderr.write(`${text}\n`);
  }

  /** Styled only where stdout is a terminal, or on request. */
  style(text: string, style: Style): string {
    const auto = this.#io.stdout.isTty && (this.#io.env['NO_COLOR'] ?? '') === '';
    const on = this.#color === 'always' || (this.#color === 'auto' && auto);
    return on && this.mode === 'human' ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text;
  }
}
