import { type PeerEntry, readPeerEntry } from './peer-entry.ts';
import { inlineYaml } from './render.ts';
import { ReadContext } from './value.ts';

/** Entries between these two lines were learned; all others are the operator's. */
export const LEARNED_START =
  '# --- learned by btcfed: it rewrites and drops these entries; move one out of here to keep it ---';
export const LEARNED_END = '# --- end of learned peers ---';

/** A piece of the learned block: one entry with its own lines, or what stands between entries. */
export interface BlockPart {
  readonly text: string;
  /** Undefined for comments, blank lines, and entries in error: these stay. */
  readonly entry: PeerEntry | undefined;
}

/** The learned block cut out of a file: `head + parts + tail` is the file again. */
export interface PeersLayout {
  /** Ends with the start line. */
  readonly head: string;
  readonly parts: readonly BlockPart[];
  /** Starts with the end line, if there is one. */
  readonly tail: string;
  /** Spaces before the dashes of the list. */
  readonly indent: number;
  /** False if the block stands where entries cannot simply be added, such as behind the list. */
  readonly isSound: boolean;
}

export interface MarkerLines {
  /** Where the start line starts. */
  readonly startsAt: number;
  /** Where the line after it starts. */
  readonly from: number;
  /** Where the end line starts, or the end of the text. */
  readonly to: number;
  readonly isClosed: boolean;
}

/** Finds the two lines; undefined if there is no start line. */
export function findMarkers(text: string): MarkerLines | undefined {
  const start = findLine(text, LEARNED_START, 0);
  if (start === undefined) return undefined;
  const end = findLine(text, LEARNED_END, start.to);
  return { startsAt: start.from, from: start.to, to: end?.from ?? text.length, isClosed: end !== undefined };
}

function findLine(text: string, line: string, after: number): { from: number; to: number } | undefined {
  for (let at = text.indexOf(line, after); at >= 0; at = text.indexOf(line, at + 1)) {
    const from = text.lastIndexOf('\n', at) + 1;
    const newline = text.indexOf('\n', at);
    const to = newline < 0 ? text.length : newline + 1;
    if (text.slice(from, at).trim() === '' && text.slice(at + line.length, to).trim() === '')
      return { from, to };
  }
  return undefined;
}

/** `\r\n` if the file is written like that. */
export function eolOf(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

/** One entry as we write it; every YAML reader and the Go node understand it. */
export function renderEntry(entry: PeerEntry, indent: number, eol: string): string {
  const { publicKey, addresses, lastSeenMs, source, version } = entry;
  const lines = [
    `- public_key: ${JSON.stringify(publicKey)}`,
    `  addresses: [${addresses.map((address) => JSON.stringify(address)).join(', ')}]`,
    ...(lastSeenMs === undefined ? [] : [`  last_seen: ${formatTime(lastSeenMs)}`]),
    ...(source === undefined ? [] : [`  source: ${inlineYaml(source)}`]),
    ...(version === undefined ? [] : [`  version: ${inlineYaml(version)}`]),
  ];
  const spaces = ' '.repeat(indent);
  return lines.map((line) => `${spaces}${line}${eol}`).join('');
}

export function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

const ENTRY =
  /( *)- public_key: "([^"\\\r\n]+)"\r?\n\1 {2}addresses: \[([^\]\r\n]*)\]\r?\n(?:\1 {2}last_seen: (\S+)\r?\n)?(?:\1 {2}source: ([^\r\n]+)\r?\n)?(?:\1 {2}version: ([^\r\n]+)\r?\n)?/y;

export interface PlainBlock {
  readonly parts: readonly BlockPart[];
  /** Undefined if the block is empty. */
  readonly indent: number | undefined;
}

/**
 * The entries of a block that holds nothing but what `renderEntry` wrote, 20 times as fast as the YAML parser,
 * which blocks the event loop for 0.2 s at 2,048 entries. Undefined for a block that was touched, or in which
 * anything is wrong: then the parser has to look.
 */
export function readPlainBlock(block: string, nowMs: number): PlainBlock | undefined {
  const parts: BlockPart[] = [];
  const eol = eolOf(block);
  let isGood = true;
  const context = new ReadContext('', [], () => {
    isGood = false;
  });
  let indent: number | undefined;
  for (ENTRY.lastIndex = 0; ENTRY.lastIndex < block.length; ) {
    const match = ENTRY.exec(block);
    if (match === null) return undefined;
    const [text, spaces = '', publicKey, addresses = '', lastSeen, source, version] = match;
    indent ??= spaces.length;
    const fields = {
      public_key: publicKey!,
      addresses: addresses === '' ? [] : addresses.slice(1, -1).split('", "'),
      ...(lastSeen === undefined ? {} : { last_seen: lastSeen }),
      ...(source === undefined ? {} : { source: plainScalar(source) }),
      ...(version === undefined ? {} : { version: plainScalar(version) }),
    };
    const entry = readPeerEntry(fields, context, nowMs);
    if (entry === undefined || !isGood || renderEntry(entry, indent, eol) !== text) return undefined;
    parts.push({ text, entry });
  }
  return { parts, indent };
}

/** A scalar as `inlineYaml` writes it; comparing the rendered entry shows whether it was one. */
function plainScalar(text: string): string {
  if (!text.startsWith('"')) return text;
  try {
    return String(JSON.parse(text));
  } catch {
    return '';
  }
}
