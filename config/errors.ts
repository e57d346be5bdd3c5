/** What can be wrong with a value, a key or the file. Stable: scripts and tests match on these. */
export type ProblemCode =
  | 'SYNTAX'
  | 'ENCODING'
  | 'TOO_LARGE'
  | 'TOO_MANY_PROBLEMS'
  | 'DUPLICATE_KEY'
  | 'UNKNOWN_KEY'
  | 'MISSING_KEY'
  | 'NO_VALUE'
  | 'WRONG_TYPE'
  | 'BAD_VALUE'
  | 'OUT_OF_RANGE'
  | 'NOT_SUPPORTED'
  | 'CONFLICT'
  | 'NEWER_VERSION'
  | 'NOT_FOUND'
  | 'UNREADABLE'
  | 'UNWRITABLE'
  // The last three are warnings.
  | 'FILE_MODE'
  | 'KEY_HALVES_DIFFER'
  | 'KEY_MISSING';

/** One thing that is wrong (or worth a warning) at one place of one file. */
export interface ConfigProblem {
  /** The file as the operator named it. */
  readonly file: string;
  /** 1-based; 0 if the problem is the file as a whole. */
  readonly line: number;
  /** 1-based; 0 if the problem is the file as a whole. */
  readonly column: number;
  /** Key path such as `network.addresses[0]`; empty if it belongs to no key. */
  readonly key: string;
  readonly code: ProblemCode;
  readonly message: string;
  /** What would be right. */
  readonly expected: string;
}

export type ConfigErrorCode =
  | 'CONFIG_INVALID'
  | 'CONFIG_NOT_FOUND'
  | 'CONFIG_UNREADABLE'
  | 'CONFIG_UNWRITABLE';

/** The only error of this module. `message` holds one line a problem, `problems` the same as data. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code: ConfigErrorCode;
  readonly data: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  readonly problems: readonly ConfigProblem[];

  constructor(code: ConfigErrorCode, problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.code = code;
    this.problems = problems;
    this.data = {
      file: problems[0]?.file ?? '',
      count: problems.length,
      keys: [...new Set(problems.map((problem) => problem.key).filter((key) => key !== ''))],
      codes: [...new Set(problems.map((problem) => problem.code))],
    };
  }
}

/** `conf.yaml:12:5: network.addresses[0]: what is wrong (expected what would be right)` */
export function formatProblem(problem: ConfigProblem): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  const key = problem.key === '' ? '' : `${problem.key}: `;
  return `${place}: ${key}${problem.message} (expected ${problem.expected})`;
}

/** A problem of the file as a whole. */
export function fileProblem(
  file: string,
  code: ProblemCode,
  message: string,
  expected: string,
): ConfigProblem {
  return { file, line: 0, column: 0, key: '', code, message, expected };
}
