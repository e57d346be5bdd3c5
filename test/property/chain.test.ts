// A chain against the simplest model of one: a tree of headers, the highest wins, the first seen stays.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ChainError } from '../../src/chain/errors.ts';
import { HEADER_BYTES } from '../../src/chain/header.ts';
import { hashOf, mineChain, nth, openRegtest, REGTEST_GENESIS } from '../support/chain.ts';
import { MemoryHeaderDisk } from '../support/header-disk.ts';

interface Node {
  readonly raw: Uint8Array;
  readonly hash: string;
  readonly height: number;
  readonly parent: Node | undefined;
}

function pathOf(tip: Node): Node[] {
  const path: Node[] = [];
  for (let node: Node | undefined = tip; node !== undefined; node = node.parent) path.push(node);
  return path.reverse();
}

function forkHeight(a: Node, b: Node): number {
  const left = pathOf(a);
  const right = pathOf(b);
  let height = 0;
  while (left[height + 1] !== undefined && left[height + 1] === right[height + 1]) height += 1;
  return height;
}

const step = fc.record({
  /** Which known header is extended; mostly one near the end of the list, that is a recent one. */
  on: fc.nat(),
  recent: fc.boolean(),
  count: fc.integer({ min: 1, max: 70 }),
  /** Also repeat so many headers before the new ones. */
  overlap: fc.nat(20),
  restart: fc.boolean(),
});

test('any sequence of branches, overlaps and restarts ends like the model, with the right heights undone', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 64 }),
      async (steps, portion) => {
        const genesis: Node = {
          raw: REGTEST_GENESIS,
          hash: hashOf(REGTEST_GENESIS),
          height: 0,
          parent: undefined,
        };
        const nodes: Node[] = [genesis];
        let best = genesis;
        const disk = new MemoryHeaderDisk();
        const options = { portionHeaders: portion, cacheChunks: 3, sideHeaders: 5000 };
        let { chain } = await openRegtest(options, disk);
        for (const { on, recent, count, overlap, restart } of steps) {
          if (restart) ({ chain } = await openRegtest(options, disk));
          const base =
            nodes[recent ? nodes.length - 1 - (on % Math.min(nodes.length, 5)) : on % nodes.length]!;
          const fresh = mineChain(count, { on: base.raw });
          const before = pathOf(base)
            .slice(-overlap - 1)
            .map((node) => node.raw);
          const update = await chain.add(Buffer.concat([...before, fresh]));
          let tip = base;
          for (let i = 0; i < count; i++) {
            const raw = nth(fresh, i);
            tip = { raw, hash: hashOf(raw), height: base.height + 1 + i, parent: tip };
            nodes.push(tip);
          }
          const wins = tip.height > best.height;
          const fork = forkHeight(tip, best);
          const undone = wins && fork < best.height ? { from: fork + 1, to: best.height } : undefined;
          if (wins) best = tip;
          assert.deepEqual([update.added, update.known, update.undone], [count, before.length, undone]);
          assert.deepEqual(chain.tip(), {
            height: best.height,
            hash: best.hash,
            chainWork: BigInt(best.height + 1) * 2n,
          });
        }
        const path = pathOf(best);
        const onPath = new Set(path);
        for (const node of path) {
          assert.equal(chain.hashAt(node.height), node.hash);
          assert.equal(chain.heightOf(node.hash), node.height);
        }
        const aside = nodes.filter((node) => !onPath.has(node));
        assert.equal(chain.sideCount(), aside.length);
        for (const node of aside) assert.equal(chain.heightOf(node.hash), undefined);
        assert.deepEqual(await chain.verify(), {
          headers: chain.isStarted() ? path.length : 0,
          sideHeaders: aside.length,
        });
      },
    ),
    { numRuns: 60 },
  );
});

test('whatever bytes are added, in whatever surroundings, the error is a ChainError and the chain stays', async () => {
  const trunk = mineChain(40);
  const mutation = fc.record({
    at: fc.nat(40 * HEADER_BYTES - 1),
    bit: fc.nat(7),
    cut: fc.nat(40 * HEADER_BYTES),
    shift: fc.nat(100),
  });
  const { chain } = await openRegtest();
  await chain.add(trunk.subarray(0, 20 * HEADER_BYTES));
  await fc.assert(
    fc.asyncProperty(mutation, fc.uint8Array({ maxLength: 200 }), async ({ at, bit, cut, shift }, noise) => {
      const bytes = Uint8Array.from(trunk);
      bytes[at]! ^= 1 << bit;
      for (const input of [bytes.subarray(0, cut), bytes.subarray(shift), noise]) {
        const { chain: fork } = await openRegtest();
        await fork.add(trunk.subarray(0, 20 * HEADER_BYTES));
        const error = await fork.add(input).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        assert.ok(error === undefined || error instanceof ChainError, String(error));
        assert.ok(fork.tip().height >= 20);
        // Only headers that pass the rules stand above the common part.
        assert.equal((await fork.verify()).headers, fork.tip().height + 1);
      }
    }),
    { numRuns: 100 },
  );
  assert.equal(chain.tip().height, 20);
});
