import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Commitments } from '../../src/sync/commitments.ts';
import { runSeeds, type SeedOutcome } from '../support/simulation/campaign.ts';
import type { Plant } from '../support/simulation/daemon.ts';
import { LIES } from '../support/simulation/liars.ts';
import { FAULTS } from '../support/simulation/plan.ts';
import { simulate } from '../support/simulation/simulation.ts';

/**
 * Daemons with real indexes, header chains, sync, gossip and headers on a simulated network: drops, delays, partitions,
 * crashes, reorganisations, liars. Whatever happened, once it is over all honest ones come to what the reference model says.
 * A seed decides everything, the work of the disks included: what fails fails again. To run one:
 * `BTCFED_SIM_SEED=123 npm test -- simulation`.
 */

const IS_LONG = process.env['BTCFED_TEST_LONG'] === '1';
const ONE = process.env['BTCFED_SIM_SEED'];
const SEEDS = IS_LONG ? 5_000 : 200;
const WHICH = ONE === undefined ? `${SEEDS} seeds` : `seed ${ONE}`;
/** A campaign that is too long for the machine ends early, and says how far it came. */
const LIMIT_MS = IS_LONG ? 3_600_000 : 600_000;

/** Each name with what is told of it, put together. */
function merged(
  outcomes: readonly SeedOutcome[],
  which: 'counts' | 'peaks',
  join: (a: number, b: number) => number,
): ReadonlyMap<string, number> {
  const all = new Map<string, number>();
  for (const outcome of outcomes)
    for (const [name, number] of outcome[which]) all.set(name, join(all.get(name) ?? 0, number));
  return all;
}

/** `name 3, other 4`. */
function shown(numbers: ReadonlyMap<string, number>): string {
  return [...numbers]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, number]) => `${name} ${number}`)
    .join(', ');
}

/** What was planned has happened, nearly always; each fault, each lie, and what comes of them. */
function assertHappened(counts: ReadonlyMap<string, number>): void {
  const of = (name: string): number => counts.get(name) ?? 0;
  for (const fault of FAULTS) {
    assert.ok(of(`planned ${fault}`) > 0, `${fault} was never planned`);
    const share = 1 - of(`missed ${fault}`) / of(`planned ${fault}`);
    assert.ok(share >= 0.8, `${fault} was planned ${of(`planned ${fault}`)} times: ${share} of it happened`);
  }
  for (const lie of LIES) {
    const [told, caught] = [of(`${lie} told`), of(`${lie} caught`)];
    assert.ok(told > 0, `nobody was lied to by ${lie}`);
    // A lie may come too late to matter.
    if (lie !== 'gossipProof')
      assert.ok(caught >= 0.8 * told, `${lie} was found out ${caught} of ${told} times`);
  }
  const names = ['crashInWrite', 'held', 'givenUp', 'late', 'lie', 'sought', 'toldTwice'];
  assert.deepEqual(
    names.filter((name) => of(name) === 0),
    [],
    'what never happened was not tested',
  );
}

test(`${WHICH}: all honest daemons end alike, as if nothing had happened`, async () => {
  const seeds = ONE === undefined ? Array.from({ length: SEEDS }, (_, seed) => seed) : [Number(ONE)];
  const outcomes = await runSeeds(seeds, Date.now() + LIMIT_MS);
  const counts = merged(outcomes, 'counts', (a, b) => a + b);
  const calm = outcomes.map(({ calmMs }) => calmMs).sort((a, b) => a - b);
  const sumS = outcomes.reduce((sum, { ms }) => sum + ms, 0) / 1_000;
  console.log(
    `# ${outcomes.length} seeds, ${(sumS / outcomes.length).toFixed(2)} s each; ` +
      `agreement after ${calm[calm.length >> 1]} ms in the middle, ${calm.at(-1)} ms at most`,
  );
  console.log(`# happened: ${shown(counts)}`);
  console.log(`# at most: ${shown(merged(outcomes, 'peaks', Math.max))}`);
  const failures = outcomes.flatMap(({ failure }) => failure ?? []);
  assert.equal(failures.length, 0, failures.slice(0, 3).join('\n\n'));
  if (ONE !== undefined) return;
  assert.ok(outcomes.length >= Math.min(SEEDS, 200), `only ${outcomes.length} seeds within the time`);
  assertHappened(counts);
  const daemons = outcomes.map((outcome) => outcome.daemons);
  assert.deepEqual([Math.min(...daemons), Math.max(...daemons)], [5, 20]);
});

for (const lie of LIES)
  test(`one who lies by ${lie} is dropped and banned with a code, and nothing of it is believed`, async () => {
    const { counts } = await simulate(1_000, { lie, faults: [], untilBan: true });
    assert.ok(counts.of('lie') > 0);
    // A proof of an unknown branch is held for the case that it comes, and not looked at again.
    if (lie !== 'gossipProof')
      assert.deepEqual([counts.of(`${lie} dropped`), counts.of(`${lie} banned`)], [1, 1]);
  });

test('a seed is played again exactly', async () => {
  for (const seed of [3, 7]) {
    const [first, second] = [await simulate(seed), await simulate(seed)];
    assert.deepEqual([second.fingerprint, second.steps], [first.fingerprint, first.steps]);
  }
});

/** Seeds until the planted bug is found; fails when it is not. */
async function found(plant: Plant, seeds: readonly number[]): Promise<string> {
  for (const seed of seeds) {
    try {
      await simulate(seed, { plant, faults: ['reorg', 'reset', 'gossipLoss'], lie: undefined });
    } catch (error) {
      return (error as Error).message;
    }
  }
  assert.fail(`the planted bug was not found with ${seeds.length} seeds`);
}

const CANARY_SEEDS = Array.from({ length: 20 }, (_, i) => 2_000 + i);

class ForgetfulCommitments extends Commitments {
  override onChain(): void {}
}

test('canary: commitments that forget a reorganisation are found', async () => {
  const failure = await found({ commitments: ForgetfulCommitments }, CANARY_SEEDS);
  assert.match(failure, /no agreement/);
});

test('canary: a client that leaves out a block of each range is found', async () => {
  const failure = await found(
    {
      index: (index) => ({
        ...index,
        ingest: {
          ...index.ingest,
          offerSet: (set, source) => {
            const height = set.txs.find(({ bump }) => bump !== undefined)?.bump?.height;
            const txs = set.txs.filter(({ bump }) => bump === undefined || bump.height !== height);
            return index.ingest.offerSet({ ...set, txs }, source);
          },
        },
      }),
    },
    CANARY_SEEDS,
  );
  assert.match(failure, /no agreement|actual - expected/);
});
