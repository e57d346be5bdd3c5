import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, type Pair, type ParsedNode } from 'yaml';
import type { ProblemCode } from './errors.ts';
import { type Path, pathText, type YamlValue } from './value.ts';

/** Aliases (`*name`) in one file: resolving one walks the whole document. */
const MAX_ALIASES = 100;
/** Values after aliases are expanded: a few lines of aliases can stand for billions. */
const MAX_VALUES = 100_000;
/** Nothing we know is nested deeper than five; an alias to its own parent would be nested without end. */
const MAX_DEPTH = 32;

export interface Position {
  /** 1-based. */
  readonly line: number;
  /** 1-based, in UTF-16 units. */
  readonly column: number;
}

export interface YamlFault {
  readonly position: Position;
  readonly path: Path;
  readonly code: ProblemCode;
  readonly message: string;
  readonly expected: string;
}

/** A YAML text as plain values, with the place of each key and value. */
export interface YamlTree {
  readonly root: YamlValue;
  /** Errors of form; when there are any, `root` is not to be trusted. */
  readonly faults: readonly YamlFault[];
  /** Where the value at a path starts, or the nearest parent that there is. */
  valueAt(path: Path): Position;
  /** Where the key of the value at a path starts. */
  keyAt(path: Path): Position;
}

/** The tree of a text that is not to be read further. */
export function emptyTree(faults: readonly YamlFault[]): YamlTree {
  return new Tree(null, faults, new Map(), new Map());
}

/** The values of a document that has no errors of form. */
export function convertDocument(document: Document.Parsed, position: (offset: number) => Position): YamlTree {
  return new Converter(document, position).convert();
}

class Tree implements YamlTree {
  readonly root: YamlValue;
  readonly faults: readonly YamlFault[];
  readonly #values: ReadonlyMap<string, Position>;
  readonly #keys: ReadonlyMap<string, Position>;

  constructor(
    root: YamlValue,
    faults: readonly YamlFault[],
    values: ReadonlyMap<string, Position>,
    keys: ReadonlyMap<string, Position>,
  ) {
    this.root = root;
    this.faults = faults;
    this.#values = values;
    this.#keys = keys;
  }

  valueAt(path: Path): Position {
    return this.#values.get(pathText(path)) ?? this.keyAt(path);
  }

  keyAt(path: Path): Position {
    for (let depth = path.length; depth > 0; depth--) {
      const found = this.#keys.get(pathText(path.slice(0, depth)));
      if (found !== undefined) return found;
    }
    return { line: 1, column: 1 };
  }
}

/** Turns parsed nodes into plain values, noting places, within the bounds above. */
class Converter {
  readonly #document: Document.Parsed;
  readonly #position: (offset: number) => Position;
  readonly #values = new Map<string, Position>();
  readonly #keys = new Map<string, Position>();
  readonly #faults: YamlFault[] = [];
  #aliases = 0;
  #count = 0;
  #exhausted = false;

  constructor(document: Document.Parsed, position: (offset: number) => Position) {
    this.#document = document;
    this.#position = position;
  }

  convert(): YamlTree {
    const root = this.#value(this.#document.contents, []);
    return new Tree(root, this.#faults, this.#values, this.#keys);
  }

  #value(node: ParsedNode | null, path: Path): YamlValue {
    // Absent nodes (`{ key }`, an empty file) have no place of their own: the key's, or the file's start, serves.
    if (node === null || this.#exhausted) return null;
    this.#count++;
    const at = this.#position(node.range[0]);
    if (this.#count > MAX_VALUES) return this.#exhaust(at, `the file holds more than ${MAX_VALUES} values`);
    if (path.length > MAX_DEPTH) return this.#exhaust(at, `values are nested deeper than ${MAX_DEPTH}`);
    if (isAlias(node)) return this.#alias(node, path, at);
    // An empty value (`key:`) stands nowhere: its key serves.
    if (!isScalar(node) || node.range[0] < node.range[1]) this.#values.set(pathText(path), at);
    if (isMap(node)) return this.#map(node.items, path);
    if (isSeq(node)) {
      return node.items.map((item, index) => {
        this.#keys.set(pathText([...path, index]), this.#position(item.range[0]));
        return this.#value(item, [...path, index]);
      });
    }
    return scalarValue(node.value, node.source);
  }

  #map(items: readonly Pair<ParsedNode, ParsedNode | null>[], path: Path): YamlValue {
    // No prototype: `__proto__` is then a key like any other, and unknown.
    const map: Record<string, YamlValue> = Object.create(null);
    for (const { key, value } of items) {
      const name = isScalar(key) ? String(key.value) : '';
      const inner = [...path, name];
      const at = this.#position(key.range[0]);
      if (Object.hasOwn(map, name)) {
        const first = this.#keys.get(pathText(inner))!.line;
        this.#fault(at, inner, 'DUPLICATE_KEY', `is given twice, first on line ${first}`, 'each key once');
        continue;
      }
      this.#keys.set(pathText(inner), at);
      map[name] = this.#value(value, inner);
    }
    return map;
  }

  #alias(alias: Alias, path: Path, at: Position): YamlValue {
    this.#aliases++;
    if (this.#aliases > MAX_ALIASES)
      return this.#exhaust(at, `there are more than ${MAX_ALIASES} aliases (*name)`);
    const target = alias.resolve(this.#document);
    if (target !== undefined) return this.#value(target as ParsedNode, path);
    // The parser leaves this to its own conversion. Never empty: an empty private key would be made anew.
    const message = 'a value starts with "*" but names no anchor';
    this.#fault(at, [], 'SYNTAX', message, 'quotes around the value');
    return null;
  }

  #exhaust(at: Position, message: string): null {
    this.#exhausted = true;
    this.#fault(at, [], 'TOO_LARGE', message, 'plain values, without aliases that multiply them');
    return null;
  }

  #fault(position: Position, path: Path, code: ProblemCode, message: string, expected: string): void {
    this.#faults.push({ position, path, code, message, expected });
  }
}

/**
 * Numbers in any but plain decimal spelling stay the text they are: `0600` is a file mode and not 600, a hash of
 * digits only must not be rounded, and `1e3` or `0x10` are no way to write a limit.
 */
function scalarValue(value: unknown, source: string): YamlValue {
  if (typeof value === 'number') return String(value) === source ? value : source;
  return value === null || typeof value === 'boolean' ? value : String(value);
}
