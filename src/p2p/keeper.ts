import type { Log } from '../observe/log.ts';
import { UNPROVED_STEP } from './backoff.ts';
import type { DialBook, DialCandidate } from './dial-book.ts';
import {
  anchorsOf,
  type DialRank,
  drawUnproved,
  FROM_THE_PEER,
  isUnproved,
  OperatorNews,
} from './dial-rank.ts';
import { asP2pError, P2pError, type P2pErrorCode } from './errors.ts';
import {
  DIAL_GRACE_MS,
  DIALS_AT_ONCE,
  DOUBTFUL_AT_ONCE,
  LARGER_WAITS_MS,
  LOOK_AGAIN_MS,
  roomOf,
  STOP_WAIT_MS,
  UNPROVED_EVERY_MS,
} from './keeper-limits.ts';
import { Redial, type RedialView } from './redial.ts';
import type { Clock, Host, PeerIdText, PreparedChange, RandomFraction } from './types.ts';

export interface KeeperOptions {
  readonly maxPeers: number;
  readonly connectionTimeoutMs: number;
}

export interface KeeperModules {
  readonly host: Pick<Host, 'peerId' | 'dial' | 'peer' | 'connected' | 'on'>;
  readonly book: DialBook;
  /** What lists and bans say; such a peer is left alone, and looked at again later. */
  readonly mayDial: (peerId: PeerIdText) => boolean;
  readonly clock: Clock;
  readonly random: RandomFraction;
  readonly log: Log;
}

/** Counts since the start, and what is the case now. */
export interface KeeperFacts {
  readonly dialling: number;
  readonly operatorPeers: number;
  readonly operatorConnected: number;
  readonly circuitsOpen: number;
  readonly dials: number;
  readonly dialsSucceeded: number;
  readonly dialsFailed: Readonly<Partial<Record<P2pErrorCode, number>>>;
}

interface Dial {
  readonly abort: AbortController;
  readonly isDoubtful: boolean;
  readonly done: Promise<void>;
}

/**
 * Decides whom to dial when: operator peers for ever, learned peers up to a number of connections, with growing
 * random waits. Knows nothing of how a dial is done. Everything it does begins in `#look`, at one timer.
 */
export class PeerKeeper {
  readonly #modules: KeeperModules;
  readonly #redials = new Map<PeerIdText, Redial>();
  readonly #dials = new Map<PeerIdText, Dial>();
  /** Learned peers that this start dials whatever the number of connections is; each once. */
  readonly #anchors = new Set<PeerIdText>();
  readonly #operators = new OperatorNews();
  readonly #failed = new Map<P2pErrorCode, number>();
  #options: KeeperOptions;
  #isRunning = false;
  #unsubscribe: readonly (() => void)[] = [];
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined;
  #unprovedAtMs = 0;
  #started = 0;
  #succeeded = 0;

