import { z } from 'zod';
import { isLogModule, LOG_LEVELS, LOG_MODULES } from '../../observe/levels.ts';
import { API_ERRORS, ApiError, type ApiErrorCode } from '../errors.ts';
import * as limits from '../limits.ts';
import { type AnyMethod, type MethodTable, method } from '../method.ts';
import { didYouMean } from '../nearest.ts';
import { parseParams } from '../params.ts';
import * as shapes from '../shapes.ts';
import { ADDRESS, TOKEN } from './examples.ts';

/** Grows when a field or method is removed; additions do not change it. */
export const RPC_VERSION = 1;

const json = z.record(z.string(), z.unknown());

const described = z.object({
  name: z.string(),
  doc: z.string(),
  changes: z.boolean(),
  params: json.describe('JSON Schema'),
  result: json.describe('JSON Schema'),
  errors: z.array(z.string()),
  example: z.object({ params: json, result: json }),
});

/** Errors that every method may answer besides its own. */
const GENERAL: readonly ApiErrorCode[] = ['INVALID_PARAMS', 'INTERNAL_ERROR', 'SHUTTING_DOWN'];

function describe(name: string, of: AnyMethod): z.input<typeof described> {
  return {
    name,
    doc: of.doc,
    changes: of.changes,
    // `input` for both: results may gain fields, so their schemas must not forbid more.
    params: z.toJSONSchema(of.params, { io: 'input' }) as Record<string, unknown>,
    result: z.toJSONSchema(of.result, { io: 'input' }) as Record<string, unknown>,
    errors: [...GENERAL, ...of.errors],
    example: of.example as z.input<typeof described>['example'],
  };
}

export function knownMethod(methods: MethodTable, name: string): AnyMethod {
  const found = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (found !== undefined) return found;
  const shown = name.slice(0, 64);
  throw new ApiError(
    'METHOD_NOT_FOUND',
    { method: shown },
    `"${shown}"${didYouMean(name, Object.keys(methods))}`,
  );
}

export const rpcMethods = {
  'rpc.discover': method({
    doc: 'All methods with their schemas, errors and examples, or one of them; all error codes; all limits.',
    params: z.strictObject({ method: z.string().max(64).optional() }),
    result: z.object({
      version: shapes.count,
      methods: z.array(described),
      errors: z.array(z.object({ code: z.string(), number: z.number(), text: z.string() })),
      limits: z.record(z.string(), z.number()),
    }),
    errors: ['METHOD_NOT_FOUND'],
    changes: false,
    example: {
      params: { method: 'node.status' },
      result: {
        version: RPC_VERSION,
        methods: [],
        errors: [{ code: 'SHUTTING_DOWN', number: 1, text: 'the daemon is shutting down' }],
        limits: { MAX_BATCH: 100 },
      },
    },
    run: (_modules, params, { methods }) => {
      const names = params.method === undefined ? Object.keys(methods).sort() : [params.method];
      return {
        version: RPC_VERSION,
        methods: names.map((name) => describe(name, knownMethod(methods, name))),
        errors: Object.entries(API_ERRORS).map(([code, [number, text]]) => ({ code, number, text })),
        limits: { ...limits },
      };
    },
  }),
  'rpc.check': method({
    doc: 'Runs all checks of a call without making it: the answer is ok, or the error that the call would get.',
    params: z.strictObject({ method: z.string().max(64), params: json.optional() }),
    result: z.object({ ok: z.literal(true), method: z.string(), changes: z.boolean() }),
    errors: ['METHOD_NOT_FOUND', 'INVALID_PARAMS'],
    changes: false,
    example: {
      params: { method: 'token.balance', params: { token: TOKEN, address: ADDRESS } },
      result: { ok: true, method: 'token.balance', changes: false },
    },
    run: async (modules, { method: name, params }, { methods }) => {
      const of = knownMethod(methods, name);
      const parsed = parseParams(of, params ?? {});
      await of.check?.(modules, parsed);
      return { ok: true as const, method: name, changes: of.changes };
    },
  }),
  'log.level': method({
    doc: 'Log levels of all modules; with `level` sets one module or all, until the restart or the next reload.',
    params: z.strictObject({ module: z.string().max(32).optional(), level: z.enum(LOG_LEVELS).optional() }),
    result: z.object({ levels: z.record(z.string(), z.enum(LOG_LEVELS)), changed: z.boolean() }),
    errors: ['LOG_MODULE_UNKNOWN'],
    changes: true,
    example: {
      params: { module: 'api', level: 'debug' },
      result: { levels: { api: 'debug', store: 'info' }, changed: true },
    },
    run: ({ logs }, { module, level }) => {
      if (module !== undefined && !isLogModule(module)) {
        const text = `"${module}"${didYouMean(module, LOG_MODULES)}; there are ${LOG_MODULES.join(', ')}`;
        throw new ApiError('LOG_MODULE_UNKNOWN', { module }, text);
      }
      const before = JSON.stringify(logs.levels());
      if (level !== undefined) logs.setLevel(level, module);
      const levels = logs.levels();
      return { levels: { ...levels }, changed: JSON.stringify(levels) !== before };
    },
  }),
};
