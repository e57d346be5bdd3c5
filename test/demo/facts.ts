import type { LoopbackNode } from '../support/loopback.ts';
import { holdersOf } from '../support/loopback-token.ts';
import type { Facts } from './difference.ts';
import type { Economy, Token } from './economy.ts';

/** What everybody must say of a token, by the payments that were made and mined. */
export interface Paid {
  readonly transactions: number;
  readonly supply: bigint;
  readonly balances: ReadonlyMap<string, bigint>;
}

/** What all daemons must say in the end, as far as payers and miners know. */
export function factsPaid(economy: Economy): Facts {
  const { height, hash } = economy.chain.tip;
  const facts = new Map([['tip', `${height} ${hash}`]]);
  for (const token of economy.tokens) {
    const { transactions, supply, balances } = economy.paid(token);
    const of = (name: string, value: string | number | bigint): void => {
      facts.set(`${token.symbol} ${name}`, String(value));
    };
    of('state', 'synced');
    of('transactions', transactions);
    of('unmined', 0);
    of('issued', supply);
    of('circulating', supply);
    of('holders', balances.size);
    for (const [address, balance] of balances) of(`balance of ${address}`, balance);
  }
  return facts;
}

/** The same as a daemon says it, with its commitments. */
export async function factsOf({ rpc }: LoopbackNode, tokens: readonly Token[]): Promise<Facts> {
  const { tip } = await rpc.call('node.status', {});
  const facts = new Map([['tip', `${tip.height} ${tip.hash}`]]);
  for (const { symbol, tokenId: token } of tokens) {
    const of = (name: string, value: string | number): void => {
      facts.set(`${symbol} ${name}`, String(value));
    };
    const { transactions, supply, sync } = await rpc.call('token.get', { token });
    const { tac = 'none', height = 0, unmined = 0 } = sync?.commitment ?? {};
    of('state', sync?.state ?? 'none');
    of('transactions', transactions);
    of('unmined', unmined);
    of('issued', supply.issued);
    of('circulating', supply.circulating);
    of('commitment', `${height} ${tac}`);
    const balances = await holdersOf(rpc, token);
    of('holders', balances.size);
    for (const [address, balance] of balances) of(`balance of ${address}`, balance);
  }
  return facts;
}

/** The state of a daemon's store, every row of it read and recomputed. */
export async function factsOfStore({ rpc }: LoopbackNode): Promise<Facts> {
  const { problemCount, stateDigest } = await rpc.call('store.verify', {});
  return new Map([
    ['wrong rows', String(problemCount)],
    ['state', stateDigest],
  ]);
}
