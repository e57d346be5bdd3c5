import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Beef as SdkBeef, MerklePath as SdkMerklePath, Transaction as SdkTransaction } from '@bsv/sdk';
import fc from 'fast-check';
import { decodeBeef } from '../../src/spv/beef.ts';
import { bumpOffset, bumpRoot, extractPath, mergeBumps, parseBump } from '../../src/spv/bump.ts';
import { SpvError } from '../../src/spv/errors.ts';
import { parseTransaction } from '../../src/spv/transaction.ts';
import { corpusFrames, skipWithout, vectorBytes, vectorsOf } from '../support/shared.ts';
import {
  beefBytes,
  bumpLeaves,
  bumpOf,
  cpuMs,
  encodeBump,
  Random,
  randomTx,
  TestChain,
  type TestEntry,
  type TestTx,
} from '../support/spv.ts';

const MS_AT_LEAST = 5;
const MS_PER_MB = 50;

/** Decodes all the way; any error but SpvError, and any time above the bound, fails the test. */
function survives(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): 'accepted' | 'refused' {
  let outcome: 'accepted' | 'refused' = 'accepted';
  const limit = MS_AT_LEAST + (bytes.length / 1e6) * MS_PER_MB;
  const ms = cpuMs(() => {
    try {
      decode(bytes);
    } catch (error) {
      if (!(error instanceof SpvError)) throw error;
      assert.ok(Object.keys(error.data).length > 0, `${error.code} without data`);
      outcome = 'refused';
    }
  }, limit);
  assert.ok(ms < limit, `${bytes.length} bytes took ${ms} ms`);
  return outcome;
}

function wholeBeef(bytes: Uint8Array): void {
  const { bumps, txs } = decodeBeef(bytes);
  for (const bump of bumps) bumpRoot(bump);
  for (const { txid, bump } of txs)
    if (bump !== undefined) extractPath(bumps[bump] as (typeof bumps)[0], txid);
}

function wholeBump(bytes: Uint8Array): void {
  bumpRoot(parseBump(bytes));
}

/** A BEEF of random shape: a few blocks, proven and unproven ancestry, entries in any order, some of them twice. */
interface MadeBeef {
  readonly bytes: Buffer;
  readonly subject: TestTx;
  readonly txids: ReadonlySet<string>;
  readonly roots: readonly string[];
}

function makeBeef(seed: number): MadeBeef {
  const chain = new TestChain(seed, 1 + (seed % 800_000));
  const { random } = chain;
  const proven: TestTx[] = [];
  const bumps: Buffer[] = [];
  const entries: TestEntry[] = [];
  for (let b = 0; b <= random.below(3); b++) {
    const block = chain.mineRandom(2 + random.below(20));
    const wanted = block.txs.map((_, i) => i).filter((i) => i > 0 && random.below(3) === 0);
    if (wanted.length === 0) wanted.push(1);
    bumps.push(encodeBump(block.height, bumpLeaves(block.txids, wanted, { flags: random.below(2) === 0 })));
    for (const i of wanted) {
      const tx = block.txs[i] as TestTx;
      proven.push(tx);
      entries.push({ raw: tx.raw, bump: b });
    }
  }
  const all = [...proven];
  for (let i = 0; i < random.below(6); i++) {
    const tx = randomTx(random, random.shuffle(all).slice(0, 1 + random.below(3)));
    all.push(tx);
    entries.push({ raw: tx.raw });
  }
  const subject = randomTx(random, all);
  const version = random.below(2) === 0 ? 1 : 2;
  const shuffled = random.shuffle([
    ...entries,
    ...entries.filter(() => random.below(4) === 0),
    { raw: subject.raw },
  ]);
  const atomic = random.below(2) === 0 ? { atomicTxid: subject.txid } : {};
  return {
    bytes: beefBytes({ version, bumps, entries: shuffled, ...atomic }),
    subject,
    txids: new Set([...all, subject].map((tx) => tx.txid)),
    roots: chain.blocks.map((block) => block.root),
  };
}

const seeds = fc.nat({ max: 2 ** 31 });

test('generated BEEFs decode to what they were made of', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      const made = makeBeef(seed);
      const beef = decodeBeef(made.bytes);
      assert.equal(beef.subjectTxid, made.subject.txid);
      assert.deepEqual(new Set(beef.txs.map((tx) => tx.txid)), made.txids);
      assert.equal(beef.txs.length, made.txids.size);
      assert.deepEqual(beef.bumps.map(bumpRoot), made.roots);
      const seen = new Set<string>();
      for (const { txid, tx } of beef.txs) {
        for (const { prevTxid } of tx?.inputs ?? [])
          assert.ok(!made.txids.has(prevTxid) || seen.has(prevTxid));
        seen.add(txid);
      }
    }),
    { numRuns: 300 },
  );
});

