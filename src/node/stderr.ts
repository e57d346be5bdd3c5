import { fstatSync } from 'node:fs';
import { effectiveFormat, isJournalStream } from '../observe/format.ts';
import type { LogFormat } from '../observe/levels.ts';
import type { LogModules } from '../observe/log.ts';
import { systemClock } from './system.ts';

const STDERR = 2;

/** Logs of this process go to stderr, whole lines at a time. */
export const stderrModules: LogModules = {
  nowMs: systemClock.nowMs,
  write: (line) => void process.stderr.write(line),
};

/** The configured form, or the journal's own where stderr leads there. */
export function stderrFormat(format: 'json' | 'text'): LogFormat {
  return effectiveFormat(format, isJournalStream(process.env['JOURNAL_STREAM'], fstatSync(STDERR)));
}
