import type { MultiaddrConnection } from '@libp2p/interface';
import { netAddress, placeOf } from './net-address.ts';
import type { Clock } from './types.ts';

/** Inbound connections in their handshake at most; beyond it the oldest, and so the slowest, gives way. */
const MAX_PENDING = 256;
/** A place may open as many in a second as it may hold, and this many times that at once: a handshake costs 5 ms. */
const BURST = 4;
/** Places remembered at most that hold no connection; the one seen longest ago is forgotten first. */
const MAX_QUIET_PLACES = 4_096;

/** An accepted socket whose handshake is under way. */
interface Pending {
  readonly connection: MultiaddrConnection;
  readonly abort: AbortController;
}

/** Where connections come from: an IPv4 address or an IPv6 /64. */
interface Place {
  open: number;
  /** Connections that it may still open at once; fills up with time. */
  credit: number;
  creditMs: number;
}

/** Counts inbound sockets from accept to close, by the place they come from. */
export class Admission {
  /** The one used longest ago first. */
  readonly #places = new Map<string, Place>();
  readonly #pending = new Set<Pending>();
  readonly #clock: Clock;
  readonly #maxPerIp: () => number;

  /** `maxPerIp` is asked each time, since it may change while running. */
  constructor(clock: Clock, maxPerIp: () => number) {
    this.#clock = clock;
    this.#maxPerIp = maxPerIp;
  }

  /**
   * Takes a fresh socket in, if its place has room: the signal ends with `outer`, or when the socket must give way
   * to newer ones; `done` is to be called after the handshake. Undefined: refused.
   */
  enter(
    connection: MultiaddrConnection,
    outer: AbortSignal,
  ): { readonly signal: AbortSignal; readonly done: () => void } | undefined {
    const place = this.#place(connection);
    const limit = this.#maxPerIp();
    if (place.open >= limit || !this.#takeCredit(place, limit)) return undefined;
    place.open++;
    connection.addEventListener('close', () => place.open--);
    const pending: Pending = { connection, abort: new AbortController() };
    // By hand: AbortSignal.any would hang a dependent on the listener's long-lived signal for each connection.
    const onOuter = (): void => pending.abort.abort();
    outer.addEventListener('abort', onOuter);
    this.#pending.add(pending);
    if (this.#pending.size > MAX_PENDING) this.#evictOldest();
    return {
      signal: pending.abort.signal,
      done: () => {
        outer.removeEventListener('abort', onOuter);
        this.#pending.delete(pending);
      },
    };
  }

  get pending(): number {
    return this.#pending.size;
  }

  get places(): number {
    return this.#places.size;
  }

  /** Ends every handshake under way. */
  abortPending(): void {
    for (const { abort } of this.#pending) abort.abort();
  }

  #evictOldest(): void {
    const [oldest] = this.#pending;
    if (oldest === undefined) return;
    this.#pending.delete(oldest);
    oldest.abort.abort();
    oldest.connection.abort(new Error('too many handshakes at once'));
  }

  #takeCredit(place: Place, perSecond: number): boolean {
    const nowMs = this.#clock.monotonicMs();
    const earned = ((nowMs - place.creditMs) / 1_000) * perSecond;
    place.credit = Math.min(BURST * perSecond, place.credit + earned);
    place.creditMs = nowMs;
    if (place.credit < 1) return false;
    place.credit--;
    return true;
  }

  #place(connection: MultiaddrConnection): Place {
    const address = netAddress(connection.remoteAddr);
    const name = address === undefined ? 'unknown' : placeOf(address);
    const place = this.#places.get(name) ?? {
      open: 0,
      credit: BURST * this.#maxPerIp(),
      creditMs: this.#clock.monotonicMs(),
    };
    // Used last: a forgotten place has its full credit again, so the busiest must be forgotten last.
    this.#places.delete(name);
    this.#places.set(name, place);
    if (this.#places.size > MAX_QUIET_PLACES) this.#forgetOldest();
    return place;
  }

  #forgetOldest(): void {
    for (const [name, { open }] of this.#places) {
      if (open > 0) continue;
      this.#places.delete(name);
      return;
    }
  }
}
