import type { ConfigChange } from '../../config/diff.ts';
import { type ConfigProblem, formatProblem } from '../../config/errors.ts';
import { inlineYaml } from '../../config/render.ts';
import { quote } from '../../config/secret.ts';
import type { ApiErrorCode } from './errors.ts';

/** failed: an undoing failed, so some part may run with what was refused, until a reload succeeds. */
export const RELOAD_STATES = ['idle', 'validating', 'updating', 'rolling_back', 'failed'] as const;
export type ReloadState = (typeof RELOAD_STATES)[number];

/** refused: before anything was touched; rolled_back: a part failed, and all are as before. */
export const RELOAD_VERDICTS = ['applied', 'unchanged', 'refused', 'rolled_back', 'failed'] as const;
export type ReloadVerdict = (typeof RELOAD_VERDICTS)[number];

export interface ReloadRefusal {
  readonly code: Extract<ApiErrorCode, `RELOAD_${string}` | 'SHUTTING_DOWN'>;
  /** What was wrong, for a person; one line a problem. */
  readonly lines: readonly string[];
  /** The part of the daemon that refused or failed. */
  readonly component?: string;
  /** Code of that part's error, or of the configuration's. */
  readonly reason?: string;
  readonly problems?: readonly ConfigProblem[];
  /** Those that need a restart. */
  readonly keys?: readonly string[];
}

/** How one reload ended. */
export interface ReloadOutcome {
  readonly number: number;
  readonly trigger: 'signal' | 'rpc';
  /** Unix milliseconds of its beginning. */
  readonly atMs: number;
  readonly ms: number;
  readonly verdict: ReloadVerdict;
  /** SHA-256 of the file that was read; undefined if it could not be, or is invalid. */
  readonly digest: string | undefined;
  /** Secrets are redacted. */
  readonly changes: readonly ConfigChange[];
  readonly warnings: readonly ConfigProblem[];
  /** For every verdict but `applied` and `unchanged`. */
  readonly refusal: ReloadRefusal | undefined;
}

/** What `status` and the metrics show. */
export interface ReloadFacts {
  readonly state: ReloadState;
  /** The last ten, newest first. */
  readonly outcomes: readonly ReloadOutcome[];
}

/** The keys that a reload is about: why it was refused, else what it changed. */
export function outcomeKeys({ refusal, changes }: Pick<ReloadOutcome, 'refusal' | 'changes'>): string[] {
  if (refusal?.keys !== undefined) return [...refusal.keys];
  const wrong = (refusal?.problems ?? []).map(({ key }) => key).filter((key) => key !== '');
  return wrong.length > 0 ? [...new Set(wrong)] : changes.map(({ key }) => key);
}

const MAX_VALUE_CHARS = 200;
const MAX_ENTRIES_NAMED = 20;

/** A change as `key: old -> new`, of lists what was added and removed. */
export function changeText({ key, old, new: next }: Pick<ConfigChange, 'key' | 'old' | 'new'>): string {
  if (Array.isArray(old) && Array.isArray(next)) {
    const [before, after] = [old.map(valueText), next.map(valueText)];
    const parts = [
      ...before.filter((text) => !after.includes(text)).map((text) => `- ${text}`),
      ...after.filter((text) => !before.includes(text)).map((text) => `+ ${text}`),
    ];
    const named = parts.slice(0, MAX_ENTRIES_NAMED);
    const more = parts.length > named.length ? [`and ${parts.length - named.length} more`] : [];
    if (parts.length > 0) return `${key}: ${[...named, ...more].join(', ')}`;
  }
  const [before, after] = [valueText(old), valueText(next)];
  return before === after ? `${key}: changed, its secret is not shown` : `${key}: ${before} -> ${after}`;
}

function valueText(value: ConfigChange['old']): string {
  if (value === undefined) return 'none';
  const text = inlineYaml(value);
  return text.length <= MAX_VALUE_CHARS ? text : `${text.slice(0, MAX_VALUE_CHARS - 3)}...`;
}

/** The verdict on a success in words, the same for the command and for the log: a headline and a line a fact. */
export function successLines(
  outcome: Pick<ReloadOutcome, 'verdict' | 'ms'> & {
    readonly changes: readonly Pick<ConfigChange, 'key' | 'old' | 'new'>[];
    readonly warnings: readonly ConfigProblem[];
  },
): string[] {
  const { changes, warnings } = outcome;
  const count = `${changes.length} key${changes.length === 1 ? '' : 's'} changed`;
  const took = `in ${Math.round(outcome.ms)} ms`;
  return [
    outcome.verdict === 'unchanged' ? `nothing changed (${took})` : `reloaded ${took}: ${count}`,
    ...changes.map(changeText),
    ...warnings.map((warning) => `warning: ${formatProblem(warning)}`),
  ];
}

/** The same for a refusal. */
export function refusalLines({ verdict, refusal }: Pick<ReloadOutcome, 'verdict' | 'refusal'>): string[] {
  const lines = refusal?.lines ?? [];
  if (verdict === 'failed') {
    return ['reload failed, and not all of it could be undone: restart the daemon', ...lines];
  }
  const end = 'the running configuration stays';
  return [`reload ${verdict === 'rolled_back' ? 'rolled back' : 'refused'}, ${end}`, ...lines];
}

/** Text of an error for an operator: ours say what is wrong; of others only what kind they are, quoted. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : quote(String(error));
}
