import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBeef, encodeBeef } from '../../src/spv/beef.ts';
import { bumpOffset, bumpRoot, extractPath, mergeBumps, parseBump } from '../../src/spv/bump.ts';
import { isCoinbase, parseTransaction } from '../../src/spv/transaction.ts';
import { throwsSpv } from '../support/assert-spv.ts';
import { corpusFrames, skipWithout, type Vector, vectorBytes, vectorsOf } from '../support/shared.ts';

const skip = skipWithout('vectors');
const vectors = (kind: RegExp): Vector[] => (skip === false ? vectorsOf(kind) : []);

/** The file, and with it the number of vectors, may grow but not shrink unseen. */
test('the vectors are there', { skip }, () => {
  assert.ok(vectors(/^rawtx$/).length >= 11);
  assert.ok(vectors(/beef/).length >= 14);
  assert.ok(vectors(/^bump$/).length >= 4);
  assert.ok(vectors(/^bump \(invalid\)$/).length >= 3);
});

for (const vector of vectors(/^rawtx$/)) {
  test(`transaction ${vector.name}`, () => {
    const bytes = vectorBytes(vector);
    assert.equal(bytes.length, vector.bytes);
    const tx = parseTransaction(bytes);
    assert.equal(tx.txid, vector.expectTxid ?? vector.txid);
    assert.equal(tx.inputs.length, vector.inputs);
    assert.equal(tx.outputs.length, vector.outputs);
    assert.equal(isCoinbase(tx), vector.name.startsWith('coinbase'));
    assert.deepEqual(Buffer.from(tx.raw), bytes);
  });
}

for (const vector of vectors(/beef/)) {
  test(`BEEF ${vector.name}`, () => {
    const bytes = vectorBytes(vector);
    const beef = decodeBeef(bytes);
    assert.equal(beef.subjectTxid, vector.subjectTxid);
    assert.equal(beef.atomicTxid, vector.atomicTxid);
    assert.equal(beef.version, vector.kind.includes('v1') ? 1 : 2);
    const stated = new Map((vector.txs ?? []).map((tx) => [tx.txid, tx]));
    assert.deepEqual(beef.txs.map((tx) => tx.txid).toSorted(), [...stated.keys()].toSorted());
    for (const { txid, tx, bump } of beef.txs) {
      assert.equal(tx === undefined, stated.get(txid)?.txidOnly === true);
      assert.equal(bump, stated.get(txid)?.bumpIndex);
    }
    assert.deepEqual(
      beef.bumps.map((bump) => [bump.height, bump.txidCount(), bumpRoot(bump)]),
      (vector.bumps ?? []).map(({ height, leaves, merkleRoot }) => [height, leaves, merkleRoot]),
    );
    for (const { txid, bump } of beef.txs) {
      if (bump === undefined) continue;
      const proof = parseBump(extractPath(beef.bumps[bump] as (typeof beef.bumps)[0], txid));
      assert.equal(bumpRoot(proof), vector.bumps?.[bump]?.merkleRoot);
    }
  });
}

test('BEEFs without txid-only entries and duplicates come out byte for byte', { skip }, () => {
  let same = 0;
  for (const vector of vectors(/beef/)) {
    const bytes = vectorBytes(vector);
    const { version, atomicTxid, bumps, txs } = decodeBeef(bytes);
    if (txs.length !== vector.txs?.length || txs.some(({ tx }) => tx === undefined)) continue;
    const again = encodeBeef({
      version,
      ...(atomicTxid === undefined ? {} : { atomicTxid }),
      bumps: bumps.map((bump) => bump.bytes),
      txs: txs.map(({ tx, bump }) => ({
        raw: tx?.raw as Uint8Array,
        ...(bump === undefined ? {} : { bump }),
      })),
    });
    if (Buffer.from(again).equals(bytes)) same++;
    assert.deepEqual(
      decodeBeef(again).txs.map((tx) => tx.txid),
      txs.map((tx) => tx.txid),
      vector.name,
    );
  }
  assert.ok(same >= 10, `${same} came out the same`);
});

