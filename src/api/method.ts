import type { z } from 'zod';
import type { ApiErrorCode } from './errors.ts';
import type { ApiModules } from './modules.ts';
import type { Session } from './session.ts';

export interface CallContext {
  readonly session: Session;
  /** Runs after the answer was handed to the caller: what must not overtake it. */
  afterReply(task: () => void): void;
  readonly methods: MethodTable;
}

/** One RPC method: schema of request and result, errors besides the general ones, one example, and the handler. */
export interface Method<P extends z.ZodType, R extends z.ZodType> {
  readonly doc: string;
  readonly params: P;
  readonly result: R;
  readonly errors: readonly ApiErrorCode[];
  readonly example: { readonly params: z.input<P>; readonly result: z.input<R> };
  /** True if it changes anything; such calls are refused while stopping. */
  readonly changes: boolean;
  /** The checks of parameters that need the modules; `rpc.check` runs these without the method. */
  check?(modules: ApiModules, params: z.output<P>): void | Promise<void>;
  run(modules: ApiModules, params: z.output<P>, call: CallContext): z.input<R> | Promise<z.input<R>>;
}

/** A method whatever its types: `dispatch` parses the parameters before it calls. */
export type AnyMethod = Method<z.ZodType, z.ZodType>;
export type MethodTable = Readonly<Record<string, AnyMethod>>;

/** Infers the types of a method from its schemas. */
export function method<P extends z.ZodType, R extends z.ZodType>(def: Method<P, R>): Method<P, R> {
  return def;
}
