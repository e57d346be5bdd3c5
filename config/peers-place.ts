import { type Document, isMap, isScalar, isSeq, type Pair, type ParsedNode, type YAMLSeq } from 'yaml';

/** Where `peers` stands in the text. */
export interface PeersPlace {
  readonly kind: 'absent' | 'empty' | 'block' | 'flow' | 'odd';
  /** Where its key starts; 0 if absent. */
  readonly keyAt: number;
  /** The text of an empty value (`[]`, `null`), if there is one. */
  readonly emptyValue: readonly [from: number, to: number] | undefined;
  /** Spaces before the dashes; undefined if there are none. */
  readonly indent: number | undefined;
  readonly items: readonly ItemPlace[];
  /** Where the next key of the top level starts, or the end of the text. */
  readonly nextKeyAt: number;
}

export interface ItemPlace {
  /** Of the dash; of the value in a flow list. */
  readonly from: number;
  /** Behind the last character, comments after it not counted. */
  readonly to: number;
}

/** Where the line after the one of an offset starts. */
export function lineEnd(text: string, from: number): number {
  const newline = text.indexOf('\n', from);
  return newline < 0 ? text.length : newline + 1;
}

/** Where `peers` and its entries stand. */
export function findPeers(text: string, document: Document.Parsed | undefined): PeersPlace {
  const root = document?.contents;
  const pairs = (isMap(root) ? root.items : []) as readonly Pair<ParsedNode, ParsedNode | null>[];
  const index = pairs.findIndex(({ key }) => isScalar(key) && key.value === 'peers');
  const pair = pairs[index];
  const place = { keyAt: 0, emptyValue: undefined, indent: undefined, items: [], nextKeyAt: text.length };
  if (pair === undefined) return { ...place, kind: 'absent' };
  const keyAt = pair.key.range[0];
  const nextKeyAt = pairs[index + 1]?.key.range[0] ?? text.length;
  const { value } = pair;
  const at = { ...place, keyAt, nextKeyAt };
  if (value === null || (isScalar(value) && value.value === null)) {
    const hasText = value !== null && value.range[0] < value.range[1];
    return { ...at, kind: 'empty', emptyValue: hasText ? [value.range[0], value.range[1]] : undefined };
  }
  if (!isSeq(value)) return { ...at, kind: 'odd' };
  const seq = value as YAMLSeq.Parsed;
  if (seq.items.length === 0) return { ...at, kind: 'empty', emptyValue: [seq.range[0], seq.range[1]] };
  const tokens = seq.srcToken?.type === 'block-seq' ? seq.srcToken : undefined;
  if (tokens === undefined) {
    const items = seq.items.map(({ range }) => ({ from: range[0], to: range[1] }));
    return { ...at, kind: 'flow', items };
  }
  const items = seq.items.map((item, itemIndex) => {
    const from = tokens.items[itemIndex]!.start.find(({ type }) => type === 'seq-item-ind')!.offset;
    return { from, to: from + text.slice(from, Math.max(item.range[1], from + 1)).trimEnd().length };
  });
  return { ...at, kind: 'block', indent: tokens.indent, items };
}
