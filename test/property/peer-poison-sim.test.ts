import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeNet, type SimNode } from '../support/exchange-net.ts';
import { poison } from '../support/poison.ts';

const INTERVAL_MS = 30_000;
const NODES = 64;
const ATTACKERS = 6;

/** Mean and least share of the other honest nodes that an honest one knows. */
function known(honest: readonly SimNode[]): { readonly mean: number; readonly least: number } {
  const shares = honest.map(
    (node) =>
      honest.filter((other) => other !== node && node.book.isKnown(other.key.peerId)).length /
      (honest.length - 1),
  );
  return { mean: shares.reduce((a, b) => a + b, 0) / shares.length, least: Math.min(...shares) };
}

const skip =
  process.env['BTCFED_TEST_LONG'] === '1' ? false : 'takes 14 s of processor time: BTCFED_TEST_LONG';

test('6 of 64 tell of 2,400 peers that do not exist, each alive this very second', { skip }, async () => {
  const net = new ExchangeNet({ intervalMs: INTERVAL_MS });
  const first = await net.add();
  for (let i = 1; i < NODES; i++) await net.add([first]);
  await net.clock.advance(3 * INTERVAL_MS);
  const attackers = net.nodes.slice(NODES - ATTACKERS);
  const honest = net.nodes.slice(0, NODES - ATTACKERS);
  await poison(attackers, 400);
  await net.clock.advance(20 * INTERVAL_MS);
  const { heard, proved } = honest[1]!.book.counts();
  const shares = known(honest);
  console.log(
    `# after 10 min: ${heard} heard, ${proved} proved; honest known ${(100 * shares.mean).toFixed(2)} %` +
      ` (least ${(100 * shares.least).toFixed(2)} %)`,
  );
  const joined = await net.add([honest[3]!]);
  const beganMs = net.clock.monotonicMs();
  const friends = () =>
    [...joined.links.values()].filter(
      ({ peerId, isDialler }) => isDialler && honest.some(({ key }) => key.peerId === peerId),
    ).length;
  const reached: number[] = [];
  while (reached.length < 8 && net.clock.monotonicMs() - beganMs < 5 * 60_000) {
    await net.clock.advance(1_000);
    while (reached.length < friends()) reached.push((net.clock.monotonicMs() - beganMs) / 1_000);
  }
  console.log(`# a new node: its dials of honest nodes after ${reached.join(', ')} s`);
  assert.ok(shares.mean >= 0.99, `${shares.mean}`);
  assert.ok((reached[3] ?? Number.POSITIVE_INFINITY) <= 60, `4 connections after ${reached[3]} s`);
  await net.stop();
});
