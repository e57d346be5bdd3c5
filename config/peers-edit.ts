import { isDeepStrictEqual } from 'node:util';
import { isMap, isSeq, parseDocument, visit } from 'yaml';
import { ConfigError, fileProblem } from './errors.ts';
import { type PeerEntry, sameEntry, sameTexts } from './peer-entry.ts';
import { type ParsePeersOptions, type PeersFile, parsePeers } from './peers.ts';
import { examplePeersYaml } from './peers-example.ts';
import { findPeers, lineEnd } from './peers-place.ts';
import {
  type BlockPart,
  eolOf,
  formatTime,
  LEARNED_END,
  LEARNED_START,
  type PeersLayout,
  renderEntry,
} from './peers-text.ts';
import { PARSE_OPTIONS, parseYamlDocument } from './yaml.ts';

/**
 * The file with `learned` as its learned entries. All that is not learned stays byte for byte; so do learned
 * entries that do not change, comments between them, and those in error. A file without a learned block gets
 * one behind the operator's entries; the one form that has to be rewritten for that is a list in brackets
 * (`peers: [{...}]`), of which comments and order stay.
 * @throws ConfigError CONFIG_UNWRITABLE if the file has no place for them, or must not be written
 */
export function editPeers(
  peers: PeersFile,
  learned: readonly PeerEntry[],
  opts: ParsePeersOptions,
): PeersFile {
  if (peers.isReadOnly) throw unwritable(opts.file, 'is not to be written by this program');
  if (peers.layout?.isSound) return fill(peers, peers.layout, learned);
  if (peers.layout === undefined && learned.length === 0) return peers;
  for (const prepare of [withBlock, withBlockRewritten]) {
    const text = prepare(withoutBlock(peers));
    const prepared = text === undefined ? undefined : tryParse(text, opts);
    // Found again as it was, or not taken.
    if (prepared?.layout?.isSound !== true || prepared.rest !== restOf(peers, opts)) continue;
    return fill(prepared, prepared.layout, learned);
  }
  throw unwritable(opts.file, 'has no place for learned peers, written like this');
}

function tryParse(text: string, opts: ParsePeersOptions): PeersFile | undefined {
  try {
    return parsePeers(text, opts);
  } catch {
    return undefined;
  }
}

function unwritable(file: string, message: string): ConfigError {
  const expected = 'version 1 and a plain list "peers:", as in peers.example.yaml';
  return new ConfigError('CONFIG_UNWRITABLE', [fileProblem(file, 'UNWRITABLE', message, expected)]);
}

/** An absent list and an empty one are the same. */
function restOf(peers: PeersFile, opts: ParsePeersOptions): string {
  if (peers.text.trim() === '') return parsePeers(examplePeersYaml(), opts).rest;
  return peers.rest;
}

function fill(peers: PeersFile, layout: PeersLayout, learned: readonly PeerEntry[]): PeersFile {
  const eol = eolOf(peers.text);
  const wanted = new Map(learned.map((entry) => [entry.publicKey, entry]));
  const parts: BlockPart[] = [];
  for (const part of layout.parts) {
    if (part.entry === undefined) {
      parts.push(part);
      continue;
    }
    const entry = wanted.get(part.entry.publicKey);
    // Each key once; the operator may have added a second one.
    wanted.delete(part.entry.publicKey);
    if (entry !== undefined) parts.push(replaced(part.text, part.entry, entry, layout.indent, eol));
  }
  const head = layout.head.endsWith('\n') ? layout.head : layout.head + eol;
  const last = parts.at(-1);
  if (last !== undefined && !last.text.endsWith('\n'))
    parts[parts.length - 1] = { ...last, text: last.text + eol };
  for (const entry of wanted.values()) parts.push({ text: renderEntry(entry, layout.indent, eol), entry });
  const isClosed = layout.tail.trimStart().startsWith(LEARNED_END);
  const tail = isClosed ? layout.tail : `${' '.repeat(layout.indent)}${LEARNED_END}${eol}${layout.tail}`;
  const text = `${head}${parts.map((part) => part.text).join('')}${tail}`;
  return { ...peers, text, learned, layout: { ...layout, head, parts, tail } };
}

function replaced(text: string, from: PeerEntry, to: PeerEntry, indent: number, eol: string): BlockPart {
  if (sameEntry(from, to)) return { text, entry: to };
  const rendered = renderEntry(to, indent, eol);
  const isPlain = text === renderEntry(from, indent, eol);
  return { text: isPlain ? rendered : (changed(text, from, to, eol) ?? rendered), entry: to };
}

