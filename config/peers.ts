import { ConfigError, type ConfigProblem } from './errors.ts';
import { nearestName } from './nearest.ts';
import { type PeerEntry, readPeerEntry, unionOfAddresses } from './peer-entry.ts';
import { findPeers, lineEnd, type PeersPlace } from './peers-place.ts';
import {
  type BlockPart,
  findMarkers,
  type MarkerLines,
  type PeersLayout,
  readPlainBlock,
} from './peers-text.ts';
import { ProblemList } from './problems.ts';
import { describe, isMap as isYamlMap, ReadContext, type YamlMap, type YamlValue } from './value.ts';
import { type ParsedYaml, parseYamlDocument } from './yaml.ts';

/** Learned peers in the file at most (limits of peer exchange: book). */
export const MAX_LEARNED_PEERS = 2_048;
/** 2,048 learned peers with eight long addresses each are 5 MB. */
export const MAX_PEERS_FILE_BYTES = 8 * 1024 * 1024;
const VERSION = 1;

export interface ParsePeersOptions {
  /** The file as the operator named it; stands in every problem. */
  readonly file: string;
  /** Base64 of this node's public key: its own entry is left out. */
  readonly ownKey?: string;
  /** Times in the file after this one count as this one. */
  readonly nowMs: number;
}

/** What a peers.yaml says, and its text cut so that the learned entries can be replaced. */
export interface PeersFile {
  readonly text: string;
  /** Outside of the learned block; each key once. */
  readonly operator: readonly PeerEntry[];
  /** In the learned block, without keys that the operator lists as well; each key once. */
  readonly learned: readonly PeerEntry[];
  /** Entries, and parts of entries, that are not used. They stay in the file. */
  readonly problems: readonly ConfigProblem[];
  /** What is used, but not as it is written: merged duplicates, times in the future, our own key. */
  readonly notes: readonly ConfigProblem[];
  /** True: to be used, but never written, since its form is a newer one or `peers` is no list. */
  readonly isReadOnly: boolean;
  /** Undefined if there is no learned block. */
  readonly layout: PeersLayout | undefined;
  /** All that is not learned, unknown keys included, as JSON: what an edit must not change. */
  readonly rest: string;
}

/**
 * Reads the text of a peers.yaml. Entries in error are reported and left out.
 * @throws ConfigError CONFIG_INVALID if it is no YAML, or not a file of peers at all: it is damaged
 */
export function parsePeers(text: string, opts: ParsePeersOptions): PeersFile {
  const markers = findMarkers(text);
  const block = markers?.isClosed
    ? readPlainBlock(text.slice(markers.from, markers.to), opts.nowMs)
    : undefined;
  if (markers !== undefined && block !== undefined) {
    const lines = text.slice(markers.from, markers.to).split('\n').length - 1;
    const without = `${text.slice(0, markers.from)}${'\n'.repeat(lines)}${text.slice(markers.to)}`;
    const shift = without.length - text.length;
    const found = new PeersReader(without, opts);
    const place = found.place;
    const isPlain =
      isInside(markers, place, shift) &&
      place.items.every((item) => item.to <= markers.startsAt) &&
      (block.indent === undefined || place.indent === undefined || place.indent === block.indent);
    if (isPlain) {
      const indent = block.indent ?? place.indent ?? 2;
      const layout = cut(text, markers, block.parts, indent, true);
      return found.finish(text, layout, 'elided');
    }
  }
  const found = new PeersReader(text, opts);
  return found.finish(text, markers && found.layoutOf(markers), 'read');
}

function cut(
  text: string,
  markers: MarkerLines,
  parts: readonly BlockPart[],
  indent: number,
  isSound: boolean,
): PeersLayout {
  return { head: text.slice(0, markers.from), parts, tail: text.slice(markers.to), indent, isSound };
}

