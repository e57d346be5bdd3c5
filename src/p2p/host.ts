import type { KadDHT } from '@libp2p/kad-dht';
import { cancelled, orAbort } from './dialer.ts';
import { asP2pError, P2pError } from './errors.ts';
import type { HostOptions } from './host-options.ts';
import { type HostParts, joinParts } from './host-parts.ts';
import { parsePeerId } from './identity.ts';
import type { ExtraServices } from './libp2p-node.ts';
import { handleProtocols, openFrameStream, type StreamHost } from './protocol-streams.ts';
import type {
  ConnectedPeer,
  ConnectionState,
  DialTarget,
  FrameStream,
  Host,
  HostEvents,
  HostPolicy,
  ListenChange,
  PeerIdText,
  ProtocolOptions,
} from './types.ts';

/** Waits between tries of a busy port at the start. */
const LISTEN_RETRIES_MS = [250, 500, 1_000];
/** How long libp2p may take to stop before the sockets are cut. */
const STOP_MS = 1_000;

/**
 * A host that does not listen yet: protocols are registered now, so that the first identify tells them.
 * @throws P2pError KEY_INVALID
 */
export async function createHost<S extends ExtraServices = Record<never, never>>(
  opts: HostOptions<S>,
): Promise<Libp2pHost<S>> {
  try {
    return new Libp2pHost<S>(opts.listen, await joinParts(opts));
  } catch (error) {
    throw asP2pError(error);
  }
}

/** The js-libp2p host. Throws nothing but P2pError. */
export class Libp2pHost<S extends ExtraServices = Record<never, never>> implements Host {
  readonly #listen: readonly string[];
  readonly #parts: HostParts<S>;
  readonly #streams: StreamHost;
  readonly #stopping = new AbortController();
  #state: 'new' | 'started' | 'stopped' = 'new';

