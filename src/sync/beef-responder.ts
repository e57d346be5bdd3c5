import type { Clock, FrameStream, PeerJudge, ProtocolOptions } from '../p2p/types.ts';
import { buildBeef } from '../store/beef-builder.ts';
import type { Store } from '../store/store.ts';
import { pause, within } from './deadline.ts';
import { codeOf } from './error-code.ts';
import { RateBudgets } from './rate-budget.ts';
import { ServedStreams } from './served-streams.ts';

/** A protocol of other overlay nodes (wire-compat.md section 10): one line asks for a transaction, a BEEF comes back. */
export const BEEF_PROTOCOL_IDS = ['/bsv-overlay/beef/1.0.0'];

/** Bytes of a piece of an answer. */
const PIECE_BYTES = 64 * 1024;
/** For `Host.handle`. */
export const BEEF_STREAMS: ProtocolOptions = {
  maxFrameBytes: PIECE_BYTES,
  maxInboundStreams: 2,
  maxOutboundStreams: 1,
  framing: 'raw',
};

/** `GET `, topic, txid and line end have about 150. */
const MAX_REQUEST_BYTES = 256;
const MAX_TOPIC_CHARS = 128;
/** Raw transactions of one answer; a larger one is not found. */
const MAX_BEEF_BYTES = 16 * 1024 * 1024;
/** From the opening of a stream to the end of the request line. */
const REQUEST_TIMEOUT_MS = 10_000;
/** Clients give up after this. */
const ANSWER_TIMEOUT_MS = 30_000;
/** Streams served at once, of all peers together. */
const MAX_SERVED_STREAMS = 32;

/** What a peer is served, in kilobytes: 64 MB at once, then 2 MB a second; a request costs as much as 64. */
const RATE = { burst: 65_536, perSecond: 2_048, maxPeers: 4_096 };
const REQUEST_COST = 64;
/** Who would have to wait longer is refused. */
const MAX_WAIT_MS = 10_000;

const OK = '200 OK';
const BAD_REQUEST = '400 Bad Request';
const NOT_FOUND = '404 Not Found';

/** Finds the atomic BEEF (BRC-95) of an active transaction of that token; undefined: there is none to give. */
export type FindBeef = (tokenId: string, txid: string) => Uint8Array | undefined;

export interface BeefResponderModules {
  readonly find: FindBeef;
  readonly isFollowed: (tokenId: string) => boolean;
  readonly judge: Pick<PeerJudge, 'penalise'>;
  readonly clock: Clock;
  /** A fault of ours, such as a damaged row. */
  readonly onError: (error: unknown) => void;
}

export interface BeefResponderFacts {
  readonly served: number;
  readonly notFound: number;
  readonly badRequests: number;
  /** Resets of those who asked too much or said nothing. */
  readonly refused: number;
}

interface BeefRequest {
  readonly topic: string;
  /** 64 lower-case hex digits. */
  readonly txid: string;
}

/** Gives transactions of followed tokens, from the store, to nodes that speak another overlay's protocol. */
export class BeefResponder {
  private readonly modules: BeefResponderModules;
  private readonly budgets: RateBudgets;
  private readonly streams = new ServedStreams(MAX_SERVED_STREAMS);
  private readonly counts = { served: 0, notFound: 0, badRequests: 0, refused: 0 };

  constructor(modules: BeefResponderModules) {
    this.modules = modules;
    this.budgets = new RateBudgets(RATE, () => modules.clock.monotonicMs());
  }

  facts(): BeefResponderFacts {
    return { ...this.counts };
  }

  /** Handler of the protocol: one request, one answer; throws nothing. */
  handle(stream: FrameStream): Promise<void> {
    return this.streams.handle(stream, () =>
      this.serve(stream).catch((error: unknown) => this.failed(stream, error)),
    );
  }

  /** Ends all streams; resolves when none is left. */
  stop(): Promise<void> {
    return this.streams.stop();
  }

