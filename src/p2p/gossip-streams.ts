import type { GossipSubComponents } from '@libp2p/gossipsub';
import type { Connection, PeerId, Stream, Topology } from '@libp2p/interface';
import type { Registrar } from '@libp2p/interface-internal';
import type { Log } from '../observe/log.ts';
import { GOSSIP_LIMITS } from './gossip-limits.ts';
import type { Clock, PeerIdText } from './types.ts';

export interface StreamFacts {
  /** Peers that speak gossipsub. */
  readonly peers: number;
  /** Of them: no stream to them at this moment. */
  readonly deaf: number;
  /** Bytes that wait to be sent, all peers together. */
  readonly waitingBytes: number;
  /** Streams opened again. */
  readonly repaired: number;
  /** Streams reset since too much waited for all peers together. */
  readonly cut: number;
}

interface Speaker {
  readonly peerId: PeerId;
  /** Monotonic ms since when there is no stream to it; undefined: there is one. */
  deafSinceMs: number | undefined;
  pauseMs: number;
}

/**
 * Watches gossipsub's outbound streams. When one is reset (too much waited for a slow peer, or it ran over that one of two
 * connections which was closed), gossipsub 17 does not open another: it does so only when the registrar tells it of a
 * connection. So it is given a registrar that we can let speak: its own `onConnect` is called again, and it opens a stream
 * where it has none. What was lost meanwhile is for the sync to find.
 */
export class GossipStreams {
  /** For gossipsub, instead of libp2p's own. */
  readonly registrar: Registrar;
  readonly #connections: GossipSubComponents['connectionManager'];
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #speakers = new Map<PeerIdText, Speaker>();
  readonly #topologies = new Set<Topology>();
  readonly #onGone: () => void;
  #protocols: readonly string[] = [];
  #cancel: (() => void) | undefined;
  #repaired = 0;
  #cut = 0;

  /** `onGone`: a peer is not connected any more. */
  constructor(
    components: GossipSubComponents,
    modules: { readonly clock: Clock; readonly log: Log; readonly onGone: () => void },
  ) {
    const { clock, log } = modules;
    this.#onGone = modules.onGone;
    this.#connections = components.connectionManager;
    this.#clock = clock;
    this.#log = log;
    this.registrar = this.#listenIn(components.registrar);
  }

  /** Looks again and again, until `stop`. */
  watch(protocols: readonly string[]): void {
    this.#protocols = protocols;
    this.#cancel = this.#clock.after(GOSSIP_LIMITS.watchMs, () => {
      this.look();
      this.watch(protocols);
    });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#speakers.clear();
  }

  /** Opens streams that are missing, cuts those for which too much waits. */
  look(): void {
    const nowMs = this.#clock.monotonicMs();
    let waiting: { readonly stream: Stream; readonly bytes: number }[] = [];
    for (const speaker of this.#speakers.values()) {
      const connections = this.#openTo(speaker);
      const streams = connections.flatMap((connection) => this.#outboundOf(connection));
      if (streams.length === 0) this.#repair(speaker, connections, nowMs);
      else this.#alive(speaker);
      waiting.push(...streams.map((stream) => ({ stream, bytes: stream.writeBufferLength })));
    }
    waiting = waiting.sort((a, b) => a.bytes - b.bytes);
    for (let sum = sumOf(waiting); sum > GOSSIP_LIMITS.allOutboundBytes; ) {
      const largest = waiting.pop();
      if (largest === undefined) break;
      sum -= largest.bytes;
      this.#cut++;
      largest.stream.abort(new Error('too much waits for slow peers'));
    }
  }

  facts(): StreamFacts {
    let deaf = 0;
    let waitingBytes = 0;
    for (const speaker of this.#speakers.values()) {
      const streams = this.#openTo(speaker).flatMap((connection) => this.#outboundOf(connection));
      if (streams.length === 0) deaf++;
      for (const stream of streams) waitingBytes += stream.writeBufferLength;
    }
    const { size: peers } = this.#speakers;
    return { peers, deaf, waitingBytes, repaired: this.#repaired, cut: this.#cut };
  }

  #repair(speaker: Speaker, connections: readonly Connection[], nowMs: number): void {
    const [connection] = connections;
    if (connection === undefined) return;
    speaker.deafSinceMs ??= nowMs;
    if (nowMs - speaker.deafSinceMs < speaker.pauseMs) return;
    // Who is slow time and again is given streams less and less often.
    speaker.deafSinceMs = nowMs;
    speaker.pauseMs = Math.min(2 * speaker.pauseMs, GOSSIP_LIMITS.maxRepairMs);
    this.#repaired++;
    this.#log.event('gossip.repaired', { peer: speaker.peerId.toString() });
    for (const topology of this.#topologies) topology.onConnect?.(speaker.peerId, connection);
  }

  #alive(speaker: Speaker): void {
    if (speaker.deafSinceMs === undefined) return;
    const livedMs = this.#clock.monotonicMs() - speaker.deafSinceMs;
    if (livedMs < GOSSIP_LIMITS.maxRepairMs) return;
    speaker.deafSinceMs = undefined;
    speaker.pauseMs = GOSSIP_LIMITS.repairMs;
  }

  #openTo({ peerId }: Speaker): readonly Connection[] {
    return this.#connections.getConnections(peerId).filter(({ status }) => status === 'open');
  }

  #outboundOf({ streams }: Connection): Stream[] {
    return streams.filter(
      ({ direction, protocol, status }) =>
        direction === 'outbound' && status === 'open' && this.#protocols.includes(protocol),
    );
  }

  #listenIn(registrar: Registrar): Registrar {
    const register: Registrar['register'] = async (protocol, topology, options) => {
      this.#topologies.add(topology);
      const watched: Topology = {
        ...topology,
        onConnect: (peerId, connection) => {
          this.#met(peerId);
          topology.onConnect?.(peerId, connection);
        },
        onDisconnect: (peerId) => {
          this.#speakers.delete(peerId.toString());
          topology.onDisconnect?.(peerId);
          this.#onGone();
        },
      };
      return registrar.register(protocol, watched, options);
    };
    // All that gossipsub uses of it.
    const used: Pick<Registrar, 'register' | 'unregister' | 'handle' | 'unhandle'> = {
      register,
      unregister: (id) => registrar.unregister(id),
      handle: (protocol, handler, options) => registrar.handle(protocol, handler, options),
      unhandle: (protocol, options) => registrar.unhandle(protocol, options),
    };
    return used as Registrar;
  }

  #met(peerId: PeerId): void {
    const id = peerId.toString();
    if (this.#speakers.has(id)) return;
    this.#speakers.set(id, { peerId, deafSinceMs: undefined, pauseMs: GOSSIP_LIMITS.repairMs });
  }
}

function sumOf(waiting: readonly { readonly bytes: number }[]): number {
  return waiting.reduce((sum, { bytes }) => sum + bytes, 0);
}
