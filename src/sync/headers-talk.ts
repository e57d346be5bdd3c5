import { decodeMessage, encodeMessage } from '../../protocols/headers/codec.ts';
import { ANSWER_TIMEOUT_MS, STATUS_TIMEOUT_MS, WRITE_TIMEOUT_MS } from '../../protocols/headers/constants.ts';
import { HeadersError } from '../../protocols/headers/errors.ts';
import type {
  GetHeadersBody,
  HeadersBody,
  MessageBody,
  StatusBody,
} from '../../protocols/headers/messages.ts';
import { internalBytes } from '../chain/header.ts';
import type { FrameStream, PeerIdText } from '../p2p/types.ts';
import { within } from './deadline.ts';
import { codeOf } from './error-code.ts';
import { faultOfStream } from './headers-faults.ts';
import { HEADERS_STREAMS, type HeadersModules, PROTOCOL_IDS } from './headers-modules.ts';

type TalkModules = Pick<HeadersModules, 'host' | 'clock'>;

/** A stream that we opened: one status each way, then our questions, one at a time. */
export class HeadersTalk {
  private readonly clock: HeadersModules['clock'];
  private readonly stream: FrameStream;
  private readonly signal: AbortSignal;

  private constructor(clock: HeadersModules['clock'], stream: FrameStream, signal: AbortSignal) {
    this.clock = clock;
    this.stream = stream;
    this.signal = signal;
  }

  /**
   * Opens a stream, hands it over, and ends it in order, or resets it if `use` fails.
   * @throws HeadersError what the peer did wrong, SILENT, STOPPED; P2pError of the stream
   */
  static async with<T>(
    { host, clock }: TalkModules,
    peerId: PeerIdText,
    signal: AbortSignal,
    use: (talk: HeadersTalk) => Promise<T>,
  ): Promise<T> {
    const stream = await timed(clock, STATUS_TIMEOUT_MS, signal, (own) =>
      host.openStream(peerId, PROTOCOL_IDS, HEADERS_STREAMS, own),
    );
    try {
      const result = await use(new HeadersTalk(clock, stream, signal));
      await within(clock, WRITE_TIMEOUT_MS, signal, (own) => stream.close(own));
      return result;
    } catch (thrown) {
      stream.abort(codeOf(thrown) ?? 'INTERNAL');
      throw thrown;
    }
  }

  /** Tells what we have and hears what they have. */
  async greet(own: StatusBody): Promise<StatusBody> {
    const body = await this.exchange(own);
    if (body.kind === 'status') return body;
    throw unexpected(body);
  }

  /** `locator`: hashes in display order, best known first. */
  async ask(locator: readonly string[], count: number): Promise<HeadersBody> {
    const question: GetHeadersBody = {
      kind: 'getHeaders',
      locator: Buffer.concat(locator.map(internalBytes)),
      count,
    };
    const body = await this.exchange(question);
    if (body.kind === 'headers') return body;
    throw unexpected(body);
  }

  private exchange(question: StatusBody | GetHeadersBody): Promise<MessageBody> {
    return timed(this.clock, ANSWER_TIMEOUT_MS, this.signal, async (own) => {
      await this.stream.write(encodeMessage(question), own);
      for (;;) {
        const body = decodeMessage(await this.stream.read(own));
        if (body.kind !== 'unknown') return body;
      }
    });
  }
}

/** Until a deadline; whose fault it is when it passes. */
async function timed<T>(
  clock: HeadersModules['clock'],
  ms: number,
  parent: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  let isLate = false;
  try {
    return await within(clock, ms, parent, async (signal) => {
      try {
        return await run(signal);
      } finally {
        isLate = signal.aborted;
      }
    });
  } catch (thrown) {
    if (parent.aborted) throw new HeadersError('STOPPED', 'we are stopping', {}, thrown);
    const fault = faultOfStream(thrown);
    if (!isLate || fault instanceof HeadersError) throw fault;
    throw new HeadersError('SILENT', `no answer in ${ms} ms`, { ms }, thrown);
  }
}

function unexpected({ kind }: MessageBody): HeadersError {
  return new HeadersError('MESSAGE_UNEXPECTED', `${kind} is no answer to what was asked`, { kind });
}
