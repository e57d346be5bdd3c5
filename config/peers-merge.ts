import { type PeerEntry, peerEntry, sameEntry, sameTexts } from './peer-entry.ts';
import { MAX_LEARNED_PEERS } from './peers.ts';

/** Learned peers by public key. */
export type PeerMap = ReadonlyMap<string, PeerEntry>;

export interface PeerMergeInput {
  /** What memory and file had in common: what was loaded, handed on, or saved last. */
  readonly base: PeerMap;
  /** What is in the file now. */
  readonly file: PeerMap;
  /** What this node knows now. */
  readonly memory: PeerMap;
  /** When the file was changed: an entry that was deleted there stays deleted unless its peer was seen later. */
  readonly fileChangedAtMs: number;
  /** When earlier deletions were made, by public key. */
  readonly deletedAtMs: ReadonlyMap<string, number>;
  /** Keys that are never learned: the operator's, and our own. */
  readonly excluded: ReadonlySet<string>;
}

export interface PeerMergeResult {
  /** In the order of the file, new ones last; at most 2,048, the longest unseen left out. */
  readonly learned: readonly PeerEntry[];
  /** Keys that both sides changed differently. */
  readonly conflicts: readonly string[];
  /** Keys that were deleted in the file and stay so. */
  readonly deleted: readonly string[];
}

/** Three-way merge of the learned peers, field by field; the later last-seen breaks ties, then the file. */
export function mergePeers(input: PeerMergeInput): PeerMergeResult {
  const { base, file, memory, excluded } = input;
  const conflicts: string[] = [];
  const deleted: string[] = [];
  const learned: PeerEntry[] = [];
  for (const key of new Set([...file.keys(), ...memory.keys(), ...base.keys()])) {
    if (excluded.has(key)) continue;
    const [b, f, m] = [base.get(key), file.get(key), memory.get(key)];
    const merged = mergeEntry(b, f, m, deletedAtMs(input, key));
    if (merged.entry !== undefined) learned.push(merged.entry);
    if (merged.isConflict) conflicts.push(key);
    if (b !== undefined && f === undefined && merged.entry === undefined) deleted.push(key);
  }
  return { learned: capped(learned), conflicts, deleted };
}

function deletedAtMs(
  { base, file, fileChangedAtMs, deletedAtMs: earlier }: PeerMergeInput,
  key: string,
): number {
  const isDeletedNow = base.has(key) && !file.has(key);
  return isDeletedNow ? fileChangedAtMs : (earlier.get(key) ?? Number.NEGATIVE_INFINITY);
}

interface MergedEntry {
  readonly entry: PeerEntry | undefined;
  readonly isConflict: boolean;
}

function mergeEntry(
  base: PeerEntry | undefined,
  file: PeerEntry | undefined,
  memory: PeerEntry | undefined,
  deletedMs: number,
): MergedEntry {
  if (file === undefined && memory === undefined) return { entry: undefined, isConflict: false };
  if (file === undefined) return afterDeletion(base, memory!, deletedMs);
  if (memory === undefined) {
    // Dropped here. A file entry that is new, or was changed since, is somebody's will.
    const isKept = base === undefined || !sameEntry(base, file);
    return { entry: isKept ? file : undefined, isConflict: base !== undefined && isKept };
  }
  return mergeFields(base, file, memory);
}

/** Only memory has it: new, or deleted in the file. */
function afterDeletion(base: PeerEntry | undefined, memory: PeerEntry, deletedMs: number): MergedEntry {
  const isKnownDeletion = deletedMs > Number.NEGATIVE_INFINITY;
  const isMetAgain = (memory.lastSeenMs ?? 0) > deletedMs;
  const isConflict = base !== undefined && !sameEntry(base, memory);
  return { entry: !isKnownDeletion || isMetAgain ? memory : undefined, isConflict };
}

function mergeFields(base: PeerEntry | undefined, file: PeerEntry, memory: PeerEntry): MergedEntry {
  const later = (memory.lastSeenMs ?? 0) > (file.lastSeenMs ?? 0) ? memory : file;
  let isConflict = false;
  const pick = <T>(of: (entry: PeerEntry) => T, same: (left: T, right: T) => boolean): T => {
    const [f, m] = [of(file), of(memory)];
    // What memory does not know it has not changed.
    if (m === undefined || same(f, m)) return f;
    if (base !== undefined && same(of(base), f)) return m;
    if (base !== undefined && same(of(base), m)) return f;
    isConflict = true;
    return of(later);
  };
  const equal = (left: unknown, right: unknown): boolean => left === right;
  const entry = peerEntry({
    publicKey: file.publicKey,
    addresses: pick((of) => of.addresses, sameTexts),
    lastSeenMs: later.lastSeenMs,
    source: pick((of) => of.source, equal),
    version: pick((of) => of.version, equal),
  });
  return { entry, isConflict };
}

function capped(learned: readonly PeerEntry[]): readonly PeerEntry[] {
  if (learned.length <= MAX_LEARNED_PEERS) return learned;
  const byLastSeen = learned.toSorted((left, right) => (right.lastSeenMs ?? 0) - (left.lastSeenMs ?? 0));
  const kept = new Set(byLastSeen.slice(0, MAX_LEARNED_PEERS));
  return learned.filter((entry) => kept.has(entry));
}
