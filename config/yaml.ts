import { type Document, type ErrorCode, LineCounter, parseDocument } from 'yaml';
import { convertDocument, emptyTree, type Position, type YamlFault, type YamlTree } from './yaml-tree.ts';

/** How every YAML text of ours is read. */
export const PARSE_OPTIONS = {
  version: '1.2',
  strict: true,
  stringKeys: true,
  // Duplicates are found by us, with their path and the line of the first one.
  uniqueKeys: false,
  // Tags such as !!binary would turn texts into objects.
  resolveKnownTags: false,
  // Pretty errors quote the source, and the source holds the private key.
  prettyErrors: false,
} as const;

/** Our words for the parser's codes: its own texts may quote the file. */
const SYNTAX: Readonly<Record<ErrorCode, readonly [message: string, expected: string]>> = {
  ALIAS_PROPS: ['an alias (*name) has a tag or anchor of its own', 'the alias alone'],
  BAD_ALIAS: ['a value starts with "*" but names no anchor', 'quotes around the value'],
  BAD_COLLECTION_TYPE: ['a tag (!) does not fit what follows', 'the value without a tag'],
  BAD_DIRECTIVE: ['a line starts with "%"', 'quotes around the value, or "#" before a comment'],
  BAD_DQ_ESCAPE: ['a "\\" in double quotes starts no known escape', '"\\\\" for one backslash'],
  BAD_INDENT: [
    'the indentation is wrong, or a bracket or quote above is not closed',
    'as many spaces as its neighbours',
  ],
  BAD_PROP_ORDER: ['a tag or anchor stands in the wrong place', 'the value without them'],
  BAD_SCALAR_START: ['a value starts with a reserved character', 'quotes around the value'],
  BLOCK_AS_IMPLICIT_KEY: ['two keys stand on one line', 'one "key: value" a line'],
  BLOCK_IN_FLOW: ['an indented list or section stands inside [ ] or { }', 'one of the two forms'],
  // Not asked for (`uniqueKeys` above), but the parser's list of codes has it.
  DUPLICATE_KEY: ['a key is given twice', 'each key once'],
  IMPOSSIBLE: ['this is not YAML', 'YAML 1.2'],
  KEY_OVER_1024_CHARS: ['a key is longer than 1024 characters', 'a known key'],
  MISSING_CHAR: ['a quote, bracket, comma, ":" or the space after it is missing', 'it here or before'],
  MULTILINE_IMPLICIT_KEY: ['a line is no "key: value"', 'a ":" and a space after the key'],
  MULTIPLE_ANCHORS: ['a value has two anchors', 'one at most'],
  MULTIPLE_DOCS: ['a second document starts', 'one document, without a "---" in the middle'],
  MULTIPLE_TAGS: ['a value has two tags', 'the value without a tag'],
  NON_STRING_KEY: ['a key is a list or a section', 'a name'],
  RESOURCE_EXHAUSTION: ['the nesting is too deep', 'sections and keys as in conf.example.yaml'],
  TAB_AS_INDENT: ['a tab indents the line', 'spaces'],
  TAG_RESOLVE_FAILED: ['a tag (!name) is not known', 'the value without a tag, or in quotes'],
  UNEXPECTED_TOKEN: ['something stands here that does not belong', '"key: value" or "- value"'],
};

/** A YAML text as values, and as the parser's nodes, which know where each stands. */
export interface ParsedYaml {
  readonly tree: YamlTree;
  /** Undefined if the tree has faults. */
  readonly document: Document.Parsed | undefined;
}

/** Reads one YAML 1.2 document; never throws. */
export function parseYaml(text: string, parse: typeof parseDocument = parseDocument): YamlTree {
  return parseYamlDocument(text, parse).tree;
}

/** The same with the nodes. */
export function parseYamlDocument(text: string, parse: typeof parseDocument = parseDocument): ParsedYaml {
  const lines = new LineCounter();
  let document: Document.Parsed;
  try {
    document = parse(text, { ...PARSE_OPTIONS, lineCounter: lines, keepSourceTokens: true });
  } catch {
    // The parser promises to report, not to throw; a file must not be able to prove it wrong.
    const [message, expected] = SYNTAX.IMPOSSIBLE;
    const fault = { position: { line: 1, column: 1 }, path: [], code: 'SYNTAX', message, expected } as const;
    return { tree: emptyTree([fault]), document: undefined };
  }
  const position = (offset: number): Position => {
    const { line, col } = lines.linePos(Math.min(offset, text.length));
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const faults = syntaxFaults(document, position);
  if (faults.length > 0) return { tree: emptyTree(faults), document: undefined };
  return { tree: convertDocument(document, position), document };
}

/** One fault a line: what follows on the same line is mostly the echo of the first. */
function syntaxFaults(document: Document.Parsed, position: (offset: number) => Position): YamlFault[] {
  const byLine = new Map<number, YamlFault>();
  for (const { code, pos } of [...document.errors, ...document.warnings]) {
    const at = position(pos[0]);
    if (byLine.has(at.line)) continue;
    const [message, expected] = SYNTAX[code];
    byLine.set(at.line, { position: at, path: [], code: 'SYNTAX', message, expected });
  }
  const { version } = document.directives.yaml;
  if (byLine.size === 0 && version !== '1.2') {
    const message = `the file declares YAML ${version}`;
    const expected = 'no %YAML line, or 1.2';
    byLine.set(1, { position: position(0), path: [], code: 'SYNTAX', message, expected });
  }
  return [...byLine.values()].sort((left, right) => left.position.line - right.position.line);
}
