import { connect, type Socket } from 'node:net';

export interface RawMessage {
  readonly jsonrpc: string;
  readonly id?: number | string | null;
  readonly result?: Record<string, unknown>;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data: Record<string, unknown> & { readonly code: string };
  };
  readonly method?: string;
  readonly params?: Record<string, unknown>;
}

/** A client of the socket that sends what it is told to, right or wrong, and gives back lines. */
export class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  #text = '';
  #ended = false;
  readonly #lines: string[] = [];
  readonly #waiting: ((line: string | undefined) => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => this.#onData(chunk.toString('utf8')));
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#ended = true;
        for (const waiting of this.#waiting.splice(0)) waiting(undefined);
        resolve();
      });
    });
  }

  static open(path: string): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawClient(socket));
      });
    });
  }

  send(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  request(id: number | string, method: string, params?: unknown): void {
    this.send(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
  }

  /** The next line, or undefined when the connection has ended. */
  line(): Promise<string | undefined> {
    const line = this.#lines.shift();
    if (line !== undefined || this.#ended) return Promise.resolve(line);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next line as a message; it must be there. */
  async json(): Promise<RawMessage> {
    const line = await this.line();
    if (line === undefined) throw new Error('the connection ended before the answer');
    return JSON.parse(line) as RawMessage;
  }

  async jsonBatch(): Promise<RawMessage[]> {
    return (await this.json()) as unknown as RawMessage[];
  }

  close(): Promise<void> {
    this.socket.destroy();
    return this.closed;
  }

  #onData(text: string): void {
    this.#text += text;
    for (let end = this.#text.indexOf('\n'); end !== -1; end = this.#text.indexOf('\n')) {
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 1);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#lines.push(line);
      else waiting(line);
    }
  }
}
