import type { Connection } from '@libp2p/interface';
import { rawPublicKey } from './identity.ts';
import { isPrivateAddress, netAddress } from './net-address.ts';
import { type LinkEvent, NO_LINKS, type PeerLinks, reduceLinks } from './peer-links.ts';
import type { Clock, ConnectedPeer, ConnectionState, IdentifiedFacts, PeerIdText } from './types.ts';

/** How long a peer stays connected with no connection, while simultaneous dials swap them (at least 100 ms). */
export const SWAP_MS = 150;
/** A failed peer is shown as such for so long: longer than the longest pause between two dials. */
const FAILED_MS = 10 * 60_000;
/** Failed peers kept at most; the oldest goes first. */
const MAX_FAILED = 2_048;

/** One living connection. */
export interface TrackedLink {
  readonly connection: Connection;
  readonly sinceMs: number;
  isProven: boolean;
  lastSeenMs: number;
  latencyMs: number | undefined;
  /** Listen addresses that it told last; a signed record is the peer's newest, told over whichever connection. */
  told: ReadonlySet<string>;
  /** Why we close it, if we do. */
  closing: string | undefined;
}

interface Entry {
  peer: PeerLinks;
  readonly links: Map<string, TrackedLink>;
  /** As of the last proven connection: what is shown while connections swap. */
  shown: ConnectedPeer | undefined;
  identified: IdentifiedFacts | undefined;
  reason: string;
  cancelTimer: () => void;
}

/** Who is told of changes. Each must not throw. */
export interface TableEvents {
  connected: (peer: ConnectedPeer) => void;
  identified: (peer: ConnectedPeer) => void;
  disconnected: (peerId: PeerIdText, reason: string) => void;
  state: (peerId: PeerIdText) => void;
}

/** All connections by PeerId, and the state of each peer. Peers that are idle take no place. */
export class ConnectionTable {
  readonly #entries = new Map<PeerIdText, Entry>();
  readonly #clock: Clock;
  readonly #tell: TableEvents;

  constructor(clock: Clock, tell: TableEvents) {
    this.#clock = clock;
    this.#tell = tell;
  }

  dialStarted(peerId: PeerIdText): void {
    this.#apply(peerId, { type: 'dial-started' });
  }

  dialEnded(peerId: PeerIdText, hasFailed: boolean): void {
    this.#apply(peerId, { type: 'dial-ended', hasFailed });
  }

  opened(connection: Connection): TrackedLink {
    const nowMs = this.#clock.nowMs();
    const link: TrackedLink = {
      connection,
      sinceMs: nowMs,
      isProven: false,
      lastSeenMs: nowMs,
      latencyMs: undefined,
      told: new Set(),
      closing: undefined,
    };
    const peerId = connection.remotePeer.toString();
    this.#entry(peerId).links.set(connection.id, link);
    this.#apply(peerId, { type: 'opened', id: connection.id });
    return link;
  }

  /** Identify is done; `facts` undefined if the peer has no identify. */
  proven(link: TrackedLink, facts: IdentifiedFacts | undefined): void {
    const peerId = link.connection.remotePeer.toString();
    const entry = this.#entries.get(peerId);
    if (entry?.links.get(link.connection.id) !== link) return;
    link.isProven = true;
    entry.identified = facts ?? entry.identified;
    this.#apply(peerId, { type: 'proven', id: link.connection.id });
    if (facts !== undefined) this.#tellIdentified(peerId);
  }

  /** The peer told something new about itself. */
  identified(peerId: PeerIdText, facts: IdentifiedFacts): void {
    const entry = this.#entries.get(peerId);
    if (entry === undefined || (entry.identified !== undefined && isSame(entry.identified, facts))) return;
    entry.identified = facts;
    this.#tellIdentified(peerId);
  }

  closed(connection: Connection): void {
    const peerId = connection.remotePeer.toString();
    const entry = this.#entries.get(peerId);
    const link = entry?.links.get(connection.id);
    if (entry === undefined || link === undefined) return;
    if (link.isProven) entry.shown = this.peer(peerId);
    entry.links.delete(connection.id);
    entry.reason = link.closing ?? 'closed by peer';
    this.#apply(peerId, { type: 'closed', id: connection.id });
  }

  /** Marks all connections of the peer as leaving; the caller closes them. */
  hangUp(peerId: PeerIdText, reason: string): readonly TrackedLink[] {
    const entry = this.#entries.get(peerId);
    if (entry === undefined) return [];
    const links = [...entry.links.values()];
    for (const link of links) link.closing ??= reason;
    entry.reason = reason;
    entry.shown = this.peer(peerId);
    this.#apply(peerId, { type: 'hang-up' });
    return links;
  }

