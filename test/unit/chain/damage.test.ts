// Damaged, lost and stale rows: detected and named, or harmless; never a wrong header.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { ChainError } from '../../../src/chain/errors.ts';
import { HeaderChain } from '../../../src/chain/header-chain.ts';
import { chunkKey, identityKey, indexKey, keyRange, tipKey } from '../../../src/chain/rows.ts';
import { FakeClock, hashOf, mineChain, nth, openRegtest, rootOf } from '../../support/chain.ts';
import type { MemoryHeaderDisk } from '../../support/header-disk.ts';

const trunk = mineChain(300, { root: (i) => rootOf(i + 1) });
const side = mineChain(3, { on: nth(trunk, 250) });

async function filled(): Promise<MemoryHeaderDisk> {
  const { chain, disk } = await openRegtest();
  await chain.add(trunk);
  await chain.add(side);
  return disk;
}

const name = (key: Uint8Array): string => Buffer.from(key).toString('hex');

/** Opens and reads everything; returns the first error, or undefined after checking every answer. */
async function readAll(disk: MemoryHeaderDisk): Promise<ChainError | undefined> {
  try {
    const { chain } = await openRegtest({}, disk);
    for (let height = 1; height <= chain.tip().height; height++) {
      assert.equal(chain.rootAt(height), rootOf(height), `height ${height}`);
      assert.equal(chain.heightOf(hashOf(nth(trunk, height - 1))), height);
    }
    assert.equal(chain.tip().height, 300);
    if (chain.damagedSideRows().length > 0) {
      assert.equal(chain.sideCount() + chain.damagedSideRows().length, 3);
      return new ChainError('CHAIN_ROW_DAMAGED', 'a side row', { key: chain.damagedSideRows()[0] ?? '' });
    }
    return undefined;
  } catch (thrown) {
    assert.ok(thrown instanceof ChainError, String(thrown));
    return thrown;
  }
}

test('one flipped bit in any byte of any kind of row is a typed error with its key', async () => {
  const disk = await filled();
  const kinds = ['identity', 'tip', 'chunk', 'index', 'side'] as const;
  let cells = 0;
  for (const kind of kinds) {
    const keys = await disk.keys(...keyRange(kind));
    // Of the many index and chunk rows the first, one in the middle and the last.
    const some = new Set([keys[0], keys[Math.floor(keys.length / 2)], keys.at(-1)]);
    for (const key of some) {
      assert.ok(key !== undefined, kind);
      const row = disk.rows.get(name(key));
      assert.ok(row !== undefined);
      const step = kind === 'chunk' ? 13 : 1;
      for (let at = 0; at < row.length; at += step) {
        row[at]! ^= 1 << (at % 8);
        const error = await readAll(disk);
        assert.ok(error !== undefined, `${kind} row, byte ${at}: not detected`);
        assert.equal(error.code, 'CHAIN_ROW_DAMAGED', `${kind} row, byte ${at}`);
        const named = String(error.data['key']);
        // The children of a damaged side header connect to nothing and are named as well.
        assert.ok(
          named === name(key) || (kind === 'side' && named.startsWith('6873')),
          `${kind}: named ${named}`,
        );
        row[at]! ^= 1 << (at % 8);
        cells += 1;
      }
    }
  }
  assert.ok(cells > 1500, `${cells} cells`);
  assert.equal(await readAll(disk), undefined, 'and without damage everything is right');
});

test('every byte of one chunk row near the tip: named at open', async () => {
  const disk = await filled();
  const row = disk.rows.get(name(chunkKey(2)));
  assert.ok(row !== undefined);
  for (let at = 0; at < row.length; at++) {
    row[at]! ^= 0x10;
    const opened = await openRegtest({}, disk).then(
      () => 'opened',
      (thrown: unknown) => (thrown instanceof ChainError ? thrown.code : String(thrown)),
    );
    assert.equal(opened, 'CHAIN_ROW_DAMAGED', `byte ${at}: the topmost chunks are read at open`);
    row[at]! ^= 0x10;
  }
});

test('below the part proven at open, damage shows when the row is read, and elsewhere nothing is lost', async () => {
  const { chain, disk } = await openRegtest();
  const long = mineChain(3000, { root: (i) => rootOf(i + 1) });
  await chain.add(long);
  const key = chunkKey(3);
  const row = disk.rows.get(name(key));
  assert.ok(row !== undefined);
  row[100]! ^= 1;
  const { chain: open } = await openRegtest({}, disk);
  assert.throws(() => open.rootAt(200), {
    code: 'CHAIN_ROW_DAMAGED',
    data: { kind: 'chunk', key: name(key), what: 'checksum' },
  });
  assert.throws(() => open.header(200), { code: 'CHAIN_ROW_DAMAGED' });
  assert.throws(() => open.heightOf(hashOf(nth(long, 199))), { code: 'CHAIN_ROW_DAMAGED' });
  assert.equal(open.rootAt(191), rootOf(191));
  assert.equal(open.rootAt(256), rootOf(256));
  await assert.rejects(open.verify(), { code: 'CHAIN_ROW_DAMAGED' });
  // The chain still grows at its tip.
  assert.equal((await open.add(mineChain(5, { on: nth(long, -1) }))).added, 5);
  disk.rows.delete(name(key));
  const { chain: without } = await openRegtest({}, disk);
  assert.throws(() => without.rootAt(200), { code: 'CHAIN_ROW_MISSING' });
});