/** The text of an entry that was edited by hand, with only the fields set that differ. */
function changed(text: string, from: PeerEntry, to: PeerEntry, eol: string): string | undefined {
  const document = parseDocument(text, PARSE_OPTIONS);
  let hasAlias = false;
  visit(document, {
    Alias: () => {
      hasAlias = true;
    },
  });
  // An alias of an anchor elsewhere in the file makes no sense alone.
  if (hasAlias) return undefined;
  const list = document.contents;
  const entry: unknown = isSeq(list) ? list.items[0] : undefined;
  if (document.errors.length > 0 || !isMap(entry)) return undefined;
  const set = (name: string, value: unknown): void => {
    if (value === undefined) entry.delete(name);
    else entry.set(name, value);
  };
  if (!sameTexts(from.addresses, to.addresses)) {
    const addresses = document.createNode(to.addresses);
    addresses.flow = true;
    set('addresses', addresses);
  }
  if (from.lastSeenMs !== to.lastSeenMs) {
    set('last_seen', to.lastSeenMs === undefined ? undefined : formatTime(to.lastSeenMs));
  }
  if (from.source !== to.source) set('source', to.source);
  if (from.version !== to.version) set('version', to.version);
  const indent = ' '.repeat(text.search(/\S/));
  const lines = document.toString({ lineWidth: 0, flowCollectionPadding: false }).trimEnd().split('\n');
  return lines.map((line) => (line === '' ? eol : `${indent}${line}${eol}`)).join('');
}

/** The operator's text: without the two lines and the learned entries. What is in error, and comments, stay. */
export function withoutBlock({ text, layout }: PeersFile): string {
  if (layout === undefined) return text;
  const { head, parts, tail } = layout;
  const start = head.lastIndexOf('\n', head.length - 2) + 1;
  const kept = parts.filter(({ entry }) => entry === undefined).map((part) => part.text);
  const isClosed = tail.trimStart().startsWith(LEARNED_END);
  return head.slice(0, start) + kept.join('') + (isClosed ? tail.slice(lineEnd(tail, 0)) : tail);
}

/** The text with an empty learned block behind the operator's entries; undefined if it has no place for one. */
function withBlock(text: string): string | undefined {
  if (text.trim() === '') return withBlock(examplePeersYaml());
  const eol = eolOf(text);
  const { document } = parseYamlDocument(text);
  const place = findPeers(text, document);
  const block = (indent: number): string =>
    [LEARNED_START, LEARNED_END].map((line) => ' '.repeat(indent) + line + eol).join('');
  const closed = text.endsWith('\n') ? text : text + eol;
  if (place.kind === 'absent') return `${closed}peers:${eol}${block(2)}`;
  if (place.kind === 'empty') {
    const [from, to] = place.emptyValue ?? [0, 0];
    const emptied = closed.slice(0, from).replace(/ +$/, '') + closed.slice(to);
    const at = endOfList(emptied, lineEnd(emptied, place.keyAt), place.nextKeyAt - (to - from));
    return emptied.slice(0, at) + block(2) + emptied.slice(at);
  }
  if (place.kind !== 'block') return undefined;
  const at = endOfList(closed, lineEnd(closed, place.items.at(-1)!.to), place.nextKeyAt);
  return closed.slice(0, at) + block(place.indent!) + closed.slice(at);
}

/** Behind the comments that belong to the list: all of them if nothing follows, else those that are indented. */
function endOfList(text: string, from: number, nextKeyAt: number): number {
  if (nextKeyAt >= text.trimEnd().length) return text.length;
  let end = from;
  for (let at = from; at < nextKeyAt; at = lineEnd(text, at)) {
    const line = text.slice(at, lineEnd(text, at));
    if (/^[ \t]+#/.test(line)) end = lineEnd(text, at);
    else if (line.trim() !== '') break;
  }
  return end;
}

/** A list in brackets, one entry a line. */
function withBlockRewritten(text: string): string | undefined {
  const document = parseDocument(text, PARSE_OPTIONS);
  const list = document.get('peers');
  if (document.errors.length > 0 || !isSeq(list)) return undefined;
  list.flow = false;
  const rewritten = document.toString({ lineWidth: 0, flowCollectionPadding: false });
  const isSame = isDeepStrictEqual(plain(rewritten), plain(text));
  return isSame ? withBlock(rewritten) : undefined;
}

/** Through JSON: the trees' maps have no prototype, which the comparison would notice. */
function plain(text: string): unknown {
  return JSON.parse(JSON.stringify(parseYamlDocument(text).tree.root));
}
