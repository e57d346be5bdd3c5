import { isDeepStrictEqual } from 'node:util';
import { type Document, isMap, isScalar, type Node, type Pair, parseDocument, Scalar } from 'yaml';
import { PARSE_OPTIONS, parseYaml } from './yaml.ts';

/**
 * The text of a valid conf.yaml with `node.private_key` set, everything else as it was: first by changing
 * nothing but the place itself, else through the Document API, which keeps comments and order but may change
 * spacing. Either result is read again and compared. Undefined if neither says what the file said before.
 */
export function insertPrivateKey(text: string, privateKey: string): string | undefined {
  return [splice, rewrite]
    .map((insert) => insert(text, privateKey))
    .find((next) => next !== undefined && differsByKeyOnly(text, next, privateKey));
}

function splice(text: string, privateKey: string): string | undefined {
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const line = `private_key: "${privateKey}"`;
  const root = parseDocument(text, PARSE_OPTIONS).contents;
  const node = pairOf(root, 'node');
  if (node === undefined) {
    const end = text.endsWith('\n') ? '' : eol;
    return `${text}${end}${eol}node:${eol}  ${line}${eol}`;
  }
  const entry = pairOf(node.value, 'private_key');
  if (entry !== undefined) {
    const range = entry.value?.range;
    if (range && range[0] < range[1])
      return `${text.slice(0, range[0])}"${privateKey}"${text.slice(range[1])}`;
    const colon = text.indexOf(':', entry.key.range?.[1]) + 1;
    return `${text.slice(0, colon)} "${privateKey}"${text.slice(colon)}`;
  }
  if (isMap(node.value)) {
    const brace = text.indexOf('{', node.key.range?.[1]) + 1;
    return `${text.slice(0, brace)} ${line} ${text.slice(brace).trimStart()}`;
  }
  // `node:` with nothing but perhaps a null or a comment: the entry goes on the next line.
  const [from, to] = isScalar(node.value) && node.value.range ? node.value.range : [0, 0];
  const emptied = text.slice(0, from) + text.slice(to);
  const lineEnd = emptied.indexOf('\n', node.key.range?.[1]) + 1;
  if (lineEnd === 0) return `${emptied}${eol}  ${line}${eol}`;
  return `${emptied.slice(0, lineEnd)}  ${line}${eol}${emptied.slice(lineEnd)}`;
}

function rewrite(text: string, privateKey: string): string {
  const document: Document.Parsed = parseDocument(text, PARSE_OPTIONS);
  const node = pairOf(document.contents, 'node')?.value;
  const value = new Scalar(privateKey);
  value.type = Scalar.QUOTE_DOUBLE;
  if (isMap(node)) node.set('private_key', value);
  else document.set('node', document.createNode({ private_key: value }));
  return document.toString({ lineWidth: 0 });
}

function pairOf(node: unknown, name: string): Pair<Node, Node | null> | undefined {
  if (!isMap<Node, Node | null>(node)) return undefined;
  return node.items.find(({ key }) => isScalar(key) && key.value === name);
}

function differsByKeyOnly(text: string, next: string, privateKey: string): boolean {
  const after = parseYaml(next);
  // Through JSON: the trees' maps have no prototype, which the comparison would notice.
  const wanted = JSON.parse(JSON.stringify(parseYaml(text).root));
  wanted.node = { ...wanted.node, private_key: privateKey };
  return after.faults.length === 0 && isDeepStrictEqual(JSON.parse(JSON.stringify(after.root)), wanted);
}
