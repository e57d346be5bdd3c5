import type { ExchangePeer } from './interfaces.ts';

/** joined: connected, we have not introduced ourselves; greeted: we have; left: the connection ended. */
export type LinkPhase = 'joined' | 'greeting' | 'greeted' | 'left';

/** What we know of a connected peer that speaks the protocol. Ends with its last connection; budgets do not. */
export class Link {
  readonly peerId: string;
  readonly publicKey: Uint8Array | undefined;
  readonly isPrivate: boolean;
  readonly isDialler: boolean;
  phase: LinkPhase = 'joined';
  /** The digest they told last, and when (monotonic). */
  theirs: Uint8Array | undefined;
  theirsAtMs = 0;
  /** Their digest from which we have nothing left to gain. */
  have: Uint8Array | undefined;
  /** Incomplete answers in a row without anything new. */
  barren = 0;
  isAsking = false;
  hasAsked = false;
  /** When we last asked (monotonic); the longest unasked go first. */
  askedAtMs = Number.NEGATIVE_INFINITY;
  /** Served in this connection. */
  requests = 0;
  /** How often it introduced itself in this connection; the first two, by identify and by us, are free of budget. */
  introductions = 0;
  cancelFirstAsk: () => void = () => {};

  constructor(peer: ExchangePeer) {
    this.peerId = peer.peerId;
    this.publicKey = peer.publicKey;
    this.isPrivate = peer.isPrivate;
    this.isDialler = peer.isDialler;
  }

  tell(digest: Uint8Array | undefined, nowMs: number): void {
    if (digest === undefined) return;
    this.theirs = digest;
    this.theirsAtMs = nowMs;
  }
}
