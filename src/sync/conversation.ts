import { decodeMessage, encodeMessage } from '../../protocols/token-sync/codec.ts';
import * as c from '../../protocols/token-sync/constants.ts';
import { tokenDigest } from '../../protocols/token-sync/digests.ts';
import { TokenSyncError } from '../../protocols/token-sync/errors.ts';
import type {
  MessageBody,
  QuestionBody,
  SyncMessage,
  TokenFacts,
  UpdateBody,
  WelcomeBody,
} from '../../protocols/token-sync/messages.ts';
import type { Clock, FrameStream, PeerIdText } from '../p2p/types.ts';
import { AnswerFrames } from './answer-frames.ts';
import { faultOf } from './client-faults.ts';
import { UNASKED_BURST, UNASKED_PER_SECOND } from './client-limits.ts';
import { within } from './deadline.ts';
import { SyncError } from './errors.ts';

export interface ConversationModules {
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly selfId: PeerIdText;
  readonly network: string;
  readonly randomBytes: (length: number) => Uint8Array;
}

/** What the peer told unasked: of tokens by their id. Hash in display order. */
export interface Told {
  readonly tip: { readonly height: number; readonly hash: string };
  readonly tokens: ReadonlyMap<string, TokenFacts>;
  readonly gone: readonly string[];
}

export interface ConversationHooks {
  /** After the welcome: whatever changed. */
  onTold(told: Told): void;
  /** Once, with what ended it; STOPPED: we did. */
  onOver(error: unknown): void;
}

export interface ConversationCounts {
  frames: number;
  bytes: number;
}

/**
 * One stream on which we ask: hello, welcome, then one question at a time; updates come in between. A frame that breaks a
 * rule ends it. States: greeting -> (welcome, start) talking -> (end, fault, close) over.
 */
export class Conversation {
  readonly peerId: PeerIdText;
  /** Tokens by their place in the hello. */
  readonly tokens: readonly string[];
  readonly received: ConversationCounts = { frames: 0, bytes: 0 };
  readonly sent: ConversationCounts = { frames: 0, bytes: 0 };
  private readonly modules: ConversationModules;
  private readonly stream: FrameStream;
  private readonly hooks: ConversationHooks;
  private readonly over = new AbortController();
  private readonly places: ReadonlyMap<string, number>;
  private answer: { readonly id: number; readonly frames: AnswerFrames } | undefined;
  private lastId = 0;
  private waiting = 0;
  private turn: Promise<void> = Promise.resolve();
  private unasked = UNASKED_BURST;
  private unaskedAtMs: number;
  /** What ended it. */
  private error: unknown;
  private isTalking = false;

  private constructor(
    stream: FrameStream,
    tokens: readonly string[],
    modules: ConversationModules,
    hooks: ConversationHooks,
  ) {
    this.stream = stream;
    this.peerId = stream.peerId;
    this.tokens = tokens;
    this.places = new Map(tokens.map((tokenId, place) => [tokenId, place]));
    this.modules = modules;
    this.hooks = hooks;
    this.unaskedAtMs = modules.clock.monotonicMs();
  }

  /**
   * Greets the peer; `start` goes on from there. greeting -> over: no welcome, the stream is gone then.
   * @throws TokenSyncError INCOMPATIBLE, BUSY, SILENT or what the peer broke; what the stream throws
   */
  static async begin(
    stream: FrameStream,
    tokens: readonly string[],
    modules: ConversationModules,
    hooks: ConversationHooks,
    signal: AbortSignal,
  ): Promise<{ readonly conversation: Conversation; readonly welcome: Told }> {
    const conversation = new Conversation(stream, tokens.slice(0, c.MAX_TOKENS), modules, hooks);
    const welcome = await conversation.greet(signal);
    return { conversation, welcome };
  }

  // greeting -> talking: whoever wants to hear of updates is ready for them. Before it nothing is read.
  start(): void {
    this.isTalking = true;
    void this.listen();
  }

