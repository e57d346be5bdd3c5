import type { Socket } from 'node:net';
import { deadline } from './deadline.ts';
import type { Dispatcher } from './dispatch.ts';
import { ApiError, type WireError, wireError } from './errors.ts';
import {
  LINGER_MS,
  MAX_BATCH_REPLY_BYTES,
  MAX_LINE_BYTES,
  MAX_OPEN_BYTES,
  MAX_OPEN_REQUESTS,
  TURN_MS,
  WRITE_DEADLINE_MS,
} from './limits.ts';
import { LineReader } from './lines.ts';
import { type InvalidRequest, parseLine, type Request, type RequestId } from './parse.ts';
import { newSessionState, type Session } from './session.ts';

export interface ConnectionOptions {
  readonly writeDeadlineMs?: number;
  readonly maxOpenRequests?: number;
}

export interface ConnectionModules {
  readonly dispatcher: Dispatcher;
  readonly nowMs: () => number;
  /** `code` tells why the connection ended, if it was we who ended it. */
  readonly onClose: (code: DropCode | undefined) => void;
}

export type DropCode = 'SLOW_READER' | 'LIMIT_BROKEN';

/**
 * One client of the socket. Requests run side by side and are answered in the order in which they finish.
 * Nothing is read while too many are open or while the client does not take its answers, so a client costs
 * a bounded amount of memory; one that does not take an answer within the deadline is dropped.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #modules: ConnectionModules;
  readonly #writeDeadlineMs: number;
  readonly #maxOpenRequests: number;
  readonly #lines = new LineReader(MAX_LINE_BYTES);
  readonly #abort = new AbortController();
  readonly #session: Session;
  /** Resolves when the socket is gone and all of it is undone. */
  readonly closed: Promise<void>;
  #open = 0;
  #openBytes = 0;
  #unsent = 0;
  #stopDeadline: (() => void) | undefined;
  #room: PromiseWithResolvers<void> | undefined;
  #refused = false;
  /** The client sends no more, or we take no more. */
  #finishing = false;
  #inputEnded = false;
  #turnPending = false;
  #drop: DropCode | undefined;

  constructor(socket: Socket, opts: ConnectionOptions, modules: ConnectionModules) {
    this.#socket = socket;
    this.#modules = modules;
    this.#writeDeadlineMs = opts.writeDeadlineMs ?? WRITE_DEADLINE_MS;
    this.#maxOpenRequests = opts.maxOpenRequests ?? MAX_OPEN_REQUESTS;
    this.#session = {
      signal: this.#abort.signal,
      state: newSessionState(),
      notify: (method, params) => this.#send(JSON.stringify({ jsonrpc: '2.0', method, params })),
      drained: () => this.#drained(),
    };
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => this.#onDrain());
    // A client may close its sending side (`echo ... | nc`): its answers still go out, then all ends. One that is
    // gone looks the same, so what would last (imports, subscriptions, checks of the store) ends now.
    socket.on('end', () => {
      this.#inputEnded = true;
      this.#abort.abort();
      this.#work();
    });
    // The close that follows an error says all there is to do.
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#onClose();
        resolve();
      });
    });
  }

  /** Takes no more requests; the connection ends when what is in work was answered, or soon. */
  close(): void {
    this.#finishing = true;
    this.#abort.abort();
    this.#linger();
    this.#work();
  }

  #onData(chunk: Buffer): void {
    if (this.#refused) return;
    this.#lines.push(chunk);
    this.#work();
  }

  /** Starts requests while there is room, and gives the other connections their turn in between. */
  #work(): void {
    if (this.#turnPending || this.#refused) return;
    if (this.#finishing) {
      this.#endWhenIdle();
      return;
    }
    const startMs = this.#modules.nowMs();
    while (this.#hasRoom()) {
      const line = this.#lines.next();
      if (line === undefined) break;
      this.#take(line);
      if (this.#refused) return;
      if (this.#modules.nowMs() - startMs >= TURN_MS && this.#lines.pending > 0) {
        this.#turnPending = true;
        setImmediate(() => {
          this.#turnPending = false;
          this.#work();
        });
        break;
      }
    }
    if (this.#lines.pending === 0 && this.#lines.tooLong) {
      this.#refuse(new ApiError('LINE_TOO_LONG', { max: MAX_LINE_BYTES }));
      return;
    }
    if (this.#inputEnded && this.#lines.pending === 0) this.#endWhenIdle();
    else if (this.#hasRoom() && this.#lines.pending === 0) this.#socket.resume();
    else this.#socket.pause();
  }

  #endWhenIdle(): void {
    if (this.#open > 0 || this.#socket.writableEnded) return;
    this.#abort.abort();
    this.#socket.end();
    this.#socket.resume();
  }

  #hasRoom(): boolean {
    return (
      this.#open < this.#maxOpenRequests &&
      this.#openBytes < MAX_OPEN_BYTES &&
      !this.#socket.writableNeedDrain &&
      !this.#socket.destroyed
    );
  }

  #take(line: Buffer): void {
    const parsed = parseLine(line);
    switch (parsed.kind) {
      case 'blank':
        return;
      case 'refused':
        if (parsed.close) this.#refuse(parsed.error);
        else this.#send(failure(null, parsed.error));
        return;
      case 'single':
        this.#run(line.length, 1, () => this.#answerOne(parsed.item));
        return;
      case 'batch':
        this.#run(line.length, parsed.items.length, () => this.#answerBatch(parsed.items));
        return;
    }
  }

  #run(bytes: number, requests: number, work: () => Promise<void>): void {
    this.#open += requests;
    this.#openBytes += bytes;
    // `work` answers every error itself.
    void work().finally(() => {
      this.#open -= requests;
      this.#openBytes -= bytes;
      this.#work();
    });
  }

  async #answerOne(item: Request | InvalidRequest): Promise<void> {
    const { text, tasks } = await this.#answer(item);
    if (text !== undefined) this.#send(text);
    for (const task of tasks) task();
  }

  async #answerBatch(items: readonly (Request | InvalidRequest)[]): Promise<void> {
    const answers: string[] = [];
    const afterwards: (() => void)[] = [];
    let bytes = 0;
    for (const item of items) {
      if (this.#abort.signal.aborted) return;
      let { text, tasks } = await this.#answer(item);
      afterwards.push(...tasks);
      if (text === undefined) continue;
      if (bytes + text.length > MAX_BATCH_REPLY_BYTES) {
        text = failure(item.id ?? null, new ApiError('REPLY_TOO_LARGE', { max: MAX_BATCH_REPLY_BYTES }));
      }
      bytes += text.length;
      answers.push(text);
      // A batch is one line, so the turn is given here.
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (answers.length > 0) this.#send(`[${answers.join(',')}]`);
    for (const task of afterwards) task();
  }

  /** `text` undefined: a notification, which gets no answer, not even an error. */
  async #answer(
    item: Request | InvalidRequest,
  ): Promise<{ text: string | undefined; tasks: readonly (() => void)[] }> {
    if (item.kind === 'invalid') return { text: failure(item.id, item.error), tasks: [] };
    const { id } = item;
    try {
      const answer = await this.#modules.dispatcher.call(this.#session, item.method, item.params);
      const text =
        id === undefined ? undefined : JSON.stringify({ jsonrpc: '2.0', id, result: answer.result });
      return { text, tasks: answer.afterReply };
    } catch (error) {
      const text = id === undefined ? undefined : failure(id, error as ApiError);
      return { text, tasks: [] };
    }
  }

  /** Answers what broke a limit and closes; input is thrown away for a while, so that the answer arrives. */
  #refuse(error: ApiError): void {
    this.#drop = 'LIMIT_BROKEN';
    this.#send(failure(null, error));
    this.#refused = true;
    this.#abort.abort();
    this.#socket.end();
    this.#socket.resume();
    this.#linger();
  }

  #linger(): void {
    setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
  }

  #send(text: string): void {
    if (this.#refused || this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#unsent += 1;
    this.#armDeadline();
    this.#socket.write(`${text}\n`, () => {
      this.#unsent -= 1;
      // Each line that was taken gives the next one the whole time.
      this.#stopDeadline?.();
      this.#stopDeadline = undefined;
      if (this.#unsent > 0) this.#armDeadline();
    });
  }

  #armDeadline(): void {
    this.#stopDeadline ??= deadline(this.#writeDeadlineMs, () => {
      this.#drop = 'SLOW_READER';
      this.#socket.destroy();
    });
  }

  #drained(): Promise<void> {
    if (!this.#socket.writableNeedDrain || this.#socket.destroyed) return Promise.resolve();
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  #onDrain(): void {
    this.#room?.resolve();
    this.#room = undefined;
    this.#work();
  }

  #onClose(): void {
    this.#stopDeadline?.();
    this.#abort.abort();
    this.#session.state.imports.clear();
    this.#session.state.beef = undefined;
    this.#room?.resolve();
    this.#modules.onClose(this.#drop);
  }
}

function failure(id: RequestId, error: ApiError): string {
  const body: { jsonrpc: '2.0'; id: RequestId; error: WireError } = {
    jsonrpc: '2.0',
    id,
    error: wireError(error),
  };
  return JSON.stringify(body);
}