/** True if what is put between the two lines belongs to the list. `shift`: by how much the end was moved. */
function isInside(markers: MarkerLines, place: PeersPlace, shift = 0): boolean {
  const fits = place.kind === 'block' || (place.kind === 'empty' && place.emptyValue === undefined);
  const inScalar = place.items.some(({ from, to }) => from < markers.startsAt && markers.startsAt < to);
  return fits && !inScalar && place.keyAt < markers.startsAt && markers.to + shift <= place.nextKeyAt;
}

class PeersReader {
  readonly #text: string;
  readonly #opts: ParsePeersOptions;
  readonly #yaml: ParsedYaml;
  readonly #root: YamlMap;
  readonly #problems: ProblemList;
  readonly #context: ReadContext;
  readonly place: PeersPlace;
  /** By index in the list; undefined for those in error. */
  readonly #entries: readonly (PeerEntry | undefined)[];
  readonly #list: readonly YamlValue[];
  readonly #isReadOnly: boolean;

  constructor(text: string, opts: ParsePeersOptions) {
    this.#text = text;
    this.#opts = opts;
    this.#problems = new ProblemList(opts.file);
    this.#yaml = parseYamlDocument(text);
    const { tree, document } = this.#yaml;
    for (const fault of tree.faults) this.#problems.addYaml(fault);
    // Keys given twice are the fault of one entry, all else is one of the file.
    const isDamaged = tree.faults.some(({ code }) => code !== 'DUPLICATE_KEY');
    this.#context = new ReadContext('', [], (fault) => this.#problems.add(fault, tree));
    const root = tree.root ?? {};
    if (!isDamaged && !isYamlMap(root)) {
      this.#context.fail('WRONG_TYPE', `the file is ${describe(root)}`, 'a list under "peers:"');
    }
    if (isDamaged || !isYamlMap(root)) throw new ConfigError('CONFIG_INVALID', this.#problems.errors());
    this.#root = root;
    this.place = findPeers(text, document);
    const isVersionKnown = this.#checkVersion(root['version']);
    this.#checkName(root);
    const list = root['peers'] ?? [];
    const isList = Array.isArray(list);
    if (!isList) {
      const expected = 'a list of entries, each with "- public_key:" and "addresses:"';
      this.#context.at('peers').fail('WRONG_TYPE', `is ${describe(list)}`, expected);
    }
    this.#isReadOnly = !isVersionKnown || !isList;
    this.#list = isList ? list : [];
    this.#entries = this.#list.map((item, index) => this.#readEntry(item, index));
  }

  #checkVersion(version: YamlValue | undefined): boolean {
    if (version === undefined || version === null || version === VERSION) return true;
    // As the PRD's other files have it.
    if (version === '1' || version === '1.0') return true;
    const context = this.#context.at('version');
    if (typeof version === 'number' && Number.isInteger(version) && version > VERSION) {
      const message = `${version} is newer than this program knows: the entries are used, the file is not written`;
      context.fail('NEWER_VERSION', message, String(VERSION));
    } else {
      context.fail('BAD_VALUE', `is ${describe(version)}: the file is not written`, String(VERSION));
    }
    return false;
  }

