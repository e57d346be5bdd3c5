import { decodeMessage, encodeMessage } from '../../protocols/token-sync/codec.ts';
import * as c from '../../protocols/token-sync/constants.ts';
import { tokenDigest } from '../../protocols/token-sync/digests.ts';
import {
  PENALTY_POINTS,
  TokenSyncError,
  type TokenSyncErrorCode,
} from '../../protocols/token-sync/errors.ts';
import type {
  AnswerBody,
  HelloBody,
  MessageBody,
  QuestionBody,
  SyncMessage,
} from '../../protocols/token-sync/messages.ts';
import type { FrameStream } from '../p2p/types.ts';
import type { EventRecord } from '../store/event-row.ts';
import { Answer, costOf, failure } from './answer.ts';
import { within } from './deadline.ts';
import { codeOf } from './error-code.ts';
import { SyncError } from './errors.ts';
import type { ServeShared } from './serve-modules.ts';
import { Updates } from './updates.ts';

/** Time to another try where the index or the headers are on the move. */
const NOT_READY_MS = 500;

/**
 * One stream that a peer opened: hello, then its questions one after the other, and updates in between.
 * States: opening -> (hello) serving -> (end, fault, stop) over.
 */
export class ServeStream {
  private readonly shared: ServeShared;
  private readonly stream: FrameStream;
  private readonly over = new AbortController();
  private updates: Updates | undefined;
  private answer: { readonly id: number; readonly answer: Answer } | undefined;
  private lastId = 0;
  private running: Promise<void> = Promise.resolve();

  constructor(shared: ServeShared, stream: FrameStream) {
    this.shared = shared;
    this.stream = stream;
  }

  /** Until the stream is over; throws nothing. */
  async run(): Promise<void> {
    const end = (): void => this.over.abort();
    this.shared.stopped.addEventListener('abort', end, { once: true });
    if (this.shared.stopped.aborted) end();
    try {
      await this.open();
      for (;;) this.take(decodeMessage(await this.stream.read(this.over.signal)));
    } catch (error) {
      if (isOrderly(error)) await this.close();
      else {
        this.fail(error);
        this.stream.abort('OVER');
      }
    } finally {
      end();
      this.updates?.stop();
      this.shared.stopped.removeEventListener('abort', end);
      await this.running;
    }
  }

  // serving -> over: the peer ended in order, or was told why it is not served.
  private async close(): Promise<void> {
    this.updates?.stop();
    this.answer?.answer.stop();
    await this.running;
    await within(this.shared.clock, c.WRITE_TIMEOUT_MS, this.over.signal, (signal) =>
      this.stream.close(signal),
    ).catch(() => this.stream.abort('OVER'));
  }

  onEvents(events: readonly EventRecord[]): void {
    this.updates?.onEvents(events);
  }

  onChain(undone: { readonly from: number } | undefined): void {
    this.updates?.onChain(undone);
  }

  onFollowed(): void {
    this.updates?.onFollowed();
  }

  // opening -> serving: a hello that fits.
  private async open(): Promise<void> {
    const { clock, budgets } = this.shared;
    const hello = await this.hello();
    const waitMs = budgets.take(this.stream.peerId, costOfHello(hello));
    if (waitMs > 0) return this.refuse('BUSY', waitMs);
    if (
      hello.version < c.MESSAGE_VERSION ||
      hello.network !== this.shared.network ||
      hello.rules !== c.RULES_VERSION
    )
      return this.refuse('INCOMPATIBLE');
    const updates = new Updates(this.shared, {
      ids: new TokenIds(hello, this.stream.peerId, this.shared.selfId),
      peerId: this.stream.peerId,
      signal: this.over.signal,
      send: (body) => this.write(0, body),
      onError: (error) => this.fail(error),
    });
    // Before the welcome: what changes while it is made must not be missed.
    this.updates = updates;
    try {
      await within(clock, c.ANSWER_TIMEOUT_MS, this.over.signal, (signal) => updates.welcome(signal));
    } catch (error) {
      if (!isNotReady(error)) throw error;
      await this.refuse('NOT_READY', NOT_READY_MS);
    }
  }

  private async hello(): Promise<HelloBody> {
    const { clock } = this.shared;
    let isLate = false;
    const frame = await within(clock, c.HELLO_TIMEOUT_MS, this.over.signal, async (signal) => {
      try {
        return await this.stream.read(signal);
      } finally {
        isLate = signal.aborted && !this.over.signal.aborted;
      }
    }).catch((error: unknown) => {
      throw isLate ? new TokenSyncError('SILENT', 'no hello came', { ms: c.HELLO_TIMEOUT_MS }, error) : error;
    });
    const { body } = decodeMessage(frame);
    if (body.kind === 'hello') return body;
    throw new TokenSyncError('MESSAGE_UNEXPECTED', `a stream begins with a hello, not ${body.kind}`);
  }

  private async refuse(code: c.FailureCode, retryAfterMs?: number): Promise<never> {
    await this.write(1, failure(code, retryAfterMs));
    const isCode = code === 'BUSY' || code === 'NOT_READY';
    throw new TokenSyncError(isCode ? code : 'INCOMPATIBLE', 'the hello is refused');
  }

  /** @throws TokenSyncError */
  private take({ id, body }: SyncMessage): void {
    switch (body.kind) {
      case 'unknown':
        return;
      case 'credit':
        // What is granted for an answer that is over was under way.
        if (id === this.answer?.id) this.answer.answer.grant(body);
        else if (id > this.lastId) throw unexpected('credit for no question');
        return;
      case 'anchorsRequest':
      case 'rangeRequest':
      case 'unminedRequest':
      case 'fetchRequest':
        if (id <= this.lastId) throw unexpected('ids of questions ascend');
        if (this.answer !== undefined) throw unexpected('one question at a time');
        this.lastId = id;
        this.begin(id, body);
        return;
      default:
        throw unexpected(`${body.kind} is nothing to be asked`);
    }
  }

