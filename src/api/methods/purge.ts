import { z } from 'zod';
import { method } from '../method.ts';
import { canonicalToken } from '../owners.ts';
import * as shapes from '../shapes.ts';
import { TOKEN, TXID } from './examples.ts';
import { progressTo } from './store.ts';

const counts = z.object({ transactions: shapes.count, waiting: shapes.count });

export const purgeMethods = {
  'token.purge': method({
    doc: 'Deletes the data of a token that is not followed any more, and all that is kept for it alone; sends notifications `progress`. Refused by a running daemon.',
    params: z.strictObject({
      token: shapes.tokenId,
      dryRun: z.boolean().optional().describe('say what there is of it, and change nothing'),
    }),
    result: z.object({
      token: shapes.tokenId,
      symbol: z.string().optional(),
      transactions: shapes.count.describe('in its history'),
      coins: shapes.count,
      purged: z.boolean().describe('false after a dry run'),
      dropped: counts.optional().describe('its own, and those kept for its sake alone'),
      kept: counts.optional().describe('of other tokens, and what these need'),
      bytesBefore: shapes.count.optional().describe('of the index on disk'),
      bytesAfter: shapes.count.optional(),
      stateDigest: z.string().optional().describe('of what is kept, after a full check'),
      seconds: z.number(),
    }),
    errors: ['TOKEN_UNKNOWN', 'TOKEN_FOLLOWED', 'STORE_ERROR'],
    changes: true,
    example: {
      params: { token: TOKEN },
      result: {
        token: TOKEN,
        symbol: 'MNEE',
        transactions: 56,
        coins: 34,
        purged: true,
        dropped: { transactions: 61, waiting: 0 },
        kept: { transactions: 1200, waiting: 3 },
        bytesBefore: 2_400_000,
        bytesAfter: 2_100_000,
        stateDigest: TXID,
        seconds: 1.2,
      },
    },
    run: async (modules, { dryRun, ...params }, { session }) => {
      const token = canonicalToken(params.token);
      const startMs = modules.clock.nowMs();
      const notify = (done: number, total: number) =>
        session.notify('progress', { method: 'token.purge', done, total });
      const progress = progressTo(notify, () => modules.clock.nowMs());
      const { done, ...found } = await modules.purgeToken(
        { token, dryRun: dryRun === true, signal: session.signal },
        progress,
      );
      const seconds = (modules.clock.nowMs() - startMs) / 1000;
      if (done === undefined) return { token, ...found, purged: false, seconds };
      const { dropped, kept, bytes, audit } = done;
      return {
        token,
        ...found,
        purged: true,
        dropped: { ...dropped },
        kept: { ...kept },
        bytesBefore: bytes.before,
        bytesAfter: bytes.after,
        stateDigest: audit.stateDigest,
        seconds,
      };
    },
  }),
};
