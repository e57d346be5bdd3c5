import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Prng } from '../support/corpus/prng.ts';
import { type TestNode, withNode } from '../support/node.ts';
import { answersTo, differences, heldTxids, planFor, purged } from '../support/purge.ts';
import { RandomHistory, STEPS } from '../support/random-history.ts';

/**
 * Of a history of two or three tokens one is purged: nothing that is said of the others changes, and it is what a store says
 * that never followed the purged one. A failure prints the seed and the path; `fc.assert(..., { seed, path })` plays it again.
 */

const RUNS = process.env['BTCFED_TEST_LONG'] === '1' ? 1000 : 40;

const number = fc.nat({ max: 999 });
const step = fc.record({ kind: fc.constantFrom(...STEPS), a: number, b: number, c: number, d: number });
const history = fc.record({
  steps: fc.array(step, { minLength: 3, maxLength: 18 }),
  tokens: fc.integer({ min: 2, max: 3 }),
  which: number,
  feeding: fc.string({ minLength: 1, maxLength: 6 }),
});

type Told = Buffer | { readonly headers: Buffer };

function toldOf(at: RandomHistory, random: Prng): Told[] {
  const deliveries = at.deliveries((below) => random.below(below)).map(({ beef }) => beef);
  const headers = at.branches().map((tip) => ({ headers: at.chain.headerBytes({ tip, from: 1 }) }));
  const inOrder = random.chance(0.5) ? [...headers, ...deliveries] : undefined;
  return inOrder ?? random.shuffle<Told>([...deliveries, ...headers]);
}

async function feed(node: TestNode, told: readonly Told[]): Promise<void> {
  let answers: Promise<unknown>[] = [];
  for (const each of told) {
    if (Buffer.isBuffer(each)) {
      answers.push(node.ingest.offer(each, 'sync'));
      continue;
    }
    await Promise.all(answers);
    answers = [];
    await node.headers(each.headers);
  }
  await Promise.all(answers);
  await node.settled();
}

test('a purge of one token changes nothing that is said of the others', async (t) => {
  const seen = { dropped: 0, kept: 0, compared: 0 };
  await fc.assert(
    fc.asyncProperty(history, async ({ steps, tokens, which, feeding }) => {
      const at = new RandomHistory(steps, tokens);
      const told = toldOf(at, new Prng(feeding));
      const gone = at.tokens[which % tokens]!;
      const others = at.tokens.filter((id) => id !== gone);
      const all = at.txs.map(({ txid }) => txid);
      await withNode({ tokens: at.tokens, cacheEntries: 3 }, async (first, use) => {
        await feed(first, told);
        const plan = await planFor(first, others);
        const before = await answersTo(first, plan);
        const heldBefore = await heldTxids(first);
        const node = use(await purged(first, gone, others));
        assert.deepEqual(differences(await answersTo(node, plan), before), []);
        await node.audit();
        assert.notEqual(node.reader.tokenState(gone), 'followed');
        const kept = await heldTxids(node);
        seen.kept += kept.length;
        seen.dropped += heldBefore.length - kept.length;

        await withNode({ tokens: others, cacheEntries: 3 }, async (never) => {
          await feed(never, told);
          const order = (await heldTxids(never)).filter((txid) => kept.includes(txid));
          // A payment that was told complete before anything made it matter is forgotten (architecture, invariant 3).
          if (order.join() !== kept.join()) return;
          seen.compared++;
          assert.deepEqual(differences(await answersTo(never, plan), before), []);
        });

        // Followed and told again, it is complete, and what it was not told of is as it was.
        const again = use(await node.restartAfter(() => Promise.resolve(), at.tokens));
        await feed(again, told);
        await again.audit();
        const back = await heldTxids(again);
        assert.deepEqual(new Set([...back, ...all]).size, new Set([...heldBefore, ...all]).size);
      });
    }),
    { numRuns: RUNS, interruptAfterTimeLimit: RUNS * 2000, markInterruptAsFailure: true },
  );
  t.diagnostic(JSON.stringify(seen));
  assert.ok(seen.dropped > RUNS, `${seen.dropped} dropped, ${seen.kept} kept`);
  assert.ok(seen.compared > RUNS / 4, `${seen.compared} of ${RUNS} compared`);
});
