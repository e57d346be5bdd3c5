import { resolve } from 'node:path';
import { nearestName } from './nearest.ts';
import { quote } from './secret.ts';
import { describe, orList, type ReadContext, type ValueType, type YamlValue } from './value.ts';

const MAX_PATH_CHARS = 4096;

export const flag: ValueType<boolean> = {
  name: 'true or false',
  expected: 'true or false',
  read(input, context) {
    if (typeof input === 'boolean') return input;
    return context.fail('WRONG_TYPE', `is ${describe(input)}`, this.expected);
  },
  show: (value) => value,
};

export function choice<const T extends string>(names: readonly T[]): ValueType<T> {
  const expected = orList(names);
  return {
    name: expected,
    expected,
    read(input, context) {
      if (typeof input !== 'string') return context.fail('WRONG_TYPE', `is ${describe(input)}`, expected);
      const found = names.find((name) => name === input);
      if (found !== undefined) return found;
      const near = nearestName(input, names);
      const hint = near === undefined ? '' : `, did you mean ${quote(near)}?`;
      return context.fail('BAD_VALUE', `${quote(input)} is not known${hint}`, expected);
    },
    show: (value) => value,
  };
}

export function wholeNumber(min: number, max: number): ValueType<number> {
  const expected = `a whole number from ${min} to ${max}`;
  return {
    name: `number, ${min} to ${max}`,
    expected,
    read(input, context) {
      if (typeof input !== 'number') {
        const hint = typeof input === 'string' && /^[0-9]{1,9}$/.test(input) ? ', without quotes' : '';
        return context.fail('WRONG_TYPE', `is ${describe(input)}`, `${expected}${hint}`);
      }
      if (!Number.isSafeInteger(input)) {
        return context.fail('BAD_VALUE', `${input} is not a whole number`, expected);
      }
      if (input < min) return context.fail('OUT_OF_RANGE', `${input} is too small`, expected);
      if (input > max) return context.fail('OUT_OF_RANGE', `${input} is too large`, expected);
      return input;
    },
    show: (value) => value,
  };
}

/** A file or folder; relative ones start at the home directory, the value is absolute. */
export function path(example: string): ValueType<string> {
  const expected = `a path, absolute or relative to the home directory, such as ${example}`;
  return {
    name: 'path',
    expected,
    read(input, context) {
      if (typeof input !== 'string') return context.fail('WRONG_TYPE', `is ${describe(input)}`, expected);
      if (input.trim() === '') return context.fail('NO_VALUE', 'is empty', expected);
      if (input.length > MAX_PATH_CHARS || input.includes('\0')) {
        return context.fail('BAD_VALUE', 'is no path that the system takes', expected);
      }
      if (input === '~' || input.startsWith('~/')) {
        return context.fail('BAD_VALUE', '"~" is not expanded here', expected);
      }
      return resolve(context.home, input);
    },
    show: (value) => value,
  };
}

/** Version of the file's form: only 1 exists. Newer ones are refused before anything else is judged. */
export const formatVersion: ValueType<1> = {
  name: '1',
  expected: '1',
  read(input, context) {
    if (input === 1) return input;
    if (typeof input === 'number' && Number.isInteger(input) && input > 1) {
      return context.fail('NEWER_VERSION', `${input} is newer than this program knows`, this.expected);
    }
    return context.fail('BAD_VALUE', `is ${describe(input)}`, this.expected);
  },
  show: (value) => value,
};

const MODES: ReadonlyMap<string, number> = new Map([
  ['600', 0o600],
  ['660', 0o660],
]);

/** Mode of the socket file. `0600`, `600` and `0o600`, quoted or not, all say the same. */
export const socketMode: ValueType<number> = {
  name: '"0600" or "0660"',
  expected: '"0600" (owner only) or "0660" (owner and group)',
  read(input: YamlValue, context: ReadContext) {
    const text = typeof input === 'string' || typeof input === 'number' ? String(input) : '';
    const mode = MODES.get(/^(?:0o?)?([0-7]{3})$/.exec(text)?.[1] ?? '');
    if (mode !== undefined) return mode;
    return context.fail('BAD_VALUE', `is ${describe(input)}`, this.expected);
  },
  show: (value) => value.toString(8).padStart(4, '0'),
};
