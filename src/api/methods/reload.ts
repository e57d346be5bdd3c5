import { z } from 'zod';
import { formatProblem } from '../../../config/errors.ts';
import { ApiError } from '../errors.ts';
import { method } from '../method.ts';
import { isoMs } from '../present.ts';
import {
  outcomeKeys,
  RELOAD_STATES,
  RELOAD_VERDICTS,
  type ReloadFacts,
  type ReloadOutcome,
  refusalLines,
} from '../reload-outcome.ts';
import * as shapes from '../shapes.ts';
import { change, problem, shownChange } from './config.ts';

const result = z.object({
  verdict: z.enum(['applied', 'unchanged']),
  file: z.string(),
  configHash: z.string().optional().describe('SHA-256 of the file that is in effect now'),
  changes: z.array(change),
  warnings: z.array(problem),
  ms: z.number().min(0),
});

const shownOutcome = z.object({
  verdict: z.enum(RELOAD_VERDICTS),
  time: shapes.isoTime,
  ms: z.number().min(0),
  keys: z.array(z.string()).describe('that were changed, or why it was refused'),
  hash: z.string().optional().describe('SHA-256 of the file that was read'),
  code: z.string().optional().describe('why it was refused'),
  component: z.string().optional().describe('the part that refused or failed'),
});

export const reloadShape = z.object({
  state: z.enum(RELOAD_STATES),
  last: shownOutcome.optional(),
  earlier: z.array(shownOutcome).describe('before that, newest first; up to nine'),
});

export function shownReload({ state, outcomes }: ReloadFacts): z.input<typeof reloadShape> {
  const [last, ...earlier] = outcomes.map((outcome) => {
    const { verdict, atMs, digest: hash, refusal } = outcome;
    const time = isoMs(atMs);
    return {
      ...{ verdict, time, ms: roundMs(outcome.ms), keys: outcomeKeys(outcome) },
      ...(hash === undefined ? {} : { hash }),
      ...(refusal === undefined ? {} : { code: refusal.code }),
      ...(refusal?.component === undefined ? {} : { component: refusal.component }),
    };
  });
  return last === undefined ? { state, earlier } : { state, last, earlier };
}

function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** The answer to the caller. @throws ApiError for every other verdict than `applied` and `unchanged` */
function answer(outcome: ReloadOutcome, file: string): z.input<typeof result> {
  const { verdict, digest, changes, warnings, ms, refusal } = outcome;
  if (refusal !== undefined) throw refused(outcome, file);
  return {
    verdict: verdict === 'unchanged' ? 'unchanged' : 'applied',
    file,
    ...(digest === undefined ? {} : { configHash: digest }),
    changes: changes.map(shownChange),
    warnings: warnings.map((warning) => ({ ...warning })),
    ms: roundMs(ms),
  };
}

function refused(outcome: ReloadOutcome, file: string): ApiError {
  const { refusal, verdict, ms } = outcome;
  const { component, reason, problems = [] } = refusal ?? {};
  const data = {
    file,
    verdict,
    ms: roundMs(ms),
    keys: outcomeKeys(outcome),
    ...(component === undefined ? {} : { component }),
    ...(reason === undefined ? {} : { reason }),
    ...(problems.length === 0 ? {} : { problems: problems.map(formatProblem) }),
  };
  return new ApiError(refusal?.code ?? 'RELOAD_FAILED', data, { instead: refusalLines(outcome).join('\n') });
}

export const reloadMethods = {
  'node.reload': method({
    doc: 'Takes the configuration file as it is now into use without a restart, whole or not at all; the same as SIGHUP.',
    params: z.strictObject({}),
    result,
    errors: [
      'RELOAD_INVALID',
      'RELOAD_RESTART_NEEDED',
      'RELOAD_VETOED',
      'RELOAD_ROLLED_BACK',
      'RELOAD_FAILED',
      'RELOAD_UNAVAILABLE',
    ],
    changes: true,
    example: {
      params: {},
      result: {
        verdict: 'applied',
        file: '/var/lib/btcfed/conf.yaml',
        configHash: '5f'.repeat(32),
        changes: [{ key: 'logging.level', old: 'info', new: 'debug' }],
        warnings: [],
        ms: 4.2,
      },
    },
    run: async ({ reload, config }) => {
      if (reload === undefined) throw new ApiError('RELOAD_UNAVAILABLE');
      return answer(await reload(), config.file);
    },
  }),
};
