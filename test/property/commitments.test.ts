import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Block } from '../support/corpus/blocks.ts';
import { Prng } from '../support/corpus/prng.ts';
import { viewOfBeefs } from '../support/corpus/view.ts';
import { type Delivery, RandomHistory, STEPS } from '../support/random-history.ts';
import { SyncNode } from '../support/sync-node.ts';

/**
 * Whatever a node was told in whatever order, with reorganisations, restarts and questions in between: its commitments are
 * those that the specification gives for what it holds, and two nodes that hold the same have the same.
 */

const RUNS = process.env['BTCFED_TEST_LONG'] === '1' ? 1500 : 40;
const ORDERS = 2;

/** Reorganisations are what it is about. */
const MORE_BLOCKS = ['mine', 'fork', 'fork', 'fork'] as const;
const number = fc.nat({ max: 999 });
const step = fc.record({
  kind: fc.constantFrom(...STEPS, ...MORE_BLOCKS),
  a: number,
  b: number,
  c: number,
  d: number,
});
const history = fc.record({
  steps: fc.array(step, { minLength: 3, maxLength: 18 }),
  tokens: fc.integer({ min: 1, max: 3 }),
  feeding: fc.string({ minLength: 1, maxLength: 6 }),
});

/** Headers of a block come before proofs of it, so that in the end nothing waits for what came too early. */
function told(deliveries: readonly Delivery[], blocks: readonly Block[], random: Prng): (Delivery | Block)[] {
  const known = new Set<Block>();
  const steps: (Delivery | Block)[] = [];
  const learn = (block: Block): void => {
    for (let at: Block | undefined = block; at !== undefined; at = at.parent) known.add(at);
    steps.push(block);
  };
  for (const each of random.shuffle<Delivery | Block>([...deliveries, ...deliveries, ...blocks])) {
    if (!('beef' in each)) learn(each);
    else {
      for (const block of each.proofsOf) if (!known.has(block)) learn(block);
      steps.push(each);
    }
  }
  return steps;
}

interface Seen {
  mined: number;
  unmined: number;
  undone: number;
}

async function feed(
  at: RandomHistory,
  deliveries: readonly Delivery[],
  random: Prng,
  seen: Seen,
): Promise<string> {
  const { chain, tokens } = at;
  // Room for one token: with several, they take each other's place.
  const sync = await SyncNode.open({ tokens, cacheEntries: 3 }, random.chance(0.5) ? 1 : undefined);
  try {
    const fed: Buffer[] = [];
    const check = async (): Promise<void> => {
      await sync.node.settled();
      const { hash } = sync.node.chain.tip();
      const tip = at.branches().find((block) => block.hash === hash) ?? chain.blocks.genesis;
      await sync.check(viewOfBeefs(fed, chain.headers(tip)), chain.headers(tip), tokens);
    };
    sync.node.chain.onChange(({ undone }) => {
      if (undone !== undefined) seen.undone++;
    });
    for (const each of told(deliveries, at.branches(), random)) {
      if ('beef' in each) {
        fed.push(each.beef);
        void sync.node.ingest.offer(each.beef, 'sync');
      } else await sync.node.chain.add(chain.headerBytes({ tip: each, from: 1 }));
      if (random.chance(0.2)) await check();
      // In the middle of commits: whatever it answers or refuses, it must not be remembered wrongly.
      if (random.chance(0.3)) await sync.commitments.tip(random.pick(tokens)).catch(assertNotReady);
      if (random.chance(0.05)) {
        await sync.node.settled();
        sync.replace(await sync.node.restart());
      }
    }
    await check();
    const tips = await Promise.all(tokens.map((tokenId) => sync.commitments.tip(tokenId)));
    for (const { entries, unmined } of tips) {
      seen.mined += entries;
      seen.unmined += unmined;
    }
    return JSON.stringify(
      tips.map(({ tac, unminedDigest }) => [tac?.toString('hex'), unminedDigest.toString('hex')]),
    );
  } finally {
    await sync.close();
  }
}

function assertNotReady(error: unknown): void {
  assert.equal((error as { code?: string }).code, 'NOT_READY');
}

test('commitments of any history, told in any order, are those of the specification', async () => {
  const seen: Seen = { mined: 0, unmined: 0, undone: 0 };
  let same = 0;
  await fc.assert(
    fc.asyncProperty(history, async ({ steps, tokens, feeding }) => {
      const at = new RandomHistory(steps, tokens);
      const deliveries = at.deliveries((below) => new Prng(feeding).below(below));
      const results = new Set<string>();
      for (let order = 0; order < ORDERS; order++)
        results.add(await feed(at, deliveries, new Prng(`${feeding} ${order}`), seen));
      // Of two unmined rivals the first seen stands, so that nodes may differ in them alone.
      if (results.size === 1) same++;
    }),
    { numRuns: RUNS, interruptAfterTimeLimit: RUNS * 4000, markInterruptAsFailure: true },
  );
  assert.ok(seen.mined > RUNS && seen.unmined > RUNS && seen.undone > 3, JSON.stringify(seen));
  assert.ok(same > RUNS / 4, `${same} of ${RUNS} the same in both orders`);
});
