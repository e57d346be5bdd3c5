import type { ProblemCode } from './errors.ts';
import { quote } from './secret.ts';

/** What a YAML file can hold, numbers in any but plain decimal spelling being texts (see yaml.ts). */
export type YamlValue =
  | null
  | boolean
  | number
  | string
  | readonly YamlValue[]
  | { readonly [key: string]: YamlValue };

export type YamlMap = { readonly [key: string]: YamlValue };

export type Path = readonly (string | number)[];

/** Something wrong at a path; where that is in the file is known by who reads the file. */
export interface Fault {
  readonly path: Path;
  readonly warning: boolean;
  readonly code: ProblemCode;
  readonly message: string;
  readonly expected: string;
}

/** What a value is read with: the home directory, where the value stands, and whom to tell what is wrong. */
export class ReadContext {
  readonly home: string;
  readonly #path: Path;
  readonly #sink: (fault: Fault) => void;

  constructor(home: string, path: Path, sink: (fault: Fault) => void) {
    this.home = home;
    this.#path = path;
    this.#sink = sink;
  }

  /** The same, one step further in. */
  at(step: string | number): ReadContext {
    return new ReadContext(this.home, [...this.#path, step], this.#sink);
  }

  /** Reports an error; returns undefined so that a reader can end with it. */
  fail(code: ProblemCode, message: string, expected: string): undefined {
    this.#sink({ path: this.#path, warning: false, code, message, expected });
  }

  warn(code: ProblemCode, message: string, expected: string): void {
    this.#sink({ path: this.#path, warning: true, code, message, expected });
  }
}

/** How secrets leave a value: `reveal` is for comparing only, its result never goes out. */
export type Secrets = 'redact' | 'reveal';

/** One kind of value: how it is read from YAML, checked, and written back. */
export interface ValueType<T> {
  /** For the key table, such as `duration`. */
  readonly name: string;
  /** What would be right, such as `a duration from 1s to 10m, such as 10s`. */
  readonly expected: string;
  /** True if an empty value (`key:`) means something. */
  readonly takesNull?: boolean;
  /** Undefined means that at least one error was reported. */
  read(input: YamlValue, context: ReadContext): T | undefined;
  /** The value as an operator would write it. `read(show(x))` is `x`, secrets aside. */
  show(value: T, secrets: Secrets): YamlValue;
}

export function isMap(value: YamlValue | undefined): value is YamlMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Completes "is ...". */
export function describe(input: YamlValue): string {
  if (input === null) return 'empty';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'string') return `the text ${quote(input)}`;
  if (typeof input === 'number') return `the number ${input}`;
  return typeof input === 'boolean' ? String(input) : 'a section';
}

/** `network.addresses[0]`; names that are no plain words are quoted. */
export function pathText(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${step}]`;
      const name = /^[A-Za-z0-9_]{1,39}$/.test(step) ? step : quote(step);
      return index === 0 ? name : `.${name}`;
    })
    .join('');
}

/** `a, b or c` */
export function orList(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}
