import type { PeerIdText } from '../p2p/types.ts';
import type { GossipVerdict } from './gossip-net.ts';
import type { TellableState } from './told.ts';

/** A message on its way to its verdict. */
export class InboundMessage {
  readonly peerId: PeerIdText;
  readonly tokenId: string;
  /** Keeps alive what the peer is charged for, until the message is done. */
  data: Uint8Array;
  /** Those that are still to be offered. */
  beefs: readonly Uint8Array[];
  readonly txs: number;
  readonly resolve: (verdict: GossipVerdict) => void;
  /** Answers of ingest that are still to come. */
  open = 0;
  /** Transactions that are undecided. */
  readonly waiting = new Set<string>();
  /** What it brought that nobody here was told yet: told as soon as it is passed on. */
  readonly fresh: TellableState[] = [];
  /** Penalty code. */
  fault: string | undefined;
  /** Something in it must not be passed on, which is nobody's fault. */
  isSpoiled = false;
  /** In the queue of those that have time left. */
  isHeld = false;
  isDone = false;

  constructor(
    peerId: PeerIdText,
    tokenId: string,
    data: Uint8Array,
    content: { readonly beefs: readonly Uint8Array[]; readonly txs: number },
    resolve: (verdict: GossipVerdict) => void,
  ) {
    this.peerId = peerId;
    this.tokenId = tokenId;
    this.data = data;
    this.beefs = content.beefs;
    this.txs = content.txs;
    this.resolve = resolve;
  }

  /** Undefined: to be waited for. `isLate`: it has been waited for long enough. */
  verdict(isLate: boolean): GossipVerdict | undefined {
    if (this.open > 0) return undefined;
    if (this.fault !== undefined) return 'reject';
    if (this.isSpoiled) return 'ignore';
    if (this.waiting.size > 0) return isLate ? 'ignore' : undefined;
    return this.fresh.length > 0 ? 'accept' : 'ignore';
  }
}
