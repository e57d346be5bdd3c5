import { z } from 'zod';
import type { HistoryFilter, Page, TokenInfo } from '../../store/view.ts';
import { Cursors } from '../cursor.ts';
import { ApiError } from '../errors.ts';
import { method } from '../method.ts';
import type { ApiModules, Network } from '../modules.ts';
import { addressesOf, addressOf, followedToken, ownerOf } from '../owners.ts';
import { pageOf, shownCoin, shownHistory, shownPage, tokenHead, tokenWarnings } from '../present.ts';
import * as shapes from '../shapes.ts';
import { boundary } from '../when.ts';
import { ADDRESS, TOKEN, TXID } from './examples.ts';

const coin = z.object({
  outpoint: z.string(),
  amount: shapes.amount,
  op: shapes.op,
  lock: shapes.lock,
  address: z.string(),
  ...shapes.position,
});

const entry = z.object({
  txid: z.string(),
  ...shapes.position,
  time: shapes.isoTime
    .optional()
    .describe('of the block; while unmined, when it was first seen; absent where the header is not held'),
  received: shapes.amount,
  sent: shapes.amount,
  change: shapes.signedAmount,
});

const holder = z.object({ address: z.string(), balance: shapes.amount });

/** Every list of a token: head, items, cursor, and the sequence that was current when the page was read. */
function listOf<T extends z.ZodType>(item: T) {
  return z.object({
    ...shapes.tokenHead,
    items: z.array(item),
    cursor: shapes.nextCursor,
    sequence: shapes.sequence,
    ...shapes.tokenWarnings,
  });
}

/**
 * Head and page of one commit: a read fixes its commit when it is called, and both are in one turn. A followed
 * token of which nothing has arrived has no rows to read.
 */
async function readList<T>(
  modules: Pick<ApiModules, 'view' | 'sync'>,
  token: string,
  read: () => Promise<Page<T>>,
): Promise<{ head: ReturnType<typeof listHead>; page: Page<T> }> {
  const { view } = modules;
  const info = view.token(token);
  const head = listHead(modules, token, info);
  return { head, page: info === undefined ? { items: [] } : await read() };
}

function listHead(modules: Pick<ApiModules, 'view' | 'sync'>, token: string, info: TokenInfo | undefined) {
  const { sequence } = modules.view.facts();
  return { ...tokenHead(token, info), ...tokenWarnings(modules, token, info), sequence: String(sequence) };
}

const HEAD = { token: TOKEN, symbol: 'MNEE', decimals: 5, state: 'indexed' as const, sequence: '5230' };
const ERRORS = [
  'TOKEN_UNKNOWN',
  'TOKEN_NOT_FOLLOWED',
  'ADDRESS_INVALID',
  'CURSOR_INVALID',
  'STORE_ERROR',
] as const;

function checkTokenAndOwner(
  modules: ApiModules,
  params: { token: string; address?: string | undefined },
): void {
  followedToken(modules, params.token);
  if (params.address !== undefined) ownerOf(modules.network, params.address);
}

const historyParams = z.strictObject({
  token: shapes.tokenId,
  address: shapes.address.optional(),
  fromHeight: shapes.height.optional(),
  toHeight: shapes.height.optional(),
  from: shapes.when,
  to: shapes.when,
  limit: shapes.limit,
  cursor: shapes.cursor,
});

function filterOf(network: Network, params: z.output<typeof historyParams>): HistoryFilter {
  const { address, fromHeight, toHeight } = params;
  const fromTime = boundary('from', params.from);
  const toTime = boundary('to', params.to);
  return {
    ...(address === undefined ? {} : { owner: ownerOf(network, address) }),
    ...(fromHeight === undefined ? {} : { fromHeight }),
    ...(toHeight === undefined ? {} : { toHeight }),
    ...(fromTime === undefined ? {} : { fromTime }),
    ...(toTime === undefined ? {} : { toTime }),
  };
}