for (const vector of vectors(/^bump$/)) {
  test(`BUMP ${vector.name}`, () => {
    const bytes = vectorBytes(vector);
    const bump = parseBump(bytes);
    assert.equal(bump.height, vector.height ?? bump.height);
    assert.equal(bumpRoot(bump), vector.expectedRoot ?? vector.verified?.root);
    if (vector.txid === undefined) return;
    assert.equal(bumpOffset(bump, vector.txid), 21);
    // The source flags the neighbour as a txid of interest too; the proof of one transaction does not.
    const path = Buffer.from(bytes);
    assert.equal(path[8], 2);
    path[8] = 0;
    assert.deepEqual(Buffer.from(extractPath(bump, vector.txid)), path);
  });
}

test('invalid BUMPs name what is wrong', { skip }, () => {
  const code = { 1: 'BUMP_OFFSET_TWICE', 2: 'BUMP_OFFSET_TWICE', 4: 'BUMP_MISSING_HASH' } as const;
  const data = {
    1: { level: 1, leafOffset: 413 },
    2: { level: 3, leafOffset: 231 },
    4: { level: 6, leafOffset: 29 },
  };
  for (const number of [1, 2, 4] as const) {
    const vector = vectors(/invalid/).find(({ name }) => name === `bump-invalid-${number}`) as Vector;
    throwsSpv(() => bumpRoot(parseBump(vectorBytes(vector))), code[number], data[number]);
  }
});

const skipCorpus = skipWithout('corpus');

test('the frames of the corpus', { skip: skipCorpus }, () => {
  const history = corpusFrames('history.bin');
  const transfers = corpusFrames('transfers.bin');
  assert.equal(history.length, 525);
  assert.equal(transfers.length, 500);
  const roots = new Map<number, string>();
  for (const frame of [...history, ...transfers]) {
    const beef = decodeBeef(frame);
    assert.equal(beef.txs.at(-1)?.txid, beef.subjectTxid);
    for (const bump of beef.bumps) {
      const known = roots.get(bump.height) ?? bumpRoot(bump);
      assert.equal(bumpRoot(bump), known, 'one root a height');
      roots.set(bump.height, known);
    }
  }
  assert.deepEqual([...roots.keys()].toSorted(), [1, 2, 3, 4, 5]);
  for (const frame of transfers) {
    const { txs, bumps } = decodeBeef(frame);
    assert.deepEqual(
      txs.map(({ bump }) => bump),
      [0, undefined],
    );
    assert.equal(bumps[0]?.height, 5);
    assert.equal(bumps[0]?.treeHeight, 9);
  }
});

test('proofs of the corpus merge into one BUMP a block, and come out of it again', {
  skip: skipCorpus,
}, () => {
  const proofs = new Map<number, Map<string, Uint8Array>>();
  for (const frame of [...corpusFrames('history.bin'), ...corpusFrames('transfers.bin')]) {
    const { txs, bumps } = decodeBeef(frame);
    for (const { txid, bump } of txs) {
      const from = bumps[bump ?? -1];
      if (from === undefined) continue;
      const block = proofs.get(from.height) ?? new Map<string, Uint8Array>();
      const path = extractPath(from, txid);
      assert.deepEqual(path, block.get(txid) ?? path, 'the same proof whichever frame it came from');
      proofs.set(from.height, block.set(txid, path));
    }
  }
  for (const block of proofs.values()) {
    const parts = [...block.values()].map((bytes) => parseBump(bytes));
    const merged = parseBump(mergeBumps(parts));
    assert.equal(bumpRoot(merged), bumpRoot(parts[0] as (typeof parts)[0]));
    for (const [txid, path] of block) assert.deepEqual(extractPath(merged, txid), path);
  }
});
