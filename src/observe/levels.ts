import { LOG_MODULES, type LogLevel, type LogModule } from '../../config/schema.ts';

/** Parts whose level can be set apart: the same list as `logging.modules` in conf.yaml. */
export { LOG_MODULES, type LogLevel, type LogModule };

/** error: the operator must act; warn: degraded, will heal or be looked at later; info: state changes; debug: per message. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const satisfies readonly LogLevel[];

/** `text` under the journal becomes `journald` by itself; `json` stays what the operator asked for. */
export const LOG_FORMATS = ['json', 'text', 'journald'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export function isLogLevel(text: string): text is LogLevel {
  return (LOG_LEVELS as readonly string[]).includes(text);
}

export function isLogModule(text: string): text is LogModule {
  return (LOG_MODULES as readonly string[]).includes(text);
}
