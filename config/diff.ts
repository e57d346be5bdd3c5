import { isDeepStrictEqual } from 'node:util';
import { type Config, SCHEMA, shownValue } from './schema.ts';
import type { ReloadClass } from './spec.ts';
import type { YamlValue } from './value.ts';

/** One key whose value differs; values as an operator would write them, secrets redacted. */
export interface ConfigChange {
  readonly key: string;
  readonly reload: ReloadClass;
  /** Undefined: no value. */
  readonly old: YamlValue | undefined;
  readonly new: YamlValue | undefined;
}

/** What a reload would change, in the order of the schema. Secrets are compared, but not shown. */
export function diffConfig(running: Config, next: Config): readonly ConfigChange[] {
  return SCHEMA.filter(
    (entry) => !isDeepStrictEqual(shownValue(running, entry, 'reveal'), shownValue(next, entry, 'reveal')),
  ).map((entry) => ({
    key: entry.path,
    reload: entry.spec.reload,
    old: shownValue(running, entry, 'redact'),
    new: shownValue(next, entry, 'redact'),
  }));
}

/** The keys for which a reload must be refused. */
export function restartKeys(changes: readonly ConfigChange[]): readonly string[] {
  return changes.filter((change) => change.reload === 'restart').map((change) => change.key);
}
