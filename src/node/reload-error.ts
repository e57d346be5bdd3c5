import type { ConfigProblem } from '../../config/index.ts';
import type { ReloadRefusal } from '../api/reload-outcome.ts';

export type ReloadErrorCode = ReloadRefusal['code'] | 'COMPONENT_TIMEOUT';

/** The only error of a reload: why the running configuration stays. */
export class ReloadError extends Error {
  override readonly name = 'ReloadError';
  readonly code: ReloadErrorCode;
  readonly data: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  readonly problems: readonly ConfigProblem[];

  constructor(
    code: ReloadErrorCode,
    lines: readonly string[],
    data: ReloadError['data'] = {},
    problems: readonly ConfigProblem[] = [],
  ) {
    super(lines.join('\n'));
    this.code = code;
    this.data = data;
    this.problems = problems;
  }

  /** @returns what the outcome of the reload keeps of it */
  refusal(): ReloadRefusal {
    const { component, reason, keys } = this.data;
    return {
      code: this.code === 'COMPONENT_TIMEOUT' ? 'RELOAD_VETOED' : this.code,
      lines: this.message.split('\n'),
      ...(typeof component === 'string' ? { component } : {}),
      ...(typeof reason === 'string' ? { reason } : {}),
      ...(Array.isArray(keys) ? { keys } : {}),
      ...(this.problems.length > 0 ? { problems: this.problems } : {}),
    };
  }
}

/** Code of an error of any module; of a fault its class. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'UNKNOWN';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : error.name;
}
