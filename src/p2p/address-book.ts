import { type ExchangeAddress, isNear } from '../../protocols/peer-exchange/address.ts';
import type { BookDigest } from '../../protocols/peer-exchange/digest.ts';
import type {
  ExchangeBook,
  RecordOrigin,
  SharedRecord,
  TakeOutcome,
} from '../../protocols/peer-exchange/interfaces.ts';
import type { CheckedRecord, PrivateAddresses } from '../../protocols/peer-exchange/record.ts';
import {
  type BookEntry,
  blankEntry,
  candidateOf,
  dialAddresses,
  expiryOf,
  isHearsay,
  isLearned,
  type PeerState,
  sharedOf,
} from './book-entry.ts';
import { type BookFileEntry, type FiledPeer, fromFile, toFile } from './book-file.ts';
import { BookIndex } from './book-index.ts';
import { BookIntake } from './book-intake.ts';
import {
  ANCHORS,
  CLOCK_STEP_MS,
  FORGOTTEN_AFTER_AGE_MS,
  FORGOTTEN_AFTER_FAILURES_MS,
  FORGOTTEN_BY_OPERATOR_MS,
  HEARD_MAX_AGE_MS,
  LOADED_GRACE_MS,
  MAX_LEARNED,
  PROVED_MAX_UNSEEN_MS,
  SWEEP_MS,
} from './book-limits.ts';
import type { DialBook, DialCandidate } from './dial-book.ts';
import type { P2pErrorCode } from './errors.ts';
import { Forgotten } from './forgotten.ts';
import { ownCopy } from './own-copy.ts';
import type { Clock, PeerIdText } from './types.ts';

export interface AddressBookModules {
  readonly clock: Clock;
  /** Our own id: never stored. */
  readonly self: PeerIdText;
  /** The wall clock was set while running, by so many milliseconds. */
  readonly onClockStep?: (ms: number) => void;
}

/** A peer of the book for status and lists. */
export interface KnownPeer {
  readonly peerId: PeerIdText;
  readonly publicKey: Uint8Array;
  readonly addresses: readonly string[];
  readonly isOperator: boolean;
  readonly state: PeerState;
  /** Unix ms. */
  readonly lastSeenMs: number | undefined;
  readonly failures: number;
  readonly isSigned: boolean;
  /** PeerId of who told of it first, `operator` or `file`. */
  readonly source: string;
}

export interface BookCounts {
  readonly operator: number;
  readonly proved: number;
  readonly heard: number;
  readonly shareable: number;
}

/**
 * All peers that we know, in memory: who told of them, whether we reached them, and what may be given to others.
 * Ages run on the monotonic clock, so that setting the wall clock expires nobody.
 */
export class AddressBook implements ExchangeBook, DialBook {
  readonly #modules: AddressBookModules;
  readonly #index = new BookIndex();
  readonly #present = new Set<PeerIdText>();
  readonly #forgotten = new Forgotten();
  readonly #intake: BookIntake;
  readonly #listeners = new Set<() => void>();
  readonly #dirtyListeners = new Set<() => void>();
  readonly #seenMsOf = (entry: BookEntry) =>
    this.#present.has(entry.peerId) ? this.#modules.clock.monotonicMs() : entry.seenMs;
  #isTelling = false;
  #privateAddresses: PrivateAddresses = 'auto';
  #cancelSweep: () => void = () => {};
  #clockOffsetMs = 0;

