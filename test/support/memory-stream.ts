import { ExchangeError, type ExchangeErrorCode } from '../../protocols/peer-exchange/errors.ts';
import type { ExchangeStream } from '../../protocols/peer-exchange/interfaces.ts';

/** One end of a stream in memory. */
export class MemoryStream implements ExchangeStream {
  readonly peerId: string;
  abortedWith: ExchangeErrorCode | undefined;
  isClosed = false;
  #other: MemoryStream | undefined;
  #frames: Uint8Array[] = [];
  #isEnded = false;
  #isReset = false;
  #wake: (() => void) | undefined;

  constructor(peerId: string) {
    this.peerId = peerId;
  }

  /** Two ends; each names the peer at the other side. */
  static pair(a: string, b: string): [atA: MemoryStream, atB: MemoryStream] {
    const atA = new MemoryStream(b);
    const atB = new MemoryStream(a);
    atA.#other = atB;
    atB.#other = atA;
    return [atA, atB];
  }

  /** True once the other side, or its own, reset it. */
  get isReset(): boolean {
    return this.#isReset;
  }

  async read(signal: AbortSignal): Promise<Uint8Array | undefined> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) return frame;
      if (this.#isReset) throw new ExchangeError('STREAM_RESET', 'reset');
      if (this.#isEnded) return undefined;
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  async write(frame: Uint8Array, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#isReset) throw new ExchangeError('STREAM_RESET', 'reset');
    this.#other!.#frames.push(frame);
    this.#other!.#wake?.();
  }

  async close(_signal?: AbortSignal): Promise<void> {
    this.isClosed = true;
    this.#other!.#isEnded = true;
    this.#other!.#wake?.();
  }

  abort(code: ExchangeErrorCode): void {
    this.abortedWith ??= code;
    for (const end of [this, this.#other!]) {
      end.#isReset = true;
      end.#wake?.();
    }
  }
}
