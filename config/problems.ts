import type { ConfigProblem } from './errors.ts';
import { type Fault, pathText } from './value.ts';
import type { Position, YamlFault, YamlTree } from './yaml-tree.ts';

/** A file of garbage has an error a line; nobody reads more than this. */
const MAX_PROBLEMS = 100;

/** Errors and warnings of one file, placed; bounded. */
export class ProblemList {
  readonly #file: string;
  readonly #errors: ConfigProblem[] = [];
  readonly #warnings: ConfigProblem[] = [];
  #dropped = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** An error of form. */
  addYaml(fault: YamlFault): void {
    this.#add(this.#errors, fault.position, fault);
  }

  /** Something wrong with a value or a key of the file that `tree` is. */
  add(fault: Fault, tree: YamlTree): void {
    const ofKey = fault.code === 'UNKNOWN_KEY' || fault.code === 'MISSING_KEY';
    const position = ofKey ? tree.keyAt(fault.path) : tree.valueAt(fault.path);
    this.#add(fault.warning ? this.#warnings : this.#errors, position, fault);
  }

  #add(to: ConfigProblem[], { line, column }: Position, fault: Omit<YamlFault, 'position'>): void {
    if (to.length >= MAX_PROBLEMS) {
      this.#dropped++;
      return;
    }
    const { code, message, expected } = fault;
    to.push({ file: this.#file, line, column, key: pathText(fault.path), code, message, expected });
  }

  warnings(): readonly ConfigProblem[] {
    return this.#warnings;
  }

  /** In the order of the file; a last line tells how many more there are. */
  errors(): readonly ConfigProblem[] {
    const sorted = this.#errors.sort((a, b) => a.line - b.line || a.column - b.column);
    if (this.#dropped === 0) return sorted;
    const { line, column } = sorted.at(-1)!;
    const more: ConfigProblem = {
      file: this.#file,
      line,
      column,
      key: '',
      code: 'TOO_MANY_PROBLEMS',
      message: `and ${this.#dropped} more`,
      expected: 'these to be corrected first',
    };
    return [...sorted, more];
  }
}
