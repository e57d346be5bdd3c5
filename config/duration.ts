import { quote } from './secret.ts';
import { describe, type ValueType } from './value.ts';

const MS_NS = 1_000_000n;

/** Go's units (time.ParseDuration), in nanoseconds. */
const UNIT_NS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['µs', 1_000n],
  ['μs', 1_000n],
  ['ms', MS_NS],
  ['s', 1_000n * MS_NS],
  ['m', 60_000n * MS_NS],
  ['h', 3_600_000n * MS_NS],
]);

const MAX_TEXT_CHARS = 64;
const TERM = /([0-9]+)(?:\.([0-9]+))?([^0-9.]*)/y;

/**
 * Milliseconds of a Go duration such as `30s`, `500ms`, `1h30m` or `1.5s`.
 * @returns the milliseconds (negative ones too), or what is wrong as a text
 */
export function parseDuration(text: string): number | string {
  const shown = quote(text);
  if (text.length > MAX_TEXT_CHARS) return `${shown} is too long`;
  const negative = text.startsWith('-');
  const terms = /^[+-]/.test(text) ? text.slice(1) : text;
  let total = 0n;
  TERM.lastIndex = 0;
  do {
    const term = TERM.exec(terms);
    if (term === null) return `${shown} is not a duration`;
    const [, whole = '', fraction = '', unit = ''] = term;
    if (unit === '' && TERM.lastIndex < terms.length) return `${shown} is not a duration`;
    if (unit === '') return `${shown} has no unit, ${quote(`${text}s`)} would be seconds`;
    const unitNs = UNIT_NS.get(unit);
    if (unitNs === undefined) return `${shown} has the unknown unit ${quote(unit)}`;
    total += BigInt(whole) * unitNs + (BigInt(`0${fraction}`) * unitNs) / 10n ** BigInt(fraction.length);
  } while (TERM.lastIndex < terms.length);
  if (total % MS_NS !== 0n) return `${shown} is finer than a millisecond`;
  return Number((negative ? -total : total) / MS_NS);
}

/** `90000` to `1m30s`; whole milliseconds, not negative. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  const parts = [
    [Math.floor(ms / 3_600_000), 'h'],
    [Math.floor(ms / 60_000) % 60, 'm'],
    [Math.floor(ms / 1000) % 60, 's'],
    [ms % 1000, 'ms'],
  ] as const;
  return parts.map(([count, unit]) => (count === 0 ? '' : `${count}${unit}`)).join('');
}

/** A duration with its bounds, in milliseconds. */
export function duration(minMs: number, maxMs: number, example: string): ValueType<number> {
  const range = `${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  const expected = `a duration from ${range}, such as ${example}`;
  return {
    name: `duration, ${range}`,
    expected,
    read(input, context) {
      if (typeof input === 'number') {
        return context.fail('WRONG_TYPE', `${input} has no unit, "${input}s" would be seconds`, expected);
      }
      if (typeof input !== 'string') return context.fail('WRONG_TYPE', `is ${describe(input)}`, expected);
      const ms = parseDuration(input);
      if (typeof ms === 'string') return context.fail('BAD_VALUE', ms, expected);
      if (ms < minMs) return context.fail('OUT_OF_RANGE', `${quote(input)} is too short`, expected);
      if (ms > maxMs) return context.fail('OUT_OF_RANGE', `${quote(input)} is too long`, expected);
      return ms;
    },
    show: (value) => formatDuration(value),
  };
}
