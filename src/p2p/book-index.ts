import { type BookDigest, DigestSum } from '../../protocols/peer-exchange/digest.ts';
import { BookCaps } from './book-caps.ts';
import { type BookEntry, isLearned, isUnproved } from './book-entry.ts';
import { PRESSED_UNPROVED } from './book-limits.ts';
import type { PeerIdText } from './types.ts';

/** The entries, and what is counted over them: learned and shareable ones, caps, digest. An entry changes only in `change`. */
export class BookIndex {
  readonly caps = new BookCaps();
  readonly #entries = new Map<PeerIdText, BookEntry>();
  readonly #sum = new DigestSum();
  #learned = 0;
  #unproved = 0;
  #shareable = 0;

  get size(): number {
    return this.#entries.size;
  }

  get learned(): number {
    return this.#learned;
  }

  /** True if there are so many unproved peers that somebody seems to flood the book. */
  get isPressed(): boolean {
    return this.#unproved > PRESSED_UNPROVED;
  }

  get shareable(): number {
    return this.#shareable;
  }

  get(peerId: PeerIdText): BookEntry | undefined {
    return this.#entries.get(peerId);
  }

  /** The living view, in order of insertion. */
  values(): Iterable<BookEntry> {
    return this.#entries.values();
  }

  /** A copy, for loops that change the index. */
  all(): BookEntry[] {
    return [...this.#entries.values()];
  }

  digest(more?: { readonly publicKey: Uint8Array; readonly content: Uint8Array }): BookDigest {
    return this.#sum.value(more);
  }

  insert(entry: BookEntry): void {
    this.#entries.set(entry.peerId, entry);
    this.#count(entry, 1);
  }

  remove(entry: BookEntry): void {
    this.#entries.delete(entry.peerId);
    this.#count(entry, -1);
  }

  change(entry: BookEntry, change: () => void): void {
    this.#count(entry, -1);
    change();
    entry.shared = undefined;
    this.#count(entry, 1);
  }

  /** Makes room: of the source with the most unproved peers the one without news for longest. False if there is none. */
  evict(isSpared: (peerId: PeerIdText) => boolean): boolean {
    let victim: BookEntry | undefined;
    for (const entry of this.#entries.values()) {
      if (!isUnproved(entry) || isSpared(entry.peerId)) continue;
      const more = victim === undefined ? 1 : this.caps.of(entry.source) - this.caps.of(victim.source);
      if (more > 0 || (more === 0 && entry.heardMs < victim!.heardMs)) victim = entry;
    }
    if (victim !== undefined) this.remove(victim);
    return victim !== undefined;
  }

  #count(entry: BookEntry, by: 1 | -1): void {
    if (isLearned(entry)) this.#learned += by;
    if (isUnproved(entry)) this.#unproved += by;
    if (by === 1) this.caps.add(entry);
    else this.caps.remove(entry);
    if (entry.signed === undefined) return;
    this.#shareable += by;
    this.#sum.toggle(entry.publicKey, entry.signed.content);
  }
}
