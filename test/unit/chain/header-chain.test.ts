import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChainError } from '../../../src/chain/errors.ts';
import { HEADER_BYTES } from '../../../src/chain/header.ts';
import type { ChainUpdate, HeaderChain } from '../../../src/chain/header-chain.ts';
import { keyRange } from '../../../src/chain/rows.ts';
import {
  FakeClock,
  GENESIS_TIME,
  hashOf,
  mineChain,
  mineHeader,
  nth,
  openRegtest,
  REGTEST_GENESIS_HASH,
  rootOf,
  sharedFile,
} from '../../support/chain.ts';
import type { MemoryHeaderDisk } from '../../support/header-disk.ts';

/** Opens the same disk again and demands the same answers. */
async function sameAfterRestart(chain: HeaderChain, disk: MemoryHeaderDisk): Promise<HeaderChain> {
  const { chain: again } = await openRegtest({}, disk);
  assert.deepEqual(again.tip(), chain.tip());
  assert.equal(again.sideCount(), chain.sideCount());
  await again.verify();
  return again;
}

function hashesOf(headers: Uint8Array): string[] {
  return Array.from({ length: headers.length / HEADER_BYTES }, (_, i) => hashOf(nth(headers, i)));
}

function assertBest(chain: HeaderChain, from: number, headers: Uint8Array): void {
  for (const [i, hash] of hashesOf(headers).entries()) {
    assert.equal(chain.hashAt(from + i), hash, `height ${from + i}`);
    assert.equal(chain.heightOf(hash), from + i);
  }
}

test('an empty chain knows block 0 and nothing else, and writes nothing', async () => {
  const { chain, disk } = await openRegtest();
  assert.deepEqual(chain.tip(), { height: 0, hash: REGTEST_GENESIS_HASH, chainWork: 2n });
  assert.equal(chain.isStarted(), false);
  assert.equal(chain.baseHeight(), 0);
  assert.equal(chain.header(0)?.hash, REGTEST_GENESIS_HASH);
  for (const height of [1, -1, 0.5, Number.NaN, 2 ** 40]) {
    assert.equal(chain.header(height), undefined);
    assert.equal(chain.rootAt(height), undefined);
    assert.equal(chain.hashAt(height), undefined);
    assert.equal(chain.timeAt(height), undefined);
  }
  assert.equal(chain.heightOf('no hash'), undefined);
  assert.deepEqual(chain.locator(), [REGTEST_GENESIS_HASH]);
  assert.deepEqual(await chain.add(new Uint8Array(0)), {
    added: 0,
    known: 0,
    undone: undefined,
    tip: chain.tip(),
  });
  assert.equal(disk.batches.length, 0);
});

test('headers extend the chain; every lookup answers, also after a restart', async () => {
  const { chain, disk } = await openRegtest();
  const headers = mineChain(200, { root: (i) => rootOf(i + 1) });
  const update = await chain.add(headers);
  assert.deepEqual(update, { added: 200, known: 0, undone: undefined, tip: chain.tip() });
  assert.deepEqual(chain.tip(), { height: 200, hash: hashOf(nth(headers, -1)), chainWork: 402n });
  for (const open of [chain, await sameAfterRestart(chain, disk)]) {
    assertBest(open, 1, headers);
    for (const height of [1, 63, 64, 65, 127, 128, 200]) {
      assert.equal(open.rootAt(height), rootOf(height));
      assert.equal(open.timeAt(height), GENESIS_TIME + 600 * height);
      assert.deepEqual(Buffer.from(open.header(height)?.raw ?? []), nth(headers, height - 1));
    }
    assert.equal(open.rootAt(201), undefined);
    assert.equal(open.heightOf('00'.repeat(32)), undefined);
    assert.equal(open.isStarted(), true);
  }
});

test('the shared regtest headers are accepted, block 0 included', async (t) => {
  const headers = sharedFile('corpus', 'headers.bin');
  if (headers === undefined) return t.skip('the shared corpus is not here');
  const { chain } = await openRegtest();
  const update = await chain.add(headers);
  assert.deepEqual([update.added, update.known, update.tip.height], [5, 1, 5]);
});

