import { connect, type Socket } from 'node:net';
import { deadline } from './deadline.ts';
import type { WireError } from './errors.ts';
import { LineReader } from './lines.ts';
import type { MethodName, Params, Result } from './methods/index.ts';

/** An answer may be larger than a request: a page of a thousand items, a piece of a BEEF in hex, a batch. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export type Notification = (method: string, params: Readonly<Record<string, unknown>>) => void;

/** What can call methods: a connection to a daemon, or the same table in this process. */
export interface Caller {
  readonly via: 'daemon' | 'local';
  /** @throws RpcError if the method refused; ClientError if there is no answer */
  call<M extends MethodName>(method: M, params: Params<M>): Promise<Result<M>>;
  /** A method by any name, for callers that pass on what a person typed. */
  request(method: string, params: unknown): Promise<unknown>;
  onNotification(listener: Notification): void;
  /** Resolves when no more answers can come. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

/** The method refused: number and text as on the wire, `code` the stable string. */
export class RpcError extends Error {
  readonly number: number;
  readonly code: string;
  readonly data: WireError['data'];

  constructor(error: WireError) {
    super(error.message);
    this.name = 'RpcError';
    this.number = error.code;
    this.code = error.data?.code ?? 'UNKNOWN';
    this.data = error.data ?? { code: 'UNKNOWN' };
  }
}

export type ClientErrorCode =
  /** Nothing is at the path. */
  | 'SOCKET_ABSENT'
  /** A socket is there, and nobody listens. */
  | 'SOCKET_DEAD'
  /** The file mode keeps us out. */
  | 'SOCKET_DENIED'
  | 'SOCKET_FAILED'
  | 'NO_ANSWER'
  | 'CONNECTION_LOST'
  | 'ANSWER_INVALID';

export class ClientError extends Error {
  readonly code: ClientErrorCode;
  readonly data: Readonly<Record<string, string | number>>;

  constructor(code: ClientErrorCode, message: string, data: Readonly<Record<string, string | number>> = {}) {
    super(message);
    this.name = 'ClientError';
    this.code = code;
    this.data = data;
  }
}

const CONNECT_CODES: Readonly<Record<string, ClientErrorCode>> = {
  ENOENT: 'SOCKET_ABSENT',
  ENOTDIR: 'SOCKET_ABSENT',
  ECONNREFUSED: 'SOCKET_DEAD',
  EACCES: 'SOCKET_DENIED',
  EPERM: 'SOCKET_DENIED',
};

export interface ClientOptions {
  readonly socketPath: string;
  /** For the connection; calls have no deadline, since some may last (imports, checks). */
  readonly connectTimeoutMs?: number;
}

/** @throws ClientError */
export function connectClient(opts: ClientOptions): Promise<RpcClient> {
  return new Promise((resolve, reject) => {
    const path = opts.socketPath;
    const socket = connect(path);
    const fail = (code: ClientErrorCode, reason: string) => {
      stopDeadline();
      socket.destroy();
      reject(new ClientError(code, `cannot connect to ${path}: ${reason}`, { path, reason }));
    };
    const stopDeadline = deadline(opts.connectTimeoutMs ?? 5_000, () =>
      fail('NO_ANSWER', 'it does not accept'),
    );
    const onError = (error: NodeJS.ErrnoException) => {
      fail(CONNECT_CODES[error.code ?? ''] ?? 'SOCKET_FAILED', error.code ?? error.message);
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      stopDeadline();
      socket.off('error', onError);
      resolve(new RpcClient(socket));
    });
  });
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** A connection to a daemon; answers are matched by id, so calls may overlap. */
export class RpcClient implements Caller {
  readonly via = 'daemon';
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #lines = new LineReader(MAX_ANSWER_BYTES);
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners: Notification[] = [];
  #nextId = 1;
  #end: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#fail(new ClientError('CONNECTION_LOST', 'the daemon closed the connection'));
        resolve();
      });
    });
    socket.on('error', (error) => this.#fail(new ClientError('CONNECTION_LOST', error.message)));
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
  }

  call<M extends MethodName>(method: M, params: Params<M>): Promise<Result<M>> {
    return this.request(method, params) as Promise<Result<M>>;
  }

  request(method: string, params: unknown): Promise<unknown> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
    });
  }

  onNotification(listener: Notification): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#socket.destroy();
    await this.closed;
  }

  #onData(chunk: Buffer): void {
    this.#lines.push(chunk);
    for (let line = this.#lines.next(); line !== undefined; line = this.#lines.next()) this.#onLine(line);
    if (this.#lines.tooLong) this.#fail(new ClientError('ANSWER_INVALID', 'an answer is too long'));
  }

  #onLine(line: Buffer): void {
    const message = readMessage(line);
    if (message === undefined) {
      this.#fail(new ClientError('ANSWER_INVALID', 'what answers on the socket does not speak JSON-RPC'));
      return;
    }
    if (typeof message.method === 'string') {
      for (const listener of this.#listeners) listener(message.method, message.params ?? {});
      return;
    }
    // An error without id is about the connection: a limit that we broke, or no room for us.
    if (message.id === null && message.error !== undefined) {
      this.#fail(new RpcError(message.error));
      return;
    }
    const waiting = typeof message.id === 'number' ? this.#waiting.get(message.id) : undefined;
    if (waiting === undefined) return;
    this.#waiting.delete(message.id as number);
    if (message.error === undefined) waiting.resolve(message.result);
    else waiting.reject(new RpcError(message.error));
  }

  #fail(error: Error): void {
    this.#end ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#end);
    this.#waiting.clear();
    this.#socket.destroy();
  }
}

interface Message {
  readonly id?: number | string | null;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
  readonly error?: WireError;
}

function readMessage(line: Buffer): Message | undefined {
  try {
    const value = JSON.parse(line.toString('utf8')) as unknown;
    return typeof value === 'object' && value !== null ? (value as Message) : undefined;
  } catch {
    return undefined;
  }
}
