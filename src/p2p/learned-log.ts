import type { Log } from '../observe/log.ts';
import type { Clock, PeerIdText } from './types.ts';

/** Lines of a window; of the others one line tells how many there were. */
const LINES = 50;
const WINDOW_MS = 60_000;

/** Tells who was learned; a flood of them in one line a minute. */
export class LearnedLog {
  readonly #clock: Clock;
  readonly #log: Log;
  #count = 0;
  #known = 0;
  #cancel: (() => void) | undefined;

  constructor(modules: { readonly clock: Clock; readonly log: Log }) {
    this.#clock = modules.clock;
    this.#log = modules.log;
  }

  learned(peer: PeerIdText, from: PeerIdText, known: number): void {
    this.#cancel ??= this.#clock.after(WINDOW_MS, () => this.end());
    this.#count++;
    this.#known = known;
    if (this.#count <= LINES) this.#log.event('peer.learned', { peer, from, known });
  }

  /** Ends the window; leaves no timer. */
  end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const more = this.#count - LINES;
    this.#count = 0;
    if (more > 0) this.#log.event('peers.learned_more', { count: more, known: this.#known });
  }
}