  constructor(modules: AddressBookModules) {
    this.#modules = modules;
    this.#intake = new BookIntake({
      index: this.#index,
      forgotten: this.#forgotten,
      monotonicMs: () => modules.clock.monotonicMs(),
      isPresent: (peerId) => this.#present.has(peerId),
    });
    this.#clockOffsetMs = modules.clock.nowMs() - modules.clock.monotonicMs();
  }

  /** Begins to look for expired peers once a minute. */
  start(): void {
    this.#cancelSweep();
    this.#cancelSweep = this.#modules.clock.after(SWEEP_MS, () => {
      this.sweep();
      this.start();
    });
  }

  stop(): void {
    this.#cancelSweep();
  }

  get size(): number {
    return this.#index.size;
  }

  get shareableCount(): number {
    return this.#index.shareable;
  }

  /** In the book, or connected at this moment without an address worth keeping. */
  isKnown(peerId: PeerIdText): boolean {
    return this.#index.get(peerId) !== undefined || this.#present.has(peerId);
  }

  isOperator(peerId: PeerIdText): boolean {
    const entry = this.#index.get(peerId);
    return entry !== undefined && !isLearned(entry);
  }

  /** Takes a checked record, from a peer or from the peer itself. */
  take(record: CheckedRecord, origin: RecordOrigin): TakeOutcome {
    if (record.peerId === this.#modules.self) return 'self';
    const outcome = this.#intake.take(record, origin);
    if (outcome === 'new' && this.#present.has(record.peerId)) this.#see(record.peerId);
    if (outcome === 'new' || outcome === 'changed') this.#changed();
    return outcome;
  }

  /** Replaces the operator's peers; who is no longer among them is forgotten. */
  setOperator(entries: readonly BookFileEntry[]): void {
    const wanted = new Map<PeerIdText, FiledPeer>();
    for (const filed of entries.flatMap((entry) => fromFile(entry) ?? [])) {
      const first = wanted.get(filed.peerId);
      // Duplicate keys are one peer with the addresses of all.
      wanted.set(filed.peerId, first === undefined ? filed : merged(first, filed));
    }
    wanted.delete(this.#modules.self);
    for (const entry of this.#index.all()) {
      if (!isLearned(entry) && !wanted.has(entry.peerId)) this.forget(entry.peerId);
    }
    for (const filed of wanted.values()) this.#takeOperator(filed);
    this.#changed();
  }

  /** Takes learned peers from the file of the last run; returns how many. Nothing of it is too old at once. */
  load(entries: readonly BookFileEntry[]): number {
    const { clock, self } = this.#modules;
    const nowMs = clock.monotonicMs();
    let taken = 0;
    for (const filed of entries.flatMap((entry) => fromFile(entry) ?? [])) {
      const { peerId, publicKey, isProved } = filed;
      const addresses = filed.addresses.filter((address) => this.#isKept(address));
      if (peerId === self || addresses.length === 0 || this.#index.get(peerId) !== undefined) continue;
      if (this.#index.learned >= MAX_LEARNED) break;
      // A stamp of the future is of a wrong clock, here or there.
      const lastSeenMs =
        filed.lastSeenMs === undefined ? undefined : Math.min(filed.lastSeenMs, clock.nowMs());
      const limitMs = isProved ? PROVED_MAX_UNSEEN_MS : HEARD_MAX_AGE_MS;
      const ageMs = Math.min(clock.nowMs() - (lastSeenMs ?? 0), limitMs - LOADED_GRACE_MS);
      this.#index.insert({
        ...blankEntry(peerId, publicKey, nowMs - ageMs),
        addresses,
        state: isProved ? 'proved' : 'heard',
        source: filed.source,
        // Nobody knows any more who told of it: its names lead nowhere inside until it is told of again, or it was there.
        isPublic: !isProved,
        seenMs: isProved ? nowMs - ageMs : undefined,
        lastSeenMs,
        lastProvedMs: isProved ? lastSeenMs : undefined,
      });
      taken++;
    }
    if (taken > 0) this.#changed();
    return taken;
  }

  /** Forgets a peer because the operator deleted it: others cannot bring it back for a day. */
  forget(peerId: PeerIdText): boolean {
    const entry = this.#index.get(peerId);
    if (entry === undefined) return false;
    const atMs = this.#modules.clock.monotonicMs();
    const untilMs = atMs + FORGOTTEN_BY_OPERATOR_MS;
    this.#forgotten.add(peerId, { atMs, untilMs, seq: entry.signed?.seq ?? 0n, isByOperator: true });
    this.#index.remove(entry);
    this.#changed();
    return true;
  }

  /** A connection to the peer lives: it does not expire. */
  present(peerId: PeerIdText): void {
    this.#present.add(peerId);
    this.#see(peerId);
  }

  absent(peerId: PeerIdText): void {
    if (this.#present.delete(peerId)) this.#see(peerId);
  }

  dialSucceeded(peerId: PeerIdText, _addresses: readonly string[] = []): void {
    const entry = this.#index.get(peerId);
    if (entry === undefined) return;
    this.#index.change(entry, () => {
      entry.state = 'proved';
      entry.failures = 0;
      entry.lastProvedMs = this.#modules.clock.nowMs();
    });
    this.#see(peerId);
    this.#dirty();
  }

  dialFailed(peerId: PeerIdText, _code?: P2pErrorCode): void {
    const entry = this.#index.get(peerId);
    if (entry === undefined) return;
    const nowMs = this.#modules.clock.monotonicMs();
    if (entry.failures === 0) entry.firstFailureMs = nowMs;
    entry.failures++;
    if (this.#expire(entry, nowMs)) this.#changed();
  }

  *candidates(): Iterable<DialCandidate> {
    for (const entry of this.#index.values()) yield candidateOf(entry, this.#privateAddresses);
  }

  candidate(peerId: PeerIdText): DialCandidate | undefined {
    const entry = this.#index.get(peerId);
    return entry === undefined ? undefined : candidateOf(entry, this.#privateAddresses);
  }

  /** The last 8 proved peers, the newest first: where a start looks first. */
  anchors(): readonly PeerIdText[] {
    return this.#index
      .all()
      .filter(({ lastProvedMs }) => lastProvedMs !== undefined)
      .sort((a, b) => b.lastProvedMs! - a.lastProvedMs!)
      .slice(0, ANCHORS)
      .map(({ peerId }) => peerId);
  }

  digest(more?: { readonly publicKey: Uint8Array; readonly content: Uint8Array }): BookDigest {
    return this.#index.digest(more);
  }

  *shareable(): Iterable<SharedRecord> {
    for (const entry of this.#index.values()) {
      const shared = this.#sharedOf(entry);
      if (shared !== undefined) yield shared;
    }
  }

  shared(peerId: PeerIdText): SharedRecord | undefined {
    const entry = this.#index.get(peerId);
    return entry === undefined ? undefined : this.#sharedOf(entry);
  }

  setTokenHints(peerId: PeerIdText, hints: Uint8Array): void {
    const entry = this.#index.get(peerId);
    if (entry !== undefined) entry.tokenHints = hints.length === 0 ? undefined : ownCopy(hints);
  }

  tokenHints(peerId: PeerIdText): Uint8Array | undefined {
    return this.#index.get(peerId)?.tokenHints;
  }

  /** Under `no`, addresses nearby that were learned are given up; operator's own stay. */
  setPrivateAddresses(policy: PrivateAddresses): void {
    this.#privateAddresses = policy;
    if (policy !== 'no') return;
    for (const entry of this.#index.all()) {
      const far = entry.addresses.filter((address) => this.#isKept(address));
      if (far.length === entry.addresses.length) continue;
      if (far.length === 0 && isLearned(entry)) this.#index.remove(entry);
      else {
        this.#index.change(entry, () => {
          entry.addresses = far;
        });
      }
    }
    this.#changed();
  }

  /** Learned peers as peers.yaml keeps them, proved ones first. */
  fileEntries(): readonly BookFileEntry[] {
    return this.#index
      .all()
      .filter((entry) => isLearned(entry) && entry.addresses.length > 0)
      .sort((a, b) => Number(b.state === 'proved') - Number(a.state === 'proved'))
      .map((entry) => toFile(entry, this.#lastSeenMsOf(entry)));
  }

  /** Unix ms at which we last had a living connection. */
  lastSeenMs(peerId: PeerIdText): number | undefined {
    const entry = this.#index.get(peerId);
    return entry === undefined ? undefined : this.#lastSeenMsOf(entry);
  }

  peers(): readonly KnownPeer[] {
    return this.#index.all().map((entry) => ({
      peerId: entry.peerId,
      publicKey: entry.publicKey,
      addresses: dialAddresses(entry),
      isOperator: !isLearned(entry),
      state: entry.state,
      lastSeenMs: this.#lastSeenMsOf(entry),
      failures: entry.failures,
      isSigned: entry.signed !== undefined,
      source: entry.source,
    }));
  }

  counts(): BookCounts {
    const entries = this.#index.all();
    const proved = entries.filter(({ state }) => state === 'proved').length;
    return {
      operator: entries.length - this.#index.learned,
      proved,
      heard: entries.length - proved,
      shareable: this.#index.shareable,
    };
  }

  /** Called after peers were added, removed or got other addresses; several changes at once are one call. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Called when what belongs in the file has changed, besides `onChange`. */
  onDirty(listener: () => void): () => void {
    this.#dirtyListeners.add(listener);
    return () => this.#dirtyListeners.delete(listener);
  }

  /** Gives up who has expired; returns how many. */
  sweep(): number {
    const { clock, onClockStep } = this.#modules;
    const nowMs = clock.monotonicMs();
    const offsetMs = clock.nowMs() - nowMs;
    const stepMs = offsetMs - this.#clockOffsetMs;
    this.#clockOffsetMs = offsetMs;
    if (Math.abs(stepMs) >= CLOCK_STEP_MS) onClockStep?.(Math.round(stepMs));
    let gone = 0;
    for (const entry of this.#index.all()) if (this.#expire(entry, nowMs)) gone++;
    if (gone > 0) this.#changed();
    return gone;
  }

  /** Of a learned address. */
  #isKept(address: ExchangeAddress): boolean {
    return this.#privateAddresses !== 'no' || !isNear(address.class);
  }

  #takeOperator(filed: FiledPeer): void {
    this.#forgotten.delete(filed.peerId);
    const operatorAddresses = filed.addresses.map(({ text }) => text);
    const known = this.#index.get(filed.peerId);
    if (known !== undefined) {
      this.#index.change(known, () => {
        known.operatorAddresses = operatorAddresses;
      });
      return;
    }
    const { clock } = this.#modules;
    const lastSeenMs = filed.lastSeenMs === undefined ? undefined : Math.min(filed.lastSeenMs, clock.nowMs());
    const entry = blankEntry(filed.peerId, filed.publicKey, clock.monotonicMs());
    this.#index.insert({ ...entry, operatorAddresses, source: 'operator', lastSeenMs });
  }

  /** Under a flood nobody is told of peers that we know from hearsay alone: it would go on through us. */
  #sharedOf(entry: BookEntry): SharedRecord | undefined {
    return this.#index.isPressed && isHearsay(entry) ? undefined : sharedOf(entry, this.#seenMsOf);
  }

  #expire(entry: BookEntry, nowMs: number): boolean {
    if (this.#present.has(entry.peerId)) {
      entry.heardMs = nowMs;
      return false;
    }
    const { isPressed } = this.#index;
    const why = expiryOf(entry, nowMs, isPressed);
    if (why === undefined) return false;
    const untilMs = nowMs + (why === 'age' ? FORGOTTEN_AFTER_AGE_MS : FORGOTTEN_AFTER_FAILURES_MS);
    const seq = entry.signed?.seq ?? 0n;
    this.#forgotten.add(entry.peerId, {
      atMs: nowMs,
      untilMs,
      seq,
      isByOperator: false,
      isPressed: why === 'failures' && isPressed && isHearsay(entry),
    });
    this.#index.remove(entry);
    return true;
  }

  #see(peerId: PeerIdText): void {
    const entry = this.#index.get(peerId);
    if (entry === undefined) return;
    const { clock } = this.#modules;
    entry.heardMs = clock.monotonicMs();
    entry.seenMs = entry.heardMs;
    entry.lastSeenMs = clock.nowMs();
  }

  #lastSeenMsOf(entry: BookEntry): number | undefined {
    return this.#present.has(entry.peerId) ? this.#modules.clock.nowMs() : entry.lastSeenMs;
  }

  #changed(): void {
    this.#dirty();
    if (this.#isTelling) return;
    this.#isTelling = true;
    queueMicrotask(() => {
      this.#isTelling = false;
      for (const listener of this.#listeners) listener();
    });
  }

  #dirty(): void {
    for (const listener of this.#dirtyListeners) listener();
  }
}

function merged(first: FiledPeer, second: FiledPeer): FiledPeer {
  const addresses = new Map([...first.addresses, ...second.addresses].map((one) => [one.text, one]));
  return { ...first, addresses: [...addresses.values()] };
}
