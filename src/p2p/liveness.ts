import { setImmediate } from 'node:timers/promises';
import type { Connection } from '@libp2p/interface';
import { byteStream } from '@libp2p/utils';
import type { TrackedLink } from './connection-table.ts';
import { orAbort } from './dialer.ts';
import { P2pError } from './errors.ts';
import type { Clock, RandomFraction } from './types.ts';

const PING_PROTOCOL = '/ipfs/ping/1.0.0';
const PING_BYTES = 32;

export interface LivenessOptions {
  readonly clock: Clock;
  readonly random: RandomFraction;
  /** Time between two looks at a connection. */
  readonly intervalMs: number;
  /** A ping without an answer for so long, and no other byte: the connection is dead. */
  readonly timeoutMs: number;
  readonly randomBytes: (count: number) => Uint8Array;
}

/** A round trip is measured at least so often, though other traffic proves the peer alive. */
const LATENCY_MS = 60_000;

/**
 * Watches every connection: a peer that stopped answering is noticed within two intervals and a timeout. Bytes of
 * other protocols prove it alive, too, so that a busy or slow line is not taken for a dead one.
 */
export class Liveness {
  readonly #opts: LivenessOptions;
  readonly #cancels = new Map<string, () => void>();

  constructor(opts: LivenessOptions) {
    this.#opts = opts;
  }

  /** Until `forget`. The first ping comes within an interval. */
  watch(link: TrackedLink): void {
    this.#next(link, { bytes: 0, pingedMs: Number.NEGATIVE_INFINITY }, this.#opts.random());
  }

  forget(connection: Connection): void {
    this.#cancels.get(connection.id)?.();
    this.#cancels.delete(connection.id);
  }

  clear(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }

  /**
   * Milliseconds of a round trip over this connection.
   * @throws P2pError TIMEOUT | CANCELLED | STREAM_RESET
   */
  async ping(link: TrackedLink, signal: AbortSignal): Promise<number> {
    const ms = await pingOver(link.connection, this.#opts, signal);
    link.latencyMs = ms;
    link.lastSeenMs = this.#opts.clock.nowMs();
    return ms;
  }

  #next(link: TrackedLink, last: Look, share: number): void {
    const { id } = link.connection;
    // Half to a whole interval: peers that connected at one instant drift apart.
    const ms = this.#opts.intervalMs * (0.5 + share / 2);
    const cancel = this.#opts.clock.after(ms, () => {
      void this.#look(link, last).then((look) => {
        if (this.#cancels.get(id) === cancel && look !== undefined)
          this.#next(link, look, this.#opts.random());
      });
    });
    this.#cancels.set(id, cancel);
  }

  /** Undefined: the connection was given up. */
  async #look(link: TrackedLink, last: Look): Promise<Look | undefined> {
    const { clock } = this.#opts;
    const bytes = bytesReceived(link.connection);
    const isFresh = clock.monotonicMs() - last.pingedMs < LATENCY_MS;
    if (bytes !== undefined && bytes > last.bytes && isFresh) {
      link.lastSeenMs = clock.nowMs();
      return { ...last, bytes };
    }
    const abort = new AbortController();
    const cancel = clock.after(this.#opts.timeoutMs, () => abort.abort());
    try {
      await this.ping(link, abort.signal);
      return { bytes: bytesReceived(link.connection) ?? 0, pingedMs: clock.monotonicMs() };
    } catch {
      // Had this process stood still, its timers run before it reads what came meanwhile.
      await setImmediate();
      const after = bytesReceived(link.connection);
      if (link.connection.status === 'open' && after !== undefined && bytes !== undefined && after > bytes) {
        link.lastSeenMs = clock.nowMs();
        return { ...last, bytes: after };
      }
      link.closing ??= 'no answer to ping';
      link.connection.abort(new Error('no answer to ping'));
      return undefined;
    } finally {
      cancel();
    }
  }
}

interface Look {
  readonly bytes: number;
  readonly pingedMs: number;
}

async function pingOver(connection: Connection, opts: LivenessOptions, signal: AbortSignal): Promise<number> {
  const { clock } = opts;
  const begunMs = clock.monotonicMs();
  try {
    const stream = await orAbort(connection.newStream(PING_PROTOCOL, { signal }), signal);
    try {
      const bytes = byteStream(stream);
      const sent = opts.randomBytes(PING_BYTES);
      const sentMs = clock.monotonicMs();
      await bytes.write(sent, { signal });
      const answer = await orAbort(bytes.read({ bytes: PING_BYTES, signal }), signal);
      const ms = clock.monotonicMs() - sentMs;
      if (Buffer.compare(answer.subarray(), sent) !== 0) throw new Error('wrong answer to ping');
      await stream.close({ signal });
      return ms;
    } catch (error) {
      stream.abort(new Error('ping failed'));
      throw error;
    }
  } catch (error) {
    // Who refuses ping has answered: two round trips of negotiation.
    if (error instanceof Error && error.name === 'UnsupportedProtocolError')
      return (clock.monotonicMs() - begunMs) / 2;
    if (error instanceof P2pError) throw error;
    throw new P2pError('STREAM_RESET', 'the ping was broken off', {}, error);
  }
}

/** Of the TCP socket below; the interface of libp2p does not show it. Undefined if that ever changes. */
function bytesReceived(connection: Connection): number | undefined {
  const { maConn } = connection as {
    readonly maConn?: { readonly socket?: { readonly bytesRead?: number } };
  };
  return maConn?.socket?.bytesRead;
}
