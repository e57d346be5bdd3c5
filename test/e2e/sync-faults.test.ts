import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Prng } from '../support/corpus/prng.ts';
import { type Member, proxied } from '../support/federation.ts';
import { type Cleanup, until } from '../support/operator.ts';
import { madeCorpus } from '../support/operator-corpus.ts';
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
const KILLS = LONG ? 100 : 20;
/** From a start until the first transactions come. */
const MAX_GREETING_MS = 300;
/** Transactions that come between two kills. */
const MAX_GROWTH = LONG ? 800 : 400;
const SEED = process.env['BTCFED_KILL_SEED'] ?? 'sync kill';

const cleanup = { after };
const corpus = madeCorpus(cleanup, { seed: 'faults', transfers: 2_400, owners: 40, minedShare: 0.8 });
const { tokenId } = corpus;
const [full] = (await tokenFederation(cleanup, 1, [tokenId])) as [Member];
/** History transactions of the token. */
let total = 0;

before(async () => {
  await full.start();
  await give(full, corpus);
  total = (await tokenOf(full, tokenId)).transactions;
  await full.stop();
});

/** Members of which the first ones have the history, the last one nothing. None runs. */
async function members(t: Cleanup, count: number): Promise<readonly Member[]> {
  const made = await tokenFederation(t, count, [tokenId]);
  for (const member of made.slice(0, -1))
    cpSync(full.home.path('data'), member.home.path('data'), { recursive: true });
  return made;
}

async function countAt(member: Member): Promise<number> {
  return (await tokenOf(member, tokenId)).transactions;
}

/** Waits until so many more have come, or all. */
async function untilGrown(member: Member, by: number): Promise<void> {
  const wanted = Math.min(total, (await countAt(member)) + by);
  await until(`${wanted} are there`, async () => (await countAt(member)) >= wanted);
}

/** Waits until the empty one has some of it, and not all. */
async function untilMidway(member: Member, from: number): Promise<void> {
  let count = 0;
  await until(`more than ${from} are there`, async () => {
    count = await countAt(member);
    return count > from;
  });
  assert.ok(count < total, `${count} of ${total} are there already`);
}

test('a connection that breaks again and again in the middle: the sync goes on where it was', async (t) => {
  const [a, b] = (await members(t, 2)) as [Member, Member];
  // Both are dialled through a proxy, by whomever.
  const proxies = await Promise.all([a.proxy(), b.proxy()]);
  for (const [i, member] of [a, b].entries())
    member.configure({ more: following([tokenId]), announce: [proxied(proxies[i]!)] });
  b.list(a, [proxied(proxies[0])]);
  await Promise.all([a.start(), b.start()]);
  const accepted = (): number => proxies.reduce((sum, proxy) => sum + proxy.accepted, 0);
  let broken = 0;
  for (const from of [0, 500, 1_500]) {
    // What was on its way grows on without a connection: a reset then would break nothing.
    await until('they are connected again', async () => accepted() > broken);
    await untilMidway(b, from);
    broken = accepted();
    for (const proxy of proxies) proxy.reset();
  }
  await untilEqual([a, b], [tokenId], total);
  assert.ok(accepted() > broken, `${accepted()} connections`);
  // Nothing came twice but what was under way.
  const taken = (await b.metrics()).get('btcfed_sync_taken_total') ?? 0;
  assert.ok(taken < total * 1.5, `${taken} taken for ${total}`);
  await assertSameState([a, b]);
  await assertNoPenalties([a, b]);
  await Promise.all([a.stop(), b.stop()]);
});

test('a peer that freezes in the middle: the other one gives the rest, and the frozen one is in agreement later', async (t) => {
  const [a, other, b] = (await members(t, 3)) as [Member, Member, Member];
  b.list(a);
  b.list(other);
  await Promise.all([a.start(), other.start()]);
  await b.start();
  await untilMidway(b, 0);
  a.freeze();
  await until('all of it is there', async () => (await countAt(b)) === total);
  a.thaw();
  await untilEqual([a, other, b], [tokenId], total);
  await assertSameState([a, other, b]);
  await Promise.all([a, other, b].map((member) => member.stop()));
});

test(`${KILLS} kills of either side during an initial sync: what is there is whole, and in the end all of it is`, async (t) => {
  const [a, b] = (await members(t, 2)) as [Member, Member];
  a.list(b);
  b.list(a);
  const prng = new Prng(SEED);
  let synced = 0;
  const counts: number[] = [];
  await Promise.all([a.start(), b.start()]);
  for (let kill = 0; kill < KILLS; kill++) {
    // At some step of the greeting, or at some place in the history.
    if (prng.chance(0.4)) await sleep(prng.below(MAX_GREETING_MS));
    else await untilGrown(b, prng.below(MAX_GROWTH));
    const victim = prng.chance(0.5) ? a : b;
    await victim.kill();
    if (victim === b && counts.at(-1) === total) {
      // It had all, so it begins again.
      synced++;
      rmSync(b.home.path('data'), { recursive: true });
    }
    await victim.start();
    counts.push(await countAt(b));
  }
  t.diagnostic(`${KILLS} kills at ${counts.join(' ')} of ${total}; ${synced} syncs completed; seed ${SEED}`);
  await untilEqual([a, b], [tokenId], total);
  await assertSameState([a, b]);
  await assertNoPenalties([a, b]);
  await Promise.all([a.stop(), b.stop()]);
});
