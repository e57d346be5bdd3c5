import { isMap, type YamlValue } from './value.ts';

/** Words, file names, durations and sizes: what every YAML reader takes for a text without quotes. */
const PLAIN =
  /^(?!(?:true|false|null|yes|no|on|off|y|n)$)(?:[A-Za-z][A-Za-z0-9_./-]*|(?:[0-9]+[A-Za-z]{1,3}){1,4})$/i;
/** Digits and an "e": a number to YAML. */
const EXPONENT = /^[0-9]+e[0-9]*$/i;

/** A value on one line, in YAML that YAML 1.1 readers and JSON-minded people understand alike. */
export function inlineYaml(value: YamlValue): string {
  if (Array.isArray(value)) return `[${value.map(inlineYaml).join(', ')}]`;
  if (isMap(value)) {
    const fields = Object.entries(value).map(([name, inner]) => `${name}: ${inlineYaml(inner)}`);
    return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
  }
  if (typeof value !== 'string') return String(value);
  return PLAIN.test(value) && !EXPONENT.test(value) ? value : JSON.stringify(value);
}

/** `name: value` as lines; lists and maps go one entry a line. */
export function yamlLines(name: string, value: YamlValue): readonly string[] {
  if (Array.isArray(value) && value.length > 0) {
    return [`${name}:`, ...value.map((item: YamlValue) => `  - ${inlineYaml(item)}`)];
  }
  if (isMap(value) && Object.keys(value).length > 0) {
    return [`${name}:`, ...Object.entries(value).map(([key, inner]) => `  ${key}: ${inlineYaml(inner)}`)];
  }
  return [`${name}: ${inlineYaml(value)}`];
}

/** Words of a text in lines of at most `width` characters. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
