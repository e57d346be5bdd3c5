import { inlineYaml, wrap, yamlLines } from './render.ts';
import { SCHEMA, type SchemaEntry, SECTION_NAMES, SECTIONS } from './schema.ts';

const WIDTH = 100;

/** Around the generated table in config/README.md. */
export const TABLE_START = '<!-- keys: generated from schema.ts -->';
export const TABLE_END = '<!-- end of keys -->';

const HEAD = [
  '# Configuration of btcfed: every key with its default.',
  '#',
  '# "live": taken over by a reload (SIGHUP or `btcfed reload`). "restart": a reload that changes it is refused.',
  '# Durations: 500ms, 30s, 5m, 1h30m. Sizes: 10MB. Relative paths start at the home directory.',
  '# Check it with `btcfed config check`.',
];

/** conf.example.yaml, and with a key the file that a first start writes. */
export function exampleYaml(privateKey = ''): string {
  const top = SCHEMA.filter((entry) => entry.section === undefined);
  const sections = SECTION_NAMES.map((section) => {
    const entries = SCHEMA.filter((entry) => entry.section === section);
    const keys = entries.map((entry) => indent(keyLines(entry, privateKey)).join('\n'));
    return `# ${SECTIONS[section].doc}\n${section}:\n${keys.join('\n\n')}`;
  });
  const parts = [HEAD.join('\n'), ...top.map((entry) => keyLines(entry, '').join('\n')), ...sections];
  return `${parts.join('\n\n')}\n`;
}

function keyLines({ path, name, spec }: SchemaEntry, privateKey: string): readonly string[] {
  const classes = [spec.reload, ...(spec.required ? ['required'] : []), ...(spec.secret ? ['secret'] : [])];
  const doc = wrap(`${spec.doc} [${classes.join(', ')}]`, WIDTH).map((line) => `# ${line}`);
  if (spec.default === undefined) {
    const example = spec.example === undefined ? [] : yamlLines(name, spec.example);
    return [...doc, ...example.map((line) => `# ${line}`)];
  }
  const value = path === 'node.private_key' ? privateKey : spec.default;
  return [...doc, ...yamlLines(name, value)];
}

function indent(lines: readonly string[]): readonly string[] {
  return lines.map((line) => `  ${line}`);
}

/** The table of keys for config/README.md, markers included. */
export function keyTable(): string {
  const rows = SCHEMA.map(({ path, spec }) => {
    const standard = spec.default === undefined ? 'none' : `\`${inlineYaml(spec.default)}\``;
    const marks = [spec.required ? 'required' : '', spec.secret ? 'secret' : ''].filter(
      (mark) => mark !== '',
    );
    const cells = [`\`${path}\``, spec.type.name, standard, spec.reload, marks.join(', '), spec.doc];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  const head = ['| key | value | default | a change is | | meaning |', '|---|---|---|---|---|---|'];
  return [TABLE_START, ...head, ...rows, TABLE_END].join('\n');
}
