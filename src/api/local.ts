import { type Caller, type Notification, RpcError } from './client.ts';
import { Dispatcher } from './dispatch.ts';
import { type ApiError, wireError } from './errors.ts';
import type { MethodTable } from './method.ts';
import { METHODS, type MethodName, type Params, type Result } from './methods/index.ts';
import type { ApiModules } from './modules.ts';
import { newSessionState, type Session } from './session.ts';

/**
 * Calls the daemon's own method table in this process, for commands that work on the data directory while no
 * daemon runs: same checks, same answers, same errors.
 */
export class LocalCaller implements Caller {
  readonly via = 'local';
  readonly closed: Promise<void>;
  readonly #dispatcher: Dispatcher;
  readonly #session: Session;
  readonly #abort = new AbortController();
  readonly #listeners: Notification[] = [];
  readonly #close: () => Promise<void>;
  readonly #closedNow: () => void;

  /** `close` ends what the modules stand on (store, threads). */
  constructor(modules: ApiModules, close: () => Promise<void>, methods: MethodTable = METHODS) {
    this.#dispatcher = new Dispatcher({ methods }, modules);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#closedNow = resolve;
    this.#close = close;
    this.#session = {
      signal: this.#abort.signal,
      state: newSessionState(),
      notify: (method, params) => {
        for (const listener of this.#listeners) listener(method, params as Record<string, unknown>);
      },
      drained: () => Promise.resolve(),
    };
  }

  call<M extends MethodName>(method: M, params: Params<M>): Promise<Result<M>> {
    return this.request(method, params) as Promise<Result<M>>;
  }

  async request(method: string, params: unknown): Promise<unknown> {
    try {
      const { result, afterReply } = await this.#dispatcher.call(this.#session, method, params);
      for (const task of afterReply) queueMicrotask(task);
      return result;
    } catch (error) {
      throw new RpcError(wireError(error as ApiError));
    }
  }

  onNotification(listener: Notification): void {
    this.#listeners.push(listener);
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await this.#close();
    this.#closedNow();
  }
}
