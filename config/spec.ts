import type { ValueType, YamlValue } from './value.ts';

/** Whether a reload takes a changed value, or the whole reload is refused and names the key. */
export type ReloadClass = 'live' | 'restart';

/** All there is to know about one key. */
export interface KeySpec<T, F extends string = string, O extends boolean = boolean> {
  /** Its name in `Config`, with the unit. */
  readonly field: F;
  readonly type: ValueType<T>;
  /** True: there may be no value. */
  readonly optional: O;
  /** As an operator would write it; undefined if optional. */
  readonly default: YamlValue | undefined;
  /** A file that exists must have it, as the Go node demands; a missing file is written with the default. */
  readonly required: boolean;
  readonly reload: ReloadClass;
  /** Holds a secret: only in the file, never in any output. */
  readonly secret: boolean;
  readonly doc: string;
  /** Shown, commented out, in the example file. */
  readonly example: YamlValue | undefined;
}

interface KeyOptions<T, F extends string> {
  readonly field: F;
  readonly type: ValueType<T>;
  readonly reload: ReloadClass;
  readonly doc: string;
  readonly required?: boolean;
  readonly secret?: boolean;
  readonly example?: YamlValue;
}

/** A key that always has a value. */
export function key<T, const F extends string>(
  opts: KeyOptions<T, F> & { readonly default: YamlValue },
): KeySpec<T, F, false> {
  return { required: false, secret: false, example: undefined, optional: false, ...opts };
}

/** A key that may have no value. */
export function optionalKey<T, const F extends string>(opts: KeyOptions<T, F>): KeySpec<T, F, true> {
  return { required: false, secret: false, example: undefined, optional: true, default: undefined, ...opts };
}
