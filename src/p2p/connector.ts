import type {
  Connection,
  MultiaddrConnection,
  Transport,
  Upgrader,
  UpgraderOptions,
} from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import type { DialTrace } from './dial-errors.ts';
import { orAbort } from './dialer.ts';
import type { Gater } from './gater.ts';
import type { Links } from './links.ts';
import type { NetAddress } from './net-address.ts';
import type { Sockets } from './sockets.ts';
import type { PeerIdText } from './types.ts';

export interface ConnectorOptions {
  readonly transport: Transport;
  readonly sockets: Sockets;
  readonly gater: Gater;
  readonly links: Links;
}

/**
 * Connects one address. It goes past libp2p's dial queue, which shares its places with the DHT, joins dials by
 * address, and tells neither how far a dial got nor who answered instead.
 */
export class Connector {
  readonly #opts: ConnectorOptions;

  constructor(opts: ConnectorOptions) {
    this.#opts = opts;
  }

  async connect(
    address: NetAddress,
    peerId: PeerIdText,
    trace: DialTrace,
    signal: AbortSignal,
  ): Promise<void> {
    const connection = await this.#open(address, peerId, trace, signal);
    trace.phase = 'proof';
    try {
      await orAbort(this.#opts.links.proofOf(connection), signal);
    } catch (error) {
      connection.abort(new Error('not proven'));
      throw error;
    }
  }

  async #open(
    address: NetAddress,
    peerId: PeerIdText,
    trace: DialTrace,
    signal: AbortSignal,
  ): Promise<Connection> {
    const upgrader = this.#upgrader(peerId, trace);
    // One of its own: Node's socket keeps the signal, and would be destroyed by one that ends after the dial.
    const opening = new AbortController();
    const onAbort = (): void => opening.abort();
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort);
    try {
      // Without /p2p/: the gater compares the ids, so that the trace tells who answered.
      const dialled = this.#opts.transport.dial(multiaddr(address.text), {
        upgrader,
        signal: opening.signal,
      });
      dialled.then(
        (late) => signal.aborted && late.abort(new Error('too late')),
        () => {},
      );
      return await orAbort(dialled, signal);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  #upgrader(peerId: PeerIdText, trace: DialTrace): Upgrader {
    const { upgrader } = this.#opts.sockets;
    const upgradeOutbound = async (
      connection: MultiaddrConnection,
      opts: UpgraderOptions,
    ): ReturnType<Upgrader['upgradeOutbound']> => {
      trace.phase = 'handshake';
      this.#opts.gater.expect(connection, peerId, trace);
      try {
        return await upgrader.upgradeOutbound(connection, opts);
      } catch (error) {
        trace.wasOpen = connection.status === 'open';
        throw error;
      }
    };
    return { ...upgrader, upgradeOutbound };
  }
}
