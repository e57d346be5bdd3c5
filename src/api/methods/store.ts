import { z } from 'zod';
import { ApiError } from '../errors.ts';
import { method } from '../method.ts';
import type { ApiModules } from '../modules.ts';
import * as shapes from '../shapes.ts';
import { TXID } from './examples.ts';

/** Stores that are being checked: a check reads everything, and two at once only slow each other. */
const running = new WeakSet<object>();

/** At most so many progress notifications a second. */
const PROGRESS_MS = 250;

/** For methods that tell how far they are. */
export function progressTo(notify: (done: number, total: number) => void, nowMs: () => number) {
  let last = Number.NEGATIVE_INFINITY;
  return ({ done, total }: { done: number; total: number }) => {
    const now = nowMs();
    if (now - last < PROGRESS_MS && done < total) return;
    last = now;
    notify(done, total);
  };
}

function refuseSecond({ view }: Pick<ApiModules, 'view'>): void {
  if (running.has(view)) throw new ApiError('VERIFY_RUNNING');
}

export const storeMethods = {
  'store.verify': method({
    doc: 'Checks every row against the stored transactions; sends notifications `progress`. Ends with the connection.',
    params: z.strictObject({
      rebuild: z.boolean().optional().describe('write the derived rows anew'),
      acceptLoss: z.boolean().optional().describe('with rebuild: keep no note of what is lost'),
    }),
    result: z.object({
      rows: shapes.count,
      transactions: shapes.count,
      problemCount: shapes.count,
      problems: z.array(z.object({ code: z.string(), what: z.string() })),
      rebuilt: z.boolean(),
      lost: shapes.lost.optional().describe('held once, taken by damage, and not back; absent if nothing is'),
      stateDigest: z.string().describe('equal on every node with the same transactions'),
      seconds: z.number(),
    }),
    errors: ['VERIFY_RUNNING', 'STORE_ERROR'],
    changes: true,
    example: {
      params: {},
      result: {
        rows: 52_000,
        transactions: 1200,
        problemCount: 0,
        problems: [],
        rebuilt: false,
        stateDigest: TXID,
        seconds: 1.2,
      },
    },
    check: refuseSecond,
    run: async (modules, params, { session }) => {
      refuseSecond(modules);
      const { view, clock } = modules;
      const rebuild = params.rebuild === true;
      const startMs = clock.nowMs();
      const notify = (done: number, total: number) =>
        session.notify('progress', { method: 'store.verify', done, total });
      running.add(view);
      try {
        const progress = progressTo(notify, () => clock.nowMs());
        const acceptLoss = params.acceptLoss === true;
        const { lost, ...report } = await modules.verifyStore(
          { rebuild, acceptLoss, signal: session.signal },
          progress,
        );
        const seconds = (clock.nowMs() - startMs) / 1000;
        return {
          ...report,
          problems: report.problems.map((p) => ({ ...p })),
          rebuilt: rebuild,
          ...(lost === undefined ? {} : { lost: { ...lost, txids: [...lost.txids] } }),
          seconds,
        };
      } finally {
        running.delete(view);
      }
    },
  }),
};
