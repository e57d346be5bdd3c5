import { P2pError } from '../../../src/p2p/errors.ts';
import type { FrameStream } from '../../../src/p2p/types.ts';

/** Bytes of a stream on their way or unread, beyond which the writer waits: the window of yamux. */
export const WINDOW_BYTES = 256 * 1024;

/** Carries things of one stream one way, in order; what it carries may be lost when the connection is. */
export type Carry = (run: () => void) => void;

/** What becomes of a frame that its sender writes; none: it is swallowed. */
export type BendFrame = (frame: Uint8Array) => readonly Uint8Array[];

/** One direction. */
class Flow {
  readonly frames: Uint8Array[] = [];
  /** Written and not read. */
  bytes = 0;
  end: 'open' | 'closed' | 'reset' = 'open';
  private readonly wakes = new Set<() => void>();

  changed(): void {
    for (const wake of [...this.wakes]) wake();
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
        reject(new P2pError('TIMEOUT', 'the signal ended it'));
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

interface EndOptions {
  readonly peerId: string;
  readonly protocol: string;
  readonly maxFrameBytes: number;
  readonly carry: Carry;
  readonly onOver: () => void;
}

/** One end of a stream; what it writes travels, and arrives in order or not at all. */
export class SimStream implements FrameStream {
  readonly peerId: string;
  readonly protocol: string;
  bend: BendFrame | undefined;
  /** What becomes of a frame that came: a liar may hear something else. */
  onRead: (frame: Uint8Array) => Uint8Array = (frame) => frame;
  private readonly incoming = new Flow();
  private other!: SimStream;
  private readonly options: EndOptions;
  /** How our own side of writing stands. */
  private writing: 'open' | 'closed' | 'reset' = 'open';
  private isOver = false;

  private constructor(options: EndOptions) {
    this.options = options;
    this.peerId = options.peerId;
    this.protocol = options.protocol;
  }

  static pair(a: EndOptions, b: EndOptions): [SimStream, SimStream] {
    const [x, y] = [new SimStream(a), new SimStream(b)];
    x.other = y;
    y.other = x;
    return [x, y];
  }

  /** Neither way is anything left to come. */
  get over(): boolean {
    return this.isOver;
  }

  /** Bytes on their way to this end or waiting here. */
  get unread(): number {
    return this.incoming.bytes;
  }

  async read(signal: AbortSignal): Promise<Uint8Array> {
    for (;;) {
      const { incoming } = this;
      if (incoming.end === 'reset') throw new P2pError('STREAM_RESET', 'the stream was reset');
      const frame = incoming.frames.shift();
      if (frame !== undefined) {
        incoming.bytes -= frame.length;
        // The sender hears of the room as soon as it can: windows are of no interest here.
        incoming.changed();
        if (frame.length > this.options.maxFrameBytes) {
          this.abort('FRAME_TOO_LARGE');
          throw new P2pError('FRAME_TOO_LARGE', 'a frame is too large');
        }
        return this.onRead(frame);
      }
      if (incoming.end === 'closed') throw new P2pError('STREAM_ENDED', 'the other side ended');
      await this.waitOrReset(incoming, signal);
    }
  }

  async write(frame: Uint8Array, signal: AbortSignal): Promise<void> {
    if (frame.length > this.options.maxFrameBytes)
      throw new P2pError('FRAME_TOO_LARGE', 'a frame of ours is too large');
    if (signal.aborted) {
      this.abort('TIMEOUT');
      throw new P2pError('TIMEOUT', 'the signal ended it');
    }
    for (const each of this.bend?.(frame) ?? [frame]) await this.send(Uint8Array.from(each), signal);
  }

  async close(_signal: AbortSignal): Promise<void> {
    if (this.writing !== 'open') return;
    this.writing = 'closed';
    const { incoming } = this.other;
    this.options.carry(() => {
      if (incoming.end === 'open') incoming.end = 'closed';
      incoming.changed();
      this.look();
      this.other.look();
    });
    this.look();
  }

  abort(_code: string): void {
    if (this.writing === 'reset' || this.isOver) return;
    this.breakOff();
    this.options.carry(() => this.other.breakOff());
  }

  /** This end is reset at once, as when its connection is gone; the other hears nothing. */
  breakOff(): void {
    this.writing = 'reset';
    this.incoming.end = 'reset';
    this.incoming.frames.length = 0;
    this.incoming.changed();
    // A writer of ours that waits for room.
    this.other.incoming.changed();
    this.look();
  }

  private async send(frame: Uint8Array, signal: AbortSignal): Promise<void> {
    if (this.writing !== 'open') throw new P2pError('STREAM_RESET', 'the stream is over');
    const { incoming } = this.other;
    incoming.bytes += frame.length;
    this.options.carry(() => {
      if (incoming.end !== 'open') return;
      incoming.frames.push(frame);
      incoming.changed();
    });
    while (incoming.bytes > WINDOW_BYTES) {
      await this.waitOrReset(incoming, signal);
      if (this.writing !== 'open') throw new P2pError('STREAM_RESET', 'the stream was reset');
    }
  }

  /** A call that its signal ends resets the stream, as in src/p2p/frame-stream.ts. */
  private async waitOrReset(flow: Flow, signal: AbortSignal): Promise<void> {
    try {
      await flow.wait(signal);
    } catch (error) {
      this.abort('TIMEOUT');
      throw error;
    }
  }

  private look(): void {
    if (this.isOver || this.writing === 'open') return;
    if (this.writing !== 'reset' && this.incoming.end === 'open') return;
    this.isOver = true;
    this.options.onOver();
  }
}
