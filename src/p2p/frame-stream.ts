import type { Stream, StreamMessageEvent } from '@libp2p/interface';
import { Uint8ArrayList } from 'uint8arraylist';
import { P2pError } from './errors.ts';
import type { Clock, FrameStream, PeerIdText } from './types.ts';
import { decodeLength, encodeLength, MAX_LENGTH_BYTES } from './varint.ts';

/** Unread bytes beyond which the other side is made to wait, while nobody reads. */
const QUIET_BUFFER_BYTES = 64 * 1024;
/** A stream that nobody reads from or writes to for so long is reset: libp2p itself never does that. */
const IDLE_MS = 60_000;
/** The same after our side was closed: nothing but the other side's end is missing. */
const LINGER_MS = 5_000;

interface FrameStreamOptions {
  readonly peerId: PeerIdText;
  readonly maxFrameBytes: number;
  /** Default `varint`. */
  readonly framing?: 'varint' | 'raw';
  readonly clock: Clock;
}

/**
 * Frames over a libp2p stream, with back-pressure both ways: a writer waits until its frame is on its way, a reader
 * that does not read makes the sender wait (libp2p's own lpStream would buffer and reset).
 * After any error but STREAM_ENDED the stream is reset: nobody knows where the next frame begins.
 */
export class LibFrameStream implements FrameStream {
  readonly peerId: PeerIdText;
  readonly protocol: string;
  readonly #stream: Stream;
  readonly #maxFrameBytes: number;
  readonly #isRaw: boolean;
  readonly #clock: Clock;
  readonly #unread = new Uint8ArrayList();
  #isReading = false;
  /** The other side ended in order; a connection that is lost looks the same in the status alone. */
  #isEnded: boolean;
  #busy = 0;
  #writes: Promise<void> = Promise.resolve();
  #wake: (() => void) | undefined;
  #cancelIdle: () => void = () => {};

  constructor(stream: Stream, opts: FrameStreamOptions) {
    this.peerId = opts.peerId;
    this.protocol = stream.protocol;
    this.#stream = stream;
    this.#maxFrameBytes = opts.maxFrameBytes;
    this.#isRaw = opts.framing === 'raw';
    this.#clock = opts.clock;
    stream.addEventListener('message', (event) => this.#take(event));
    this.#isEnded = stream.remoteWriteStatus === 'closed' && stream.status === 'open';
    stream.addEventListener('remoteCloseWrite', () => {
      this.#isEnded = true;
      this.#wake?.();
    });
    stream.addEventListener('close', () => {
      this.#cancelIdle();
      this.#wake?.();
    });
    this.#watchIdle();
  }

  async read(signal: AbortSignal): Promise<Uint8Array> {
    if (this.#isReading) throw new P2pError('INTERNAL', 'one read at a time');
    this.#isReading = true;
    return this.#guarded(async () => {
      for (;;) {
        const frame = this.#nextFrame();
        if (frame !== undefined) return frame;
        this.#resume();
        // Resuming may have brought bytes at once.
        if (this.#nextLength() !== undefined) continue;
        this.#throwIfOver();
        await this.#changed(signal, 'read');
      }
    }).finally(() => {
      this.#isReading = false;
      // Unread bytes may already be more than what is kept for nobody.
      this.#pauseIfFull();
    });
  }

  /** Resolves when the frame has left our buffers; writes are sent in the order of the calls. */
  write(frame: Uint8Array, signal: AbortSignal): Promise<void> {
    if (frame.length > this.#maxFrameBytes) return Promise.reject(this.#tooLarge(frame.length));
    const sent = this.#writes.then(() => this.#guarded(() => this.#send(frame, signal)));
    this.#writes = sent.catch(() => {});
    return sent;
  }

  async close(signal: AbortSignal): Promise<void> {
    await this.#writes;
    if (this.#stream.writeStatus !== 'writable') return;
    await this.#guarded(async () => {
      // Rejects with events as well as with errors, and not always by its signal.
      const closed = this.#stream.close({ signal }).then(
        () => {},
        () => {
          throw signal.aborted ? timedOut('close') : brokenOff();
        },
      );
      await closed;
    });
  }

  abort(code: string): void {
    this.#stream.abort(new Error(code));
  }