export const tokenListMethods = {
  'token.utxos': method({
    doc: 'Unspent coins of an address, or of all owners.',
    params: z.strictObject({
      token: shapes.tokenId,
      address: shapes.address.optional(),
      limit: shapes.limit,
      cursor: shapes.cursor,
    }),
    result: listOf(coin),
    errors: ERRORS,
    changes: false,
    example: {
      params: { token: TOKEN, address: ADDRESS, limit: 1 },
      result: {
        ...HEAD,
        items: [
          {
            outpoint: `${TXID}_0`,
            amount: '99000',
            op: 'transfer',
            lock: 'p2pkh',
            address: ADDRESS,
            height: 905_506,
            index: 12,
          },
        ],
        cursor: 'Y29pbnM6MQ',
      },
    },
    check: checkTokenAndOwner,
    run: async (modules, params) => {
      const token = followedToken(modules, params.token);
      const { view, network } = modules;
      const owner = params.address === undefined ? undefined : ownerOf(network, params.address);
      const cursors = new Cursors(view, ['coins', token, hexOf(owner)]);
      const asked = pageOf(params, cursors);
      const { head, page } = await readList(modules, token, () => view.coins(token, owner, asked));
      const addressOfOwner = addressesOf(network);
      return { ...head, ...shownPage(page, cursors, (item) => shownCoin(item, addressOfOwner)) };
    },
  }),
  'token.history': method({
    doc: 'Transactions of a token in chronological order: by block position, the unmined ones last. What has no time is in every range that begins before the first header held.',
    params: historyParams,
    result: listOf(entry),
    errors: ERRORS,
    changes: false,
    example: {
      params: { token: TOKEN, address: ADDRESS, from: '2025-07-01', limit: 100 },
      result: {
        ...HEAD,
        items: [
          {
            txid: TXID,
            height: 905_506,
            index: 12,
            time: '2025-07-15T08:30:00Z',
            received: '99000',
            sent: '0',
            change: '99000',
          },
        ],
      },
    },
    check: (modules, params) => {
      followedToken(modules, params.token);
      filterOf(modules.network, params);
    },
    run: async (modules, params) => {
      const token = followedToken(modules, params.token);
      const filter = filterOf(modules.network, params);
      refuseEmptyRange('fromHeight', filter.fromHeight, 'toHeight', filter.toHeight);
      refuseEmptyRange('from', filter.fromTime, 'to', filter.toTime);
      const { view } = modules;
      const { owner, fromHeight, toHeight, fromTime, toTime } = filter;
      const list = ['history', token, hexOf(owner), fromHeight, toHeight, fromTime, toTime];
      const cursors = new Cursors(view, list);
      const asked = pageOf(params, cursors);
      const { head, page } = await readList(modules, token, () => view.history(token, filter, asked));
      return { ...head, ...shownPage(page, cursors, shownHistory) };
    },
  }),
  'token.holders': method({
    doc: 'Owners with a balance, the largest first.',
    params: z.strictObject({ token: shapes.tokenId, limit: shapes.limit, cursor: shapes.cursor }),
    result: listOf(holder),
    errors: ['TOKEN_UNKNOWN', 'TOKEN_NOT_FOLLOWED', 'CURSOR_INVALID', 'STORE_ERROR'],
    changes: false,
    example: {
      params: { token: TOKEN, limit: 1 },
      result: { ...HEAD, items: [{ address: ADDRESS, balance: '100000' }], cursor: 'aG9sZGVyczox' },
    },
    check: checkTokenAndOwner,
    run: async (modules, params) => {
      const token = followedToken(modules, params.token);
      const { view } = modules;
      const cursors = new Cursors(view, ['holders', token]);
      const asked = pageOf(params, cursors);
      const { head, page } = await readList(modules, token, () => view.holders(token, asked));
      const show = (item: (typeof page.items)[number]) => ({
        address: addressOf(modules.network, item.owner),
        balance: String(item.balance),
      });
      return { ...head, ...shownPage(page, cursors, show) };
    },
  }),
};

function hexOf(owner: Uint8Array | undefined): string | undefined {
  return owner === undefined ? undefined : Buffer.from(owner).toString('hex');
}

/** A range that holds nothing is a mistake of the caller, not an empty answer. */
function refuseEmptyRange(low: string, from: number | undefined, high: string, to: number | undefined): void {
  if (from === undefined || to === undefined || from <= to) return;
  throw new ApiError('INVALID_PARAMS', { fields: [low, high] }, `${low} is after ${high}`);
}
