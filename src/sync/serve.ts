import {
  MAX_FRAME_BYTES,
  MAX_SERVED_STREAMS,
  MAX_STREAMS_PER_PEER,
} from '../../protocols/token-sync/constants.ts';
import type { FrameStream, PeerIdText, ProtocolOptions } from '../p2p/types.ts';
import type { EventRecord } from '../store/event-row.ts';
import { Lanes } from './lanes.ts';
import type { ServeModules, ServeShared } from './serve-modules.ts';
import { ServeStream } from './serve-stream.ts';
import { WorkBudgets } from './work-budget.ts';

/** For `Host.handle` and `Host.openStream`. */
export const SYNC_STREAMS: ProtocolOptions = {
  maxFrameBytes: MAX_FRAME_BYTES,
  maxInboundStreams: MAX_STREAMS_PER_PEER,
  maxOutboundStreams: MAX_STREAMS_PER_PEER,
};

/** Answers what other daemons ask about tokens that both follow (protocols/token-sync). */
export class SyncServer {
  private readonly shared: ServeShared;
  private readonly stopping = new AbortController();
  private readonly streams = new Map<
    ServeStream,
    { readonly peerId: PeerIdText; readonly done: Promise<void> }
  >();

  constructor(modules: ServeModules) {
    const budgets = new WorkBudgets(() => modules.clock.monotonicMs());
    this.shared = { ...modules, budgets, making: new Lanes(1), stopped: this.stopping.signal };
  }

  /** Streams that are served now. */
  get count(): number {
    return this.streams.size;
  }

  /** Handler of the protocol: until the stream is over. */
  async handle(stream: FrameStream): Promise<void> {
    if (this.stopping.signal.aborted || !this.hasRoomFor(stream.peerId)) {
      stream.abort('BUSY');
      return;
    }
    const served = new ServeStream(this.shared, stream);
    const done = served.run();
    this.streams.set(served, { peerId: stream.peerId, done });
    try {
      await done;
    } finally {
      this.streams.delete(served);
    }
  }

  /** After each commit, behind `Commitments.onEvents`. */
  onEvents(events: readonly EventRecord[]): void {
    for (const stream of this.streams.keys()) stream.onEvents(events);
  }

  /** After each change of the header chain, behind `Commitments.onChain`. */
  onChain(undone: { readonly from: number } | undefined): void {
    for (const stream of this.streams.keys()) stream.onChain(undone);
  }

  /** When the followed tokens changed, and when one that was just followed is complete. */
  onFollowed(): void {
    for (const stream of this.streams.keys()) stream.onFollowed();
  }

  /** Ends all streams; resolves when none is left. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all([...this.streams.values()].map(({ done }) => done));
  }

  private hasRoomFor(peerId: PeerIdText): boolean {
    if (this.streams.size >= MAX_SERVED_STREAMS) return false;
    let ofPeer = 0;
    for (const each of this.streams.values()) if (each.peerId === peerId) ofPeer++;
    return ofPeer < MAX_STREAMS_PER_PEER;
  }
}
