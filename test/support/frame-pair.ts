import type { FrameStream } from '../../src/p2p/types.ts';

class StreamError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** One direction: frames that wait to be read, at most a few before the writer waits. */
class Pipe {
  readonly frames: Uint8Array[] = [];
  end: 'open' | 'closed' | 'reset' = 'open';
  private readonly wakes = new Set<() => void>();

  get isReset(): boolean {
    return this.end === 'reset';
  }

  changed(): void {
    for (const wake of this.wakes) wake();
  }

  wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.wakes.delete(wake);
        signal.removeEventListener('abort', abort);
      };
      const wake = (): void => {
        stop();
        resolve();
      };
      const abort = (): void => {
        stop();
        reject(new StreamError('TIMEOUT'));
      };
      if (signal.aborted) {
        abort();
        return;
      }
      this.wakes.add(wake);
      signal.addEventListener('abort', abort, { once: true });
    });
  }
}

/** A stream in memory, as src/p2p makes them of libp2p's: a reader that does not read makes the writer wait. */
export class MemoryStream implements FrameStream {
  readonly peerId: string;
  readonly protocol: string;
  /** Code of our own reset. */
  aborted: string | undefined;
  /** Bytes written, length prefixes left out. */
  written = 0;
  private readonly incoming: Pipe;
  private readonly outgoing: Pipe;
  private readonly window: number;

  constructor(peerId: string, protocol: string, incoming: Pipe, outgoing: Pipe, window: number) {
    this.peerId = peerId;
    this.protocol = protocol;
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.window = window;
  }

  async read(signal: AbortSignal): Promise<Uint8Array> {
    for (;;) {
      const { frames, end } = this.incoming;
      if (end === 'reset') throw new StreamError('STREAM_RESET');
      const frame = frames.shift();
      if (frame !== undefined) {
        this.incoming.changed();
        return frame;
      }
      if (end === 'closed') throw new StreamError('STREAM_ENDED');
      await this.incoming.wait(signal);
    }
  }

  async write(frame: Uint8Array, signal: AbortSignal): Promise<void> {
    const { outgoing } = this;
    if (signal.aborted) throw new StreamError('TIMEOUT');
    if (outgoing.end !== 'open') throw new StreamError('STREAM_RESET');
    outgoing.frames.push(frame);
    this.written += frame.length;
    outgoing.changed();
    while (outgoing.frames.length > this.window) {
      await outgoing.wait(signal);
      if (outgoing.isReset) throw new StreamError('STREAM_RESET');
    }
  }

  async close(_signal: AbortSignal): Promise<void> {
    if (this.outgoing.end === 'open') this.outgoing.end = 'closed';
    this.outgoing.changed();
  }

  abort(code: string): void {
    this.aborted ??= code;
    for (const pipe of [this.incoming, this.outgoing]) {
      pipe.end = 'reset';
      pipe.changed();
    }
  }
}

/** Two ends of one stream; `window`: frames on their way. */
export function streamPair(
  ends: { readonly a: string; readonly b: string },
  protocol: string,
  window = 4,
): { readonly a: MemoryStream; readonly b: MemoryStream } {
  const there = new Pipe();
  const back = new Pipe();
  return {
    a: new MemoryStream(ends.b, protocol, back, there, window),
    b: new MemoryStream(ends.a, protocol, there, back, window),
  };
}
