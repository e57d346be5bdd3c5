/** Exit codes of the command line. The daemon (`run`) has its own: see its help. */
export const EXIT = {
  ok: 0,
  /** The daemon refused, or `status` is degraded. */
  refused: 1,
  unreachable: 2,
  usage: 3,
  config: 4,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export type CliErrorCode =
  | 'USAGE'
  | 'UNREACHABLE'
  | 'FILE_UNREADABLE'
  | 'FILE_UNWRITABLE'
  | 'FILE_DAMAGED'
  | 'NOT_CONFIRMED'
  | 'NOT_READY'
  | 'NOT_STARTED';

const EXIT_OF: Record<CliErrorCode, ExitCode> = {
  USAGE: EXIT.usage,
  UNREACHABLE: EXIT.unreachable,
  FILE_UNREADABLE: EXIT.refused,
  FILE_UNWRITABLE: EXIT.refused,
  FILE_DAMAGED: EXIT.refused,
  NOT_CONFIRMED: EXIT.refused,
  NOT_READY: EXIT.refused,
  NOT_STARTED: EXIT.refused,
};

/** What went wrong before or beside the daemon; the message says what, where, and what to do. */
export class CliError extends Error {
  readonly code: CliErrorCode;
  readonly data: Readonly<Record<string, string | number>>;

  constructor(code: CliErrorCode, message: string, data: Readonly<Record<string, string | number>> = {}) {
    super(message);
    this.name = 'CliError';
    this.code = code;
    this.data = data;
  }

  get exit(): ExitCode {
    return EXIT_OF[this.code];
  }
}

export function usage(message: string): CliError {
  return new CliError('USAGE', message);
}
