import type { Clock, PeerIdText } from '../p2p/types.ts';
import { GOSSIP_LIMITS } from './gossip-limits.ts';

export interface RoomLimits {
  readonly peerBytes: number;
  readonly peerTxs: number;
  readonly allBytes: number;
  readonly messagesPerSecond: number;
  readonly messagesAtOnce: number;
}

interface Share {
  /** Buffers that its messages keep alive, and how many of them each. */
  readonly buffers: Map<ArrayBufferLike, number>;
  bytes: number;
  txs: number;
  /** Token bucket of messages. */
  tokens: number;
  atMs: number;
  /** When it was last told of a flood. */
  floodMs: number | undefined;
}

/**
 * What each peer may have here undecided, and all together. A message is a view of the bytes that came from the network and
 * keeps all of them, so that is what counts.
 */
export class GossipRoom {
  private readonly limits: RoomLimits;
  private readonly clock: Pick<Clock, 'monotonicMs'>;
  private readonly shares = new Map<PeerIdText, Share>();
  private allBytes = 0;
  private allTxs = 0;

  constructor(clock: Pick<Clock, 'monotonicMs'>, limits: RoomLimits = GOSSIP_LIMITS) {
    this.clock = clock;
    this.limits = limits;
  }

  get bytes(): number {
    return this.allBytes;
  }

  get txs(): number {
    return this.allTxs;
  }

  get peers(): number {
    return this.shares.size;
  }

  /** Counts a message. `flood`: too many of them; said once a second, otherwise `excess`. */
  message(peerId: PeerIdText): 'ok' | 'excess' | 'flood' {
    const nowMs = this.clock.monotonicMs();
    const share = this.shareOf(peerId, nowMs);
    const { messagesPerSecond, messagesAtOnce } = this.limits;
    const grown = share.tokens + ((nowMs - share.atMs) / 1_000) * messagesPerSecond;
    share.tokens = Math.min(messagesAtOnce, grown);
    share.atMs = nowMs;
    if (share.tokens >= 1) {
      share.tokens--;
      return 'ok';
    }
    if (share.floodMs !== undefined && nowMs - share.floodMs < 1_000) return 'excess';
    share.floodMs = nowMs;
    return 'flood';
  }

  /** False: no room, and nothing is counted. */
  take(peerId: PeerIdText, data: Uint8Array, txs: number): boolean {
    const share = this.shareOf(peerId, this.clock.monotonicMs());
    const { buffer } = data;
    const more = share.buffers.has(buffer) ? 0 : buffer.byteLength;
    const { peerBytes, peerTxs, allBytes } = this.limits;
    if (share.bytes + more > peerBytes || share.txs + txs > peerTxs) return false;
    if (this.allBytes + more > allBytes) return false;
    share.buffers.set(buffer, (share.buffers.get(buffer) ?? 0) + 1);
    share.bytes += more;
    share.txs += txs;
    this.allBytes += more;
    this.allTxs += txs;
    return true;
  }

  give(peerId: PeerIdText, data: Uint8Array, txs: number): void {
    const share = this.shares.get(peerId);
    const users = share?.buffers.get(data.buffer);
    if (share === undefined || users === undefined) return;
    share.txs -= txs;
    this.allTxs -= txs;
    if (users > 1) {
      share.buffers.set(data.buffer, users - 1);
      return;
    }
    share.buffers.delete(data.buffer);
    share.bytes -= data.buffer.byteLength;
    this.allBytes -= data.buffer.byteLength;
  }

  private shareOf(peerId: PeerIdText, nowMs: number): Share {
    const known = this.shares.get(peerId);
    if (known !== undefined) return known;
    if (this.shares.size >= GOSSIP_LIMITS.idlePeers) this.forgetIdle();
    const share: Share = {
      buffers: new Map(),
      bytes: 0,
      txs: 0,
      tokens: this.limits.messagesAtOnce,
      atMs: nowMs,
      floodMs: undefined,
    };
    this.shares.set(peerId, share);
    return share;
  }

  private forgetIdle(): void {
    for (const [peerId, share] of this.shares) if (share.buffers.size === 0) this.shares.delete(peerId);
  }
}
