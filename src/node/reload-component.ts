import type { Config, ConfigChange } from '../../config/index.ts';
import type { PreparedChange } from '../p2p/types.ts';

/** What a reload would change, as every component is asked about it. */
export interface ProposedChange {
  readonly next: Config;
  readonly running: Config;
  /** In the order of the schema; empty if the file says the same as before. */
  readonly changes: readonly ConfigChange[];
}

/** A part of the daemon that takes changed keys while it runs. */
export interface ReloadComponent {
  /** For the operator, such as `header sources`. */
  readonly name: string;
  /**
   * Does everything that can fail, and nothing that others could see. Undefined: nothing of it is for this component.
   * A typed error (`code`, `data`) vetoes the whole reload. What comes back after the signal was aborted is rolled back.
   * `rollback` may be called twice, if `apply` ends only after it was given up.
   */
  prepare(
    change: ProposedChange,
    signal: AbortSignal,
  ): Promise<PreparedChange | undefined> | PreparedChange | undefined;
}

/** True if one of these keys, or a key of one of these sections, is among the changed ones. */
export function touches(changes: readonly ConfigChange[], ...names: readonly string[]): boolean {
  return changes.some(({ key }) => names.some((name) => key === name || key.startsWith(`${name}.`)));
}
