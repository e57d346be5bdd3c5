import { decodeMessage, type ExchangeMessage, encodeMessage, type MessageBody } from './codec.ts';
import { REQUEST_TIMEOUT_MS, WRITE_TIMEOUT_MS } from './constants.ts';
import { codeOf, within } from './deadline.ts';
import type { ExchangeModules, ExchangeStream } from './interfaces.ts';
import type { Link } from './link.ts';

type FramesModules = Pick<ExchangeModules, 'clock' | 'random' | 'transport' | 'metrics' | 'log'>;

/** Messages on streams: encoded, counted, traced, each step with its deadline. */
export class Frames {
  readonly #modules: FramesModules;
  readonly #ended: AbortSignal;

  constructor(modules: FramesModules, ended: AbortSignal) {
    this.#modules = modules;
    this.#ended = ended;
  }

  /** Opens a stream, sends one message and closes. @throws ExchangeError */
  async tell(link: Link, body: MessageBody): Promise<void> {
    await this.#withStream(link, WRITE_TIMEOUT_MS, async (stream, signal) => {
      await this.#write(link, stream, body, this.#correlation(), signal);
    });
  }

  /**
   * Asks and hands over what comes back, undefined if the other side ended without a word; the stream is reset if
   * `use` throws. @throws ExchangeError
   */
  async ask<T>(
    link: Link,
    body: MessageBody,
    use: (answer: ExchangeMessage | undefined, correlation: number) => Promise<T>,
  ): Promise<T> {
    const correlation = this.#correlation();
    return this.#withStream(link, REQUEST_TIMEOUT_MS, async (stream, signal) => {
      await this.#write(link, stream, body, correlation, signal);
      return use(this.#decode(link, await stream.read(signal)), correlation);
    });
  }

  /** The one message on a stream of theirs; undefined if it ended without one. @throws ExchangeError */
  async receive(link: Link, stream: ExchangeStream, ms: number): Promise<ExchangeMessage | undefined> {
    const frame = await within(this.#modules.clock, ms, this.#ended, (signal) => stream.read(signal));
    return this.#decode(link, frame);
  }

  /** Answers on a stream of theirs. @throws ExchangeError */
  async reply(
    link: Link,
    stream: ExchangeStream,
    body: MessageBody,
    correlation: number | undefined,
  ): Promise<void> {
    await within(this.#modules.clock, WRITE_TIMEOUT_MS, this.#ended, (signal) =>
      this.#write(link, stream, body, correlation, signal),
    );
  }

  async #withStream<T>(
    link: Link,
    ms: number,
    use: (stream: ExchangeStream, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { clock, transport } = this.#modules;
    return within(clock, ms, this.#ended, async (signal) => {
      const stream = await transport.open(link.peerId, signal);
      try {
        const result = await use(stream, signal);
        await stream.close(signal);
        return result;
      } catch (thrown) {
        stream.abort(codeOf(thrown));
        throw thrown;
      }
    });
  }

  async #write(
    link: Link,
    stream: ExchangeStream,
    body: MessageBody,
    correlation: number | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const frame = encodeMessage({ correlation, body });
    await stream.write(frame, signal);
    this.#modules.metrics.count('frames_out');
    this.#modules.metrics.count('bytes_out', frame.length);
    this.#trace('sent', link, body, correlation, frame.length);
  }

  #decode(link: Link, frame: Uint8Array | undefined): ExchangeMessage | undefined {
    if (frame === undefined) return undefined;
    this.#modules.metrics.count('frames_in');
    this.#modules.metrics.count('bytes_in', frame.length);
    const message = decodeMessage(frame);
    this.#trace('received', link, message.body, message.correlation, frame.length);
    return message;
  }

  #trace(what: string, link: Link, body: MessageBody, correlation: number | undefined, bytes: number): void {
    const records = 'records' in body ? body.records.length : undefined;
    const id = correlation?.toString(16).padStart(8, '0');
    this.#modules.log(what, { peer: link.peerId, kind: body.kind, correlation: id, bytes, records });
  }

  #correlation(): number {
    return Math.floor(this.#modules.random() * 0x1_0000_0000);
  }
}
