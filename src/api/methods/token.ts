import { z } from 'zod';
import type { Balance, TokenInfo } from '../../store/view.ts';
import { Cursors } from '../cursor.ts';
import { MAX_BALANCES } from '../limits.ts';
import { method } from '../method.ts';
import type { ApiModules } from '../modules.ts';
import { followedToken, ownerOf } from '../owners.ts';
import { pageOf, shownSupply, shownSync, tokenHead, tokenWarnings } from '../present.ts';
import * as shapes from '../shapes.ts';
import { ADDRESS, TOKEN } from './examples.ts';

const info = z.object({
  ...shapes.tokenHead,
  followed: z.boolean(),
  icon: z.string().optional(),
  supply: shapes.supply,
  holders: shapes.count,
  coins: shapes.count,
  transactions: shapes.count,
  undecided: shapes.count,
  sync: shapes.sync.optional().describe('absent where nothing is synced: not followed, or no daemon runs'),
  ...shapes.tokenWarnings,
});

const balance = z.object({
  ...shapes.tokenHead,
  address: z.string().describe('as asked'),
  confirmed: shapes.amount,
  unconfirmed: shapes.amount,
  total: shapes.amount,
  coins: shapes.count,
  listed: shapes.amount.describe('offered for sale (ordlock); not in the figures above'),
  byLock: z.array(
    z.object({
      lock: shapes.lock,
      confirmed: shapes.amount,
      unconfirmed: shapes.amount,
      coins: shapes.count,
    }),
  ),
  sequence: shapes.sequence.describe('the answer is true for the state after this event'),
  ...shapes.tokenWarnings,
});

const NO_BALANCE: Balance = { confirmed: 0n, unconfirmed: 0n, coins: 0, listed: 0n, byLock: [] };

const NOTHING = { issued: 0n, burned: 0n, lost: 0n, circulating: 0n };

const exampleInfo = {
  token: TOKEN,
  symbol: 'MNEE',
  decimals: 5,
  state: 'indexed' as const,
  followed: true,
  supply: { issued: '1000000', burned: '0', lost: '0', circulating: '1000000' },
  holders: 12,
  coins: 34,
  transactions: 56,
  undecided: 0,
};

const exampleBalance = {
  token: TOKEN,
  symbol: 'MNEE',
  decimals: 5,
  state: 'indexed' as const,
  address: ADDRESS,
  confirmed: '99000',
  unconfirmed: '1000',
  total: '100000',
  coins: 2,
  listed: '0',
  byLock: [{ lock: 'p2pkh' as const, confirmed: '99000', unconfirmed: '1000', coins: 2 }],
  sequence: '5230',
};

function shownInfo(
  modules: ApiModules,
  token: string,
  of: TokenInfo | undefined,
  sync = modules.sync?.status(token),
) {
  return {
    ...tokenHead(token, of),
    followed: of === undefined || of.state === 'followed',
    ...(of?.icon === undefined ? {} : { icon: of.icon }),
    supply: shownSupply(of?.supply ?? NOTHING),
    holders: of?.holders ?? 0,
    coins: of?.coins ?? 0,
    transactions: of?.transactions ?? 0,
    undecided: of?.undecided ?? 0,
    ...(sync === undefined ? {} : { sync: shownSync(sync) }),
    ...tokenWarnings(modules, token, of),
  };
}

/** A read fixes its commit when it is called, so all that begin in one turn, and the sequence, are of one commit. */
async function balances(modules: ApiModules, token: string, addresses: readonly string[]) {
  const { view, network } = modules;
  const owners = addresses.map((text) => ownerOf(network, text));
  const of = view.token(token);
  const sequence = String(view.facts().sequence);
  const warnings = tokenWarnings(modules, token, of);
  const found = await Promise.all(
    owners.map((owner) => (of === undefined ? NO_BALANCE : view.balance(token, owner))),
  );
  return found.map((balance, i) => ({
    ...tokenHead(token, of),
    address: addresses[i] as string,
    confirmed: String(balance.confirmed),
    unconfirmed: String(balance.unconfirmed),
    total: String(balance.confirmed + balance.unconfirmed),
    coins: balance.coins,
    listed: String(balance.listed),
    byLock: balance.byLock.map(({ lock, confirmed, unconfirmed, coins }) => ({
      lock,
      confirmed: String(confirmed),
      unconfirmed: String(unconfirmed),
      coins,
    })),
    sequence,
    ...warnings,
  }));
}

