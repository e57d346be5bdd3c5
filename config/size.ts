import { quote } from './secret.ts';
import { describe, type ValueType } from './value.ts';

const MB = 1_000_000;

/** Largest first within each family, so that formatting finds the largest unit that divides. */
const UNIT_BYTES: readonly (readonly [name: string, bytes: number])[] = [
  ['GB', 1_000_000_000],
  ['MB', MB],
  ['KB', 1000],
  ['GiB', 1_073_741_824],
  ['MiB', 1_048_576],
  ['KiB', 1024],
  ['B', 1],
];

/** `10000000` to `10MB`, `1048576` to `1MiB`. */
export function formatSize(bytes: number): string {
  const [unit, unitBytes] = UNIT_BYTES.find(([, size]) => bytes % size === 0)!;
  return `${bytes / unitBytes}${unit}`;
}

/** A size with its bounds, in bytes. A bare number counts megabytes, as the Go node reads it. */
export function size(minBytes: number, maxBytes: number, example: string): ValueType<number> {
  const range = `${formatSize(minBytes)} to ${formatSize(maxBytes)}`;
  const expected = `a size from ${range}, such as ${example}`;
  return {
    name: `size, ${range}`,
    expected,
    read(input, context) {
      if (typeof input !== 'number' && typeof input !== 'string') {
        return context.fail('WRONG_TYPE', `is ${describe(input)}`, expected);
      }
      const shown = typeof input === 'string' ? quote(input) : String(input);
      const [, count = '', unit = ''] = /^(-?[0-9]{1,15}) ?([A-Za-z]*)$/.exec(String(input)) ?? [];
      if (count === '') return context.fail('BAD_VALUE', `${shown} is not a size`, expected);
      const known = UNIT_BYTES.find(([name]) => name.toLowerCase() === unit.toLowerCase());
      if (known === undefined && unit !== '') {
        return context.fail('BAD_VALUE', `${shown} has the unknown unit ${quote(unit)}`, expected);
      }
      const bytes = Number(count) * (known?.[1] ?? MB);
      if (bytes < minBytes) return context.fail('OUT_OF_RANGE', `${shown} is too small`, expected);
      if (bytes > maxBytes) return context.fail('OUT_OF_RANGE', `${shown} is too large`, expected);
      return bytes;
    },
    show: (value) => formatSize(value),
  };
}
