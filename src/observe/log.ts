import { type Logger, pino } from 'pino';
import { LOG_EVENTS, type LogEventName, UNLIMITED_EVENTS } from './events.ts';
import { formatLine } from './format.ts';
import { LOG_MODULES, type LogFormat, type LogLevel, type LogModule } from './levels.ts';
import { RepeatLimiter } from './limiter.ts';

export type LogValue = string | number | bigint | boolean | readonly string[] | undefined;
/** Flat fields of a line. `code` and `peer` decide which lines count as repeated. */
export type LogFields = Readonly<Record<string, LogValue>>;

export interface Log {
  /** A documented line (events.ts); level and text come from the table. */
  event(name: LogEventName, fields?: LogFields): void;
  /** A free trace line; everything that an operator is to see has an event instead. */
  debug(message: string, fields?: LogFields): void;
  /** A log whose lines all carry these fields, e.g. the correlation id of an operation. */
  with(fields: LogFields): Log;
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** Colours the level in the text form; for a terminal only. */
  readonly color?: boolean;
  /** False: lines go to the log file only. Default true. */
  readonly console?: boolean;
  /** Form of the lines in the log file, if there is one. */
  readonly fileFormat?: LogFormat;
  readonly modules?: Readonly<Partial<Record<LogModule, LogLevel>>>;
}

export interface LogModules {
  readonly nowMs: () => number;
  /** Takes whole lines; the daemon gives stderr. */
  readonly write: (line: string) => void;
  /** Takes the same lines for the log file. */
  readonly writeFile?: (line: string) => void;
}

/** Field names whose value is never written, whatever it is. */
const SECRET_FIELDS = ['private_key', 'privateKey', 'password', 'authorization', 'secret', 'api_key'];
const CENSOR = '[redacted]';
/** How often ended windows of repeated lines are looked for. */
const SWEEP_MS = 1_000;

/** Turns an unknown error into flat fields. The stack is for unexpected faults only. */
export function errorFields(error: unknown, withStack = false): LogFields {
  if (!(error instanceof Error)) return { err_name: 'unknown', err_message: String(error) };
  const code = (error as { code?: unknown }).code;
  return {
    err_name: error.name,
    err_message: error.message,
    ...(typeof code === 'string' ? { err_code: code } : {}),
    ...(withStack && error.stack !== undefined ? { err_stack: error.stack } : {}),
  };
}

/** All logs of a process: one pino logger a module, so that levels change at run time module by module. */
export class Logs {
  readonly #loggers = new Map<LogModule, Logger>();
  readonly #secrets = new Set<string>();
  readonly #limiter: RepeatLimiter;
  readonly #modules: LogModules;
  readonly #own: Log;
  #options: LogOptions;
  #sweptMs = 0;

