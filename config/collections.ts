import { nearestName } from './nearest.ts';
import { quote } from './secret.ts';
import {
  describe,
  isMap,
  type ReadContext,
  type Secrets,
  type ValueType,
  type YamlMap,
  type YamlValue,
} from './value.ts';

interface ListOptions<T> {
  readonly item: ValueType<T>;
  readonly name: string;
  readonly expected: string;
  readonly min: number;
  readonly max: number;
}

/** A list without repetitions. */
export function list<T>(opts: ListOptions<T>): ValueType<readonly T[]> {
  const { item, name, expected } = opts;
  return {
    name,
    expected,
    read(input, context) {
      if (!Array.isArray(input)) return context.fail('WRONG_TYPE', `is ${describe(input)}`, expected);
      if (input.length < opts.min) return context.fail('NO_VALUE', 'is an empty list', expected);
      if (input.length > opts.max) {
        const message = `has ${input.length} entries`;
        return context.fail('OUT_OF_RANGE', message, `at most ${opts.max} entries`);
      }
      const values: T[] = [];
      const first = new Map<string, number>();
      input.forEach((element: YamlValue, index) => {
        const value = readItem(item, element, context.at(index));
        if (value === undefined) return;
        const identity = JSON.stringify(item.show(value, 'reveal'));
        const earlier = first.get(identity);
        if (earlier !== undefined) {
          context.at(index).fail('BAD_VALUE', `is the same as entry [${earlier}]`, 'each entry once');
        }
        first.set(identity, index);
        values.push(value);
      });
      return values.length === input.length ? values : undefined;
    },
    show: (values, secrets) => values.map((value) => item.show(value, secrets)),
  };
}

/** A map from the given names to one kind of value. */
export function mapOf<const K extends string, T>(
  names: readonly K[],
  item: ValueType<T>,
  expected: string,
): ValueType<Readonly<Partial<Record<K, T>>>> {
  return {
    name: 'map',
    expected,
    read(input, context) {
      const map = readMap(input, context, names, expected);
      if (map === undefined) return undefined;
      const values: Partial<Record<K, T>> = {};
      for (const name of names) {
        const element = map[name];
        if (element === undefined) continue;
        const value = readItem(item, element, context.at(name));
        if (value !== undefined) values[name] = value;
      }
      return values;
    },
    show: (values, secrets) => showMap(names, item, values, secrets),
  };
}

function showMap<K extends string, T>(
  names: readonly K[],
  item: ValueType<T>,
  values: Readonly<Partial<Record<K, T>>>,
  secrets: Secrets,
): YamlMap {
  const shown: Record<string, YamlValue> = {};
  for (const name of names) {
    const value = values[name];
    if (value !== undefined) shown[name] = item.show(value, secrets);
  }
  return shown;
}

/** One element; an empty one is an error of its own, so that a file cut short does not read as "none". */
export function readItem<T>(type: ValueType<T>, input: YamlValue, context: ReadContext): T | undefined {
  if (input === null && type.takesNull !== true) {
    return context.fail('NO_VALUE', 'has no value', type.expected);
  }
  return type.read(input, context);
}

/** A map that holds only keys of `names`; others are reported, and the map is still returned. */
export function readMap(
  input: YamlValue,
  context: ReadContext,
  names: readonly string[],
  expected: string,
): YamlMap | undefined {
  if (!isMap(input)) return context.fail('WRONG_TYPE', `is ${describe(input)}`, expected);
  for (const name of Object.keys(input)) {
    if (!names.includes(name)) failUnknown(context.at(name), name, names, '');
  }
  return input;
}

/** Reports a key that nobody knows, with the nearest of the names that would be known there. */
export function failUnknown(
  context: ReadContext,
  name: string,
  names: readonly string[],
  elsewhere: string,
): void {
  const near = nearestName(name, names);
  const hint = near === undefined ? '' : `, did you mean ${quote(near)}?`;
  context.fail('UNKNOWN_KEY', `unknown key${elsewhere === '' ? hint : elsewhere}`, names.join(', '));
}