  get isOver(): boolean {
    return this.over.signal.aborted;
  }

  /** Questions that are asked or wait to be. */
  get load(): number {
    return this.waiting;
  }

  /**
   * Asks when the questions before it are answered; `take` reads the answer. An answer that is not read to its end is
   * stopped. `credit`: frames that the peer may send at first.
   * @throws what `take` throws, what ended the conversation, the reason of the signal
   */
  async ask<T>(
    tokenId: string,
    question: (token: number) => QuestionBody,
    take: (answer: AnswerFrames) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const before = this.turn;
    const mine = Promise.withResolvers<void>();
    this.turn = mine.promise;
    this.waiting++;
    let frames: AnswerFrames | undefined;
    try {
      await untilAborted(before, signal);
      frames = this.begin(question(this.placeOf(tokenId)));
      return await take(frames);
    } catch (error) {
      if (faultOf(error) !== undefined) this.fail(error);
      throw error;
    } finally {
      this.waiting--;
      void this.finish(frames, before).then(mine.resolve);
    }
  }

  // talking -> over: nothing more is wanted; what is being answered is read to its end first.
  async close(): Promise<void> {
    await this.turn;
    if (this.isOver) return;
    const { clock } = this.modules;
    this.end(new SyncError('STOPPED', 'the conversation is closed'));
    const never = new AbortController().signal;
    await within(clock, c.WRITE_TIMEOUT_MS, never, (signal) => this.stream.close(signal)).catch(() =>
      this.stream.abort('OVER'),
    );
  }

  // greeting, talking -> over: at once, whatever is under way.
  abort(): void {
    this.fail(new SyncError('STOPPED', 'the conversation is broken off'));
  }

  private begin(body: QuestionBody): AnswerFrames {
    if (this.isOver) throw this.error;
    const id = ++this.lastId;
    const port = {
      clock: this.modules.clock,
      fail: (error: unknown) => this.fail(error),
      grant: (granted: number, stop: boolean) => this.send(id, { kind: 'credit', frames: granted, stop }),
    };
    const frames = new AnswerFrames(port, 'credit' in body ? body.credit : 0);
    this.answer = { id, frames };
    this.send(id, body);
    return frames;
  }

  /** The next question may be asked when the last frame of this answer has come. */
  private async finish(frames: AnswerFrames | undefined, before: Promise<void>): Promise<void> {
    await before;
    if (frames === undefined) return;
    frames.stop();
    await frames.ended();
    this.answer = undefined;
  }

  private placeOf(tokenId: string): number {
    const place = this.places.get(tokenId);
    if (place === undefined) throw new TokenSyncError('NOT_SHARED', 'it was not in our hello', { tokenId });
    return place;
  }

