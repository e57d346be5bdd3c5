import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connectClient, type RpcClient, RpcError } from '../../src/api/client.ts';
import type { Result } from '../../src/api/methods/index.ts';
import { framesOf } from '../bench/corpus.ts';
import { federation, type Member, type MemberOptions } from './federation.ts';
import { importAll, importHeaders } from './loopback-token.ts';
import { type Cleanup, until } from './operator.ts';

/** The lines of conf.yaml that follow these tokens. */
export function following(tokenIds: readonly string[]): string {
  return `tokens: { follow: [${tokenIds.join(', ')}] }`;
}

/** Daemons that follow these tokens. None is started or lists another. */
export function tokenFederation(
  cleanup: Cleanup,
  count: number,
  tokenIds: readonly string[],
  options: MemberOptions = {},
): Promise<readonly Member[]> {
  return federation(cleanup, count, { ...options, more: following(tokenIds) });
}

/** A connection to a member's socket for as long as `use` lasts. */
export async function withRpc<T>(member: Member, use: (rpc: RpcClient) => Promise<T>): Promise<T> {
  const rpc = await connectClient({ socketPath: member.home.socket });
  try {
    return await use(rpc);
  } finally {
    await rpc.close();
  }
}

/** Gives a member what a corpus has. */
export async function give(
  member: Member,
  corpus: { readonly headers: string; readonly history: string; readonly transfers?: string },
): Promise<void> {
  await withRpc(member, async (rpc) => {
    await importHeaders(rpc, readFileSync(corpus.headers));
    await importAll(rpc, framesOf(corpus.history));
    if (corpus.transfers !== undefined) await importAll(rpc, framesOf(corpus.transfers));
  });
}

/** Offers BEEFs one by one, each when the one before is durable; every one must be taken. */
export async function submit(member: Member, ...beefs: readonly Uint8Array[]): Promise<void> {
  await withRpc(member, async (rpc) => {
    for (const beef of beefs) {
      const outcome = await rpc.call('tx.submit', { beef: Buffer.from(beef).toString('hex') });
      assert.ok(outcome.status === 'admitted' || outcome.status === 'known', JSON.stringify(outcome));
    }
  });
}

export function tokenOf(member: Member, token: string): Promise<Result<'token.get'>> {
  return withRpc(member, (rpc) => rpc.call('token.get', { token }));
}

/** What members say of a token when they agree: one text, undefined while a member is not synced or cannot tell. */
async function told(member: Member, token: string): Promise<string | undefined> {
  const found = await tokenOf(member, token).catch(unlessUnknown);
  if (found === undefined) return undefined;
  const { sync, transactions, supply, coins, holders } = found;
  if (sync?.state !== 'synced' || sync.commitment === undefined) return undefined;
  return JSON.stringify({ commitment: sync.commitment, transactions, supply, coins, holders });
}

/** A token that is not followed yet. */
function unlessUnknown(error: unknown): undefined {
  if (error instanceof RpcError && error.code.startsWith('TOKEN_')) return undefined;
  throw error;
}

/** Resolves when all are synced and say the same of these tokens: commitment, unmined transactions, supply, coins, holders. */
export async function untilEqual(
  members: readonly Member[],
  tokenIds: readonly string[],
  transactions?: number,
): Promise<void> {
  let last: readonly (readonly (string | undefined)[])[] = [];
  const isEqual = async (): Promise<boolean> => {
    last = await Promise.all(
      tokenIds.map((token) => Promise.all(members.map((member) => told(member, token)))),
    );
    return last.every(([first, ...others]) => {
      if (first === undefined || others.some((other) => other !== first)) return false;
      const { transactions: held } = JSON.parse(first) as { transactions: number };
      return transactions === undefined || held === transactions;
    });
  };
  await until(`${members.length} members have the same of ${tokenIds.length} tokens`, isEqual).catch(
    (error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(last, null, 1)}`);
    },
  );
}

/** Checks every row of all stores: no problem, and one state. The members run. */
export async function assertSameState(members: readonly Member[]): Promise<void> {
  const reports = await Promise.all(
    members.map((member) => withRpc(member, (rpc) => rpc.call('store.verify', {}))),
  );
  for (const { problems } of reports) assert.deepEqual(problems, []);
  assert.equal(new Set(reports.map(({ stateDigest }) => stateDigest)).size, 1, JSON.stringify(reports));
}

/** Nobody was penalised by anybody. */
export async function assertNoPenalties(members: readonly Member[]): Promise<void> {
  for (const member of members) {
    const penalised = [...(await member.metrics())].filter(
      ([series, value]) => series.startsWith('btcfed_peer_penalties_total') && value > 0,
    );
    assert.deepEqual(penalised, []);
  }
}
