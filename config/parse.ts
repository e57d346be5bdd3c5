import { resolve } from 'node:path';
import { failUnknown, readItem } from './collections.ts';
import { ConfigError, type ConfigProblem } from './errors.ts';
import { ProblemList } from './problems.ts';
import { type ConfigDraft, checkRules } from './rules.ts';
import {
  type Config,
  SCHEMA,
  type SchemaEntry,
  SECTION_NAMES,
  SECTIONS,
  type SectionName,
  TOP_KEYS,
} from './schema.ts';
import { describe, isMap, orList, type Path, ReadContext, type YamlMap, type YamlValue } from './value.ts';
import { parseYaml } from './yaml.ts';
import type { YamlTree } from './yaml-tree.ts';

export interface ParseOptions {
  /** The file as the operator named it; stands in every problem. */
  readonly file: string;
  /** Absolute; relative paths in the file start here. */
  readonly home: string;
  /** Refuse a private key whose halves differ, instead of warning. */
  readonly strictKey?: boolean;
}

/** Where a value came from. `generated`: a key that was made but not written. */
export type ConfigSource =
  | { readonly from: 'default' }
  | { readonly from: 'generated' }
  | { readonly from: 'file'; readonly file: string; readonly line: number };

/** By key path, such as `network.addresses`. */
export type ConfigSources = Readonly<Record<string, ConfigSource>>;

export interface ParsedConfig {
  readonly config: Config;
  readonly sources: ConfigSources;
  readonly warnings: readonly ConfigProblem[];
  /** The file has no private key; `config.node.privateKey` is the empty secret. */
  readonly needsKey: boolean;
}

const TOP_NAMES: readonly string[] = [...Object.keys(TOP_KEYS), ...SECTION_NAMES];

/**
 * Reads and checks the text of a conf.yaml, without touching the disk.
 * @throws ConfigError CONFIG_INVALID with every error of the text at once
 */
export function parseConfig(text: string, opts: ParseOptions): ParsedConfig {
  const tree = parseYaml(text);
  const problems = new ProblemList(opts.file);
  for (const fault of tree.faults) problems.addYaml(fault);
  const context = new ReadContext(opts.home, [], (fault) => {
    const refused = fault.code === 'KEY_HALVES_DIFFER' && opts.strictKey === true;
    problems.add(refused ? { ...fault, warning: false } : fault, tree);
  });
  const sources: Record<string, ConfigSource> = {};
  // A document with errors of form would have made-up errors of content too. Duplicates are none of form.
  const readable = tree.faults.every(({ code }) => code === 'DUPLICATE_KEY');
  const draft = readable ? readDraft(tree, context, opts, sources) : undefined;
  const errors = problems.errors();
  if (errors.length > 0 || draft === undefined) throw new ConfigError('CONFIG_INVALID', errors);
  // No error was reported, so every key of the table has its value.
  const config = deepFreeze(draft as Config);
  const needsKey = config.node.privateKey.reveal() === '';
  return { config, sources, warnings: problems.warnings(), needsKey };
}

function readDraft(
  tree: YamlTree,
  context: ReadContext,
  opts: ParseOptions,
  sources: Record<string, ConfigSource>,
): ConfigDraft | undefined {
  const root = tree.root ?? {};
  if (!isMap(root)) {
    return context.fail('WRONG_TYPE', `the file is ${describe(root)}`, 'sections such as "network:"');
  }
  // The rest of a newer form cannot be judged.
  if (isNewer(root['version'])) {
    readItem(TOP_KEYS.version.type, root['version'] ?? null, context.at('version'));
    return undefined;
  }
  for (const name of Object.keys(root)) {
    if (!TOP_NAMES.includes(name)) failUnknown(context.at(name), name, TOP_NAMES, belongsTo(name));
  }
  const draft: Record<string, Record<string, unknown>> = {};
  const maps = new Map<SectionName, YamlMap | undefined>();
  for (const section of SECTION_NAMES) {
    draft[section] = {};
    maps.set(section, readSection(section, root[section], context));
  }
  for (const entry of SCHEMA) {
    const holder = entry.section === undefined ? root : maps.get(entry.section);
    // A section that is no section was reported as that; its keys are not missing on top.
    if (holder === undefined) continue;
    const path: Path = entry.section === undefined ? [entry.name] : [entry.section, entry.name];
    const input = holder[entry.name];
    const value = readKey(entry, input, path, context);
    sources[entry.path] = sourceOf(input, path, tree, opts.file);
    const fields = entry.section === undefined ? draft : draft[entry.section]!;
    if (value !== FAILED) (fields as Record<string, unknown>)[entry.spec.field] = value;
  }
  const read = draft as unknown as ConfigDraft;
  checkRules(read, resolve(opts.file), context);
  return read;
}

function isNewer(version: YamlValue | undefined): boolean {
  return typeof version === 'number' && Number.isInteger(version) && version > 1;
}

/** The keys of a section; an absent or empty one has none. */
function readSection(
  section: SectionName,
  input: YamlValue | undefined,
  context: ReadContext,
): YamlMap | undefined {
  const names = Object.keys(SECTIONS[section].keys);
  const map = input ?? {};
  if (!isMap(map)) {
    context.at(section).fail('WRONG_TYPE', `is ${describe(map)}`, `a section with ${orList(names)}`);
    return undefined;
  }
  for (const name of Object.keys(map)) {
    if (!names.includes(name)) failUnknown(context.at(section).at(name), name, names, belongsTo(name));
  }
  return map;
}

/** For a name that is right, but in the wrong section. */
function belongsTo(name: string): string {
  const owners = SCHEMA.filter((entry) => entry.name === name).map((entry) => entry.path);
  return owners.length === 0 ? '' : `, ${orList(owners)} exists`;
}

/** Told apart from undefined, which is the value of an optional key that is not given. */
const FAILED = Symbol('failed');

function readKey(
  { spec }: SchemaEntry,
  input: YamlValue | undefined,
  path: Path,
  context: ReadContext,
): unknown {
  const at = path.reduce<ReadContext>((outer, step) => outer.at(step), context);
  if (input === undefined && spec.required) {
    at.fail('MISSING_KEY', 'required key is missing', spec.type.expected);
    return FAILED;
  }
  const given = input === undefined ? spec.default : input;
  if (given === undefined) return undefined;
  const value = readItem(spec.type, given, at);
  return value === undefined ? FAILED : value;
}

function sourceOf(input: YamlValue | undefined, path: Path, tree: YamlTree, file: string): ConfigSource {
  return input === undefined ? { from: 'default' } : { from: 'file', file, line: tree.keyAt(path).line };
}

/** Freezes plain objects and arrays; readers share one configuration. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