  /** Runs one call of ours: no idle timer meanwhile, and a reset if it fails. */
  async #guarded<T>(run: () => Promise<T>): Promise<T> {
    this.#busy++;
    this.#cancelIdle();
    try {
      return await run();
    } catch (error) {
      const known = error instanceof P2pError ? error : brokenOff(error);
      if (known.code !== 'STREAM_ENDED') this.abort(known.code);
      throw known;
    } finally {
      this.#busy--;
      this.#watchIdle();
    }
  }

  #watchIdle(): void {
    this.#cancelIdle();
    if (this.#busy > 0 || this.#stream.status !== 'open') return;
    const ms = this.#stream.writeStatus === 'writable' ? IDLE_MS : LINGER_MS;
    this.#cancelIdle = this.#clock.after(ms, () => this.abort('IDLE'));
  }

  #take(event: StreamMessageEvent): void {
    this.#unread.append(event.data);
    this.#pauseIfFull();
    this.#wake?.();
  }

  #pauseIfFull(): void {
    const wanted = this.#isReading ? this.#maxFrameBytes + MAX_LENGTH_BYTES : QUIET_BUFFER_BYTES;
    if (this.#unread.length >= wanted && this.#stream.readStatus === 'readable') this.#stream.pause();
  }

  #resume(): void {
    if (this.#stream.readStatus === 'paused') this.#stream.resume();
  }

  /** Undefined: not all of it is here. */
  #nextFrame(): Uint8Array | undefined {
    const length = this.#nextLength();
    if (length === undefined || this.#unread.length < length.bytes + length.value) return undefined;
    const frame = this.#unread.slice(length.bytes, length.bytes + length.value);
    this.#unread.consume(length.bytes + length.value);
    return frame;
  }

  /** The announced length of the frame that comes; undefined if the whole frame is not here. */
  #nextLength(): { readonly value: number; readonly bytes: number } | undefined {
    if (this.#isRaw) return this.#unreadBytes();
    const length = decodeLength(this.#unread);
    if (length === 'invalid')
      throw new P2pError('BAD_FRAME', 'the length of a frame is no varint of 32 bits');
    if (length !== undefined && length.value > this.#maxFrameBytes) throw this.#tooLarge(length.value);
    if (length === undefined || this.#unread.length < length.bytes + length.value) return undefined;
    return length;
  }

  /** Without frames whatever has come is one. */
  #unreadBytes(): { readonly value: number; readonly bytes: number } | undefined {
    const value = Math.min(this.#unread.length, this.#maxFrameBytes);
    return value === 0 ? undefined : { value, bytes: 0 };
  }

  #throwIfOver(): void {
    const { status, remoteWriteStatus, readBufferLength } = this.#stream;
    if (status === 'reset' || status === 'aborted') throw brokenOff();
    if (remoteWriteStatus !== 'closed' || readBufferLength > 0) return;
    if (!this.#isEnded) throw brokenOff();
    if (this.#unread.length > 0) throw new P2pError('BAD_FRAME', 'the peer ended within a frame');
    throw new P2pError('STREAM_ENDED', 'the peer ended the stream');
  }

  async #send(frame: Uint8Array, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw timedOut('write');
    if (this.#stream.writeStatus !== 'writable') throw brokenOff();
    const bytes = this.#isRaw
      ? new Uint8ArrayList(frame)
      : new Uint8ArrayList(encodeLength(frame.length), frame);
    if (this.#stream.send(bytes)) return;
    // `drain` alone tells that some bytes went out: going on then would let the buffer grow by a frame each time.
    while (this.#stream.writeBufferLength > 0) {
      await this.#drained(signal);
      // `closed` with bytes left is a connection that was lost: nothing goes out any more, and no event tells of it again.
      if (this.#stream.status !== 'open' && this.#stream.writeBufferLength > 0) throw brokenOff();
    }
  }

  #drained(signal: AbortSignal): Promise<void> {
    return untilAny(signal, 'write', (wake) => {
      for (const event of ['idle', 'drain', 'close'] as const) this.#stream.addEventListener(event, wake);
      return () => {
        for (const event of ['idle', 'drain', 'close'] as const)
          this.#stream.removeEventListener(event, wake);
      };
    });
  }

  #changed(signal: AbortSignal, call: string): Promise<void> {
    return untilAny(signal, call, (wake) => {
      this.#wake = wake;
      return () => {
        this.#wake = undefined;
      };
    });
  }

  #tooLarge(bytes: number): P2pError {
    const data = { bytes, limit: this.#maxFrameBytes };
    return new P2pError('FRAME_TOO_LARGE', `a frame of ${bytes} bytes, at most ${data.limit}`, data);
  }
}

/** Resolves with the first wake, rejects with TIMEOUT when the signal ends; leaves no listener. */
function untilAny(
  signal: AbortSignal,
  call: string,
  listen: (wake: () => void) => () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(timedOut(call));
    const onAbort = (): void => {
      unlisten();
      reject(timedOut(call));
    };
    const unlisten = listen(() => {
      unlisten();
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

function timedOut(call: string): P2pError {
  return new P2pError('TIMEOUT', `${call} was not done in time`, { call });
}

function brokenOff(cause?: unknown): P2pError {
  return new P2pError('STREAM_RESET', 'the stream was broken off', {}, cause);
}
