import { errorFields } from '../observe/log.ts';
import { labelOf, RPC_ERRORS, RPC_METHODS } from '../observe/metric-labels.ts';
import { ApiError, toApiError } from './errors.ts';
import type { MethodTable } from './method.ts';
import { knownMethod } from './methods/rpc.ts';
import type { ApiModules } from './modules.ts';
import { parseParams } from './params.ts';
import type { Session } from './session.ts';

export interface Answer {
  readonly result: object;
  /** To run once the answer is on its way. */
  readonly afterReply: readonly (() => void)[];
}

/** Calls methods for connections and for callers in the same process; both get the same checks and errors. */
export class Dispatcher {
  readonly methods: MethodTable;
  readonly #modules: ApiModules;
  #faults = 0;

  constructor(opts: { readonly methods: MethodTable }, modules: ApiModules) {
    this.methods = opts.methods;
    this.#modules = modules;
  }

  /** @throws ApiError only */
  async call(session: Session, name: string, params: unknown): Promise<Answer> {
    const tasks: (() => void)[] = [];
    const startMs = performance.now();
    try {
      const of = knownMethod(this.methods, name);
      if (of.changes && this.#modules.node.facts().state === 'stopping') throw new ApiError('SHUTTING_DOWN');
      const parsed = parseParams(of, params);
      const context = {
        session,
        afterReply: (task: () => void) => void tasks.push(task),
        methods: this.methods,
      };
      const result = await of.run(this.#modules, parsed, context);
      return { result: result as object, afterReply: tasks };
    } catch (error) {
      const refusal = this.#refusal(name, error);
      this.#modules.metrics.inc('rpc_errors_total', { code: labelOf(RPC_ERRORS, refusal.code) });
      throw refusal;
    } finally {
      const seconds = (performance.now() - startMs) / 1000;
      this.#modules.metrics.observe('rpc_seconds', { method: labelOf(RPC_METHODS, name) }, seconds);
    }
  }

  /** What the caller is told; what is not the caller's doing is also logged. */
  #refusal(method: string, error: unknown): ApiError {
    const ref = `f${process.pid}-${this.#faults + 1}`;
    const refusal = toApiError(error, ref);
    if (refusal.code === 'INTERNAL_ERROR') {
      this.#faults += 1;
      this.#modules.log.event('api.fault', { method, ref, ...errorFields(error, true) });
    } else if (refusal.code === 'STORE_ERROR') {
      const code = String(refusal.data['code'] ?? refusal.code);
      this.#modules.log.event('api.store_failed', { method, ...errorFields(error), code });
    }
    return refusal;
  }
}