  /** Use createHost. */
  constructor(listen: readonly string[], parts: HostParts<S>) {
    this.#listen = listen;
    this.#parts = parts;
    const { clock, links, node, fault } = parts;
    this.#streams = {
      clock,
      registrar: node.libp2p,
      proofOf: (connection) => links.proofOf(connection),
      living: (peerId, signal) => links.living(peerId, signal),
      onFault: fault,
    };
  }

  get peerId(): PeerIdText {
    return this.#parts.identity.text;
  }

  get publicKey(): Uint8Array {
    return this.#parts.identity.publicKey;
  }

  /** The services of the options, by name. */
  get services(): S {
    return this.#parts.node.libp2p.services;
  }

  get dht(): KadDHT | undefined {
    return this.#parts.node.dht;
  }

  /** Sockets that exist at this moment, handshakes included: for tests and metrics. */
  get openSockets(): number {
    return this.#parts.sockets.open;
  }

  /**
   * Listens everywhere or fails; a busy port is tried again three times.
   * @throws P2pError ADDRESS_IN_USE | ADDRESS_UNAVAILABLE | ADDRESS_NOT_PERMITTED | STOPPED, with the address in `data`
   */
  async start(): Promise<void> {
    if (this.#state !== 'new') throw new P2pError('STOPPED', 'a host is started once');
    this.#state = 'started';
    const { node, log, self, listeners } = this.#parts;
    try {
      await node.libp2p.start();
      await this.#startListening();
      await self.publish();
    } catch (error) {
      await this.stop();
      throw asP2pError(error);
    }
    log.event('p2p.listening', {
      addresses: listeners.addresses().map(({ text }) => text),
      announced: this.announcedAddresses(),
    });
  }

  /** In under 2 s, and may be called at any time; leaves no socket and no timer. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    const wasStarted = this.#state === 'started';
    this.#state = 'stopped';
    const { dialer, links, liveness, twins, listeners, admission, node, sockets, table, fault } = this.#parts;
    this.#stopping.abort(new P2pError('STOPPED', 'the host is stopping'));
    listeners.pause();
    admission.abortPending();
    const dials = dialer.stop();
    await links.stop();
    await dials;
    liveness.clear();
    twins.clear();
    if (wasStarted) {
      await orAbort(Promise.resolve(node.libp2p.stop()), AbortSignal.timeout(STOP_MS)).catch(fault);
    }
    await sockets.end();
    await listeners.close();
    table.clear();
  }

  listenAddresses(): readonly string[] {
    return this.#parts.listeners.addresses().map(({ text }) => text);
  }

  announcedAddresses(): readonly string[] {
    return this.#parts.self.addresses();
  }

  signedRecord(): Promise<Uint8Array> {
    return this.#parts.self.bytes();
  }

  connected(): readonly ConnectedPeer[] {
    return this.#parts.table.connected();
  }

  peer(peerId: PeerIdText): ConnectedPeer | undefined {
    return this.#parts.table.peer(peerId);
  }

  states(): ReadonlyMap<PeerIdText, ConnectionState> {
    return this.#parts.table.states();
  }

  async dial(target: DialTarget, signal: AbortSignal): Promise<ConnectedPeer> {
    const { gater, table, links, dialer } = this.#parts;
    this.#mustRun();
    if (signal.aborted) throw cancelled(signal);
    const peerId = parsePeerId(target.peerId).toString();
    const known = table.peer(peerId);
    if (known !== undefined && known.connections > 0) return known;
    const refusal = gater.refusal(peerId);
    if (refusal !== undefined) throw refusal;
    const own = new AbortController();
    // An inbound connection of the peer is as good, but our own dial goes on: if both sides gave theirs up for the
    // other's, none would be left.
    const dialled = dialer.dial({ ...target, peerId }, signal);
    const found = links.untilConnected(peerId, own.signal);
    found.catch(() => {});
    try {
      await Promise.race([dialled, found]);
      const peer = table.peer(peerId) ?? (await links.connectedSoon(peerId));
      if (peer === undefined) {
        throw new P2pError('CLOSED_AFTER_HANDSHAKE', 'the peer hung up after the handshake');
      }
      return peer;
    } catch (error) {
      const late = await this.#keptByPeer(peerId, asP2pError(error));
      if (late !== undefined) return late;
      throw asP2pError(error);
    } finally {
      dialled.catch(() => {});
      own.abort();
    }
  }

  async ping(peerId: PeerIdText, signal: AbortSignal): Promise<number> {
    this.#mustRun();
    const { links, liveness } = this.#parts;
    const [link] = await links.living(peerId, signal);
    if (link === undefined) throw new P2pError('NOT_CONNECTED', 'the peer is not connected');
    return liveness.ping(link, signal);
  }

  async hangUp(peerId: PeerIdText, reason: string): Promise<void> {
    await this.#parts.links.hangUp(peerId, reason);
  }

  async handle(
    protocols: readonly string[],
    handler: (stream: FrameStream) => Promise<void>,
    options: ProtocolOptions,
  ): Promise<() => Promise<void>> {
    if (this.#state === 'stopped') throw new P2pError('STOPPED', 'the host is stopped');
    return handleProtocols(this.#streams, protocols, handler, options);
  }

  async openStream(
    peerId: PeerIdText,
    protocols: readonly string[],
    options: ProtocolOptions,
    signal: AbortSignal,
  ): Promise<FrameStream> {
    this.#mustRun();
    return openFrameStream(this.#streams, peerId, protocols, options, signal);
  }

  on<E extends keyof HostEvents>(event: E, listener: HostEvents[E]): () => void {
    return this.#parts.events.on(event, listener);
  }

  setPolicy(policy: HostPolicy): void {
    this.#parts.gater.policy = policy;
    this.#parts.links.enforce(policy);
  }

  async setAnnounce(addresses: readonly string[]): Promise<void> {
    this.#mustRun();
    await this.#parts.self.setAnnounce(addresses);
  }

  async prepareListen(addresses: readonly string[]): Promise<ListenChange> {
    this.#mustRun();
    const { listeners, self, log, fault } = this.#parts;
    const change = await listeners.prepare(addresses);
    return {
      commit: async () => {
        await change.commit();
        // In use already; that a push fails undoes nothing.
        await self.publish().catch(fault);
        log.event('p2p.listening', {
          addresses: this.listenAddresses(),
          announced: this.announcedAddresses(),
        });
      },
      rollback: () => change.rollback(),
    };
  }

  /** The Go node closes one of two connections that cross: ours may be the one. */
  async #keptByPeer(peerId: PeerIdText, error: P2pError): Promise<ConnectedPeer | undefined> {
    const isClose = error.code === 'CLOSED_AFTER_HANDSHAKE' || error.code === 'RESET_IN_HANDSHAKE';
    return isClose ? this.#parts.links.connectedSoon(peerId) : undefined;
  }

  async #startListening(): Promise<void> {
    if (this.#listen.length === 0) return;
    const { listeners, clock, log } = this.#parts;
    for (let tries = 0; ; tries++) {
      try {
        const change = await listeners.prepare(this.#listen);
        if (!this.#stopping.signal.aborted) return await change.commit();
        await change.rollback();
        throw this.#stopping.signal.reason;
      } catch (error) {
        const waitMs = LISTEN_RETRIES_MS[tries];
        if (!(error instanceof P2pError) || error.code !== 'ADDRESS_IN_USE' || waitMs === undefined)
          throw error;
        log.event('p2p.listen_retry', { address: String(error.data['address']), ms: waitMs });
        const waited = Promise.withResolvers<void>();
        const cancel = clock.after(waitMs, waited.resolve);
        await orAbort(waited.promise, this.#stopping.signal).finally(cancel);
      }
    }
  }

  #mustRun(): void {
    if (this.#state !== 'started') throw new P2pError('STOPPED', 'the host does not run');
  }
}