test('known headers are skipped, wherever they are', async () => {
  const { chain, disk } = await openRegtest();
  const trunk = mineChain(100);
  await chain.add(trunk);
  const side = mineChain(3, { on: nth(trunk, 49) });
  await chain.add(side);
  const batches = disk.batches.length;
  const again = await chain.add(Buffer.concat([trunk, side]));
  assert.deepEqual([again.added, again.known, again.undone], [0, 103, undefined]);
  assert.equal(disk.batches.length, batches, 'nothing is written');
  const more = mineChain(5, { on: nth(trunk, -1) });
  const overlap = await chain.add(Buffer.concat([trunk.subarray(90 * 80), more]));
  assert.deepEqual([overlap.added, overlap.known], [5, 10]);
});

test('a tie stays with the first seen; one header more wins and reports the heights undone', async () => {
  const { chain, disk } = await openRegtest();
  const trunk = mineChain(10);
  const a = mineChain(5, { on: nth(trunk, -1) });
  const b = mineChain(6, { on: nth(trunk, -1) });
  await chain.add(Buffer.concat([trunk, a]));
  const events: ChainUpdate[] = [];
  const unsubscribe = chain.onChange((update) => events.push(update));
  const tie = await chain.add(b.subarray(0, 5 * 80));
  assert.deepEqual([tie.added, tie.undone, tie.tip.hash], [5, undefined, hashOf(nth(a, -1))]);
  assert.equal(chain.sideCount(), 5);
  await sameAfterRestart(chain, disk);
  const win = await chain.add(nth(b, 5));
  assert.deepEqual([win.added, win.undone, win.tip.height], [1, { from: 11, to: 15 }, 16]);
  assertBest(chain, 11, b);
  for (const hash of hashesOf(a)) {
    assert.equal(chain.heightOf(hash), undefined);
    assert.equal(chain.knows(hash), true);
  }
  assert.equal(chain.sideCount(), 5);
  assert.deepEqual(
    events.map((e) => [e.added, e.undone, e.tip.height]),
    [
      [5, undefined, 15],
      [1, { from: 11, to: 15 }, 16],
    ],
  );
  unsubscribe();
  const again = await sameAfterRestart(chain, disk);
  // Back again, through a chain opened anew: the old branch grows by two.
  const back = await again.add(mineChain(2, { on: nth(a, -1) }));
  assert.deepEqual([back.undone, back.tip.height], [{ from: 11, to: 16 }, 17]);
  assertBest(again, 11, a);
  assert.equal(events.length, 2);
});

test('a lower branch with more headers given in one call wins in that call', async () => {
  const { chain } = await openRegtest();
  const trunk = mineChain(20);
  await chain.add(trunk);
  const b = mineChain(15, { on: nth(trunk, 9) });
  const update = await chain.add(b);
  assert.deepEqual([update.added, update.undone, update.tip.height], [15, { from: 11, to: 20 }, 25]);
});

test('a reorganisation over several chunks and portions', async () => {
  const { chain, disk } = await openRegtest({ portionHeaders: 50, cacheChunks: 2 });
  const a = mineChain(300);
  await chain.add(a);
  assert.ok(disk.batches.length >= 6);
  const b = mineChain(301);
  const update = await chain.add(b);
  assert.deepEqual([update.added, update.undone], [301, { from: 1, to: 300 }]);
  assertBest(chain, 1, b);
  assert.equal(chain.sideCount(), 300);
  const again = await sameAfterRestart(chain, disk);
  assertBest(again, 1, b);
  assert.deepEqual(await again.verify(), { headers: 302, sideHeaders: 300 });
  const count = (kind: 'chunk' | 'index' | 'side'): number => {
    const [from, to] = keyRange(kind).map((key) => key.toString('hex'));
    return [...disk.rows.keys()].filter((key) => key >= from! && key < to!).length;
  };
  assert.deepEqual(
    [count('chunk'), count('index'), count('side')],
    [5, 302, 300],
    'no rows of the old chain are left',
  );
});

test('runs in any order in one call: a second branch after the first, children after parents', async () => {
  const { chain } = await openRegtest();
  const trunk = mineChain(5);
  const a = mineChain(3, { on: nth(trunk, -1) });
  const b = mineChain(4, { on: nth(trunk, -1) });
  const update = await chain.add(Buffer.concat([trunk, a, b, trunk]));
  assert.deepEqual(
    [update.added, update.known, update.undone, update.tip.height],
    [12, 5, { from: 6, to: 8 }, 9],
  );
});