export const tokenMethods = {
  'token.list': method({
    doc: 'Tokens that are followed; with `all` also those that were only seen. In order of their ids.',
    params: z.strictObject({ all: z.boolean().optional(), limit: shapes.limit, cursor: shapes.cursor }),
    result: z.object({ items: z.array(info), cursor: shapes.nextCursor }),
    errors: ['CURSOR_INVALID', 'STORE_ERROR'],
    changes: false,
    example: { params: { limit: 10 }, result: { items: [exampleInfo] } },
    run: (modules, params) => {
      const { view } = modules;
      const cursors = new Cursors(view, ['tokens', String(params.all === true)]);
      const { limit, cursor } = pageOf(params, cursors);
      const tokens = view
        .tokens()
        .filter(
          (t) =>
            (params.all === true || t.state === 'followed') && (cursor === undefined || t.tokenId > cursor),
        )
        .sort((a, b) => (a.tokenId < b.tokenId ? -1 : 1));
      const items = tokens.slice(0, limit);
      const last = items.at(-1)?.tokenId;
      return {
        items: items.map((t) => shownInfo(modules, t.tokenId, t)),
        ...(tokens.length > limit && last !== undefined ? { cursor: cursors.give(last) } : {}),
      };
    },
  }),
  'token.get': method({
    doc: 'One token: symbol, supply, holders, and what is still undecided.',
    params: z.strictObject({ token: shapes.tokenId }),
    result: info.extend({
      sequence: shapes.sequence.describe('the answer is true for the state after this event'),
    }),
    errors: ['TOKEN_UNKNOWN', 'TOKEN_NOT_FOLLOWED', 'STORE_ERROR'],
    changes: false,
    example: { params: { token: TOKEN }, result: { ...exampleInfo, sequence: '5230' } },
    check: (modules, { token }) => void followedToken(modules, token),
    run: async (modules, params) => {
      const token = followedToken(modules, params.token);
      const proof = await modules.sync?.proof(token);
      return {
        ...shownInfo(modules, token, modules.view.token(token), proof),
        sequence: String(modules.view.facts().sequence),
      };
    },
  }),
  'token.balance': method({
    doc: 'Balance of one address: mined coins, unmined coins, and the event sequence it is true for.',
    params: z.strictObject({ token: shapes.tokenId, address: shapes.address }),
    result: balance,
    errors: ['TOKEN_UNKNOWN', 'TOKEN_NOT_FOLLOWED', 'ADDRESS_INVALID', 'STORE_ERROR'],
    changes: false,
    example: { params: { token: TOKEN, address: ADDRESS }, result: exampleBalance },
    check: (modules, { token, address }) => {
      followedToken(modules, token);
      ownerOf(modules.network, address);
    },
    run: async (modules, { token, address }) => {
      const [answer] = await balances(modules, followedToken(modules, token), [address]);
      return answer as z.input<typeof balance>;
    },
  }),
  'token.balances': method({
    doc: 'Balances of several addresses, all true for the same event sequence; in the order asked.',
    params: z.strictObject({
      token: shapes.tokenId,
      addresses: z.array(shapes.address).min(1).max(MAX_BALANCES),
    }),
    result: z.object({ items: z.array(balance), sequence: shapes.sequence }),
    errors: ['TOKEN_UNKNOWN', 'TOKEN_NOT_FOLLOWED', 'ADDRESS_INVALID', 'STORE_ERROR'],
    changes: false,
    example: {
      params: { token: TOKEN, addresses: [ADDRESS] },
      result: { items: [exampleBalance], sequence: '5230' },
    },
    check: (modules, { token, addresses }) => {
      followedToken(modules, token);
      for (const address of addresses) ownerOf(modules.network, address);
    },
    run: async (modules, { token, addresses }) => {
      const items = await balances(modules, followedToken(modules, token), addresses);
      return { items, sequence: items[0]?.sequence ?? '0' };
    },
  }),
};