test('a right checksum over wrong headers is found by the links', async () => {
  const { chain, disk } = await openRegtest();
  const long = mineChain(3000);
  await chain.add(long);
  // A row of another chain at the same place, whole and with a good checksum: what a lost batch can leave behind.
  const { chain: other, disk: otherDisk } = await openRegtest();
  await other.add(mineChain(3000));
  const stale = (number: number): void => {
    disk.rows.set(name(chunkKey(number)), Buffer.from(otherDisk.rows.get(name(chunkKey(number))) ?? []));
  };
  stale(40);
  await assert.rejects(openRegtest({}, disk), { code: 'CHAIN_ROW_DAMAGED' });
  const { disk: second, chain: again } = await openRegtest();
  await again.add(long);
  second.rows.set(name(chunkKey(2)), Buffer.from(otherDisk.rows.get(name(chunkKey(2))) ?? []));
  const { chain: open } = await openRegtest({}, second);
  await assert.rejects(open.verify(), { code: 'CHAIN_ROW_DAMAGED' });
});

/** Changes a byte of a row and gives it a right checksum again: a fault before the row was written, or a forger's work. */
function forge(disk: MemoryHeaderDisk, key: Uint8Array, at: number): void {
  const row = Buffer.from(disk.rows.get(name(key)) ?? []);
  row[at]! ^= 1;
  row.writeUInt32BE(crc32(row.subarray(0, -4), crc32(key)), row.length - 4);
  disk.rows.set(name(key), row);
}

test('a changed header under a right checksum is not given out, its neighbours are', async () => {
  const { chain, disk } = await openRegtest();
  const long = mineChain(3000, { root: (i) => rootOf(i + 1) });
  await chain.add(long);
  // Chunk 3 holds heights 192 to 255; after 32 bytes of work the merkle root of the sixth header.
  forge(disk, chunkKey(3), 32 + 5 * 80 + 40);
  const { chain: open } = await openRegtest({}, disk);
  assert.throws(() => open.rootAt(197), {
    code: 'CHAIN_ROW_DAMAGED',
    data: { kind: 'chunk', key: name(chunkKey(3)), what: 'link of height 197' },
  });
  assert.equal(open.rootAt(196), rootOf(196));
  assert.equal(open.rootAt(198), rootOf(198));
  // The last of a row is proven by the hash kept for it.
  forge(disk, chunkKey(5), 32 + 63 * 80 + 40);
  assert.throws(() => open.rootAt(383), { code: 'CHAIN_ROW_DAMAGED' });
  await assert.rejects(open.verify(), { code: 'CHAIN_ROW_DAMAGED' });
});

test('a wrong chain work under a right checksum is found by open, by verify and by recovery', async () => {
  const { chain, disk } = await openRegtest();
  await chain.add(mineChain(3000));
  const low = disk.clone();
  forge(low, chunkKey(3), 31);
  const { chain: open } = await openRegtest({}, low);
  await assert.rejects(open.verify(), {
    code: 'CHAIN_ROW_DAMAGED',
    data: { kind: 'chunk', key: name(chunkKey(3)), what: 'chain work' },
  });
  const { chain: shorter } = await recovered(low);
  assert.equal(shorter.tip().height, 191);
  const high = disk.clone();
  forge(high, chunkKey(46), 31);
  await assert.rejects(openRegtest({}, high), { code: 'CHAIN_ROW_DAMAGED' });
  const tip = disk.clone();
  forge(tip, tipKey, 67);
  await assert.rejects(openRegtest({}, tip), {
    code: 'CHAIN_ROW_DAMAGED',
    data: { kind: 'tip', key: name(tipKey), what: 'chain work' },
  });
});

test('a lost index row is harmless: the header is still known, and verify names the row', async () => {
  const disk = await filled();
  const hash = hashOf(nth(trunk, 99));
  const key = indexKey(Buffer.from(hash, 'hex').reverse());
  disk.rows.delete(name(key));
  const { chain } = await openRegtest({}, disk);
  assert.equal(chain.heightOf(hash), undefined);
  assert.equal(chain.rootAt(100), rootOf(100));
  const update = await chain.add(trunk.subarray(99 * 80));
  assert.deepEqual([update.known, update.added, update.undone], [201, 0, undefined]);
  await assert.rejects(chain.verify(), {
    code: 'CHAIN_ROW_MISSING',
    data: { kind: 'index', key: name(key) },
  });
});

test('a lost identity or tip row is named', async () => {
  const disk = await filled();
  for (const key of [identityKey, tipKey]) {
    const copy = disk.clone();
    copy.rows.delete(name(key));
    await assert.rejects(openRegtest({}, copy), { code: 'CHAIN_ROW_MISSING' });
  }
});

