import type { ConnectionGater, MultiaddrConnection, PeerId } from '@libp2p/interface';
import type { Multiaddr } from '@multiformats/multiaddr';
import type { DialTrace } from './dial-errors.ts';
import { P2pError } from './errors.ts';
import { netAddress } from './net-address.ts';
import type { HostPolicy, PeerIdText } from './types.ts';

/** Connections of one peer at most. Not one: simultaneous dials leave two, and refusing the second leaves none. */
export const MAX_PER_PEER = 4;

/** What the rules ask about those who are here. */
export interface Crowd {
  /** Peers with a connection. */
  count(): number;
  has(peerId: PeerIdText): boolean;
}

/** Who may connect, as of this moment: the policy may be replaced while running. */
export class Gater implements ConnectionGater {
  policy: HostPolicy;
  readonly #crowd: Crowd;
  readonly #ownId: PeerIdText;
  readonly #dials = new WeakMap<MultiaddrConnection, { peerId: PeerIdText; trace: DialTrace }>();

  constructor(policy: HostPolicy, crowd: Crowd, ownId: PeerIdText) {
    this.policy = policy;
    this.#crowd = crowd;
    this.#ownId = ownId;
  }

  /** Why a peer may not connect now; undefined: it may. */
  refusal(peerId: PeerIdText): P2pError | undefined {
    const { isDenied, allowed, maxPeers, isPreferred } = this.policy;
    if (peerId === this.#ownId) return new P2pError('SELF', 'that is our own id');
    if (isDenied(peerId))
      return new P2pError('DENIED', 'the peer is blocked or banned', { reason: 'denied' });
    if (allowed !== undefined && !allowed(peerId)) {
      return new P2pError('DENIED', 'only listed peers may connect', { reason: 'not listed' });
    }
    if (this.#crowd.has(peerId) || isPreferred?.(peerId) === true) return undefined;
    if (this.#crowd.count() < maxPeers) return undefined;
    return new P2pError('LIMIT_REACHED', `there are ${maxPeers} peers already`, { limit: maxPeers });
  }

  /** The handshake over this socket must prove `peerId`; what else it finds goes into the trace. */
  expect(connection: MultiaddrConnection, peerId: PeerIdText, trace: DialTrace): void {
    this.#dials.set(connection, { peerId, trace });
  }

  /** For dials that libp2p's own services make. */
  denyDialPeer(peerId: PeerId): boolean {
    return this.refusal(peerId.toString()) !== undefined;
  }

  /** Those dials go to whatever the answer of another peer names. */
  denyDialMultiaddr(address: Multiaddr): boolean {
    const told = netAddress(address);
    return told === undefined || this.policy.mayDialTold?.(told.text) === false;
  }

  denyInboundEncryptedConnection(peerId: PeerId): boolean {
    return this.refusal(peerId.toString()) !== undefined;
  }

  denyOutboundEncryptedConnection(peerId: PeerId, connection: MultiaddrConnection): boolean {
    const found = peerId.toString();
    const dial = this.#dials.get(connection);
    if (dial !== undefined && dial.peerId !== found) {
      dial.trace.stranger = found;
      return true;
    }
    const refusal = this.refusal(found);
    if (refusal !== undefined && dial !== undefined) dial.trace.forbidden = refusal;
    return refusal !== undefined;
  }
}
