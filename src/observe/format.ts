import { escapeControls, tailValue } from './escape.ts';
import type { LogFormat, LogLevel } from './levels.ts';

/** syslog priorities, as the journal reads them from a `<N>` prefix. */
const PRIORITY: Record<LogLevel, number> = { error: 3, warn: 4, info: 6, debug: 7 };

/** SGR colours: red, yellow, default, dim. */
const COLORS: Record<LogLevel, number> = { error: 31, warn: 33, info: 39, debug: 2 };

/** Fields that every line has and that the text forms show in their own place. */
const HEAD = new Set(['level', 'time', 'module', 'message']);

interface LogRecord {
  readonly level: LogLevel;
  readonly time: string;
  readonly module?: string;
  readonly message?: string;
  readonly [field: string]: unknown;
}

/**
 * One JSON line of the logger in the operator's format, newline included.
 * json: flat object; text: time, level, module, message, `key=value` tail; journald: `<priority>` and no time.
 */
export function formatLine(json: string, format: LogFormat, color = false): string {
  const line = json.endsWith('\n') ? json.slice(0, -1) : json;
  // JSON.stringify leaves C1 and separators as they are; inside a JSON string \uXXXX means the same.
  if (format === 'json') return `${escapeControls(line)}\n`;
  const record = JSON.parse(line) as LogRecord;
  const tail = Object.entries(record)
    .filter(([key]) => !HEAD.has(key))
    .map(([key, value]) => `${key}=${tailValue(value)}`)
    .join(' ');
  const module = record.module ?? 'node';
  const text = escapeControls(record.message ?? '');
  if (format === 'journald') {
    return `<${PRIORITY[record.level]}>${text} module=${module}${tail === '' ? '' : ` ${tail}`}\n`;
  }
  const name = record.level.toUpperCase().padEnd(5);
  const level = color ? `\u001b[${COLORS[record.level]}m${name}\u001b[0m` : name;
  return `${record.time} ${level} ${module}: ${text}${tail === '' ? '' : ` ${tail}`}\n`;
}

/**
 * True if the file descriptor is the journal's stream. `JOURNAL_STREAM` is inherited by children whose stderr
 * may go elsewhere, so its device:inode is compared with the descriptor's own (systemd.exec documentation).
 */
export function isJournalStream(
  journalStream: string | undefined,
  stderr: { readonly dev: number | bigint; readonly ino: number | bigint } | undefined,
): boolean {
  if (journalStream === undefined || stderr === undefined) return false;
  return journalStream === `${stderr.dev}:${stderr.ino}`;
}

/** The format to write: `text` becomes `journald` where stderr is the journal's stream. */
export function effectiveFormat(asked: 'json' | 'text', onJournal: boolean): LogFormat {
  return asked === 'text' && onJournal ? 'journald' : asked;
}
