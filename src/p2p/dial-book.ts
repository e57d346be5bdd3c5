import type { P2pErrorCode } from './errors.ts';
import type { PeerIdText } from './types.ts';

/** A peer of the address book as the keeper sees it. */
export interface DialCandidate {
  readonly peerId: PeerIdText;
  /** Canonical multiaddrs without `/p2p/`, the most promising first. */
  readonly addresses: readonly string[];
  /** `operator`: written by the operator, tried for ever; `learned`: from others or remembered. */
  readonly origin: 'operator' | 'learned';
  /** We once completed a handshake with it at one of its addresses. */
  readonly isProved: boolean;
  /** Unix ms of the last proof; undefined if there was none. The newest eight are the anchors of a start. */
  readonly lastProvedMs: number | undefined;
  /** Names among the addresses must not lead to private addresses: it was learned over a public connection. */
  readonly publicOnly?: boolean;
  /** Who told of it first. */
  readonly source?: string;
  /** Monotonic ms at which somebody says to have seen it alive. */
  readonly seenMs?: number | undefined;
}

/** All that the keeper asks of the address book. It keeps no connection state there, and no time of the next dial. */
export interface DialBook {
  /** Every peer that has not expired, at most 2,048 and the operator's; the caller does not keep the list. */
  candidates(): Iterable<DialCandidate>;
  candidate(peerId: PeerIdText): DialCandidate | undefined;
  /** A dial of ours completed its handshake: heard -> proved, failures 0. `addresses` are those that were tried. */
  dialSucceeded(peerId: PeerIdText, addresses: readonly string[]): void;
  /**
   * A dial failed for a reason that lies with the peer or the way to it. The book counts it towards expiry
   * (heard: 3 failures; proved: 10 over 7 days) and may forget the peer right away.
   */
  dialFailed(peerId: PeerIdText, code: P2pErrorCode): void;
  /** Called after peers were added, removed or got other addresses; the result ends it. */
  onChange(listener: () => void): () => void;
}
