import type { Context } from './context.ts';
import type { ExitCode } from './errors.ts';

export interface ArgSpec {
  readonly name: string;
  readonly doc: string;
  readonly optional?: boolean;
  /** Takes all that remain; last one only. */
  readonly many?: boolean;
  /** For completion. */
  readonly file?: boolean;
}

export interface OptionSpec {
  readonly type: 'flag' | 'text' | 'int' | 'duration';
  /** Name of the value in the help. */
  readonly value?: string;
  readonly short?: string;
  readonly doc: string;
  readonly choices?: readonly string[];
  /** Of an `int`. */
  readonly min?: number;
  readonly max?: number;
  readonly file?: boolean;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;

export interface Command {
  /** One or two words. */
  readonly name: string;
  readonly summary: string;
  /** Paragraphs of its help. */
  readonly doc?: readonly string[];
  readonly args: readonly ArgSpec[];
  readonly options: OptionTable;
  /** Command line without `btcfed`, and what it does. */
  readonly examples: readonly (readonly [string, string])[];
  /** Exit codes that mean something of their own here. */
  readonly exits?: readonly (readonly [number, string])[];
  run(context: Context): Promise<ExitCode | number>;
}

/** Options that every command has. */
export const GLOBAL_OPTIONS = {
  home: {
    type: 'text',
    value: 'DIR',
    doc: 'Home directory; default: $BTCFED_HOME, else the current directory.',
    file: true,
  },
  socket: {
    type: 'text',
    value: 'PATH',
    doc: 'Socket of the daemon; default: rpc.socket of conf.yaml, else btcfed.sock in the home directory.',
    file: true,
  },
  json: { type: 'flag', doc: 'Print one JSON object (lines of them where the output goes on).' },
  flat: { type: 'flag', doc: 'Print one path=value a line, for grep.' },
  color: {
    type: 'text',
    value: 'WHEN',
    choices: ['auto', 'always', 'never'],
    doc: 'Colour: auto (only on a terminal, and never with NO_COLOR), always or never.',
  },
  help: { type: 'flag', short: 'h', doc: 'Help of the program or of the command.' },
  version: { type: 'flag', doc: 'Version, commit, and versions of Node.js and libp2p.' },
} as const satisfies OptionTable;

/** `balance TOKEN ADDRESS...` */
export function synopsis(command: Command): string {
  const args = command.args.map((arg) => {
    const name = arg.many === true ? `${arg.name}...` : arg.name;
    return arg.optional === true ? `[${name}]` : name;
  });
  return [command.name, ...args].join(' ');
}
