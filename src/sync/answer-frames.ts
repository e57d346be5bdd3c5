import { ANSWER_TIMEOUT_MS, MAX_CREDIT } from '../../protocols/token-sync/constants.ts';
import { TokenSyncError } from '../../protocols/token-sync/errors.ts';
import type { AnswerBody } from '../../protocols/token-sync/messages.ts';
import type { Clock } from '../p2p/types.ts';

export interface AnswerFrame {
  readonly body: AnswerBody;
  /** Of the whole message. */
  readonly bytes: number;
}

export interface AnswerPort {
  readonly clock: Pick<Clock, 'after'>;
  /** Sends credit for this answer. */
  readonly grant: (frames: number, stop: boolean) => void;
  /** The peer broke a rule of the answer. */
  readonly fail: (error: TokenSyncError) => void;
}

/** Kinds that come without credit. */
const FREE: ReadonlySet<AnswerBody['kind']> = new Set(['head', 'done', 'anchors', 'unmined', 'failure']);
const LAST: ReadonlySet<AnswerBody['kind']> = new Set(['done', 'anchors', 'unmined', 'failure']);

/**
 * The frames of one answer, in order, from the question to the last of them. Holds no more frames than credit was granted
 * for; while the peer may send and does not, a deadline runs.
 */
export class AnswerFrames {
  private readonly port: AnswerPort;
  private readonly frames: AnswerFrame[] = [];
  /** Granted and not used. */
  private credit: number;
  private error: unknown;
  private wake: (() => void) | undefined;
  private cancelDeadline: (() => void) | undefined;
  private hasBegun = false;
  /** The last frame has come. */
  isOver = false;
  private isStopped = false;

  constructor(port: AnswerPort, credit: number) {
    this.port = port;
    this.credit = credit;
    this.watch();
  }

  /** The peer sent it. Ends the conversation if it may not come now. */
  push(frame: AnswerFrame): void {
    const { kind } = frame.body;
    if (!FREE.has(kind)) this.credit--;
    if (this.isOver || this.credit < 0) {
      const code = this.isOver ? 'MESSAGE_UNEXPECTED' : 'CREDIT_EXCEEDED';
      this.port.fail(new TokenSyncError(code, `${kind} that was not granted`));
      return;
    }
    this.hasBegun = true;
    this.isOver = LAST.has(kind);
    if (!this.isStopped || this.isOver) this.frames.push(frame);
    this.watch();
    this.wake?.();
  }

  /** The conversation is over. */
  end(error: unknown): void {
    this.error ??= error;
    this.cancelDeadline?.();
    this.wake?.();
  }

  /**
   * The next frame.
   * @throws TokenSyncError: what a failure says (INCOMPATIBLE, NOT_SHARED, NOT_READY, BUSY, TOO_LARGE, UNAVAILABLE, with
   *   `retryAfterMs`); what ended the conversation; the reason of the signal
   */
  async next(signal: AbortSignal): Promise<AnswerFrame> {
    for (;;) {
      signal.throwIfAborted();
      const frame = this.frames.shift();
      if (frame !== undefined) {
        if (frame.body.kind === 'failure') throw failed(frame.body);
        return frame;
      }
      if (this.error !== undefined) throw this.error;
      if (this.isOver) throw new TokenSyncError('MESSAGE_UNEXPECTED', 'an answer that ends too early');
      await this.changed(signal);
    }
  }

  /** Lets the peer send more frames; as many as were taken, so that it stays below MAX_CREDIT. */
  grant(frames: number): void {
    if (this.isOver || this.isStopped || this.error !== undefined) return;
    const more = Math.min(frames, MAX_CREDIT - this.credit);
    if (more <= 0) return;
    this.credit += more;
    this.port.grant(more, false);
    this.watch();
  }

  /** Wants no more of it: what is under way is dropped, the last frame is still awaited. */
  stop(): void {
    if (this.isStopped || this.isOver || this.error !== undefined) return;
    this.isStopped = true;
    this.frames.length = 0;
    this.port.grant(0, true);
    this.watch();
  }

  /** Resolves when its last frame has come or the conversation is over. */
  async ended(): Promise<void> {
    const never = new AbortController().signal;
    while (!this.isOver && this.error === undefined) await this.changed(never);
  }

  private changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.wake = undefined;
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.wake = done;
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** The peer is to send something: the first frame, what it has credit for, or the end. */
  private watch(): void {
    this.cancelDeadline?.();
    this.cancelDeadline = undefined;
    if (this.isOver || this.error !== undefined) return;
    if (this.hasBegun && this.credit === 0 && !this.isStopped) return;
    this.cancelDeadline = this.port.clock.after(ANSWER_TIMEOUT_MS, () => {
      this.port.fail(new TokenSyncError('SILENT', 'no answer came', { ms: ANSWER_TIMEOUT_MS }));
    });
  }
}

function failed({ code, retryAfterMs }: Extract<AnswerBody, { kind: 'failure' }>): TokenSyncError {
  // That we asked wrongly is ours to find out, and no reason to ask the same again soon.
  const known = code === 'BAD_REQUEST' ? 'UNAVAILABLE' : code;
  const data = retryAfterMs === undefined ? { failure: code } : { failure: code, retryAfterMs };
  return new TokenSyncError(known, `the peer answers ${code}`, data);
}
