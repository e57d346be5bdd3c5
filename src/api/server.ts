import { createServer, type Server, type Socket } from 'node:net';
import { Connection, type ConnectionOptions } from './connection.ts';
import { Dispatcher } from './dispatch.ts';
import { ApiError, wireError } from './errors.ts';
import { LINGER_MS, MAX_CONNECTIONS } from './limits.ts';
import type { MethodTable } from './method.ts';
import { METHODS } from './methods/index.ts';
import type { ApiModules } from './modules.ts';
import { bindSocket, type SocketFile, type SocketMode, unlinkIfOurs } from './socket.ts';

export interface ApiServerOptions extends ConnectionOptions {
  readonly socketPath: string;
  readonly mode: SocketMode;
  readonly maxConnections?: number;
  /** Another table than the daemon's own; for tests. */
  readonly methods?: MethodTable;
}

export interface ApiServerFacts {
  readonly connections: number;
  readonly accepted: number;
  readonly refused: number;
  /** Clients that we dropped, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

/** The daemon's JSON-RPC 2.0 server on its Unix socket. */
export class ApiServer {
  readonly #opts: ApiServerOptions;
  readonly #modules: ApiModules;
  readonly #server: Server;
  readonly #dispatcher: Dispatcher;
  readonly #connections = new Set<Connection>();
  readonly #dropped = new Map<string, number>();
  #file: SocketFile | undefined;
  #accepted = 0;
  #refused = 0;

  constructor(opts: ApiServerOptions, modules: ApiModules) {
    this.#opts = opts;
    this.#modules = modules;
    this.#dispatcher = new Dispatcher({ methods: opts.methods ?? METHODS }, modules);
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    // Those above our limit get an answer; a flood of them does not.
    this.#server.maxConnections = 2 * (opts.maxConnections ?? MAX_CONNECTIONS);
  }

  /** @throws SocketError if the socket cannot be had; SOCKET_IN_USE names the pid of the daemon that has it */
  async start(): Promise<void> {
    const { socketPath, mode } = this.#opts;
    const { file, removedStale } = await bindSocket(this.#server, socketPath, mode);
    this.#file = file;
    // After the bind, errors of the listening socket (no descriptors left) must not end the daemon.
    this.#server.on('error', (error: NodeJS.ErrnoException) => {
      this.#modules.log.event('api.client_dropped', { code: error.code ?? 'ACCEPT_FAILED' });
    });
    if (removedStale) this.#modules.log.event('api.stale_socket', { socket: socketPath });
    this.#modules.log.event('api.listening', { socket: socketPath, mode: mode.toString(8).padStart(4, '0') });
  }

  facts(): ApiServerFacts {
    return {
      connections: this.#connections.size,
      accepted: this.#accepted,
      refused: this.#refused,
      dropped: Object.fromEntries(this.#dropped),
    };
  }

  /** Takes no more clients, lets answers that are ready go out, and removes the socket if it is still ours. */
  async stop(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    unlinkIfOurs(file);
    const connections = [...this.#connections];
    for (const connection of connections) connection.close();
    await Promise.all([closed, ...connections.map((connection) => connection.closed)]);
    this.#modules.log.event('api.closed', { socket: file.path });
  }

  #accept(socket: Socket): void {
    const max = this.#opts.maxConnections ?? MAX_CONNECTIONS;
    if (this.#connections.size >= max) {
      this.#refused += 1;
      this.#modules.log.event('api.clients_full', { limit: max });
      const error = wireError(new ApiError('TOO_MANY_CONNECTIONS', { max }));
      socket.on('error', () => undefined);
      socket.end(`${JSON.stringify({ jsonrpc: '2.0', id: null, error })}\n`);
      // What it sent is read and thrown away: a close with unread input could lose it the answer.
      socket.resume();
      setTimeout(() => socket.destroy(), LINGER_MS).unref();
      return;
    }
    this.#accepted += 1;
    const connection = new Connection(socket, this.#opts, {
      dispatcher: this.#dispatcher,
      nowMs: () => performance.now(),
      onClose: (code) => {
        this.#connections.delete(connection);
        if (code === undefined) return;
        this.#dropped.set(code, (this.#dropped.get(code) ?? 0) + 1);
        this.#modules.log.event('api.client_dropped', { code });
      },
    });
    this.#connections.add(connection);
  }
}
