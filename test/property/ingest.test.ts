import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Block } from '../support/corpus/blocks.ts';
import { Prng } from '../support/corpus/prng.ts';
import { viewOfBeefs } from '../support/corpus/view.ts';
import { withNode } from '../support/node.ts';
import { assertState } from '../support/node-state.ts';
import { type Delivery, RandomHistory, STEPS } from '../support/random-history.ts';

/**
 * Invariants 2 to 4 of the architecture: whatever is told in whatever order, with repetitions, restarts and headers in
 * between, the node ends in the state that the reference model computes from nothing. A failure prints the seed and the
 * path; `fc.assert(..., { seed, path })` plays it again.
 */

const RUNS = process.env['BTCFED_TEST_LONG'] === '1' ? 3000 : 250;
const ORDERS = 2;

const number = fc.nat({ max: 999 });
const step = fc.record({ kind: fc.constantFrom(...STEPS), a: number, b: number, c: number, d: number });
const history = fc.record({
  steps: fc.array(step, { minLength: 3, maxLength: 18 }),
  tokens: fc.integer({ min: 1, max: 3 }),
  feeding: fc.string({ minLength: 1, maxLength: 6 }),
});

type Told = { readonly beef: Buffer } | { readonly headers: Block };

/** A random order, some of it twice. */
function inSomeOrder(deliveries: readonly Delivery[], blocks: readonly Block[], random: Prng): Told[] {
  const steps = random.shuffle<Delivery | Block>([
    ...deliveries,
    ...deliveries.filter(() => random.chance(0.2)),
    ...blocks,
  ]);
  return steps.map((each) => ('beef' in each ? { beef: each.beef } : { headers: each }));
}

async function feed(at: RandomHistory, told: readonly Told[], random: Prng): Promise<void> {
  const { chain, tokens } = at;
  await withNode({ tokens: random.shuffle(tokens), cacheEntries: 3 }, async (first, use) => {
    let node = first;
    let answers: Promise<unknown>[] = [];
    const fed: Buffer[] = [];
    const check = async (): Promise<void> => {
      await Promise.all(answers);
      answers = [];
      await node.settled();
      const { hash } = node.chain.tip();
      const tip = at.branches().find((block) => block.hash === hash) ?? chain.blocks.genesis;
      await assertState(node, viewOfBeefs(fed, chain.headers(tip)));
    };
    for (const each of told) {
      if ('beef' in each) {
        fed.push(each.beef);
        answers.push(node.ingest.offer(each.beef, 'sync'));
      } else await node.chain.add(chain.headerBytes({ tip: each.headers, from: 1 }));
      if (random.chance(0.3)) await new Promise<void>((resolve) => setImmediate(resolve));
      if (random.chance(0.1)) await check();
      if (random.chance(0.05)) {
        // What is answered survives; retries that follow from it may be under way.
        await Promise.all(answers);
        node = use(await (random.chance(0.5) ? node.restart() : node.crash()));
      }
    }
    await check();
    assert.equal(node.chain.tip().hash, chain.tip.hash);
  });
}

test('any history, told in any order, ends as the reference model says', async () => {
  const seen = { txs: 0, blocks: 0, conflicts: 0 };
  await fc.assert(
    fc.asyncProperty(history, async ({ steps, tokens, feeding }) => {
      const at = new RandomHistory(steps, tokens);
      seen.txs += at.txs.length;
      seen.blocks += at.branches().length;
      for (let order = 0; order < ORDERS; order++) {
        const random = new Prng(`${feeding} ${order}`);
        const deliveries = at.deliveries((below) => random.below(below));
        await feed(at, inSomeOrder(deliveries, at.branches(), random), random);
      }
    }),
    // Shrinking a failure ends too.
    { numRuns: RUNS, interruptAfterTimeLimit: RUNS * 2000, markInterruptAsFailure: true },
  );
  assert.ok(seen.txs > 5 * RUNS && seen.blocks > RUNS);
});