test('roots of side branches are found by height, those of unknown blocks are not', async () => {
  const { chain, disk } = await openRegtest();
  const trunk = mineChain(4, { root: (i) => rootOf(`t${i}`) });
  await chain.add(trunk);
  await chain.add(mineChain(2, { on: nth(trunk, 1), root: (i) => rootOf(`x${i}`) }));
  await chain.add(mineChain(1, { on: nth(trunk, 1), root: () => rootOf('y') }));
  assert.deepEqual([...chain.sideRoots(3)].sort(), [rootOf('x0'), rootOf('y')].sort());
  assert.deepEqual(chain.sideRoots(4), [rootOf('x1')]);
  assert.deepEqual(chain.sideRoots(2), []);
  const again = await sameAfterRestart(chain, disk);
  assert.deepEqual([...again.sideRoots(3)].sort(), [rootOf('x0'), rootOf('y')].sort());
});

test('side headers are bounded: the branch that leaves deepest goes first, the one being extended never', async () => {
  const { chain, disk } = await openRegtest({ sideHeaders: 10 });
  const trunk = mineChain(50);
  await chain.add(trunk);
  const deep = mineChain(4, { on: nth(trunk, 5) });
  const middle = mineChain(4, { on: nth(trunk, 20) });
  const high = mineChain(2, { on: nth(trunk, 40) });
  for (const side of [high, deep, middle]) await chain.add(side);
  assert.equal(chain.sideCount(), 10);
  await chain.add(mineChain(1, { on: nth(high, -1) }));
  assert.equal(chain.sideCount(), 7);
  for (const hash of hashesOf(deep))
    assert.equal(chain.knows(hash), false, 'the deepest branch is gone whole');
  for (const hash of hashesOf(middle)) assert.equal(chain.knows(hash), true);
  // Extending the deepest that is left evicts the others instead.
  await chain.add(mineChain(5, { on: nth(middle, -1) }));
  for (const hash of hashesOf(middle)) assert.equal(chain.knows(hash), true);
  assert.ok(chain.sideCount() <= 10);
  await sameAfterRestart(chain, disk);
  await assert.rejects(chain.add(mineChain(11, { on: nth(trunk, 10) })), { code: 'SIDE_BRANCH_TOO_LONG' });
  assert.ok(chain.sideCount() <= 10);
});

test('many siblings on one stem do not crowd out the branch being extended', async () => {
  const { chain } = await openRegtest({ sideHeaders: 8 });
  const trunk = mineChain(12);
  await chain.add(trunk);
  const branch = mineChain(10, { on: nth(trunk, 5) });
  await chain.add(nth(branch, 0));
  for (let i = 0; i < 20; i++) await chain.add(mineChain(1, { on: nth(branch, 0) }));
  assert.ok(chain.sideCount() <= 8);
  for (let i = 1; i < 7; i++) await chain.add(nth(branch, i));
  assert.deepEqual(chain.tip().hash, hashOf(nth(branch, 6)), 'it wins with its seventh header');
});

test('a reorganisation of more headers than are kept beside the chain still works', async () => {
  const { chain, disk } = await openRegtest({ sideHeaders: 5 });
  const trunk = mineChain(20);
  await chain.add(trunk);
  const b = mineChain(21);
  const update = await chain.add(b);
  assert.deepEqual(update.undone, { from: 1, to: 20 });
  assertBest(chain, 1, b);
  assert.ok(chain.sideCount() <= 5);
  await sameAfterRestart(chain, disk);
});

test('wrong headers are refused with their code, and leave everything as it was', async () => {
  const { chain, disk, clock } = await openRegtest();
  const trunk = mineChain(20);
  await chain.add(trunk);
  const tip = chain.tip();
  const prevHash = tip.hash;
  const time = GENESIS_TIME + 21 * 600;
  const good = { prevHash, merkleRoot: rootOf('m'), time };
  const nowS = Math.floor(clock.nowMs() / 1000);
  const bad = Buffer.from(mineHeader(good));
  for (let nonce = 0; ; nonce++) {
    bad.writeUInt32LE(nonce, 76);
    if (hashOf(bad)[0]! >= '8') break;
  }
  const cases: readonly [code: string, headers: Uint8Array][] = [
    ['POW_FAILED', bad],
    ['UNKNOWN_PARENT', mineHeader({ ...good, prevHash: rootOf('nobody') })],
    ['BITS_WRONG', mineHeader({ ...good, bits: 0x207ffffe })],
    ['BITS_INVALID', changed(mineHeader(good), 72, 0x21008000)],
    ['BITS_INVALID', changed(mineHeader(good), 72, 0)],
    ['BITS_INVALID', changed(mineHeader(good), 72, 0x20ffffff)],
    ['TIME_TOO_OLD', mineHeader({ ...good, time: GENESIS_TIME + 15 * 600 })],
    ['TIME_TOO_NEW', mineHeader({ ...good, time: nowS + 7201 })],
    ['HEADER_LENGTH', mineHeader(good).subarray(0, 79)],
  ];
  const batches = disk.batches.length;
  for (const [code, headers] of cases) {
    await assert.rejects(
      chain.add(headers),
      (thrown) => thrown instanceof ChainError && thrown.code === code,
      code,
    );
  }
  assert.deepEqual(chain.tip(), tip);
  assert.equal(disk.batches.length, batches);
  // The bounds themselves are allowed: a second above the median, exactly two hours ahead.
  await chain.add(mineHeader({ ...good, time: GENESIS_TIME + 15 * 600 + 1 }));
  await chain.add(mineHeader({ ...good, prevHash: chain.tip().hash, time: nowS + 7200 }));
  assert.equal(chain.tip().height, 22);
});

