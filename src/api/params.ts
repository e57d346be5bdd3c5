import type { z } from 'zod';
import { ApiError } from './errors.ts';
import type { AnyMethod } from './method.ts';
import { didYouMean } from './nearest.ts';

/** Problems named in one answer. */
const MAX_NAMED = 10;

/**
 * Parameters as the method's schema wants them.
 *
 * @throws ApiError INVALID_PARAMS: every wrong one by its path, every unknown one with the nearest name
 */
export function parseParams(of: AnyMethod, params: unknown): unknown {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) {
    throw new ApiError('INVALID_PARAMS', { fields: [] }, 'parameters go by name, in an object');
  }
  const parsed = of.params.safeParse(params);
  if (parsed.success) return parsed.data;
  const known = Object.keys((of.params as z.ZodObject).shape);
  const found = parsed.error.issues.flatMap((issue: z.core.$ZodIssue) => describeIssue(issue, known, params));
  const named = found.slice(0, MAX_NAMED);
  const more = found.length > named.length ? `; and ${found.length - named.length} more` : '';
  throw new ApiError(
    'INVALID_PARAMS',
    { fields: named.map((f: Found) => f.field) },
    named.map((f: Found) => f.text).join('; ') + more,
  );
}

interface Found {
  readonly field: string;
  readonly text: string;
}

function describeIssue(issue: z.core.$ZodIssue, known: readonly string[], params: object): Found[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const field = [...issue.path, key].join('.').slice(0, 64);
      return { field, text: `unknown parameter "${field}"${didYouMean(key, known)}` };
    });
  }
  const field = issue.path.map(String).join('.');
  const [first] = issue.path;
  if (issue.path.length === 1 && typeof first === 'string' && !(first in params)) {
    return [{ field, text: `"${field}" is missing` }];
  }
  return [{ field, text: `"${field}": ${issue.message}` }];
}
