import type { Connection, IdentifyResult, PeerId } from '@libp2p/interface';
import { type ConnectionTable, SWAP_MS, type TrackedLink } from './connection-table.ts';
import { cancelled, orAbort } from './dialer.ts';
import { P2pError } from './errors.ts';
import { type Gater, MAX_PER_PEER } from './gater.ts';
import { identifiedFacts, toldAddresses } from './identify-facts.ts';
import type { KeyTwins } from './key-twins.ts';
import type { Liveness } from './liveness.ts';
import type { Clock, ConnectedPeer, HostPolicy, IdentifiedFacts, PeerIdText } from './types.ts';

/** How long a connection may take to close in order. */
const HANG_UP_MS = 500;

export interface LinksOptions {
  readonly clock: Clock;
  readonly table: ConnectionTable;
  readonly gater: Gater;
  readonly liveness: Liveness;
  readonly twins: Pick<KeyTwins, 'look'>;
  /** Runs identify over this connection. */
  readonly identify: (connection: Connection, signal: AbortSignal) => Promise<IdentifyResult>;
  /** The signed record that identify has left in libp2p's store. */
  readonly storedRecord: (peerId: PeerId) => Promise<Uint8Array | undefined>;
}

/** What happens to a connection from its handshake to its end. */
export class Links {
  readonly #opts: LinksOptions;
  /** By connection id: settled when its identify is. */
  readonly #proofs = new Map<string, Promise<void>>();
  /** Who waits for a change of a peer's state. */
  readonly #waiting = new Map<PeerIdText, Set<() => void>>();
  #isStopped = false;

  constructor(opts: LinksOptions) {
    this.#opts = opts;
  }

  opened(connection: Connection): void {
    const { table, gater, liveness } = this.#opts;
    const peerId = connection.remotePeer.toString();
    // The exact check: between the gater's and this, others may have come.
    const refusal = this.#isStopped ? new P2pError('STOPPED', 'the host is stopping') : gater.refusal(peerId);
    if (refusal !== undefined) {
      const failed = Promise.reject<void>(refusal);
      failed.catch(() => {});
      this.#proofs.set(connection.id, failed);
      connection.abort(refusal);
      return;
    }
    const before = table.links(peerId);
    const link = table.opened(connection);
    // The newest has just proved its key; an older one may be dead without our knowing.
    const [oldest] = before;
    if (before.length >= MAX_PER_PEER && oldest !== undefined) this.#abort(oldest, 'replaced by newer ones');
    const proof = this.#prove(link);
    proof.catch(() => {});
    this.#proofs.set(connection.id, proof);
    liveness.watch(link);
  }

  closed(connection: Connection): void {
    this.#opts.liveness.forget(connection);
    this.#proofs.delete(connection.id);
    this.#opts.table.closed(connection);
    this.changed(connection.remotePeer.toString());
  }

  /** A push of a peer that is already proven; the first identify goes through the proof. */
  async told(result: IdentifyResult): Promise<void> {
    const peerId = result.peerId.toString();
    const link = this.#opts.table.links(peerId).find(({ connection }) => connection === result.connection);
    if (link?.isProven !== true) return;
    this.#told(link, result);
    this.#opts.table.identified(peerId, await this.#facts(result));
  }

  /** Settled when the connection is proven, or never will be. */
  proofOf(connection: Connection): Promise<void> {
    const gone = new P2pError('CLOSED_AFTER_HANDSHAKE', 'the connection is gone');
    return this.#proofs.get(connection.id) ?? Promise.reject(gone);
  }