  /** A slip of the pen would quietly be a list of nobody. Other keys are none of ours. */
  #checkName(root: YamlMap): void {
    if ('peers' in root) return;
    const slip = Object.keys(root).find((name) => nearestName(name, ['peers']) !== undefined);
    if (slip !== undefined) {
      this.#context.at(slip).fail('UNKNOWN_KEY', 'unknown key, did you mean "peers"?', '"peers:"');
    }
  }

  #readEntry(item: YamlValue, index: number): PeerEntry | undefined {
    // A key given twice: which of the values was meant is not known.
    const isAmbiguous = this.#yaml.tree.faults.some(({ path }) => path[0] === 'peers' && path[1] === index);
    const entry = readPeerEntry(item, this.#context.at('peers').at(index), this.#opts.nowMs);
    return isAmbiguous ? undefined : entry;
  }

  /** The block that the lines enclose, entry by entry. */
  layoutOf(markers: MarkerLines): PeersLayout {
    const { place } = this;
    const text = this.#text;
    const learned = place.items
      .map((item, index) => ({ ...item, index }))
      .filter(({ from }) => from >= markers.from && from < markers.to);
    // Without an end line the block ends with its last entry.
    const to = markers.isClosed ? markers.to : lineEnd(text, learned.at(-1)?.to ?? markers.from);
    const parts: BlockPart[] = [];
    let at = markers.from;
    let isSound = place.kind !== 'flow';
    const between = (until: number): void => {
      if (until <= at) return;
      const gap = text.slice(at, until);
      if (gap.split('\n').some((line) => !/^\s*(?:#.*)?$/.test(line))) isSound = false;
      parts.push({ text: gap, entry: undefined });
    };
    for (const item of place.kind === 'flow' ? [] : learned) {
      const from = text.lastIndexOf('\n', item.from) + 1;
      between(from);
      at = lineEnd(text, item.to);
      parts.push({ text: text.slice(from, at), entry: this.#entries[item.index] });
    }
    between(to);
    const end = { ...markers, to };
    return cut(text, end, parts, place.indent ?? 2, isSound && isInside(end, place));
  }

  /** `elided`: the learned block was read apart, and the text of this reader is the one without it. */
  finish(text: string, layout: PeersLayout | undefined, block: 'elided' | 'read'): PeersFile {
    const from = layout?.head.length ?? Number.POSITIVE_INFINITY;
    const to = text.length - (layout?.tail.length ?? 0);
    const isLearned = (index: number): boolean => {
      const at = this.place.items[index]?.from ?? 0;
      return block === 'read' && at >= from && at < to;
    };
    const operator = this.#merge((index) => !isLearned(index));
    const ours = block === 'elided' ? this.#mergePlain(layout?.parts ?? []) : this.#merge(isLearned);
    const rest = { ...this.#root, peers: this.#list.filter((_, index) => !isLearned(index)) };
    return {
      text,
      operator: [...operator.values()],
      learned: [...ours.values()].filter(({ publicKey }) => !operator.has(publicKey)),
      problems: this.#problems.errors(),
      notes: this.#problems.warnings(),
      isReadOnly: this.#isReadOnly,
      layout,
      rest: JSON.stringify(rest),
    };
  }

  /** Each key once: the first entry stands, and takes the addresses of later ones. */
  #merge(wanted: (index: number) => boolean): Map<string, PeerEntry> {
    const merged = new Map<string, PeerEntry>();
    const lines = new Map<string, number>();
    this.#entries.forEach((entry, index) => {
      if (entry === undefined || !wanted(index)) return;
      const { publicKey } = entry;
      const context = this.#context.at('peers').at(index);
      if (publicKey === this.#opts.ownKey) {
        context.warn('CONFLICT', 'is this node itself and is left out', 'other nodes');
        return;
      }
      const first = merged.get(publicKey);
      if (first === undefined) {
        lines.set(publicKey, this.#yaml.tree.keyAt(['peers', index]).line);
        merged.set(publicKey, entry);
        return;
      }
      const line = lines.get(publicKey)!;
      context.warn('CONFLICT', `has the public key of line ${line} and is merged into it`, 'each key once');
      merged.set(publicKey, { ...first, addresses: unionOfAddresses(first.addresses, entry.addresses) });
    });
    return merged;
  }

  /** Of a block as we wrote it; a key that is there twice is none of ours, but does no harm. */
  #mergePlain(parts: readonly BlockPart[]): Map<string, PeerEntry> {
    const merged = new Map<string, PeerEntry>();
    for (const { entry } of parts) {
      if (entry === undefined || entry.publicKey === this.#opts.ownKey) continue;
      const first = merged.get(entry.publicKey);
      const addresses = unionOfAddresses(first?.addresses ?? [], entry.addresses);
      merged.set(entry.publicKey, { ...(first ?? entry), addresses });
    }
    return merged;
  }
}
