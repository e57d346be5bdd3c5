import type { LogEventName } from '../../src/observe/events.ts';
import type { Log, LogFields } from '../../src/observe/log.ts';

export interface LoggedLine {
  readonly name: LogEventName;
  readonly fields: LogFields;
}

/** A log that keeps its lines. */
export class LogLines implements Log {
  readonly lines: LoggedLine[];
  readonly debugLines: { readonly message: string; readonly fields: LogFields }[];
  readonly #fields: LogFields;

  constructor(parent?: LogLines, fields: LogFields = {}) {
    this.lines = parent?.lines ?? [];
    this.debugLines = parent?.debugLines ?? [];
    this.#fields = fields;
  }

  event(name: LogEventName, fields: LogFields = {}): void {
    this.lines.push({ name, fields: { ...this.#fields, ...fields } });
  }

  debug(message: string, fields: LogFields = {}): void {
    this.debugLines.push({ message, fields: { ...this.#fields, ...fields } });
  }

  with(fields: LogFields): Log {
    return new LogLines(this, { ...this.#fields, ...fields });
  }

  of(name: LogEventName): readonly LoggedLine[] {
    return this.lines.filter((line) => line.name === name);
  }
}
