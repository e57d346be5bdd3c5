import type { ExchangeClock } from './interfaces.ts';

interface Level {
  tokens: number;
  atMs: number;
}

/** Token buckets by peer. They are not tied to connections, so that a reconnect fills none. */
export class Budgets {
  readonly #levels = new Map<string, Level>();
  readonly #clock: ExchangeClock;
  readonly #intervalMs: number;
  readonly #burst: number;
  readonly #maxPeers: number;

  /** One token each `intervalMs`, at most `burst`; the peers used last are remembered, up to `maxPeers`. */
  constructor(clock: ExchangeClock, intervalMs: number, burst: number, maxPeers: number) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#burst = burst;
    this.#maxPeers = maxPeers;
  }

  get size(): number {
    return this.#levels.size;
  }

  /** Takes `count` tokens or none. */
  take(peerId: string, count = 1): boolean {
    const level = this.#level(peerId);
    if (level.tokens < count) return false;
    level.tokens -= count;
    return true;
  }

  /** How many whole tokens there are. */
  left(peerId: string): number {
    return Math.floor(this.#level(peerId).tokens);
  }

  giveBack(peerId: string, count = 1): void {
    const level = this.#level(peerId);
    level.tokens = Math.min(this.#burst, level.tokens + count);
  }

  #level(peerId: string): Level {
    const nowMs = this.#clock.monotonicMs();
    const level = this.#levels.get(peerId) ?? { tokens: this.#burst, atMs: nowMs };
    level.tokens = Math.min(this.#burst, level.tokens + (nowMs - level.atMs) / this.#intervalMs);
    level.atMs = nowMs;
    // Back to the end: the map is in order of use.
    this.#levels.delete(peerId);
    this.#levels.set(peerId, level);
    if (this.#levels.size > this.#maxPeers) this.#levels.delete(this.#levels.keys().next().value!);
    return level;
  }
}
