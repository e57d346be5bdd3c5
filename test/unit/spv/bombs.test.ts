import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBeef } from '../../../src/spv/beef.ts';
import { bumpRoot, parseBump } from '../../../src/spv/bump.ts';
import type { SpvErrorCode } from '../../../src/spv/errors.ts';
import { parseTransaction } from '../../../src/spv/transaction.ts';
import { throwsSpv } from '../../support/assert-spv.ts';
import {
  beefBytes,
  bumpLeaves,
  bumpOf,
  cpuMs,
  diamondBeef,
  encodeBump,
  makeTx,
  Random,
  randomTx,
  TestChain,
  type TestEntry,
  u32,
  varint,
} from '../../support/spv.ts';

/** The demands on the parsers: known bombs, and any megabyte. CPU time of this thread, so that neighbours do not count. */
const BOMB_MS = 5;
const MS_PER_MB = 50;
const MB = 1_000_000;

function cheap(name: string, call: () => unknown): void {
  const ms = cpuMs(call, BOMB_MS);
  assert.ok(ms < BOMB_MS, `${name} took ${ms.toFixed(1)} ms`);
}

/** Decoding, to its end or to the error of this code, stays in the time for its bytes. */
function linear(
  name: string,
  bytes: Uint8Array,
  decode: (b: Uint8Array) => unknown,
  code?: SpvErrorCode,
): void {
  const limit = (bytes.length / MB) * MS_PER_MB;
  const ms = cpuMs(() => (code === undefined ? decode(bytes) : throwsSpv(() => decode(bytes), code)), limit);
  if (process.env['BTCFED_TEST_FIGURES']) console.log(`${name}: ${bytes.length} bytes, ${ms.toFixed(1)} ms`);
  assert.ok(
    ms < limit,
    `${name}: ${bytes.length} bytes took ${ms.toFixed(1)} ms, allowed ${limit.toFixed(1)}`,
  );
}

test('diamond ancestry: paths double with each level, work does not', () => {
  const { bytes, subject } = diamondBeef(22);
  assert.ok(bytes.length < 3000, `${bytes.length} bytes`);
  cheap('depth 22', () => {
    const beef = decodeBeef(bytes);
    assert.equal(beef.subjectTxid, subject);
    assert.equal(beef.txs.length, 23);
  });
  const atomic = Buffer.concat([
    Buffer.from('01010101', 'hex'),
    Buffer.from(subject, 'hex').reverse(),
    bytes,
  ]);
  cheap('depth 22, atomic', () => assert.equal(decodeBeef(atomic).atomicTxid, subject));
  cheap('depth 22, width 8', () => decodeBeef(diamondBeef(22, 8).bytes));
  const deep = diamondBeef(5000).bytes;
  linear('depth 5000', deep, decodeBeef);
});

test('a compound BUMP of 512 leaves', () => {
  const block = new TestChain(512).mineRandom(512);
  const all = block.txids.map((_, i) => i);
  const bytes = bumpOf(block, all);
  assert.ok(bytes.length > 17_000 && bytes.length < 20_000, `${bytes.length} bytes`);
  cheap('512 leaves', () => assert.equal(bumpRoot(parseBump(bytes)), block.root));
  const wordy = encodeBump(block.height, bumpLeaves(block.txids, all, { all: true }));
  cheap('512 leaves and all inner nodes', () => assert.equal(bumpRoot(parseBump(wordy)), block.root));
});

test('nine bytes that claim a million inputs', () => {
  const claim = Buffer.concat([u32(1), varint(1_000_000)]);
  assert.equal(claim.length, 9);
  cheap('a million inputs', () => throwsSpv(() => parseTransaction(claim), 'COUNT_TOO_LARGE'));
  const beefs = ['0100beef', '0200beef'].flatMap((magic) => [
    Buffer.concat([Buffer.from(magic, 'hex'), varint(1_000_000)]),
    Buffer.concat([Buffer.from(`${magic}00`, 'hex'), varint(2 ** 40)]),
    Buffer.concat([
      Buffer.from(`${magic}01`, 'hex'),
      varint(1),
      Buffer.of(64),
      varint(2 ** 40),
      Buffer.alloc(40),
    ]),
  ]);
  for (const bytes of beefs) cheap('claims', () => throwsSpv(() => decodeBeef(bytes), 'COUNT_TOO_LARGE'));
});

const random = new Random(99);
const CONTENT_BYTES = MB - 200;

function manyTxs(version: 1 | 2): Buffer {
  const entries: TestEntry[] = [];
  for (let i = 0; i < CONTENT_BYTES / 61; i++) {
    const script = Buffer.alloc(0);
    const inputs = [{ txid: random.bytes(32).toString('hex'), vout: i }];
    entries.push({ raw: makeTx({ inputs, outputs: [{ satoshis: 1, script }] }).raw });
  }
  return beefBytes({ version, entries });
}

test('a megabyte of the smallest transactions', () => {
  linear('V1', manyTxs(1), decodeBeef);
  linear('V2', manyTxs(2), decodeBeef);
});