  /** Wakes those who wait for the peer. */
  changed(peerId: PeerIdText): void {
    for (const wake of [...(this.#waiting.get(peerId) ?? [])]) wake();
  }

  /** Resolves as soon as the peer has a proven connection. */
  async untilConnected(peerId: PeerIdText, signal: AbortSignal): Promise<ConnectedPeer> {
    for (;;) {
      const peer = this.#opts.table.peer(peerId);
      if (peer !== undefined && peer.connections > 0) return peer;
      await this.#nextChange(peerId, signal);
    }
  }

  /** Proven connections, the oldest first; where they are being swapped, it waits for what comes of it. */
  async living(peerId: PeerIdText, signal: AbortSignal): Promise<readonly TrackedLink[]> {
    const { table } = this.#opts;
    for (;;) {
      const open = table.links(peerId).filter((link) => isUsable(link));
      if (open.length > 0 || table.state(peerId) !== 'connected') return open;
      await this.#nextChange(peerId, signal);
    }
  }

  /** After a dial that ended in a close: the other side may have kept its own connection instead (the Go node does). */
  async connectedSoon(peerId: PeerIdText): Promise<ConnectedPeer | undefined> {
    const abort = new AbortController();
    const cancel = this.#opts.clock.after(SWAP_MS, () => abort.abort());
    try {
      return await this.untilConnected(peerId, abort.signal);
    } catch {
      return undefined;
    } finally {
      cancel();
    }
  }

  async hangUp(peerId: PeerIdText, reason: string): Promise<void> {
    const links = this.#opts.table.hangUp(peerId, reason);
    await Promise.all(links.map((link) => closeInOrder(link.connection)));
  }

  /** Closes those that the policy does not allow any more, and the newest of too many. */
  enforce(policy: HostPolicy): void {
    const { gater, table } = this.#opts;
    const peers = [...new Set(table.allLinks().map(({ connection }) => connection.remotePeer.toString()))];
    const refused = peers.filter((peerId) => gater.refusal(peerId) !== undefined);
    const rest = peers.filter((peerId) => !refused.includes(peerId));
    const spare = rest.filter((peerId) => policy.isPreferred?.(peerId) !== true);
    const excess = Math.max(0, rest.length - policy.maxPeers);
    const since = (peerId: PeerIdText): number => table.peer(peerId)?.sinceMs ?? Number.POSITIVE_INFINITY;
    const surplus = spare.sort((a, b) => since(b) - since(a)).slice(0, excess);
    for (const peerId of refused) void this.hangUp(peerId, 'not allowed');
    for (const peerId of surplus) void this.hangUp(peerId, 'too many peers');
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const peers = [...this.#opts.table.states().keys()];
    await Promise.all(peers.map((peerId) => this.hangUp(peerId, 'stopping')));
    for (const peerId of [...this.#waiting.keys()]) this.changed(peerId);
  }

  async #prove(link: TrackedLink): Promise<void> {
    const { clock, gater, table } = this.#opts;
    const { connection } = link;
    const abort = new AbortController();
    const cancel = clock.after(gater.policy.connectionTimeoutMs, () => abort.abort());
    try {
      // By the signal at the latest: libp2p's own check of it may come late.
      const result = await orAbort(this.#opts.identify(connection, abort.signal), abort.signal);
      const facts = await this.#facts(result);
      if (connection.status !== 'open') throw new Error('closed');
      table.proven(link, facts);
      this.#told(link, result);
    } catch (error) {
      // It has answered that it has no identify: it is there all the same.
      const isBare = error instanceof Error && error.name === 'UnsupportedProtocolError';
      if (isBare && connection.status === 'open') {
        table.proven(link, undefined);
      } else {
        const failure = proofError(error, connection, abort.signal.aborted);
        this.#abort(link, failure.message);
        throw failure;
      }
    } finally {
      cancel();
      this.changed(connection.remotePeer.toString());
    }
  }

  #told(link: TrackedLink, result: IdentifyResult): void {
    link.told = toldAddresses(result);
    this.#opts.twins.look(result.peerId.toString());
  }

  async #facts(result: IdentifyResult): Promise<IdentifiedFacts> {
    const record = await this.#opts.storedRecord(result.peerId);
    return identifiedFacts(result, record);
  }

  #abort(link: TrackedLink, reason: string): void {
    link.closing ??= reason;
    link.connection.abort(new Error(reason));
  }

  async #nextChange(peerId: PeerIdText, signal: AbortSignal): Promise<void> {
    if (this.#isStopped) throw new P2pError('STOPPED', 'the host is stopping');
    if (signal.aborted) throw cancelled(signal);
    const change = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(peerId) ?? new Set();
    this.#waiting.set(peerId, waiting.add(change.resolve));
    try {
      await orAbort(change.promise, signal);
    } finally {
      waiting.delete(change.resolve);
      if (waiting.size === 0) this.#waiting.delete(peerId);
    }
  }
}

function isUsable(link: TrackedLink): boolean {
  return link.isProven && link.closing === undefined && link.connection.status === 'open';
}

function proofError(error: unknown, connection: Connection, isLate: boolean): P2pError {
  if (isLate) return new P2pError('TIMEOUT', 'the peer did not answer identify in time');
  if (connection.status !== 'open') {
    return new P2pError(
      'CLOSED_AFTER_HANDSHAKE',
      'the peer hung up after the handshake: it refuses us or is full',
    );
  }
  return new P2pError('BAD_RECORD', 'what the peer told about itself does not prove anything', {}, error);
}

async function closeInOrder(connection: Connection): Promise<void> {
  const signal = AbortSignal.timeout(HANG_UP_MS);
  const closed = new Promise<void>((resolve) => {
    if (connection.status === 'open') connection.addEventListener('close', () => resolve());
    else resolve();
  });
  try {
    await orAbort(Promise.all([connection.close({ signal }), closed]), signal);
  } catch {
    connection.abort(new Error('hung up'));
  }
}