  private async serve(stream: FrameStream): Promise<void> {
    const { clock } = this.modules;
    const { signal } = this.streams;
    const { peerId } = stream;
    const line = await this.line(stream);
    if (line === undefined) return this.refuse(stream, 'STREAM_TIMEOUT');
    const waitMs = this.budgets.charge(peerId, REQUEST_COST);
    if (waitMs > MAX_WAIT_MS) return this.refuse(stream, 'RATE_EXCEEDED');
    if (waitMs > 0) await pause(clock, waitMs, signal);
    const request = parseRequest(line);
    const beef = request === undefined ? undefined : this.find(request);
    if (beef !== undefined) this.budgets.charge(peerId, beef.length / 1024);
    const status = request === undefined ? BAD_REQUEST : beef === undefined ? NOT_FOUND : OK;
    this.counts[request === undefined ? 'badRequests' : beef === undefined ? 'notFound' : 'served'] += 1;
    const head = Buffer.from(`${status}\nContent-Length: ${beef?.length ?? 0}\n\n`);
    await within(clock, ANSWER_TIMEOUT_MS, signal, async (own) => {
      await stream.write(head, own);
      for (let at = 0; beef !== undefined && at < beef.length; at += PIECE_BYTES)
        await stream.write(beef.subarray(at, at + PIECE_BYTES), own);
    });
  }

  /** The request line without its end; '' if there is none within the bounds, undefined if none comes in time. */
  private async line(stream: FrameStream): Promise<string | undefined> {
    let isLate = false;
    let text = '';
    try {
      return await within(this.modules.clock, REQUEST_TIMEOUT_MS, this.streams.signal, async (signal) => {
        try {
          while (text.length <= MAX_REQUEST_BYTES) {
            text += Buffer.from(await stream.read(signal)).toString('latin1');
            const end = text.indexOf('\n');
            if (end >= 0) return end > MAX_REQUEST_BYTES ? '' : text.slice(0, end);
          }
          return '';
        } finally {
          isLate = signal.aborted && !this.streams.signal.aborted;
        }
      });
    } catch (error) {
      if (isLate) return undefined;
      if (codeOf(error) === 'STREAM_ENDED') return '';
      throw error;
    }
  }

  private find({ topic, txid }: BeefRequest): Uint8Array | undefined {
    const tokenId = topic.startsWith('tm_') ? topic.slice(3) : '';
    return this.modules.isFollowed(tokenId) ? this.modules.find(tokenId, txid) : undefined;
  }

  private refuse(stream: FrameStream, code: string): void {
    this.counts.refused += 1;
    stream.abort(code);
    this.modules.judge.penalise(stream.peerId, code);
  }

  private failed(stream: FrameStream, error: unknown): void {
    stream.abort(codeOf(error) ?? 'INTERNAL');
    if (!isStreamError(error)) this.modules.onError(error);
  }
}

/** Undefined: it is none. */
function parseRequest(line: string): BeefRequest | undefined {
  const [verb, topic = '', txid = '', ...rest] = line.replace(/\r$/, '').split(' ');
  const isGood =
    verb === 'GET' &&
    rest.length === 0 &&
    topic.length <= MAX_TOPIC_CHARS &&
    /^[\x21-\x7e]+$/.test(topic) &&
    /^[0-9a-fA-F]{64}$/.test(txid);
  return isGood ? { topic, txid: txid.toLowerCase() } : undefined;
}

/** What of the store may be given: active transactions with a valid output of the token, or that spend one. */
export function findInStore(store: Store): FindBeef {
  return (tokenId, txid) => {
    const tokenNo = store.tokenNos.get(tokenId);
    const record = tokenNo === undefined ? undefined : store.tx(txid);
    if (record?.status !== 'active') return undefined;
    const part = record.tokens.find((one) => one.tokenNo === tokenNo);
    const isOfToken =
      part !== undefined &&
      (part.inputs.length > 0 || part.outputs.some(({ verdict }) => verdict === 'valid'));
    return isOfToken ? buildBeef(store, txid, MAX_BEEF_BYTES) : undefined;
  };
}

/** The peer went away, or was too slow. */
function isStreamError(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code === 'STREAM_RESET' || code === 'STREAM_ENDED' || code === 'TIMEOUT' || code === 'FRAME_TOO_LARGE'
  );
}