test('paths cut from a compound and merged again give the same root and the same paths', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 1, max: 70 }), (seed, size) => {
      const chain = new TestChain(seed, 7);
      const { random } = chain;
      const block = chain.mineRandom(size);
      const wanted = block.txids.map((_, i) => i).filter(() => random.below(3) === 0);
      if (wanted.length === 0) wanted.push(random.below(size));
      const all = random.below(2) === 0;
      const flags = random.below(2) === 0;
      const levels = bumpLeaves(block.txids, wanted, { all, flags }).map((level) => random.shuffle(level));
      const compound = parseBump(encodeBump(block.height, levels));
      assert.equal(bumpRoot(compound), block.root);
      const paths = wanted.map((i) => extractPath(compound, block.txids[i] as string));
      paths.forEach((path, n) => {
        assert.deepEqual(Buffer.from(path), bumpOf(block, [wanted[n] as number]));
      });
      const merged = parseBump(mergeBumps(random.shuffle(paths).map((path) => parseBump(path))));
      assert.equal(bumpRoot(merged), block.root);
      for (const [n, i] of wanted.entries()) {
        const txid = block.txids[i] as string;
        assert.equal(bumpOffset(merged, txid), i);
        assert.deepEqual(extractPath(merged, txid), paths[n]);
      }
      if (wanted.length > 1 || size === 1) return;
      assert.deepEqual(Buffer.from(merged.bytes), Buffer.from(paths[0] as Uint8Array));
    }),
    { numRuns: 300 },
  );
});

test('every truncation, and every trailing byte, is refused', () => {
  for (const seed of [1, 2, 3]) {
    const { bytes } = makeBeef(seed);
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(
        survives(wholeBeef, bytes.subarray(0, length)),
        'refused',
        `seed ${seed}, ${length} bytes`,
      );
    }
    assert.equal(survives(wholeBeef, Buffer.concat([bytes, Buffer.of(0)])), 'refused');
  }
});

test('random bytes only ever throw SpvError, in time', () => {
  const magic = fc.constantFrom('', '0100beef', '0200beef', '0100beef00', '0200beef0001', '0100beef01fd0001');
  fc.assert(
    fc.property(magic, fc.uint8Array({ maxLength: 600 }), (start, rest) => {
      const bytes = Buffer.concat([Buffer.from(start, 'hex'), rest]);
      survives(wholeBeef, bytes);
      survives(wholeBump, rest);
      survives(parseTransaction, rest);
    }),
    { numRuns: 1500 },
  );
});

/** A few bytes set, cut out, doubled, or replaced by what lengths and counts look like at their worst. */
function mutate(bytes: Uint8Array, seed: number): Buffer {
  const random = new Random(seed);
  let out = Buffer.from(bytes);
  for (let i = 0; i <= random.below(3); i++) {
    const at = random.below(out.length);
    const length = 1 + random.below(9);
    const nasty = [
      'ff',
      'fd',
      'fdffff',
      'feffffffff',
      'ffffffffffffffff7f',
      'ffffffffffffff1f00',
      '00',
      '01',
      '40',
    ];
    const kind = random.below(5);
    if (kind === 0) out[at] = random.below(256);
    else if (kind === 1) out[at] = (out[at] as number) ^ (1 << random.below(8));
    else if (kind === 2) out = Buffer.concat([out.subarray(0, at), out.subarray(at + length)]);
    else if (kind === 3) out = Buffer.concat([out.subarray(0, at + length), out.subarray(at)]);
    else Buffer.from(nasty[random.below(nasty.length)] as string, 'hex').copy(out, at);
  }
  return out;
}

test('mutated BEEFs only ever throw SpvError, in time', () => {
  let accepted = 0;
  fc.assert(
    fc.property(seeds, seeds, (seed, mutation) => {
      if (survives(wholeBeef, mutate(makeBeef(seed % 50).bytes, mutation)) === 'accepted') accepted++;
    }),
    { numRuns: 3000 },
  );
  assert.ok(accepted > 0 && accepted < 3000, `${accepted} of 3000 accepted: the mutations reach both sides`);
});

const skip = skipWithout('vectors');

test('mutated vectors only ever throw SpvError, in time', { skip }, () => {
  const inputs = vectorsOf(/beef|^bump|rawtx/).map((vector) => ({
    bytes: vectorBytes(vector),
    decode: vector.kind.includes('beef') ? wholeBeef : vector.kind === 'rawtx' ? parseTransaction : wholeBump,
  }));
  fc.assert(
    fc.property(fc.nat(inputs.length - 1), seeds, (n, mutation) => {
      const { bytes, decode } = inputs[n] as (typeof inputs)[0];
      survives(decode, mutate(bytes, mutation));
    }),
    { numRuns: 3000 },
  );
});

