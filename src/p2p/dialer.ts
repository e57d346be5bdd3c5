import { type DialTrace, dialError, mergedError } from './dial-errors.ts';
import type { ResolveOptions } from './dns.ts';
import { P2pError } from './errors.ts';
import { isName, type NetAddress, netAddress } from './net-address.ts';
import type { Clock, DialTarget, PeerIdText } from './types.ts';

/** Addresses of one peer that are tried in one dial. */
const MAX_ADDRESSES = 16;

/** Names turned into IP addresses; dns6 to IPv6 only. Fails with DNS_FAILED if nothing is found. */
export type ResolveAddresses = (
  addresses: readonly string[],
  signal: AbortSignal,
  options?: ResolveOptions,
) => Promise<readonly string[]>;

/** What the dialer needs of the host. */
export interface DialHost {
  readonly ownId: PeerIdText;
  readonly clock: Clock;
  readonly resolve: ResolveAddresses;
  connectionTimeoutMs(): number;
  /** Connects and proves one address; keeps `trace.phase` up to date. */
  connect(address: NetAddress, peerId: PeerIdText, trace: DialTrace, signal: AbortSignal): Promise<void>;
  started(peerId: PeerIdText): void;
  ended(peerId: PeerIdText, hasFailed: boolean): void;
}

interface Attempt {
  readonly done: Promise<void>;
  readonly abort: AbortController;
  waiting: number;
}

/** Dials of ours, one at a time for each peer; who asks for the same peer joins. */
export class Dialer {
  readonly #host: DialHost;
  readonly #attempts = new Map<PeerIdText, Attempt>();
  #isStopped = false;

  constructor(host: DialHost) {
    this.#host = host;
  }

  isDialing(peerId: PeerIdText): boolean {
    return this.#attempts.has(peerId);
  }

