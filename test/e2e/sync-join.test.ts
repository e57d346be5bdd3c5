import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { RpcError } from '../../src/api/client.ts';
import type { Member } from '../support/federation.ts';
import { startAll } from '../support/federation.ts';
import { until } from '../support/operator.ts';
import { madeCorpus } from '../support/operator-corpus.ts';
import {
  assertNoPenalties,
  assertSameState,
  following,
  give,
  tokenFederation,
  tokenOf,
  untilEqual,
  withRpc,
} from '../support/token-members.ts';

// A federation from its first daemon to its last, in order: what a test does, the next ones find.
const cleanup = { after };
const corpus = madeCorpus(cleanup, { seed: 'join', transfers: 300, owners: 30, tokens: 2, minedShare: 0.5 });
const [gold, silver] = corpus.facts.tokens.map(({ tokenId }) => tokenId) as [string, string];
const members = await tokenFederation(cleanup, 3, [gold, silver]);
const [a, b, c] = members as readonly [Member, Member, Member];

async function holders(member: Member, token: string): Promise<Record<string, string>> {
  const { items } = await withRpc(member, (rpc) => rpc.call('token.holders', { token, limit: 1_000 }));
  return Object.fromEntries(items.map(({ address, balance }) => [address, balance]));
}

test('a daemon without peers is alone, and a balance says nothing of a sync', async () => {
  await a.start();
  await give(a, corpus);
  assert.equal((await tokenOf(a, gold)).sync?.state, 'alone');
  const [address] = Object.keys(corpus.facts.balances) as [string];
  const balance = await withRpc(a, (rpc) => rpc.call('token.balance', { token: gold, address }));
  assert.equal(balance.warning_syncing, undefined);
});

test('an empty daemon that lists one peer takes headers, both tokens and the unmined from it', async () => {
  b.list(a);
  await b.start();
  await untilEqual([a, b], [gold, silver]);
  for (const { tokenId, balances } of corpus.facts.tokens)
    assert.deepEqual(await holders(b, tokenId), balances);
  const { sync } = await tokenOf(b, gold);
  assert.deepEqual([sync?.agree, sync?.disagree], [[a.peerId], []]);
  await assertSameState([a, b]);
});

test('a daemon that follows one token hears of no other one', async () => {
  c.configure({ more: following([gold]) });
  c.list(b);
  await c.start();
  await untilEqual(members, [gold]);
  const { transactions } = await withRpc(c, (rpc) => rpc.call('token.list', { all: true })).then(
    ({ items }) => items.find(({ token }) => token === silver) ?? { transactions: 0 },
  );
  assert.equal(transactions, 0);
});

test('a token that is followed by SIGHUP is synced at once, and the other one is not disturbed', async () => {
  const before = (await tokenOf(c, gold)).sync?.since;
  const from = c.running.log.length;
  c.configure({ more: following([gold, silver]) });
  c.reload();
  await untilEqual(members, [gold, silver]);
  assert.equal((await tokenOf(c, gold)).sync?.since, before);
  const lines = c.running.log.slice(from).split('\n');
  assert.deepEqual(
    lines.filter((line) => line.includes('event=sync.') && line.includes(gold)),
    [],
  );
  await assertSameState(members);
});

test('a token that is no longer followed is no longer synced; the others go on, and nobody is penalised', async () => {
  c.configure({ more: following([silver]) });
  c.reload();
  await until('gold is not followed', async () => {
    const refused = await tokenOf(c, gold).catch((error: unknown) => error);
    return refused instanceof RpcError && refused.code === 'TOKEN_NOT_FOLLOWED';
  });
  await until('nobody counts on it for gold', async () => {
    const told = await Promise.all([a, b].map((member) => tokenOf(member, gold)));
    return told.every(({ sync }) => sync?.state === 'synced' && !sync.agree.includes(c.peerId));
  });
  await untilEqual(members, [silver]);
  await assertNoPenalties(members);
});

test('followed again after a restart it is whole without being fetched again', async () => {
  await c.stop();
  c.configure({ more: following([gold, silver]) });
  await startAll([c]);
  await untilEqual(members, [gold, silver]);
  assert.equal((await c.metrics()).get('btcfed_sync_taken_total'), 0);
  await assertSameState(members);
  for (const member of members) await member.stop();
});