  links(peerId: PeerIdText): readonly TrackedLink[] {
    return [...(this.#entries.get(peerId)?.links.values() ?? [])];
  }

  allLinks(): readonly TrackedLink[] {
    return [...this.#entries.values()].flatMap((entry) => [...entry.links.values()]);
  }

  state(peerId: PeerIdText): ConnectionState {
    return this.#entries.get(peerId)?.peer.state ?? 'idle';
  }

  states(): ReadonlyMap<PeerIdText, ConnectionState> {
    return new Map([...this.#entries].map(([peerId, { peer }]) => [peerId, peer.state]));
  }

  /** Has a connection, proven or not. */
  has(peerId: PeerIdText): boolean {
    return (this.#entries.get(peerId)?.links.size ?? 0) > 0;
  }

  /** Peers that have a connection or are swapping it: what counts towards the limit. */
  count(): number {
    let count = 0;
    for (const { peer } of this.#entries.values()) {
      if (peer.state === 'connected' || peer.links.length > 0) count++;
    }
    return count;
  }

  connected(): readonly ConnectedPeer[] {
    return [...this.#entries.keys()].flatMap((peerId) => this.peer(peerId) ?? []);
  }

  /** Undefined unless connected. */
  peer(peerId: PeerIdText): ConnectedPeer | undefined {
    const entry = this.#entries.get(peerId);
    if (entry?.peer.state !== 'connected') return undefined;
    const living = [...entry.links.values()].filter((link) => link.isProven);
    const oldest = living[0];
    if (oldest === undefined) return entry.shown && { ...entry.shown, connections: 0 };
    const { connection } = oldest;
    const remote = netAddress(connection.remoteAddr);
    const latencies = living.flatMap(({ latencyMs }) => latencyMs ?? []);
    return {
      peerId,
      publicKey: rawPublicKey(connection.remotePeer),
      direction: connection.direction,
      connections: living.length,
      remoteAddress: remote?.text ?? connection.remoteAddr.toString(),
      isPrivate: remote !== undefined && isPrivateAddress(remote),
      sinceMs: oldest.sinceMs,
      lastSeenMs: Math.max(...living.map(({ lastSeenMs }) => lastSeenMs)),
      latencyMs: latencies.length === 0 ? undefined : Math.min(...latencies),
      identified: entry.identified,
    };
  }

  /** Ends all timers; nothing is told any more. */
  clear(): void {
    for (const entry of this.#entries.values()) entry.cancelTimer();
    this.#entries.clear();
  }

  #entry(peerId: PeerIdText): Entry {
    const known = this.#entries.get(peerId);
    if (known !== undefined) return known;
    const entry: Entry = {
      peer: NO_LINKS,
      links: new Map(),
      shown: undefined,
      identified: undefined,
      reason: '',
      cancelTimer: () => {},
    };
    this.#entries.set(peerId, entry);
    return entry;
  }

  #apply(peerId: PeerIdText, event: LinkEvent): void {
    const entry = this.#entry(peerId);
    const before = entry.peer;
    const { peer, passed } = reduceLinks(before, event);
    entry.peer = peer;
    this.#setTimer(peerId, entry, before);
    let from = before.state;
    for (const state of passed) {
      this.#tell.state(peerId);
      if (from === 'disconnecting') this.#tell.disconnected(peerId, entry.reason);
      from = state;
      const shown = state === 'connected' ? this.peer(peerId) : undefined;
      if (shown !== undefined) this.#tell.connected(shown);
    }
    // A listener may have dialled again meanwhile.
    if (entry.peer.state === 'idle' && entry.links.size === 0 && this.#entries.get(peerId) === entry) {
      entry.cancelTimer();
      this.#entries.delete(peerId);
    }
  }

  #setTimer(peerId: PeerIdText, entry: Entry, before: PeerLinks): void {
    const { swap, state } = entry.peer;
    if (swap === before.swap && state === before.state) return;
    entry.cancelTimer();
    entry.cancelTimer = () => {};
    if (swap === 'waiting') {
      entry.cancelTimer = this.#clock.after(SWAP_MS, () => this.#apply(peerId, { type: 'swap-overdue' }));
    } else if (state === 'failed') {
      entry.cancelTimer = this.#clock.after(FAILED_MS, () => this.#apply(peerId, { type: 'forget' }));
      this.#dropOldFailures();
    }
  }

  #dropOldFailures(): void {
    const failed = [...this.#entries].filter(([, { peer }]) => peer.state === 'failed');
    for (const [peerId] of failed.slice(0, Math.max(0, failed.length - MAX_FAILED))) {
      this.#apply(peerId, { type: 'forget' });
    }
  }

  #tellIdentified(peerId: PeerIdText): void {
    const peer = this.peer(peerId);
    if (peer !== undefined) this.#tell.identified(peer);
  }
}

function isSame(a: IdentifiedFacts, b: IdentifiedFacts): boolean {
  const { signedRecord: recordA, ...restA } = a;
  const { signedRecord: recordB, ...restB } = b;
  return (
    Buffer.compare(recordA ?? EMPTY, recordB ?? EMPTY) === 0 &&
    JSON.stringify(restA) === JSON.stringify(restB)
  );
}

const EMPTY = new Uint8Array(0);