  constructor(opts: LogOptions, modules: LogModules) {
    this.#options = opts;
    this.#modules = modules;
    this.#limiter = new RepeatLimiter(modules.nowMs);
    const root = pino(
      {
        level: 'debug',
        base: null,
        messageKey: 'message',
        timestamp: () => `,"time":"${new Date(modules.nowMs()).toISOString()}"`,
        formatters: { level: (level) => ({ level }) },
        redact: { paths: SECRET_FIELDS, censor: CENSOR },
      },
      { write: (line: string) => this.#write(line) },
    );
    for (const module of LOG_MODULES) {
      const logger = root.child({ module });
      this.#loggers.set(module, logger);
    }
    this.configure(opts);
    this.#own = this.module('node');
  }

  module(module: LogModule): Log {
    return new ModuleLog(this.#loggers.get(module) as Logger, {}, (key) => this.#take(key));
  }

  /** Takes the options of a (re)loaded configuration; levels set by `setLevel` end here. */
  configure(opts: LogOptions): void {
    this.#options = opts;
    for (const [module, logger] of this.#loggers) logger.level = opts.modules?.[module] ?? opts.level;
  }

  /** What `restore` takes: options and levels as they are, those set by `setLevel` included. */
  saved(): { readonly options: LogOptions; readonly levels: Readonly<Record<LogModule, LogLevel>> } {
    return { options: this.#options, levels: this.levels() };
  }

  restore({ options, levels }: ReturnType<Logs['saved']>): void {
    this.configure(options);
    for (const [module, logger] of this.#loggers) logger.level = levels[module];
  }

  /** Sets one module's level, or every module's. Lasts until the next `configure`. */
  setLevel(level: LogLevel, module?: LogModule): void {
    for (const [name, logger] of this.#loggers) {
      if (module === undefined || module === name) logger.level = level;
    }
    this.#own.event('log.level', { of: module ?? 'all', value: level });
  }

  levels(): Readonly<Record<LogModule, LogLevel>> {
    const entries = [...this.#loggers].map(([module, logger]) => [module, logger.level as LogLevel]);
    return Object.fromEntries(entries) as Record<LogModule, LogLevel>;
  }

  /** A text that must appear in no line (the private key in each of its spellings). Short texts are ignored. */
  addSecret(secret: string): void {
    if (secret.length >= 8) this.#secrets.add(secret);
  }

  /** Reports the counts of suppressed lines that are still owed. */
  flush(): void {
    this.#report(true);
  }

  #take(key: string): boolean {
    this.#report(false);
    return this.#limiter.take(key);
  }

  #report(all: boolean): void {
    const now = this.#modules.nowMs();
    if (!all && now - this.#sweptMs < SWEEP_MS && now >= this.#sweptMs) return;
    this.#sweptMs = now;
    for (const { key, count } of this.#limiter.expired(all)) {
      const [event, code, peer] = key.split(' ');
      this.#loggers
        .get('node')
        ?.warn(
          { event: 'log.suppressed', of: event, code: code || undefined, peer: peer || undefined, count },
          LOG_EVENTS['log.suppressed'].message,
        );
    }
  }

  #write(line: string): void {
    const { format, color, console = true, fileFormat } = this.#options;
    if (console) this.#modules.write(this.#censored(formatLine(line, format, color)));
    if (fileFormat !== undefined) this.#modules.writeFile?.(this.#censored(formatLine(line, fileFormat)));
  }

  #censored(line: string): string {
    let text = line;
    for (const secret of this.#secrets) text = text.replaceAll(secret, CENSOR);
    return text;
  }
}

class ModuleLog implements Log {
  readonly #logger: Logger;
  readonly #fields: LogFields;
  readonly #take: (key: string) => boolean;

  constructor(logger: Logger, fields: LogFields, take: (key: string) => boolean) {
    this.#logger = logger;
    this.#fields = fields;
    this.#take = take;
  }

  event(name: LogEventName, fields: LogFields = {}): void {
    const { level, message } = LOG_EVENTS[name];
    if (!this.#logger.isLevelEnabled(level)) return;
    const all = { ...this.#fields, ...fields };
    const repeats = level === 'warn' || level === 'error' || all['code'] !== undefined;
    const isLimited = repeats && !UNLIMITED_EVENTS.has(name);
    if (isLimited && !this.#take(`${name} ${String(all['code'] ?? '')} ${String(all['peer'] ?? '')}`)) return;
    this.#logger[level]({ event: name, ...plain(all) }, message);
  }

  debug(message: string, fields: LogFields = {}): void {
    if (!this.#logger.isLevelEnabled('debug')) return;
    this.#logger.debug(plain({ ...this.#fields, ...fields }), message);
  }

  with(fields: LogFields): Log {
    return new ModuleLog(this.#logger, { ...this.#fields, ...fields }, this.#take);
  }
}

/** JSON has no bigint; a collector reads a decimal string exactly. */
function plain(fields: LogFields): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields))
    out[key] = typeof value === 'bigint' ? String(value) : value;
  return out;
}

/** A log that writes nothing: for tests and for parts used without a daemon. */
export const SILENT_LOG: Log = { event() {}, debug() {}, with: () => SILENT_LOG };