  private async greet(signal: AbortSignal): Promise<Told> {
    const { network, randomBytes, selfId, clock } = this.modules;
    const salt = randomBytes(c.SALT_BYTES);
    const digests = Buffer.concat(this.tokens.map((id) => tokenDigest(salt, selfId, this.peerId, id)));
    const onAbort = (): void => this.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    let isLate = false;
    try {
      this.send(0, {
        kind: 'hello',
        version: c.MESSAGE_VERSION,
        network,
        rules: c.RULES_VERSION,
        salt,
        digests,
      });
      const cancel = clock.after(c.ANSWER_TIMEOUT_MS, () => {
        isLate = true;
        this.abort();
      });
      const frame = await this.stream.read(this.over.signal).finally(cancel);
      return this.welcomed(this.decoded(frame).body);
    } catch (error) {
      const known = isLate ? new TokenSyncError('SILENT', 'no welcome came', {}, error) : error;
      this.fail(known);
      throw known;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  private welcomed(body: MessageBody): Told {
    if (body.kind === 'welcome') return this.told(body, []);
    if (body.kind !== 'failure')
      throw new TokenSyncError('MESSAGE_UNEXPECTED', `a ${body.kind} instead of a welcome`);
    const { code, retryAfterMs } = body;
    const data = retryAfterMs === undefined ? {} : { retryAfterMs };
    throw new TokenSyncError(
      code === 'BAD_REQUEST' ? 'UNAVAILABLE' : code,
      `it answers the hello with ${code}`,
      data,
    );
  }

  private async listen(): Promise<void> {
    try {
      for (;;) this.take(await this.stream.read(this.over.signal));
    } catch (error) {
      this.fail(error);
    }
  }

  private decoded(frame: Uint8Array): SyncMessage {
    this.received.frames++;
    this.received.bytes += frame.length;
    return decodeMessage(frame);
  }

  private take(frame: Uint8Array): void {
    const { id, body } = this.decoded(frame);
    switch (body.kind) {
      case 'update':
        this.countUnasked();
        this.hooks.onTold(this.told(body, body.gone));
        return;
      case 'unknown':
        this.countUnasked();
        return;
      case 'anchors':
      case 'head':
      case 'listing':
      case 'chunk':
      case 'piece':
      case 'unmined':
      case 'done':
      case 'failure':
        if (id !== this.answer?.id) throw unexpected(`${body.kind} to no question`);
        this.answer.frames.push({ body, bytes: frame.length });
        return;
      default:
        throw unexpected(`${body.kind} from who is asked`);
    }
  }

  private told({ tip, tokens }: WelcomeBody | UpdateBody, gone: readonly number[]): Told {
    const facts = new Map<string, TokenFacts>();
    for (const fact of tokens) facts.set(this.named(fact.token), fact);
    if (facts.size !== tokens.length) throw invalid('a token twice');
    const hash = Buffer.from(tip.hash).reverse().toString('hex');
    return {
      tip: { height: tip.height, hash },
      tokens: facts,
      gone: gone.map((place) => this.named(place)),
    };
  }

  private named(place: number): string {
    const tokenId = this.tokens[place];
    if (tokenId === undefined) throw invalid('a token that our hello does not have');
    return tokenId;
  }

  /** An honest peer sends one update a second at most. */
  private countUnasked(): void {
    const nowMs = this.modules.clock.monotonicMs();
    const more = ((nowMs - this.unaskedAtMs) * UNASKED_PER_SECOND) / 1_000;
    this.unasked = Math.min(UNASKED_BURST, this.unasked + more) - 1;
    this.unaskedAtMs = nowMs;
    if (this.unasked < 0) throw unexpected('more updates than anything can change');
  }

  /** Frames go in the order of the calls; one that does not get through ends the stream. */
  private send(id: number, body: MessageBody): void {
    const frame = encodeMessage({ id, body });
    this.sent.frames++;
    this.sent.bytes += frame.length;
    const { clock } = this.modules;
    within(clock, c.WRITE_TIMEOUT_MS, this.over.signal, (signal) => this.stream.write(frame, signal)).catch(
      (error: unknown) => this.fail(error),
    );
  }

  // greeting, talking -> over: a fault of the peer, an error of the stream, or our own stop.
  private fail(error: unknown): void {
    if (this.isOver) return;
    this.end(error);
    this.stream.abort(faultOf(error)?.code ?? 'OVER');
  }

  private end(error: unknown): void {
    this.error = error;
    this.over.abort();
    this.answer?.frames.end(error);
    // Who greets is told by what it throws.
    if (this.isTalking) this.hooks.onOver(error);
  }
}

/** Rejects at once when the signal ends, whatever becomes of the promise; leaves no listener. */
function untilAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => reject(signal.reason);
    if (signal.aborted) return end();
    signal.addEventListener('abort', end, { once: true });
    void promise.then(() => {
      signal.removeEventListener('abort', end);
      resolve();
    });
  });
}

function unexpected(message: string): TokenSyncError {
  return new TokenSyncError('MESSAGE_UNEXPECTED', message);
}

function invalid(message: string): TokenSyncError {
  return new TokenSyncError('FIELD_INVALID', message);
}
