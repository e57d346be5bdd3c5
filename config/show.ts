import type { ConfigSource, ConfigSources } from './parse.ts';
import { inlineYaml } from './render.ts';
import { type Config, SCHEMA, shownValue } from './schema.ts';
import type { ReloadClass } from './spec.ts';
import type { YamlValue } from './value.ts';

/** One key as it is in force. */
export interface ShownKey {
  readonly key: string;
  /** As an operator would write it, secrets redacted; null if it has none. */
  readonly value: YamlValue;
  readonly source: ConfigSource;
  readonly reload: ReloadClass;
}

/** Every key of the schema with the value in force, where it came from and what a change of it needs. */
export function showConfig(config: Config, sources: ConfigSources): readonly ShownKey[] {
  return SCHEMA.map((entry) => ({
    key: entry.path,
    value: shownValue(config, entry, 'redact') ?? null,
    source: sources[entry.path] ?? { from: 'default' },
    reload: entry.spec.reload,
  }));
}

/** `default`, `conf.yaml:12`, `generated` */
export function sourceText(source: ConfigSource): string {
  return source.from === 'file' ? `${source.file}:${source.line}` : source.from;
}

/**
 * The keys as YAML, a line each: with redacted secrets replaced, a conf.yaml that says the same. With `sources`
 * each line ends in a comment that tells source and reload class.
 */
export function formatShown(keys: readonly ShownKey[], opts: { readonly sources: boolean }): string {
  const lines: string[] = [];
  let section = '';
  for (const { key, value, source, reload } of keys) {
    const [first = '', name] = key.split('.');
    if (name !== undefined && first !== section) lines.push(`${first}:`);
    section = first;
    // A key without value cannot be written as one.
    const text = value === null ? `# ${name}: none` : `${name ?? first}: ${inlineYaml(value)}`;
    const comment = opts.sources ? `  # ${sourceText(source)}, ${reload}` : '';
    lines.push(`${name === undefined ? '' : '  '}${text}${comment}`);
  }
  return `${lines.join('\n')}\n`;
}