  /**
   * Resolves when the peer is proven. The attempt ends with the last caller that waits for it.
   * @throws P2pError
   */
  async dial(target: DialTarget, signal: AbortSignal): Promise<void> {
    if (this.#isStopped) throw new P2pError('STOPPED', 'the host is stopping');
    if (signal.aborted) throw cancelled(signal);
    const attempt = this.#attempts.get(target.peerId) ?? this.#begin(target);
    attempt.waiting++;
    try {
      await orAbort(attempt.done, signal);
    } finally {
      if (--attempt.waiting === 0) attempt.abort.abort(new P2pError('CANCELLED', 'nobody waits any more'));
    }
  }

  /** Ends all attempts and waits for them. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const attempts = [...this.#attempts.values()];
    for (const { abort } of attempts) abort.abort(new P2pError('STOPPED', 'the host is stopping'));
    await Promise.allSettled(attempts.map(({ done }) => done));
  }

  #begin(target: DialTarget): Attempt {
    const { peerId } = target;
    const abort = new AbortController();
    this.#host.started(peerId);
    const done = this.#run(target, abort).then(
      () => this.#end(peerId, false),
      (error: unknown) => {
        const known = error instanceof P2pError ? error : new P2pError('INTERNAL', String(error), {}, error);
        this.#end(peerId, known.backoff !== 'none');
        throw known;
      },
    );
    // Every caller may have gone before it fails.
    done.catch(() => {});
    const attempt = { done, abort, waiting: 0 };
    this.#attempts.set(peerId, attempt);
    return attempt;
  }

  #end(peerId: PeerIdText, hasFailed: boolean): void {
    this.#attempts.delete(peerId);
    this.#host.ended(peerId, hasFailed);
  }

  /** Within the connection timeout. Names are resolved while the IP addresses are tried. */
  async #run({ peerId, addresses, publicOnly = false }: DialTarget, abort: AbortController): Promise<void> {
    const { clock } = this.#host;
    const timeoutMs = this.#host.connectionTimeoutMs();
    const cancelTimeout = clock.after(timeoutMs, () => abort.abort(noAnswer()));
    const known = addresses.slice(0, MAX_ADDRESSES).flatMap((text) => netAddress(text) ?? []);
    const names = known.filter(isName);
    const round: Round = {
      peerId,
      publicOnly,
      abort,
      deadlineMs: clock.monotonicMs() + timeoutMs,
      tried: new Set(),
      failures: [],
    };
    try {
      const resolved = this.#resolved(names, round);
      const ips = known.filter((address) => !isName(address));
      if (await this.#tryAll(ips, names.length, round)) return;
      if (await this.#tryAll(await resolved, 0, round)) return;
      throw mergedError(round.failures);
    } finally {
      cancelTimeout();
    }
  }

  /** Never fails: what went wrong is among the failures of the round. */
  async #resolved(names: readonly NetAddress[], round: Round): Promise<readonly NetAddress[]> {
    if (names.length === 0) return [];
    const { publicOnly } = round;
    const { signal } = round.abort;
    const texts = names.map(({ text }) => text);
    try {
      const found = await orAbort(this.#host.resolve(texts, signal, { publicOnly }), signal);
      return found.flatMap((text) => netAddress(text) ?? []).filter((address) => !isName(address));
    } catch (error) {
      const message = signal.aborted ? 'was not resolved in time' : 'could not be resolved';
      const data = { address: texts.join(' ') };
      round.failures.push(new P2pError('DNS_FAILED', `${data.address} ${message}`, data, error));
      return [];
    }
  }

  /** One after the other; `reserved` addresses are to come, and get their share of the time. True: connected. */
  async #tryAll(addresses: readonly NetAddress[], reserved: number, round: Round): Promise<boolean> {
    const { signal } = round.abort;
    const fresh = addresses.filter(({ text }) => !round.tried.has(text)).slice(0, MAX_ADDRESSES);
    for (const [i, address] of fresh.entries()) {
      if (signal.aborted) break;
      round.tried.add(address.text);
      const leftMs = round.deadlineMs - this.#host.clock.monotonicMs();
      const failure = await this.#tryOne(address, leftMs / (fresh.length - i + reserved), round);
      if (failure === undefined) return true;
      round.failures.push(failure);
    }
    // Stopped or cancelled: that says nothing about the peer.
    const { reason } = signal;
    if (reason instanceof P2pError && reason.backoff === 'none') throw reason;
    return false;
  }

  /** An address must answer within its share; once it has, it has all the time that is left. */
  async #tryOne(address: NetAddress, shareMs: number, round: Round): Promise<P2pError | undefined> {
    const trace: DialTrace = {
      address: address.text,
      phase: 'connect',
      stranger: undefined,
      wasOpen: false,
      forbidden: undefined,
    };
    const own = new AbortController();
    const cancelShare = this.#host.clock.after(shareMs, () => {
      if (trace.phase === 'connect') own.abort(noAnswer());
    });
    const signal = AbortSignal.any([round.abort.signal, own.signal]);
    try {
      await this.#host.connect(address, round.peerId, trace, signal);
      return undefined;
    } catch (error) {
      return dialError(error, trace, signal.aborted, this.#host.ownId);
    } finally {
      cancelShare();
    }
  }
}

/** One dial over several addresses. */
interface Round {
  readonly peerId: PeerIdText;
  readonly publicOnly: boolean;
  readonly abort: AbortController;
  readonly deadlineMs: number;
  readonly tried: Set<string>;
  readonly failures: P2pError[];
}

function noAnswer(): P2pError {
  return new P2pError('TIMEOUT', 'no answer in time');
}

/** What a caller gets whose signal ended. */
export function cancelled(signal: AbortSignal): P2pError {
  if (signal.reason instanceof P2pError) return signal.reason;
  const isTimeout = signal.reason instanceof Error && signal.reason.name === 'TimeoutError';
  return isTimeout
    ? new P2pError('TIMEOUT', 'was not done in time')
    : new P2pError('CANCELLED', 'was cancelled');
}

/** The promise, or the error of the signal if that comes first; leaves no listener. */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      promise.catch(() => {});
      return reject(cancelled(signal));
    }
    const onAbort = (): void => reject(cancelled(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