  private begin(id: number, question: QuestionBody): void {
    const { budgets, store, tokens } = this.shared;
    const { peerId } = this.stream;
    const endWith = (body: AnswerBody): void => {
      this.answer = undefined;
      this.follow(this.write(id, body));
    };
    const waitMs = budgets.take(peerId, costOf(question));
    const tokenId = this.updates?.tokenId(question.token);
    const tokenNo = tokenId === undefined ? undefined : store.tokenNos.get(tokenId);
    if (waitMs > 0) {
      endWith(failure('BUSY', waitMs));
      return;
    }
    if (tokenId === undefined || tokenNo === undefined) {
      endWith(failure('NOT_SHARED'));
      return;
    }
    if (!tokens.isComplete(tokenId)) {
      endWith(failure('NOT_READY', NOT_READY_MS));
      return;
    }
    const port = {
      peerId,
      signal: this.over.signal,
      send: (body: AnswerBody) => this.write(id, body),
      sendLast: (body: AnswerBody) => {
        this.answer = undefined;
        return this.write(id, body);
      },
    };
    const answer = new Answer(this.shared, port, question, { tokenId, tokenNo });
    this.answer = { id, answer };
    this.follow(
      answer.run().catch((error: unknown) => {
        if (error instanceof TokenSyncError || this.over.signal.aborted) throw error;
        if (isStreamError(error)) throw error;
        if (!isNotReady(error)) this.shared.onError(error);
        endWith(isNotReady(error) ? failure('NOT_READY', NOT_READY_MS) : failure('UNAVAILABLE'));
      }),
    );
  }

  /** Work beside the reading: its failure ends the stream. */
  private follow(work: Promise<void>): void {
    const done = work.catch((error: unknown) => this.fail(error));
    this.running = Promise.all([this.running, done]).then(() => undefined);
  }

  private write(id: number, body: MessageBody): Promise<void> {
    return within(this.shared.clock, c.WRITE_TIMEOUT_MS, this.over.signal, (signal) =>
      this.stream.write(encodeMessage({ id, body }), signal),
    );
  }

  // serving -> over: a fault of the peer, an error of the stream, or our own stop.
  private fail(error: unknown): void {
    if (this.over.signal.aborted) return;
    const code = faultOf(error);
    const points = code === undefined ? undefined : PENALTY_POINTS[code];
    if (code !== undefined && points !== undefined) this.shared.onFault(this.stream.peerId, code, points);
    else if (code === undefined && !isStreamError(error)) this.shared.onError(error);
    this.over.abort();
    this.stream.abort(code ?? 'OVER');
  }
}

/** Which tokens of ours a hello names. */
export class TokenIds {
  private readonly hello: HelloBody;
  private readonly asker: string;
  private readonly answerer: string;
  private readonly places = new Map<string, number>();

  /** @throws TokenSyncError FIELD_INVALID: a digest twice */
  constructor(hello: HelloBody, asker: string, answerer: string) {
    this.hello = hello;
    this.asker = asker;
    this.answerer = answerer;
    const bytes = Buffer.from(hello.digests);
    for (let at = 0; at < bytes.length; at += c.DIGEST_BYTES)
      this.places.set(bytes.toString('latin1', at, at + c.DIGEST_BYTES), at / c.DIGEST_BYTES);
    if (this.places.size * c.DIGEST_BYTES === bytes.length) return;
    throw new TokenSyncError('FIELD_INVALID', 'digests: one of them twice', { field: 'digests' });
  }

  /** By their place in the hello. */
  shared(followed: readonly string[]): Map<number, string> {
    const shared = new Map<number, string>();
    for (const tokenId of followed) {
      const digest = tokenDigest(this.hello.salt, this.asker, this.answerer, tokenId);
      const place = this.places.get(digest.toString('latin1'));
      if (place !== undefined) shared.set(place, tokenId);
    }
    return shared;
  }
}

function costOfHello({ digests }: HelloBody): number {
  return c.COST.hello + (digests.length / c.DIGEST_BYTES) * c.COST.digest;
}

function unexpected(message: string): TokenSyncError {
  return new TokenSyncError('MESSAGE_UNEXPECTED', message);
}

function isNotReady(error: unknown): boolean {
  return error instanceof SyncError && error.code === 'NOT_READY';
}

function isOrderly(error: unknown): boolean {
  const isRefusal = error instanceof TokenSyncError && PENALTY_POINTS[error.code] === undefined;
  return isRefusal || codeOf(error) === 'STREAM_ENDED';
}

/** What the peer did wrong, if it did; a stream that ends or breaks off is no fault. */
function faultOf(error: unknown): TokenSyncErrorCode | undefined {
  if (error instanceof TokenSyncError) return error.code;
  const code = codeOf(error);
  if (code === 'FRAME_TOO_LARGE') return 'FRAME_TOO_LARGE';
  return code === 'BAD_FRAME' ? 'FRAME_MALFORMED' : undefined;
}

function isStreamError(error: unknown): boolean {
  return ['STREAM_ENDED', 'STREAM_RESET', 'TIMEOUT', 'NOT_CONNECTED', 'CANCELLED', 'STOPPED'].includes(
    codeOf(error) ?? '',
  );
}