function changed(raw: Buffer, at: number, value: number): Buffer {
  raw.writeUInt32LE(value, at);
  return raw;
}

test('a header from the future is retriable and passes once the clock is there', async () => {
  const { chain, clock } = await openRegtest();
  const nowS = Math.floor(clock.nowMs() / 1000);
  const header = mineHeader({ prevHash: chain.tip().hash, merkleRoot: rootOf(1), time: nowS + 7230 });
  await assert.rejects(chain.add(header), (thrown) => thrown instanceof ChainError && thrown.retriable);
  assert.equal(chain.isStarted(), false);
  clock.advance(29_000);
  await assert.rejects(chain.add(header), { code: 'TIME_TOO_NEW' });
  clock.advance(1_000);
  assert.equal((await chain.add(header)).added, 1);
});

test('calls wait for each other, and reading shows only what is on the disk', async () => {
  const { chain, disk } = await openRegtest();
  const trunk = mineChain(30);
  const first = chain.add(trunk.subarray(0, 20 * 80));
  const second = chain.add(trunk);
  assert.equal(chain.tip().height, 0);
  assert.equal((await first).added, 20);
  const update = await second;
  assert.deepEqual([update.added, update.known], [10, 20]);
  assert.equal(disk.batches.length, 2);
});

test('only the last write of a call is synced', async () => {
  const { chain, disk } = await openRegtest({ portionHeaders: 10 });
  await chain.add(mineChain(35));
  assert.deepEqual(disk.syncs, [false, false, false, true]);
});

test('a failed write changes nothing in memory and can be repeated', async () => {
  const { chain, disk } = await openRegtest();
  const trunk = mineChain(10);
  await chain.add(trunk);
  const more = mineChain(3, { on: nth(trunk, -1) });
  disk.failNext = new Error('ENOSPC: no space left on device');
  await assert.rejects(chain.add(more), (thrown) => {
    assert.ok(thrown instanceof ChainError);
    assert.deepEqual([thrown.code, thrown.retriable], ['DISK_FAILED', true]);
    assert.match(thrown.message, /ENOSPC/);
    return true;
  });
  assert.equal(chain.tip().height, 10);
  assert.equal((await chain.add(more)).added, 3);
  await sameAfterRestart(chain, disk);
});

test('a failed first write leaves the base open', async () => {
  const { chain, disk } = await openRegtest();
  disk.failNext = new Error('EIO');
  const trunk = mineChain(3);
  await assert.rejects(chain.add(trunk), { code: 'DISK_FAILED' });
  assert.equal(chain.isStarted(), false);
  assert.equal((await chain.add(trunk)).added, 3);
  await sameAfterRestart(chain, disk);
});

test('a write that failed but landed is noticed: no writing on top of a state not seen', async () => {
  const { chain, disk } = await openRegtest();
  const trunk = mineChain(10);
  await chain.add(trunk);
  disk.failNext = new Error('EIO');
  disk.applyFailed = true;
  const more = mineChain(3, { on: nth(trunk, -1) });
  await assert.rejects(chain.add(more), { code: 'DISK_FAILED' });
  await assert.rejects(chain.add(mineChain(2, { on: nth(trunk, -1) })), { code: 'CHAIN_STATE_CHANGED' });
  assert.equal(chain.tip().height, 10);
  const { chain: again } = await openRegtest({}, disk);
  assert.equal(again.tip().height, 13);
});

