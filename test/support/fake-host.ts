import type { DialBook, DialCandidate } from '../../src/p2p/dial-book.ts';
import { P2pError, type P2pErrorCode } from '../../src/p2p/errors.ts';
import type { ConnectedPeer, DialTarget, Host, HostEvents, PeerIdText } from '../../src/p2p/types.ts';
import type { FakeClock } from './fake-clock.ts';

/** What becomes of a dial. `hang` ends by its signal only. */
export type DialOutcome =
  | { readonly kind: 'ok' | 'ok-then-gone'; readonly afterMs?: number }
  | { readonly kind: 'fail'; readonly code: P2pErrorCode; readonly afterMs?: number }
  | { readonly kind: 'hang' };

export interface DialRecord {
  readonly peerId: PeerIdText;
  /** Of the fake clock, monotonic. */
  readonly atMs: number;
  result: P2pErrorCode | 'ok' | undefined;
}

export const OWN_ID = '12D3KooWM-own';
/** Sorts behind our own id, so that we are the smaller one and dial at once. */
export function largerId(n: number): PeerIdText {
  return `12D3KooWZ-${String(n).padStart(5, '0')}`;
}
/** Sorts before our own id: it is to go first. */
export function smallerId(n: number): PeerIdText {
  return `12D3KooWA-${String(n).padStart(5, '0')}`;
}

/** A host without a network: dials end as the test says. */
export class FakeHost implements Pick<Host, 'peerId' | 'dial' | 'peer' | 'connected' | 'on'> {
  readonly peerId = OWN_ID;
  readonly dials: DialRecord[] = [];
  /** Most dials that were under way at once. */
  mostAtOnce = 0;
  outcome: (target: DialTarget) => DialOutcome = () => ({ kind: 'fail', code: 'REFUSED' });
  readonly #clock: FakeClock;
  readonly #peers = new Map<PeerIdText, ConnectedPeer>();
  readonly #listeners = {
    connected: new Set<HostEvents['connected']>(),
    identified: new Set<HostEvents['identified']>(),
    disconnected: new Set<HostEvents['disconnected']>(),
  };
  #underWay = 0;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  get underWay(): number {
    return this.#underWay;
  }

  get listeners(): number {
    return Object.values(this.#listeners).reduce((sum, { size }) => sum + size, 0);
  }

  connected(): readonly ConnectedPeer[] {
    return [...this.#peers.values()];
  }

  peer(peerId: PeerIdText): ConnectedPeer | undefined {
    return this.#peers.get(peerId);
  }

  on<E extends keyof HostEvents>(event: E, listener: HostEvents[E]): () => void {
    const set = this.#listeners[event] as Set<HostEvents[E]>;
    set.add(listener);
    return () => set.delete(listener);
  }

  async dial(target: DialTarget, signal: AbortSignal): Promise<ConnectedPeer> {
    const record: DialRecord = { peerId: target.peerId, atMs: this.#clock.monotonicMs(), result: undefined };
    this.dials.push(record);
    this.#underWay += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.#underWay);
    try {
      const peer = await this.#end(target, signal);
      record.result = 'ok';
      return peer;
    } catch (error) {
      record.result = error instanceof P2pError ? error.code : 'INTERNAL';
      throw error;
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Dials of one peer, or all, as ms since `fromMs`. */
  times(fromMs: number, peerId?: PeerIdText): readonly number[] {
    return this.dials
      .filter((dial) => peerId === undefined || dial.peerId === peerId)
      .map(({ atMs }) => atMs - fromMs);
  }

  connect(peerId: PeerIdText, direction: 'inbound' | 'outbound' = 'inbound'): ConnectedPeer {
    const known = this.#peers.get(peerId);
    if (known !== undefined) return known;
    const now = this.#clock.nowMs();
    const peer: ConnectedPeer = {
      peerId,
      publicKey: undefined,
      direction,
      connections: 1,
      remoteAddress: '/ip4/192.0.2.1/tcp/9000',
      isPrivate: false,
      sinceMs: now,
      lastSeenMs: now,
      latencyMs: undefined,
      identified: undefined,
    };
    this.#peers.set(peerId, peer);
    for (const listener of this.#listeners.connected) listener(peer);
    return peer;
  }

  disconnect(peerId: PeerIdText, reason = 'closed'): void {
    if (!this.#peers.delete(peerId)) return;
    for (const listener of this.#listeners.disconnected) listener(peerId, reason);
  }

  #end(target: DialTarget, signal: AbortSignal): Promise<ConnectedPeer> {
    const outcome = this.outcome(target);
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        cancel();
        reject(new P2pError('CANCELLED', 'cancelled'));
      };
      const finish = (): void => {
        signal.removeEventListener('abort', abort);
        if (outcome.kind === 'fail') {
          reject(new P2pError(outcome.code, 'scripted'));
          return;
        }
        const peer = this.connect(target.peerId, 'outbound');
        if (outcome.kind === 'ok-then-gone') this.disconnect(target.peerId);
        resolve(peer);
      };
      const cancel =
        outcome.kind === 'hang' ? () => undefined : this.#clock.after(outcome.afterMs ?? 20, finish);
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort, { once: true });
    });
  }
}

/** An address book in memory that notes what it is told. */
export class FakeBook implements DialBook {
  readonly entries = new Map<PeerIdText, DialCandidate>();
  readonly told: string[] = [];
  readonly #listeners = new Set<() => void>();

  get listeners(): number {
    return this.#listeners.size;
  }

  /** Adds or replaces a peer; learned and unproved unless said otherwise. */
  add(peerId: PeerIdText, over: Partial<DialCandidate> = {}): void {
    this.entries.set(peerId, {
      peerId,
      addresses: ['/ip4/192.0.2.1/tcp/9000'],
      origin: 'learned',
      isProved: false,
      lastProvedMs: undefined,
      ...over,
    });
    this.#changed();
  }

  remove(peerId: PeerIdText): void {
    if (this.entries.delete(peerId)) this.#changed();
  }

  candidates(): Iterable<DialCandidate> {
    return this.entries.values();
  }

  candidate(peerId: PeerIdText): DialCandidate | undefined {
    return this.entries.get(peerId);
  }

  dialSucceeded(peerId: PeerIdText): void {
    this.told.push(`ok ${peerId}`);
    const entry = this.entries.get(peerId);
    if (entry !== undefined) this.entries.set(peerId, { ...entry, isProved: true });
  }

  dialFailed(peerId: PeerIdText, code: P2pErrorCode): void {
    this.told.push(`${code} ${peerId}`);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