test('a megabyte of one chain, backwards', () => {
  const entries: TestEntry[] = [];
  let tx = randomTx(random);
  for (let i = 0; i < 9_000; i++) {
    tx = makeTx({
      inputs: [{ txid: tx.txid, vout: 0, script: Buffer.alloc(48) }],
      outputs: [{ satoshis: 1 }],
    });
    entries.push({ raw: tx.raw });
  }
  linear('backwards', beefBytes({ version: 2, entries: entries.reverse() }), decodeBeef);
});

test('a megabyte of copies', () => {
  const { raw } = randomTx(random);
  const entries = Array.from({ length: Math.floor(CONTENT_BYTES / raw.length) }, () => ({ raw }));
  linear('copies', beefBytes({ version: 1, entries }), decodeBeef);
  const txidOnly = Array.from({ length: 19_999 }, () => ({ txidOnly: random.bytes(32).toString('hex') }));
  linear('txids', beefBytes({ version: 2, entries: [...txidOnly, { raw }] }), decodeBeef);
});

test('a megabyte of inputs, of outputs, of script', () => {
  const script = Buffer.of(0x51);
  const txid = random.bytes(32).toString('hex');
  const inputs = Array.from({ length: CONTENT_BYTES / 41 }, (_, vout) => ({ txid, vout }));
  linear('inputs', makeTx({ inputs, outputs: [{ satoshis: 1 }] }).raw, parseTransaction);
  const outputs = Array.from({ length: CONTENT_BYTES / 10 }, () => ({ satoshis: 1, script }));
  linear('outputs', makeTx({ inputs: inputs.slice(0, 1), outputs }).raw, parseTransaction);
  const empty = Array.from({ length: CONTENT_BYTES / 9 }, () => ({ satoshis: 1, script: Buffer.alloc(0) }));
  linear('empty outputs', makeTx({ inputs: inputs.slice(0, 1), outputs: empty }).raw, parseTransaction);
  const long = makeTx({ inputs: inputs.slice(0, 1), outputs: [{ satoshis: 1, script: Buffer.alloc(MB) }] });
  linear('script', long.raw, parseTransaction);
});

/** As many copies of a BUMP as fit a megabyte, and one transaction, which they may not hold. */
function manyBumps(bump: Buffer): Buffer {
  const bumps = Array.from({ length: Math.min(20_000, Math.floor(CONTENT_BYTES / bump.length)) }, () => bump);
  return beefBytes({ version: 2, bumps, entries: [{ raw: randomTx(random).raw }] });
}

test('a megabyte of BUMPs', () => {
  const hash = random.bytes(32);
  const leaf = { offset: 0, flag: 2, hash };
  linear('smallest', manyBumps(encodeBump(1, [[leaf]])), decodeBeef);
  const hollow = Array.from({ length: 63 }, () => []);
  linear('64 empty levels', manyBumps(encodeBump(1, [[leaf], ...hollow])), decodeBeef);
  const ends = Array.from({ length: 7 }, (_, l) => [{ offset: 2 ** (7 - l) + 1, flag: 1 }]);
  linear('duplicates', manyBumps(encodeBump(1, [[leaf], ...ends, []])), decodeBeef);
});

test('one BUMP of a megabyte, its root included', () => {
  const rooted = (bytes: Uint8Array) => bumpRoot(parseBump(bytes));
  const count = 2 ** 14;
  const leaves = Array.from({ length: count }, (_, offset) => ({ offset, flag: 2, hash: random.bytes(32) }));
  const hollow = Array.from({ length: 13 }, () => []);
  linear('all leaves', encodeBump(1, [leaves, ...hollow]), rooted);
  linear('all leaves, shuffled', encodeBump(1, [random.shuffle(leaves), ...hollow]), rooted);
  const ends = Array.from({ length: CONTENT_BYTES / 2 }, (_, i) => ({ offset: 129 + 2 * (i % 60), flag: 1 }));
  linear(
    'two-byte leaves',
    encodeBump(1, [ends.slice(0, 150_000), ...Array.from({ length: 7 }, () => [])]),
    rooted,
    'BUMP_DUPLICATE_MISPLACED',
  );
  const far = Array.from({ length: count }, (_, i) => ({
    offset: 2 ** 40 + i,
    flag: 0,
    hash: random.bytes(32),
  }));
  linear(
    'far offsets',
    encodeBump(1, [far, ...Array.from({ length: 40 }, () => [])]),
    rooted,
    'BUMP_MISSING_HASH',
  );
});

test('the longest way up for the fewest bytes: decoding does not hash it', () => {
  // The last leaf of 2^k + 1: duplicates all the way, 7 bytes for a hash. Hashing waits until a BUMP is used.
  const levels = Array.from({ length: 20 }, (_, l) => [{ offset: 2 ** (19 - l) + 1, flag: 1 }]);
  levels[19] = [{ offset: 0, flag: 0, hash: random.bytes(32) } as never];
  levels[0]?.unshift({ offset: 2 ** 19, flag: 2, hash: random.bytes(32) } as never);
  const bytes = encodeBump(1, levels);
  assert.equal(bumpRoot(parseBump(bytes)).length, 64);
  linear('duplicates all the way', manyBumps(bytes), decodeBeef);
});
