import type { Log } from '../observe/log.ts';
import { FLAP_WINDOW_MS } from './keeper-limits.ts';
import type { Clock, ConnectedPeer, Host, PeerIdText } from './types.ts';

/** Connects within FLAP_WINDOW_MS from which on a peer's lines are counted instead of written. */
export const FLAPS_FROM = 3;
/** A peer that goes on flapping is summarised so often. */
export const SUMMARY_EVERY_MS = 300_000;

export interface ConnectionCounts {
  /** Peers that connected and disconnected since the start; a peer that has several connections counts once. */
  readonly connected: number;
  readonly disconnected: number;
  /** Peers that are flapping now. */
  readonly flapping: number;
}

export interface ConnectionLogModules {
  readonly host: Pick<Host, 'on' | 'connected' | 'peer'>;
  readonly clock: Clock;
  readonly log: Log;
}

interface Comings {
  /** Monotonic ms of the connects within the window, oldest first; at most FLAPS_FROM. */
  readonly times: readonly number[];
  /** Since when, and how many connects; undefined for a peer that behaves. */
  readonly flapping: { readonly sinceMs: number; readonly connects: number } | undefined;
}

/** Writes a line when a peer comes or goes, and counts. A peer that comes and goes all the time gets one line in sum. */
export class ConnectionLog {
  readonly #modules: ConnectionLogModules;
  /** Least recently connected first; older than the window means forgotten. */
  readonly #comings = new Map<PeerIdText, Comings>();
  readonly #sinceMs = new Map<PeerIdText, number>();
  #unsubscribe: readonly (() => void)[] = [];
  #cancelTimer: (() => void) | undefined;
  #connected = 0;
  #disconnected = 0;

  constructor(modules: ConnectionLogModules) {
    this.#modules = modules;
  }

  start(): void {
    const { host, clock } = this.#modules;
    for (const { peerId } of host.connected()) this.#sinceMs.set(peerId, clock.monotonicMs());
    this.#unsubscribe = [
      host.on('connected', (peer) => this.#onConnected(peer)),
      host.on('disconnected', (peerId, reason) => this.#onDisconnected(peerId, reason)),
    ];
  }

  /** Writes the summaries that are owed; leaves no timer. */
  stop(): void {
    for (const end of this.#unsubscribe) end();
    this.#unsubscribe = [];
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    for (const [peerId, { flapping }] of this.#comings) {
      if (flapping !== undefined) this.#summarise(peerId, flapping);
    }
    this.#comings.clear();
    this.#sinceMs.clear();
  }

  counts(): ConnectionCounts {
    const flapping = [...this.#comings.values()].filter((comings) => comings.flapping !== undefined).length;
    return { connected: this.#connected, disconnected: this.#disconnected, flapping };
  }

  #onConnected(peer: ConnectedPeer): void {
    const { clock, log, host } = this.#modules;
    const now = clock.monotonicMs();
    this.#connected += 1;
    this.#sinceMs.set(peer.peerId, now);
    if (this.#isFlapping(peer.peerId, now)) return;
    log.event('peer.connected', {
      peer: peer.peerId,
      direction: peer.direction,
      address: peer.remoteAddress,
      peers: host.connected().length,
    });
  }

  #onDisconnected(peerId: PeerIdText, reason: string): void {
    const { clock, log, host } = this.#modules;
    const sinceMs = this.#sinceMs.get(peerId);
    this.#sinceMs.delete(peerId);
    this.#disconnected += 1;
    if (this.#comings.get(peerId)?.flapping !== undefined) return;
    log.event('peer.disconnected', {
      peer: peerId,
      reason,
      seconds: sinceMs === undefined ? undefined : Math.round((clock.monotonicMs() - sinceMs) / 1_000),
      peers: host.connected().length,
    });
  }

  /** Counts a connect. True if its line is left to the summary. */
  #isFlapping(peerId: PeerIdText, now: number): boolean {
    const before = this.#comings.get(peerId);
    const recent = (before?.times ?? []).filter((time) => now - time < FLAP_WINDOW_MS);
    const times = [...recent, now].slice(-FLAPS_FROM);
    const begins = times.length >= FLAPS_FROM;
    const flapping =
      before?.flapping !== undefined
        ? { ...before.flapping, connects: before.flapping.connects + 1 }
        : begins
          ? { sinceMs: times[0] ?? now, connects: FLAPS_FROM }
          : undefined;
    this.#comings.delete(peerId);
    this.#comings.set(peerId, { times, flapping });
    this.#forgetOld(now);
    if (flapping === undefined) return false;
    this.#cancelTimer ??= this.#modules.clock.after(FLAP_WINDOW_MS, () => this.#lookAgain());
    return true;
  }

  /** Summarises who has come to rest, or has gone on for long. */
  #lookAgain(): void {
    this.#cancelTimer = undefined;
    const now = this.#modules.clock.monotonicMs();
    let isLeft = false;
    for (const [peerId, { times, flapping }] of this.#comings) {
      if (flapping === undefined) continue;
      if (now - (times.at(-1) ?? now) >= FLAP_WINDOW_MS) {
        this.#summarise(peerId, flapping);
        this.#comings.delete(peerId);
        continue;
      }
      isLeft = true;
      if (now - flapping.sinceMs < SUMMARY_EVERY_MS) continue;
      this.#summarise(peerId, flapping);
      this.#comings.set(peerId, { times, flapping: { sinceMs: now, connects: 0 } });
    }
    if (isLeft) this.#cancelTimer = this.#modules.clock.after(FLAP_WINDOW_MS, () => this.#lookAgain());
  }

  #summarise(peerId: PeerIdText, flapping: { readonly sinceMs: number; readonly connects: number }): void {
    const { clock, log, host } = this.#modules;
    log.event('peer.flapping', {
      peer: peerId,
      connects: flapping.connects,
      seconds: Math.round((clock.monotonicMs() - flapping.sinceMs) / 1_000),
      connected: host.peer(peerId) !== undefined,
    });
  }

  #forgetOld(now: number): void {
    for (const [peerId, { times, flapping }] of this.#comings) {
      if (now - (times.at(-1) ?? 0) < FLAP_WINDOW_MS) return;
      if (flapping === undefined) this.#comings.delete(peerId);
    }
  }
}
