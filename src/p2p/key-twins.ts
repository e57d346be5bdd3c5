import type { Log } from '../observe/log.ts';
import type { TrackedLink } from './connection-table.ts';
import { netAddress } from './net-address.ts';
import type { Clock, PeerIdText } from './types.ts';

/** A peer whose addresses change tells that over all its connections within moments; two programs never agree. */
export const TWINS_AFTER_MS = 30_000;
const TOLD_AGAIN_AFTER_MS = 3_600_000;
/** Peers remembered as told about; the one told longest ago is forgotten first. */
const MAX_TOLD = 256;

export interface KeyTwinsModules {
  readonly clock: Clock;
  readonly links: (peerId: PeerIdText) => readonly TrackedLink[];
  readonly log: Log;
}

/**
 * Notices two programs that run with one key, such as after a conf.yaml was copied: connections of one peer that go on
 * telling different listen addresses. Neither of the two can see it, since nobody is told of itself; all others can.
 */
export class KeyTwins {
  readonly #modules: KeyTwinsModules;
  readonly #cancels = new Map<PeerIdText, () => void>();
  readonly #toldMs = new Map<PeerIdText, number>();

  constructor(modules: KeyTwinsModules) {
    this.#modules = modules;
  }

  /** A connection of the peer has told where it listens. */
  look(peerId: PeerIdText): void {
    if (this.#cancels.has(peerId) || !this.#differ(peerId)) return;
    const cancel = this.#modules.clock.after(TWINS_AFTER_MS, () => {
      this.#cancels.delete(peerId);
      if (this.#differ(peerId)) this.#tell(peerId);
    });
    this.#cancels.set(peerId, cancel);
  }

  /** Leaves no timer. */
  clear(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }

  #differ(peerId: PeerIdText): boolean {
    const told = this.#modules.links(peerId).map((link) => link.told);
    // A Go node leaves out private addresses where the connection is public: then one holds the other.
    return told.some((one) => told.some((other) => !holds(one, other) && !holds(other, one)));
  }

  #tell(peerId: PeerIdText): void {
    const { clock, links, log } = this.#modules;
    const now = clock.monotonicMs();
    const before = this.#toldMs.get(peerId);
    if (before !== undefined && now - before < TOLD_AGAIN_AFTER_MS) return;
    this.#toldMs.delete(peerId);
    this.#toldMs.set(peerId, now);
    const [oldest] = this.#toldMs.keys();
    if (this.#toldMs.size > MAX_TOLD && oldest !== undefined) this.#toldMs.delete(oldest);
    const addresses = links(peerId).map(({ connection: { remoteAddr } }) => {
      return netAddress(remoteAddr)?.text ?? remoteAddr.toString();
    });
    log.event('peer.key_twice', { peer: peerId, addresses });
  }
}

function holds(all: ReadonlySet<string>, some: ReadonlySet<string>): boolean {
  return [...some].every((text) => all.has(text));
}
