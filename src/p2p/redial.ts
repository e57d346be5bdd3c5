import { jitteredMs, MAX_STEP, stepOf } from './backoff.ts';
import { CircuitBreaker, type CircuitState } from './circuit-breaker.ts';
import { P2P_CODES, type P2pErrorCode } from './errors.ts';
import { BURST_WINDOW_MS, FLAP_DIALS, FLAP_WINDOW_MS, NO_ROOM_WAIT_MS, STABLE_MS } from './keeper-limits.ts';
import type { RandomFraction } from './types.ts';

/** What `node.peers` shows of our dials to a peer. */
export interface RedialView {
  readonly breaker: CircuitState;
  /** Dials that failed one after the other, and why the last one did. */
  readonly failures: number;
  readonly lastErrorCode: P2pErrorCode | undefined;
  /** Until the next dial may begin, ms; undefined while connected or dialling. */
  readonly nextDialInMs: number | undefined;
}

/** When one peer may be dialled: a pure state, told what happens and when (monotonic ms). */
export class Redial {
  readonly #breaker = new CircuitBreaker();
  /** Waits are up to 1 s x 2^step; unlike the breaker it is reset by a connection that lasts, not by any. */
  #step = 0;
  #dueMs: number;
  #connectedSinceMs: number | undefined;
  #isDialling = false;
  #lastCode: P2pErrorCode | undefined;
  /** The last FLAP_DIALS dials, oldest first. */
  #dials: readonly number[] = [];
  /** The last two losses, oldest first. */
  #losses: readonly number[] = [];

  constructor(dueMs: number) {
    this.#dueMs = dueMs;
  }

  get isConnected(): boolean {
    return this.#connectedSinceMs !== undefined;
  }

  get isDialling(): boolean {
    return this.#isDialling;
  }

  get isDoubtful(): boolean {
    return this.#breaker.state !== 'closed';
  }

  get failures(): number {
    return this.#breaker.failures;
  }

  get breaker(): CircuitState {
    return this.#breaker.state;
  }

  /** When the next dial may begin; undefined while there is nothing to dial. */
  dueMs(): number | undefined {
    if (this.isConnected || this.#isDialling) return undefined;
    return Math.max(this.#dueMs, this.#flapLimitMs());
  }

  /** waiting -> dialling. False, and nothing changes, where no dial may begin. */
  dialBegins(nowMs: number): boolean {
    const due = this.dueMs();
    if (due === undefined || due > nowMs || !this.#breaker.tryBegins()) return false;
    this.#isDialling = true;
    this.#dials = [...this.#dials, nowMs].slice(-FLAP_DIALS);
    return true;
  }

  /**
   * dialling -> waiting, by the step that the code asks for, `minStep` at least. A peer that is connected by now has
   * not failed.
   */
  dialFailed(nowMs: number, code: P2pErrorCode, random: RandomFraction, minStep = 0): void {
    this.#isDialling = false;
    const { backoff } = P2P_CODES[code];
    if (this.isConnected || backoff === 'none') {
      this.#breaker.cancelled();
      const wait = code === 'LIMIT_REACHED' ? Math.floor(random() * NO_ROOM_WAIT_MS) : jitteredMs(0, random);
      this.#dueMs = Math.max(this.#dueMs, nowMs + wait);
      return;
    }
    this.#lastCode = code;
    this.#breaker.failed();
    this.#wait(nowMs, Math.max(minStep, stepOf(backoff, this.#step)), random);
  }

  /** The dial ended well; whether the peer is still connected, the host says apart. */
  dialSucceeded(): void {
    this.#isDialling = false;
    this.#breaker.succeeded();
  }

  /** A connection, ours or the peer's. */
  connected(nowMs: number): void {
    if (this.isConnected) return;
    this.#connectedSinceMs = nowMs;
    this.#breaker.succeeded();
    this.#lastCode = undefined;
  }

  /** The last connection ended. `extraMs` is added to the first wait: the larger id lets the other go first. */
  lost(nowMs: number, random: RandomFraction, extraMs: number): void {
    if (this.#connectedSinceMs === undefined) return;
    if (nowMs - this.#connectedSinceMs >= STABLE_MS) this.#step = 0;
    this.#connectedSinceMs = undefined;
    this.#losses = [...this.#losses, nowMs].slice(-2);
    const isFirst = this.#step === 0;
    this.#wait(nowMs, this.#step, random);
    if (isFirst) this.#dueMs += extraMs;
  }

  /** True if a connection was lost at `sinceMs` or later. */
  wasLostSince(sinceMs: number): boolean {
    const last = this.#losses.at(-1);
    return last !== undefined && last >= sinceMs;
  }

  /** The operator changed something about the peer: what was learned about its absence is void. */
  forget(nowMs: number): void {
    this.#step = 0;
    this.#dueMs = nowMs;
    this.#lastCode = undefined;
    if (!this.isConnected && !this.#isDialling) this.#breaker.succeeded();
  }

  view(nowMs: number): RedialView {
    const due = this.dueMs();
    return {
      breaker: this.breaker,
      failures: this.failures,
      lastErrorCode: this.#lastCode,
      nextDialInMs: due === undefined ? undefined : Math.max(0, due - nowMs),
    };
  }

  #wait(nowMs: number, step: number, random: RandomFraction): void {
    this.#dueMs = nowMs + jitteredMs(step, random);
    this.#step = Math.min(step + 1, MAX_STEP);
  }

  /** A peer that comes and goes gets FLAP_DIALS dials in FLAP_WINDOW_MS, whatever the jitter says. */
  #flapLimitMs(): number {
    const oldest = this.#dials.length < FLAP_DIALS ? undefined : this.#dials[0];
    if (oldest === undefined) return 0;
    const [first, second] = this.#losses;
    const isFlapping = first !== undefined && second !== undefined && second - first < FLAP_WINDOW_MS;
    const isRecent = second !== undefined && second >= oldest - FLAP_WINDOW_MS;
    return oldest + (isFlapping && isRecent ? FLAP_WINDOW_MS : BURST_WINDOW_MS);
  }
}
