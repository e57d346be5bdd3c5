import { decodeMessage, encodeMessage } from '../../protocols/headers/codec.ts';
import * as c from '../../protocols/headers/constants.ts';
import { HeadersError } from '../../protocols/headers/errors.ts';
import type {
  GetHeadersBody,
  HeadersBody,
  MessageBody,
  StatusBody,
} from '../../protocols/headers/messages.ts';
import type { FrameStream, PeerIdText } from '../p2p/types.ts';
import { pause, within } from './deadline.ts';
import { codeOf } from './error-code.ts';
import { faultOfStream, kindOf } from './headers-faults.ts';
import type { HeadersModules, PeerReports } from './headers-modules.ts';
import { ownStatus, ownTip } from './headers-status.ts';
import { readLocator } from './headers-take.ts';
import { RateBudgets } from './rate-budget.ts';
import { ServedStreams } from './served-streams.ts';

type ServerModules = Pick<HeadersModules, 'network' | 'chain' | 'clock'> & {
  readonly reports: PeerReports;
  /** The peer told what it has. */
  readonly onStatus: (peerId: PeerIdText, status: StatusBody) => void;
  /** The peer was told what we have. */
  readonly onTold: (peerId: PeerIdText, status: StatusBody) => void;
};

/** Answers peers: our status for theirs, and headers after their locators. */
export class HeadersServer {
  private readonly modules: ServerModules;
  private readonly budgets: RateBudgets;
  private readonly streams = new ServedStreams(c.MAX_SERVED_STREAMS);
  private given = 0;

  constructor(modules: ServerModules) {
    this.modules = modules;
    const limits = { burst: c.SERVE_BURST, perSecond: c.SERVE_PER_SECOND, maxPeers: c.MAX_BUDGETS };
    this.budgets = new RateBudgets(limits, () => modules.clock.monotonicMs());
  }

  /** Streams that are served now. */
  get count(): number {
    return this.streams.count;
  }

  /** Headers given since the start. */
  get headersGiven(): number {
    return this.given;
  }

  /** Handler of the protocol: until the stream is over; throws nothing. */
  handle(stream: FrameStream): Promise<void> {
    return this.streams.handle(stream, () =>
      this.serve(stream).catch((thrown: unknown) => this.failed(stream, faultOfStream(thrown))),
    );
  }

  /** Ends all streams; resolves when none is left. */
  stop(): Promise<void> {
    return this.streams.stop();
  }

  private async serve(stream: FrameStream): Promise<void> {
    const { onStatus, onTold, network } = this.modules;
    const { peerId } = stream;
    const theirs = await this.status(stream);
    await this.wait(peerId, c.STATUS_COST);
    onStatus(peerId, theirs);
    const own = ownStatus(this.modules);
    await this.write(stream, own);
    onTold(peerId, own);
    if (theirs.network !== network) return;
    for (;;) {
      const question = await this.question(stream);
      if (question === undefined) return;
      if (question.kind === 'unknown') await this.wait(peerId, c.QUESTION_COST);
      else if (question.kind === 'getHeaders') await this.answer(stream, question);
      else throw new HeadersError('MESSAGE_UNEXPECTED', `${question.kind} is no question`);
    }
  }

  private async status(stream: FrameStream): Promise<StatusBody> {
    const body = await this.read(stream, c.STATUS_TIMEOUT_MS);
    if (body === undefined) throw new HeadersError('SILENT', 'a stream without a status');
    if (body.kind === 'status') return body;
    throw new HeadersError('MESSAGE_UNEXPECTED', `a stream begins with a status, not ${body.kind}`);
  }

  /** Undefined: there is none, and nothing is wrong with that. */
  private async question(stream: FrameStream): Promise<MessageBody | undefined> {
    try {
      return await this.read(stream, c.QUESTION_TIMEOUT_MS);
    } catch (thrown) {
      if (codeOf(thrown) === 'STREAM_ENDED') return undefined;
      throw thrown;
    }
  }

  private async answer(stream: FrameStream, { locator, count }: GetHeadersBody): Promise<void> {
    const { chain } = this.modules;
    const known = readLocator(locator);
    const { headers, isLinked } = chain.headersAfter(known, count);
    const isApart = known.length > 0 && !isLinked;
    // Without a header held there is only block 0, which everybody has.
    const given = isApart || !chain.isStarted() ? new Uint8Array(0) : headers;
    const body: HeadersBody = { kind: 'headers', tip: ownTip(chain), headers: given, isApart };
    const sent = given.length / c.HEADER_BYTES;
    await this.wait(stream.peerId, c.QUESTION_COST + sent);
    await this.write(stream, body);
    this.given += sent;
  }

  /** Undefined: nothing came in time. */
  private async read(stream: FrameStream, ms: number): Promise<MessageBody | undefined> {
    let isLate = false;
    try {
      return await within(this.modules.clock, ms, this.streams.signal, async (signal) => {
        try {
          return decodeMessage(await stream.read(signal));
        } finally {
          isLate = signal.aborted;
        }
      });
    } catch (thrown) {
      if (isLate && !(thrown instanceof HeadersError)) return undefined;
      throw thrown;
    }
  }

  private write(stream: FrameStream, body: MessageBody): Promise<void> {
    return within(this.modules.clock, c.WRITE_TIMEOUT_MS, this.streams.signal, (signal) =>
      stream.write(encodeMessage(body), signal),
    );
  }

  /** A peer that asks too much waits for its answers. */
  private async wait(peerId: PeerIdText, units: number): Promise<void> {
    const ms = this.budgets.charge(peerId, units);
    if (ms > 0) await pause(this.modules.clock, ms, this.streams.signal);
  }

  private failed(stream: FrameStream, thrown: unknown): void {
    stream.abort(codeOf(thrown) ?? 'INTERNAL');
    // That a stream of the peer's breaks off is its own affair.
    if (this.streams.signal.aborted || kindOf(thrown) === 'passing') return;
    this.modules.reports.failed(stream.peerId, thrown);
  }
}