test('at any prefix of the writes the store is a valid chain', async () => {
  const { chain, disk } = await openRegtest({ portionHeaders: 20, sideHeaders: 60 });
  const a = mineChain(150);
  await chain.add(a);
  await chain.add(mineChain(30, { on: nth(a, 99) }));
  await chain.add(mineChain(60, { on: nth(a, 109) }));
  await chain.add(mineChain(100, { on: nth(a, 119) }));
  assert.ok(disk.batches.length > 15, `${disk.batches.length} writes`);
  const heights = new Set<number>();
  for (let count = 0; count <= disk.batches.length; count++) {
    const { chain: at } = await openRegtest({}, disk.after(count));
    const { headers } = await at.verify();
    assert.equal(headers, at.isStarted() ? at.tip().height + 1 : 0);
    assert.deepEqual(at.damagedSideRows(), []);
    heights.add(at.tip().height);
    // It goes on from there as if nothing had happened.
    await at.add(a);
    assert.ok(at.tip().height >= 150);
  }
  assert.ok(heights.size > 10);
});

test('locator and headersAfter let a peer follow', async () => {
  const { chain } = await openRegtest();
  const trunk = mineChain(3000);
  await chain.add(trunk);
  const locator = chain.locator();
  assert.deepEqual(
    locator.slice(0, 10),
    Array.from({ length: 10 }, (_, i) => chain.hashAt(3000 - i)),
  );
  assert.equal(locator.at(-1), REGTEST_GENESIS_HASH);
  assert.ok(locator.length < 25, `${locator.length}`);
  assert.deepEqual(chain.headersAfter(locator, 2000), {
    fromHeight: 3001,
    headers: new Uint8Array(0),
    isLinked: true,
  });
  const none = chain.headersAfter([rootOf('unknown'), 'no hash'], 100_000);
  assert.equal(none.fromHeight, 0);
  assert.equal(none.headers.length, 2000 * 80);
  const some = chain.headersAfter([rootOf('unknown'), hashOf(nth(trunk, 99)), REGTEST_GENESIS_HASH], 3);
  assert.equal(some.fromHeight, 101);
  assert.deepEqual(Buffer.from(some.headers), trunk.subarray(100 * 80, 103 * 80));
  // A chain that forked off finds the common part.
  const { chain: other } = await openRegtest();
  await other.add(Buffer.concat([trunk.subarray(0, 1000 * 80), mineChain(500, { on: nth(trunk, 999) })]));
  let steps = 0;
  for (; other.tip().hash !== chain.tip().hash; steps++) {
    const { headers } = chain.headersAfter(other.locator(), 2000);
    await other.add(headers);
    assert.ok(steps < 3);
  }
  assert.equal(other.tip().height, 3000);
});

test('random headers and random bytes only ever give a ChainError', async () => {
  const { chain } = await openRegtest();
  const trunk = mineChain(5);
  await chain.add(trunk);
  let seed = 7;
  for (let i = 0; i < 300; i++) {
    const bytes = new Uint8Array(i % 250);
    for (let k = 0; k < bytes.length; k++) {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      bytes[k] = seed >>> 24;
    }
    if (bytes.length === 0) continue;
    await assert.rejects(chain.add(bytes), (thrown) => thrown instanceof ChainError);
  }
  assert.equal(chain.tip().height, 5);
});

test('the clock is read, not the machine: a chain of the future needs a clock of the future', async () => {
  const { chain } = await openRegtest({}, undefined, new FakeClock(GENESIS_TIME * 1000));
  await assert.rejects(chain.add(mineChain(1, { stepS: 7201 })), { code: 'TIME_TOO_NEW' });
  assert.equal((await chain.add(mineChain(1, { stepS: 7200 }))).added, 1);
});

test('a reorganisation below the point that a full check has reached makes it begin again', async () => {
  for (const fork of [2990, 3995]) {
    const { chain } = await openRegtest();
    const trunk = mineChain(4000);
    await chain.add(trunk);
    const branch = mineChain(4001 - fork, { on: nth(trunk, fork - 1) });
    await chain.add(branch.subarray(0, -80));
    const reached: number[] = [];
    let winning: Promise<ChainUpdate> | undefined;
    const { headers } = await chain.verify((height) => {
      reached.push(height);
      winning ??= chain.add(nth(branch, -1));
    });
    assert.deepEqual((await winning)?.undone, { from: fork + 1, to: 4000 });
    assert.equal(reached[0], 3008);
    // Read again from the top only where the fork lies below what was proven.
    assert.equal(headers, fork === 2990 ? 4002 : 4001);
    assert.equal(reached.filter((height) => height === 3008).length, fork === 2990 ? 2 : 1);
  }
});
