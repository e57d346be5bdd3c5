import type { RecordOrigin, TakeOutcome } from '../../protocols/peer-exchange/interfaces.ts';
import type { CheckedRecord } from '../../protocols/peer-exchange/record.ts';
import { type BookEntry, blankEntry, dialAddresses, isUnproved } from './book-entry.ts';
import type { BookIndex } from './book-index.ts';
import { MAX_LEARNED } from './book-limits.ts';
import type { Forgotten } from './forgotten.ts';
import { ownCopy } from './own-copy.ts';
import type { PeerIdText } from './types.ts';

export interface BookIntakeModules {
  readonly index: BookIndex;
  readonly forgotten: Forgotten;
  readonly monotonicMs: () => number;
  /** A connection to the peer lives. */
  readonly isPresent: (peerId: PeerIdText) => boolean;
}

/** Takes checked records into the book: whose word counts, which of two is newer, for whom there is room. */
export class BookIntake {
  readonly #modules: BookIntakeModules;

  constructor(modules: BookIntakeModules) {
    this.#modules = modules;
  }

  /** From a peer, or from the peer itself; of others than ourselves. */
  take(record: CheckedRecord, origin: RecordOrigin): TakeOutcome {
    const nowMs = this.#modules.monotonicMs();
    const seenMs = record.seenS === undefined ? undefined : nowMs - record.seenS * 1_000;
    const entry = this.#modules.index.get(record.peerId);
    return entry === undefined
      ? this.#takeNew(record, origin, nowMs, seenMs)
      : this.#takeAgain(entry, record, origin, seenMs);
  }

  #takeNew(
    record: CheckedRecord,
    origin: RecordOrigin,
    nowMs: number,
    seenMs: number | undefined,
  ): TakeOutcome {
    const { index, forgotten, isPresent } = this.#modules;
    const { peerId, publicKey, signed, tokenHints } = record;
    const isOwnWord = origin.source === peerId;
    if (forgotten.holds(peerId, { isOwnWord, seq: signed?.seq, seenMs }, nowMs)) return 'forgotten';
    if (!index.caps.hasRoomOf(origin.source)) return 'source_full';
    const addresses = record.addresses.filter(({ subnet }) => index.caps.hasRoomIn(subnet));
    if (addresses.length === 0) return 'subnet_full';
    if (index.learned >= MAX_LEARNED && !index.evict(isPresent)) return 'book_full';
    index.insert({
      ...blankEntry(peerId, publicKey, nowMs),
      addresses,
      signed,
      source: origin.source,
      isPublic: origin.isPublic,
      seenMs,
      tokenHints: tokenHints === undefined || tokenHints.length === 0 ? undefined : ownCopy(tokenHints),
    });
    return 'new';
  }

  #takeAgain(
    entry: BookEntry,
    record: CheckedRecord,
    origin: RecordOrigin,
    seenMs: number | undefined,
  ): TakeOutcome {
    entry.heardMs = Math.max(entry.heardMs, seenMs ?? entry.heardMs);
    if (seenMs !== undefined) entry.seenMs = Math.max(entry.seenMs ?? seenMs, seenMs);
    if (record.tokenHints !== undefined && record.tokenHints.length > 0) {
      entry.tokenHints = ownCopy(record.tokenHints);
    }
    const isOwnWord = origin.source === entry.peerId;
    const { signed } = record;
    const rise = signed === undefined ? undefined : compare(signed.seq, entry.signed?.seq);
    if (rise === undefined || rise < 0) {
      // Where a peer is, it knows best itself; to others only its newest signature counts.
      const isBetter = isOwnWord && (entry.signed === undefined || rise !== undefined);
      if (isBetter && this.#readdress(entry, record, origin)) return rise === undefined ? 'changed' : 'stale';
      // What libp2p pushes it signs anew, so that our neighbour's own word may be the older one of two that say the same.
      return rise === undefined || saysTheSame(entry, record) ? 'known' : 'stale';
    }
    // The same signature over another connection may allow more of its addresses.
    if (rise === 0) {
      if (record.addresses.length > entry.addresses.length) this.#readdress(entry, record, origin);
      return 'known';
    }
    const isSame = saysTheSame(entry, record);
    this.#modules.index.change(entry, () => {
      entry.signed = signed;
    });
    this.#readdress(entry, record, origin);
    return isSame ? 'refreshed' : 'changed';
  }

  /** Takes other addresses into an entry, as far as its subnets have room; true if that changed something. */
  #readdress(entry: BookEntry, record: CheckedRecord, origin: RecordOrigin): boolean {
    const { index } = this.#modules;
    const had = entry.addresses.map(({ text }) => text).join(' ');
    index.change(entry, () => {
      const isFree = !isUnproved(entry);
      const fits = record.addresses.filter(({ subnet }) => isFree || index.caps.hasRoomIn(subnet));
      if (fits.length === 0) return;
      entry.isPublic = origin.isPublic;
      entry.addresses = fits;
    });
    return entry.addresses.map(({ text }) => text).join(' ') !== had;
  }
}

/** True if another signature brings no news; over none, if it names only what we have. */
function saysTheSame(entry: BookEntry, { signed, addresses }: CheckedRecord): boolean {
  if (entry.signed !== undefined) return Buffer.compare(entry.signed.content, signed!.content) === 0;
  const had = new Set(dialAddresses(entry));
  return addresses.every(({ text }) => had.has(text));
}

/** Rise of a sequence number over the one before; any number is a rise over none. */
function compare(seq: bigint, before: bigint | undefined): number {
  if (before === undefined || seq > before) return 1;
  return seq === before ? 0 : -1;
}