/** Whatever we accept the sdk must read in the same way; it accepts more (sdk 2.1.0 checks no lengths). */
function assertSameTransaction(bytes: Uint8Array): void {
  const ours = parseTransaction(bytes);
  const theirs = SdkTransaction.fromBinary(Uint8Array.from(bytes));
  assert.equal(theirs.id('hex'), ours.txid);
  assert.equal(theirs.version, ours.version);
  assert.equal(theirs.lockTime, ours.lockTime);
  assert.deepEqual(
    theirs.inputs.map((i) => [i.sourceTXID, i.sourceOutputIndex, i.unlockingScript?.toHex(), i.sequence]),
    ours.inputs.map((i) => [i.prevTxid, i.prevVout, Buffer.from(i.script).toString('hex'), i.sequence]),
  );
  assert.deepEqual(
    theirs.outputs.map((o) => [o.satoshis, o.lockingScript.toHex()]),
    ours.outputs.map((o) => [o.satoshis, Buffer.from(o.script).toString('hex')]),
  );
}

function assertSameBeef(bytes: Uint8Array): void {
  const ours = decodeBeef(bytes);
  const theirs = SdkBeef.fromBinary(Uint8Array.from(bytes));
  assert.deepEqual(
    ours.bumps.map((bump) => [bump.height, bumpRoot(bump)]),
    theirs.bumps.map((bump) => [bump.blockHeight, bump.computeRoot()]),
  );
  assert.deepEqual(new Set(ours.txs.map((tx) => tx.txid)), new Set(theirs.txs.map((tx) => tx.txid)));
  for (const { tx } of ours.txs) if (tx !== undefined) assertSameTransaction(tx.raw);
}

test('the sdk reads generated transactions and BEEFs in the same way', () => {
  fc.assert(
    fc.property(seeds, (seed) => {
      assertSameTransaction(randomTx(new Random(seed)).raw);
      assertSameBeef(makeBeef(seed).bytes);
    }),
    { numRuns: 100 },
  );
});

test('the sdk computes the same roots, for every leaf', () => {
  fc.assert(
    fc.property(seeds, fc.integer({ min: 1, max: 40 }), (seed, size) => {
      const chain = new TestChain(seed);
      const block = chain.mineRandom(size);
      const wanted = [...new Set([0, size - 1, chain.random.below(size)])].sort((a, b) => a - b);
      const bytes = bumpOf(block, wanted);
      const theirs = SdkMerklePath.fromBinary(Uint8Array.from(bytes));
      const ours = parseBump(bytes);
      for (const i of wanted) {
        const txid = block.txids[i] as string;
        assert.equal(theirs.computeRoot(txid), bumpRoot(ours));
        const path = SdkMerklePath.fromBinary(Uint8Array.from(extractPath(ours, txid)));
        assert.equal(path.computeRoot(txid), block.root);
      }
    }),
    { numRuns: 100 },
  );
});

test('what we accept of mutated transactions and BUMPs the sdk reads in the same way', () => {
  let compared = 0;
  fc.assert(
    fc.property(seeds, seeds, (seed, mutation) => {
      const raw = mutate(randomTx(new Random(seed % 100)).raw, mutation);
      if (survives(parseTransaction, raw) === 'accepted') {
        assertSameTransaction(raw);
        compared++;
      }
      const block = new TestChain(seed % 100).mineRandom(9);
      const bump = mutate(bumpOf(block, [3, 8]), mutation);
      if (survives(wholeBump, bump) === 'refused') return;
      let root: string;
      try {
        root = SdkMerklePath.fromBinary(Uint8Array.from(bump)).computeRoot();
      } catch {
        return; // It refuses leaves that follow from others.
      }
      assert.equal(root, bumpRoot(parseBump(bump)));
      compared++;
    }),
    { numRuns: 1000 },
  );
  assert.ok(compared > 100, `${compared} compared`);
});

test('the sdk reads the vectors and the corpus in the same way', {
  skip: skip || skipWithout('corpus'),
}, () => {
  for (const vector of vectorsOf(/rawtx|beef/)) {
    const bytes = vectorBytes(vector);
    if (vector.kind === 'rawtx') assertSameTransaction(bytes);
    else assertSameBeef(bytes);
  }
  for (const file of ['history.bin', 'transfers.bin'] as const) {
    for (const frame of corpusFrames(file).filter((_, i) => i % 25 === 0)) assertSameBeef(frame);
  }
});
