import type { FrameStream } from '../p2p/types.ts';

/** Streams that are served now: so many at once, and a stop ends all of them. */
export class ServedStreams {
  private readonly most: number;
  private readonly stopping = new AbortController();
  private readonly served = new Set<Promise<void>>();

  constructor(most: number) {
    this.most = most;
  }

  get count(): number {
    return this.served.size;
  }

  /** Ends with `stop`. */
  get signal(): AbortSignal {
    return this.stopping.signal;
  }

  /** Until the stream is over; BUSY where there is no room. `serve` must not reject. */
  async handle(stream: FrameStream, serve: () => Promise<void>): Promise<void> {
    if (this.signal.aborted || this.count >= this.most) {
      stream.abort('BUSY');
      return;
    }
    const served = serve();
    this.served.add(served);
    await served;
    this.served.delete(served);
  }

  /** Ends all streams; resolves when none is left. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.served);
  }
}