  constructor(options: KeeperOptions, modules: KeeperModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** Dials the anchors and all operator peers, as room allows, and keeps at it. */
  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const { host, book, clock } = this.#modules;
    this.#unprovedAtMs = clock.monotonicMs();
    this.#unsubscribe = [
      host.on('connected', ({ peerId }) => this.#onConnected(peerId)),
      host.on('disconnected', (peerId) => this.#onLost(peerId)),
      book.onChange(() => this.#lookIn(0)),
    ];
    for (const { peerId } of host.connected()) this.#onConnected(peerId);
    for (const peerId of anchorsOf(book)) this.#anchors.add(peerId);
    this.#lookIn(0);
  }

  /** No new dials; those under way are ended and waited for. Leaves no timer. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    for (const end of this.#unsubscribe) end();
    this.#unsubscribe = [];
    this.#timer?.cancel();
    this.#timer = undefined;
    const dials = [...this.#dials.values()];
    for (const { abort } of dials) abort.abort(new P2pError('STOPPED', 'the node stops'));
    if (dials.length === 0) return;
    await this.#atMost(STOP_WAIT_MS, Promise.all(dials.map(({ done }) => done)));
  }

  /** Takes new limits into use; peers above them stay connected. */
  configure(options: KeeperOptions): void {
    this.#options = options;
    this.#lookIn(0);
  }

  /** For a reload; nothing here can fail. */
  prepare(options: KeeperOptions): PreparedChange {
    const before = this.#options;
    return { apply: () => this.configure(options), rollback: () => this.configure(before) };
  }

  /**
   * These peers are dialled as soon as there is room, whatever failed before. An operator peer with other addresses
   * than at the last look is, without being named here.
   */
  retryNow(peerIds: Iterable<PeerIdText>): void {
    const now = this.#modules.clock.monotonicMs();
    for (const peerId of peerIds) this.#redials.get(peerId)?.forget(now);
    this.#lookIn(0);
  }

  /** The peers of the operator that are not connected are dialled as soon as there is room, whatever failed before. */
  lookNow(): void {
    const { book } = this.#modules;
    const operators = [...book.candidates()].filter(({ origin }) => origin === 'operator');
    this.retryNow(operators.map(({ peerId }) => peerId));
  }

  /** Of a peer that was dialled or connected; undefined for others. */
  view(peerId: PeerIdText): RedialView | undefined {
    return this.#redials.get(peerId)?.view(this.#modules.clock.monotonicMs());
  }

  facts(): KeeperFacts {
    const operators = [...this.#modules.book.candidates()].filter(({ origin }) => origin === 'operator');
    const redials = [...this.#redials.values()];
    return {
      dialling: this.#dials.size,
      operatorPeers: operators.length,
      operatorConnected: operators.filter(({ peerId }) => this.#isConnected(peerId)).length,
      circuitsOpen: redials.filter(({ breaker }) => breaker !== 'closed').length,
      dials: this.#started,
      dialsSucceeded: this.#succeeded,
      dialsFailed: Object.fromEntries(this.#failed),
    };
  }

  /** Starts all dials that are due and have room, then sleeps until the next one can be. */
  #look(): void {
    const now = this.#modules.clock.monotonicMs();
    const known = new Set<PeerIdText>();
    const due: Record<DialRank, DialCandidate[]> = {
      anchors: [],
      operators: [],
      likely: [],
      unproved: [],
      away: [],
    };
    let nextMs = now + LOOK_AGAIN_MS;
    for (const candidate of this.#modules.book.candidates()) {
      known.add(candidate.peerId);
      // A peer that the operator adds, or that has moved, is tried as if nothing had failed.
      if (this.#operators.isNews(candidate)) this.#redials.get(candidate.peerId)?.forget(now);
      const dueMs = this.#dueMs(candidate, now);
      if (dueMs === undefined) continue;
      if (dueMs > now) nextMs = Math.min(nextMs, dueMs);
      else due[this.#rank(candidate)].push(candidate);
    }
    this.#prune(known);
    this.#dialSome(due, now);
    // Peers that are due already wait for room, and whatever makes room looks again; the pace alone has no event.
    if (due.unproved.length > 0 && this.#unprovedAtMs > now) nextMs = Math.min(nextMs, this.#unprovedAtMs);
    this.#lookIn(nextMs - now);
  }

  #dialSome(due: Record<DialRank, DialCandidate[]>, now: number): void {
    const { operators } = due;
    // Whoever has waited longest: a few that never answer cannot keep the others from their turn.
    operators.sort((a, b) => (this.#dueMs(a, now) ?? 0) - (this.#dueMs(b, now) ?? 0));
    for (const candidate of due.anchors) if (this.#hasRoomForAnchor()) this.#dialIfRoom(candidate, now);
    for (const candidate of operators) this.#dialIfRoom(candidate, now);
    for (const rank of ['likely', 'unproved', 'away'] as const) {
      const waiting = due[rank];
      while (waiting.length > 0 && this.#hasRoomForLearned()) {
        if (rank === 'unproved' && this.#unprovedAtMs > now) break;
        // By lot, so that nobody chooses for us.
        const { random } = this.#modules;
        const at =
          rank === 'unproved' ? drawUnproved(waiting, random) : Math.floor(random() * waiting.length);
        const [candidate] = waiting.splice(at, 1);
        if (candidate === undefined || !this.#dialIfRoom(candidate, now)) continue;
        if (rank === 'unproved') this.#unprovedAtMs = now + UNPROVED_EVERY_MS;
      }
    }
  }

  #rank({ peerId, origin, isProved }: DialCandidate): DialRank {
    if (this.#anchors.has(peerId)) return 'anchors';
    if (origin === 'operator') return 'operators';
    if (!isProved) return 'unproved';
    return this.#redials.get(peerId)?.isDoubtful === true ? 'away' : 'likely';
  }

  /** When the candidate may be dialled; undefined if not at all for now. */
  #dueMs({ peerId, addresses }: DialCandidate, now: number): number | undefined {
    const { host, mayDial } = this.#modules;
    if (peerId === host.peerId || addresses.length === 0 || this.#dials.has(peerId)) return undefined;
    if (!mayDial(peerId)) return undefined;
    return this.#redial(peerId, now).dueMs();
  }

  #redial(peerId: PeerIdText, now: number): Redial {
    const known = this.#redials.get(peerId);
    if (known !== undefined) return known;
    const redial = new Redial(now + this.#extraMs(peerId));
    this.#redials.set(peerId, redial);
    return redial;
  }

  /** Both sides of a pair tend to dial at the same moment; the smaller id goes first. */
  #extraMs(peerId: PeerIdText): number {
    return this.#modules.host.peerId > peerId ? LARGER_WAITS_MS : 0;
  }

  #hasRoomForLearned(): boolean {
    const room = roomOf(this.#options.maxPeers);
    const taken = this.#taken();
    if (taken >= room.operator) return false;
    return taken < room.learned || this.#outbound() < room.outbound;
  }

  /** Operator peers, however many, do not take the anchors' place. */
  #hasRoomForAnchor(): boolean {
    if (this.#hasRoomForLearned()) return true;
    const { host, book } = this.#modules;
    const chosen = [
      ...this.#dials.keys(),
      ...host.connected().flatMap((peer) => (peer.direction === 'outbound' ? [peer.peerId] : [])),
    ];
    const learned = new Set(chosen.filter((peerId) => book.candidate(peerId)?.origin === 'learned'));
    return learned.size < roomOf(this.#options.maxPeers).outbound;
  }

  /** Peers that are connected or being dialled. */
  #taken(): number {
    const connected = this.#modules.host.connected();
    const alsoDialled = connected.filter(({ peerId }) => this.#dials.has(peerId)).length;
    return connected.length + this.#dials.size - alsoDialled;
  }

  #outbound(): number {
    const connected = this.#modules.host.connected();
    return this.#dials.size + connected.filter(({ direction }) => direction === 'outbound').length;
  }

  #dialIfRoom(candidate: DialCandidate, now: number): boolean {
    const { peerId } = candidate;
    const redial = this.#redial(peerId, now);
    const isDoubtful = redial.isDoubtful || isUnproved(candidate);
    if (this.#dials.size >= DIALS_AT_ONCE) return false;
    // Inbound connections, which others choose, never keep us from dialling the operator's peers.
    if (this.#outbound() >= roomOf(this.#options.maxPeers).operator) return false;
    if (isDoubtful && this.#doubtful() >= DOUBTFUL_AT_ONCE) return false;
    if (!redial.dialBegins(now)) return false;
    this.#anchors.delete(peerId);
    const abort = new AbortController();
    const done = this.#dial(candidate, redial, abort).finally(() => {
      this.#dials.delete(peerId);
      this.#lookIn(0);
    });
    this.#dials.set(peerId, { abort, isDoubtful, done });
    return true;
  }

  #doubtful(): number {
    return [...this.#dials.values()].filter(({ isDoubtful }) => isDoubtful).length;
  }

  async #dial(candidate: DialCandidate, redial: Redial, abort: AbortController): Promise<void> {
    const { host, clock, book } = this.#modules;
    const { peerId, addresses, publicOnly } = candidate;
    const beganMs = clock.monotonicMs();
    this.#started += 1;
    const cancelGuard = clock.after(this.#options.connectionTimeoutMs + DIAL_GRACE_MS, () =>
      abort.abort(new P2pError('TIMEOUT', 'the dial did not end')),
    );
    try {
      await host.dial(
        { peerId, addresses, ...(publicOnly === undefined ? {} : { publicOnly }) },
        abort.signal,
      );
      const isGone = host.peer(peerId) === undefined && !redial.wasLostSince(beganMs);
      if (isGone) throw new P2pError('CLOSED_AFTER_HANDSHAKE', 'the peer was gone after the handshake');
      this.#succeeded += 1;
      redial.dialSucceeded();
      if (host.peer(peerId) !== undefined) redial.connected(clock.monotonicMs());
      book.dialSucceeded(peerId, addresses);
    } catch (error) {
      this.#dialFailed(candidate, redial, abort.signal.aborted ? reasonOf(abort.signal) : asP2pError(error));
    } finally {
      cancelGuard();
    }
  }

  #dialFailed(candidate: DialCandidate, redial: Redial, error: P2pError): void {
    const { clock, random, book, log, host } = this.#modules;
    const { peerId, origin, addresses } = candidate;
    const now = clock.monotonicMs();
    redial.dialFailed(now, error.code, random, isUnproved(candidate) ? UNPROVED_STEP : 0);
    this.#failed.set(error.code, (this.#failed.get(error.code) ?? 0) + 1);
    // Ended by ourselves, or overtaken by a connection of the peer's: no failure of the peer.
    if (error.backoff === 'none' || redial.isConnected) return;
    const view = redial.view(now);
    const fields = {
      peer: peerId,
      code: error.code,
      failures: view.failures,
      breaker: view.breaker,
      next_ms: view.nextDialInMs === undefined ? undefined : Math.ceil(view.nextDialInMs),
      addresses,
      found: error.data['found'],
    };
    if (origin === 'operator') log.event('peer.dial_failed', fields);
    else log.debug('learned peer could not be dialled', fields);
    // While we are cut off ourselves, silence says nothing about the peers: they must not all expire.
    if (FROM_THE_PEER.has(error.code) || host.connected().length > 0) book.dialFailed(peerId, error.code);
  }

  #onConnected(peerId: PeerIdText): void {
    const now = this.#modules.clock.monotonicMs();
    this.#anchors.delete(peerId);
    this.#redial(peerId, now).connected(now);
    this.#lookIn(0);
  }

  #onLost(peerId: PeerIdText): void {
    const { clock, random } = this.#modules;
    this.#redials.get(peerId)?.lost(clock.monotonicMs(), random, this.#extraMs(peerId));
    this.#lookIn(0);
  }

  #isConnected(peerId: PeerIdText): boolean {
    return this.#modules.host.peer(peerId) !== undefined;
  }

  /** Peers that the book has forgotten are forgotten here, but for those that are there. */
  #prune(known: ReadonlySet<PeerIdText>): void {
    for (const [peerId, redial] of this.#redials) {
      if (!known.has(peerId) && !redial.isConnected && !redial.isDialling) this.#redials.delete(peerId);
    }
    this.#operators.prune(known);
    for (const peerId of this.#anchors) if (!known.has(peerId)) this.#anchors.delete(peerId);
  }

  #lookIn(ms: number): void {
    if (!this.#isRunning) return;
    const { clock } = this.#modules;
    const atMs = clock.monotonicMs() + ms;
    if (this.#timer !== undefined && this.#timer.atMs <= atMs) return;
    this.#timer?.cancel();
    const cancel = clock.after(ms, () => {
      this.#timer = undefined;
      if (this.#isRunning) this.#look();
    });
    this.#timer = { atMs, cancel };
  }

  #atMost(ms: number, work: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#modules.clock.after(ms, resolve);
      void work.finally(() => {
        cancel();
        resolve();
      });
    });
  }
}

/** Why a dial was ended from our side. */
function reasonOf(signal: AbortSignal): P2pError {
  return signal.reason instanceof P2pError
    ? signal.reason
    : new P2pError('CANCELLED', 'the dial was cancelled');
}
