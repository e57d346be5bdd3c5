import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { type Member, proxied } from '../support/federation.ts';
import { until } from '../support/operator.ts';
import { madeCorpus } from '../support/operator-corpus.ts';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import {
  assertNoPenalties,
  assertSameState,
  following,
  give,
  tokenFederation,
  tokenOf,
  untilEqual,
} from '../support/token-members.ts';

const LONG = process.env['BTCFED_TEST_LONG'] === '1';
/** Bytes until the first cut, one for each empty daemon: less than the first message of the handshake. */
const FIRST_CUTS = [10, 17, 29];
/** Each connection gets so much further, from the handshake to the last chunk. A peer is dialled three times in 10 s. */
const FURTHER = LONG ? 1.4 : 8;

/** Between two demands to dial. */
const LOOK_EVERY_MS = 500;

const cleanup = { after };
const corpus = madeCorpus(cleanup, { seed: 'cuts', transfers: 600, owners: 20, minedShare: 0.7 });
const { tokenId } = corpus;

/** A member that is dialled through a line of its own, by whomever. */
async function lined(member: Member): Promise<TcpProxy> {
  const proxy = await member.proxy();
  member.configure({ more: following([tokenId]), announce: [proxied(proxy)] });
  return proxy;
}

/** The connections of an empty daemon break ever later, until it has all; transactions that it held after each cut. */
async function cutUntilSynced(
  from: Member,
  to: Member,
  { first, transactions }: { readonly first: number; readonly transactions: number },
): Promise<readonly number[]> {
  const [toFrom, toTo] = [await from.proxy(), await lined(to)];
  const lines = [toFrom, toTo];
  to.list(from, [proxied(toFrom)]);
  for (const line of lines) line.breakAfter(first);
  await to.start();
  const broken = (): number => lines.reduce((sum, line) => sum + line.broken, 0);
  const held: number[] = [];
  let isSynced = false;
  for (let bytes = first; !isSynced; bytes = Math.ceil(bytes * FURTHER)) {
    for (const line of lines) line.breakAfter(bytes);
    const before = broken();
    let askedMs = Number.NEGATIVE_INFINITY;
    await until(`a connection breaks after ${bytes} bytes, or all is there`, async () => {
      // A peer that closes right behind the handshake is left alone for half a minute, and the break may not be noticed yet.
      if (performance.now() - askedMs > LOOK_EVERY_MS) {
        askedMs = performance.now();
        to.lookNow();
      }
      // Empty daemons that know of nobody else agree with each other, so that being synced alone says nothing.
      isSynced = (await tokenOf(to, tokenId).catch(() => undefined))?.transactions === transactions;
      return isSynced || broken() > before;
    });
    held.push((await tokenOf(to, tokenId).catch(() => undefined))?.transactions ?? 0);
  }
  for (const line of lines) line.breakAfter(Number.POSITIVE_INFINITY);
  return held;
}

test('connections that break ever later, from the first byte on: there is no step at which a cut loses anything', {
  skip: LONG ? false : 'a long campaign: BTCFED_TEST_LONG=1',
}, async (t) => {
  const members = await tokenFederation(t, 1 + FIRST_CUTS.length, [tokenId]);
  const [full, ...empty] = members as readonly [Member, ...Member[]];
  await lined(full);
  await full.start();
  await give(full, corpus);
  const { transactions } = await tokenOf(full, tokenId);
  const held = (
    await Promise.all(FIRST_CUTS.map((first, i) => cutUntilSynced(full, empty[i]!, { first, transactions })))
  ).flat();
  t.diagnostic(`${held.length} cuts, with so many transactions behind them: ${held.join(' ')}`);
  await untilEqual(members, [tokenId], transactions);
  await assertSameState(members);
  await assertNoPenalties(members);
  const greeting = held.filter((count) => count === 0).length;
  const history = held.filter((count) => count > 0 && count < transactions).length;
  assert.ok(greeting >= 9 && history >= 1, `${greeting} cuts of the greeting, ${history} of the history`);
  await Promise.all(members.map((member) => member.stop()));
});