test('a newer format is refused with both numbers', async () => {
  const disk = await filled();
  const row = Buffer.from(disk.rows.get(name(identityKey)) ?? []);
  row[0] = 9;
  row.writeUInt32BE(crc32(row.subarray(0, -4), crc32(identityKey)), row.length - 4);
  disk.rows.set(name(identityKey), row);
  await assert.rejects(openRegtest({}, disk), { code: 'CHAIN_FORMAT_UNKNOWN', data: { found: 9, known: 1 } });
});

async function recovered(disk: MemoryHeaderDisk): ReturnType<typeof HeaderChain.recover> {
  return HeaderChain.recover({ network: 'regtest' }, { disk, clock: new FakeClock() });
}

test('recovery of a sound chain drops nothing', async () => {
  const disk = await filled();
  const before = disk.clone();
  const { chain, report } = await recovered(disk);
  assert.deepEqual(report, {
    droppedFrom: undefined,
    claimedTip: 300,
    erased: false,
    indexRowsRewritten: 0,
    sideRowsRemoved: 0,
  });
  assert.equal(chain.tip().height, 300);
  assert.equal(chain.sideCount(), 3);
  assert.deepEqual([...disk.rows].sort(), [...before.rows].sort());
});

test('recovery goes back to the last proven header; the rest comes again from any source', async () => {
  for (const damage of ['bit', 'missing', 'cut'] as const) {
    const disk = await filled();
    const key = name(chunkKey(2));
    const row = disk.rows.get(key);
    assert.ok(row !== undefined);
    if (damage === 'bit') row[500]! ^= 4;
    if (damage === 'missing') disk.rows.delete(key);
    if (damage === 'cut') disk.rows.set(key, row.subarray(0, 700));
    const { chain, report } = await recovered(disk);
    assert.deepEqual([report.droppedFrom, report.claimedTip, report.erased], [128, 300, false]);
    assert.equal(chain.tip().height, 127);
    assert.equal(chain.tip().chainWork, 256n);
    await chain.add(trunk);
    assert.equal(chain.tip().height, 300);
    const { chain: again } = await openRegtest({}, disk);
    await again.verify();
    assert.equal(again.rootAt(150), rootOf(150));
  }
});

test('recovery writes a lost tip row and lost index rows again, and removes damaged side rows', async () => {
  const disk = await filled();
  disk.rows.delete(name(tipKey));
  disk.rows.delete(name(indexKey(Buffer.from(hashOf(nth(trunk, 9)), 'hex').reverse())));
  const [sideRow] = await disk.keys(...keyRange('side'));
  assert.ok(sideRow !== undefined);
  disk.rows.set(name(sideRow), Buffer.from('rubbish'));
  const { chain, report } = await recovered(disk);
  assert.deepEqual(
    [report.droppedFrom, report.claimedTip, report.indexRowsRewritten, report.sideRowsRemoved],
    [301, undefined, 1, 1],
  );
  assert.equal(chain.tip().height, 300);
  await chain.verify();
});

test('recovery without an identity, or without one good chunk, leaves an empty chain that can begin anew', async () => {
  for (const key of [identityKey, chunkKey(0)]) {
    const disk = await filled();
    disk.rows.delete(name(key));
    const { chain, report } = await recovered(disk);
    assert.deepEqual([report.erased, report.droppedFrom], [true, 0]);
    assert.deepEqual([chain.isStarted(), chain.tip().height, disk.rows.size], [false, 0, 0]);
    await chain.add(trunk);
    assert.equal(chain.tip().height, 300);
  }
});

test('recovery may stop after any of its writes and be run again', async () => {
  const damaged = await filled();
  damaged.rows.delete(name(chunkKey(3)));
  damaged.rows.delete(name(indexKey(Buffer.from(hashOf(nth(trunk, 9)), 'hex').reverse())));
  const start = damaged.clone();
  const filling = damaged.batches.length;
  await recovered(damaged);
  const batches = damaged.batches.slice(filling);
  assert.ok(batches.length >= 2);
  for (let count = 0; count <= batches.length; count++) {
    const disk = start.clone();
    for (const batch of batches.slice(0, count)) disk.apply(batch);
    const { chain } = await recovered(disk);
    assert.equal(chain.tip().height, 191);
    await chain.verify();
  }
});

test('recovery does not touch a store of another network', async () => {
  const disk = await filled();
  const rows = disk.rows.size;
  await assert.rejects(HeaderChain.recover({ network: 'main' }, { disk, clock: new FakeClock() }), {
    code: 'CHAIN_WRONG_NETWORK',
  });
  assert.equal(disk.rows.size, rows);
});

test('recovery that cannot write says so and leaves the store as it was', async () => {
  const disk = await filled();
  disk.rows.delete(name(chunkKey(3)));
  disk.failNext = new Error('EROFS: read-only file system');
  const rows = disk.rows.size;
  await assert.rejects(recovered(disk), {
    code: 'DISK_FAILED',
    data: { reason: 'EROFS: read-only file system' },
  });
  assert.equal(disk.rows.size, rows);
});
