import { z } from 'zod';
import { errorFields } from '../../observe/log.ts';
import { ApiError, toApiError, wireError } from '../errors.ts';
import { DEFAULT_PAGE, MAX_SUBSCRIPTIONS, MAX_TOKENS } from '../limits.ts';
import { method } from '../method.ts';
import type { ApiModules } from '../modules.ts';
import { canonicalToken } from '../owners.ts';
import { shownEvent } from '../present.ts';
import * as shapes from '../shapes.ts';
import { runSubscription } from '../subscription.ts';
import { ADDRESS, TOKEN, TXID } from './examples.ts';

const tokens = z
  .array(shapes.tokenId)
  .min(1)
  .max(MAX_TOKENS)
  .optional()
  .describe('only events of these tokens');

const exampleEvent = {
  sequence: '5230',
  type: 'created' as const,
  token: TOKEN,
  outpoint: `${TXID}_0`,
  op: 'transfer' as const,
  amount: '99000',
  lock: 'p2pkh' as const,
  address: ADDRESS,
  txid: TXID,
};

/** A sequence ahead of the log belongs to another store: to go on from it would hide that silently. */
function startOf({ view }: Pick<ApiModules, 'view'>, after: string | number): bigint {
  const asked = BigInt(after);
  const { sequence, databaseId } = view.facts();
  if (asked <= sequence) return asked;
  const text = `asked for what follows ${asked}, but the last event is ${sequence}; this is another store`;
  throw new ApiError('EVENTS_AHEAD', { after: String(asked), sequence: String(sequence), databaseId }, text);
}

export const eventsMethods = {
  'events.since': method({
    doc: 'Events after a sequence, oldest first. Go on with `next` as `after`; nothing is ever skipped.',
    params: z.strictObject({ after: shapes.afterSequence, limit: shapes.limit, tokens }),
    result: z.object({
      items: z.array(shapes.tokenEvent),
      next: shapes.sequence.describe('for `after` of the next call'),
      sequence: shapes.sequence.describe('last event of the log'),
      databaseId: z.string().describe('sequences of another store do not go on in this one'),
    }),
    errors: ['EVENTS_AHEAD', 'STORE_ERROR'],
    changes: false,
    example: {
      params: { after: '5229', limit: 10 },
      result: { items: [exampleEvent], next: '5230', sequence: '5230', databaseId: '6f1d0e3c' },
    },
    check: (modules, { after }) => void startOf(modules, after),
    run: async (modules, params) => {
      const { view, network } = modules;
      const after = startOf(modules, params.after);
      const { sequence, databaseId } = view.facts();
      const limit = params.limit ?? DEFAULT_PAGE;
      const page = await view.events(after, limit, params.tokens?.map(canonicalToken));
      const last = page.at(-1)?.sequence ?? after;
      // A page that is not full ends behind everything the filter left out, too.
      const next = page.length < limit && sequence > last ? sequence : last;
      return {
        items: page.map((event) => shownEvent(network, event)),
        next: String(next),
        sequence: String(sequence > last ? sequence : last),
        databaseId,
      };
    },
  }),
  'events.subscribe': method({
    doc: 'Sends events as notifications `event` on this connection: what follows `after`, then live, without a gap.',
    params: z.strictObject({
      after: shapes.afterSequence.optional().describe('default: from now on'),
      tokens,
    }),
    result: z.object({
      subscriptionId: z.string(),
      after: shapes.sequence,
      sequence: shapes.sequence,
      databaseId: z.string(),
    }),
    errors: ['EVENTS_AHEAD', 'SUBSCRIPTION_LIMIT', 'STORE_ERROR'],
    changes: false,
    example: {
      params: { after: '5229', tokens: [TOKEN] },
      result: { subscriptionId: 's1', after: '5229', sequence: '5230', databaseId: '6f1d0e3c' },
    },
    check: (modules, { after }) => void (after === undefined || startOf(modules, after)),
    run: (modules, params, { session, afterReply }) => {
      const { state } = session;
      const { sequence, databaseId } = modules.view.facts();
      const after = params.after === undefined ? sequence : startOf(modules, params.after);
      if (state.subscriptions >= MAX_SUBSCRIPTIONS) {
        throw new ApiError('SUBSCRIPTION_LIMIT', { max: MAX_SUBSCRIPTIONS });
      }
      state.subscriptions += 1;
      const id = `s${state.nextId++}`;
      const options = { id, after, tokens: params.tokens?.map(canonicalToken) };
      afterReply(() => {
        runSubscription(options, { ...modules, session }).catch((error: unknown) => {
          modules.log.event('api.store_failed', { method: 'events.subscribe', ...errorFields(error) });
          const why = wireError(toApiError(error, id));
          session.notify('event.end', { subscriptionId: id, error: why });
        });
      });
      return { subscriptionId: id, after: String(after), sequence: String(sequence), databaseId };
    },
  }),
};
