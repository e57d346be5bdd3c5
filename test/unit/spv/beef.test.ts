import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBeef, encodeBeef } from '../../../src/spv/beef.ts';
import { bumpRoot } from '../../../src/spv/bump.ts';
import { MAX_BEEF_BYTES, MAX_UNPROVEN_DEPTH } from '../../../src/spv/limits.ts';
import { throwsSpv } from '../../support/assert-spv.ts';
import {
  beefBytes,
  bumpOf,
  makeTx,
  Random,
  randomTx,
  TestChain,
  type TestEntry,
  type TestTx,
  toInternal,
} from '../../support/spv.ts';

const chain = new TestChain(21, 500);
const { random } = chain;
const grandparent = randomTx(random);
const uncle = randomTx(random);
const stranger = randomTx(random);
const block = chain.mine([grandparent, uncle, stranger]);
const parent = randomTx(random, [grandparent]);
const subject = randomTx(random, [parent, uncle]);
const later = chain.mine([parent, subject]);
const bumps = [bumpOf(block, [1, 2, 3]), bumpOf(later, [1, 2])];
const proven: TestEntry[] = [
  { raw: grandparent.raw, bump: 0 },
  { raw: uncle.raw, bump: 0 },
];
const family: TestEntry[] = [...proven, { raw: parent.raw }, { raw: subject.raw }];
const ids = (txs: readonly { txid: string }[]): string[] => txs.map((tx) => tx.txid);
const decoded = (entries: readonly TestEntry[], version: 1 | 2 = 2, atomicTxid?: string) =>
  decodeBeef(beefBytes({ version, bumps, entries, ...(atomicTxid === undefined ? {} : { atomicTxid }) }));

test('V1, V2 and atomic give the same transactions and proofs', () => {
  for (const version of [1, 2] as const) {
    for (const atomicTxid of [undefined, subject.txid]) {
      const beef = decoded(family, version, atomicTxid);
      assert.equal(beef.version, version);
      assert.equal(beef.atomicTxid, atomicTxid);
      assert.equal(beef.subjectTxid, subject.txid);
      assert.deepEqual(ids(beef.txs), ids([grandparent, uncle, parent, subject]));
      assert.deepEqual(
        beef.txs.map((tx) => tx.bump),
        [0, 0, undefined, undefined],
      );
      assert.deepEqual(beef.bumps.map(bumpRoot), [block.root, later.root]);
      assert.deepEqual(Buffer.from(beef.txs[3]?.tx?.raw as Uint8Array), subject.raw);
    }
  }
});

test('parents in any order come out first, the subject stays the subject', () => {
  for (let i = 0; i < 30; i++) {
    const beef = decoded(random.shuffle(family));
    assert.equal(beef.subjectTxid, subject.txid);
    assert.deepEqual(ids(beef.txs).toSorted(), ids([grandparent, uncle, parent, subject]).toSorted());
    const place = (tx: TestTx) => ids(beef.txs).indexOf(tx.txid);
    assert.ok(place(grandparent) < place(parent) && place(parent) < place(subject));
    assert.ok(place(uncle) < place(subject));
  }
  const backwards = decoded(family.toReversed());
  assert.deepEqual(ids(backwards.txs), ids([grandparent, parent, uncle, subject]));
});

test('the subject of several unspent is the last in the file, by its last occurrence', () => {
  const rest: TestEntry[] = [{ raw: stranger.raw, bump: 0 }];
  assert.equal(decoded([...family, ...rest]).subjectTxid, stranger.txid);
  assert.equal(decoded([...rest, ...family]).subjectTxid, subject.txid);
  assert.equal(decoded([...family, ...rest, { raw: subject.raw }]).subjectTxid, subject.txid);
  assert.deepEqual(
    ids(decoded([...rest, ...family]).txs),
    ids([stranger, grandparent, uncle, parent, subject]),
  );
});

test('duplicates are merged: a proof and a body win, of two proofs the first', () => {
  const twice = decoded([...family, ...family]);
  assert.deepEqual(ids(twice.txs), ids([grandparent, uncle, parent, subject]));
  const late = decoded([{ raw: parent.raw }, { raw: parent.raw, bump: 1 }]);
  assert.deepEqual(
    late.txs.map((tx) => [tx.txid, tx.bump]),
    [[parent.txid, 1]],
  );
  const early = decoded([{ raw: parent.raw, bump: 1 }, { raw: parent.raw }]);
  assert.deepEqual(early.txs, late.txs);
  const again = bumpOf(block, [1]);
  const both = beefBytes({
    version: 1,
    bumps: [bumps[0] as Buffer, again],
    entries: [
      { raw: grandparent.raw, bump: 1 },
      { raw: grandparent.raw, bump: 0 },
    ],
  });
  assert.equal(decodeBeef(both).txs[0]?.bump, 1);
  for (const entries of [
    [{ txidOnly: parent.txid }, { raw: parent.raw, bump: 1 }],
    [{ raw: parent.raw, bump: 1 }, { txidOnly: parent.txid }],
  ]) {
    const merged = decoded(entries);
    assert.equal(merged.txs.length, 1);
    assert.equal(merged.txs[0]?.tx?.txid, parent.txid);
    assert.equal(merged.txs[0]?.bump, 1);
  }
});

test('txid-only entries: listed, no body, never the subject', () => {
  const beef = decoded([{ txidOnly: parent.txid }, { raw: uncle.raw, bump: 0 }, { raw: subject.raw }]);
  assert.deepEqual(beef.txs[0], { txid: parent.txid, tx: undefined, bump: undefined });
  assert.equal(beef.subjectTxid, subject.txid);
  assert.equal(decoded([{ raw: parent.raw }, { txidOnly: stranger.txid }]).subjectTxid, parent.txid);
  throwsSpv(() => decoded([{ txidOnly: parent.txid }]), 'BEEF_NO_SUBJECT', { entries: 1 });
  throwsSpv(() => decoded([{ txidOnly: parent.txid }], 2, parent.txid), 'ATOMIC_SUBJECT_ABSENT');
  assert.equal(
    decoded([{ txidOnly: parent.txid }, { raw: subject.raw }], 2, subject.txid).txs[0]?.txid,
    parent.txid,
  );
});

test('atomic: the subject is there, and all others are its ancestors', () => {
  throwsSpv(() => decoded(family, 1, stranger.txid), 'ATOMIC_SUBJECT_ABSENT', {
    txid: stranger.txid,
    offset: 4,
  });
  throwsSpv(
    () => decoded([{ raw: stranger.raw, bump: 0 }, ...family], 2, subject.txid),
    'ATOMIC_UNRELATED_TX',
    {
      txid: stranger.txid,
      subject: subject.txid,
    },
  );
  throwsSpv(() => decoded(family, 2, parent.txid), 'ATOMIC_UNRELATED_TX', { subject: parent.txid });
  throwsSpv(
    () => decoded([...family, { txidOnly: 'ab'.repeat(32) }], 2, subject.txid),
    'ATOMIC_UNRELATED_TX',
    { txid: 'ab'.repeat(32) },
  );
});

test('atomic: ancestors beyond a proof are related', () => {
  const beef = decoded(
    [...proven, { raw: parent.raw, bump: 1 }, { raw: subject.raw, bump: 1 }],
    1,
    subject.txid,
  );
  assert.equal(beef.txs.length, 4);
});

test('atomic: a subject in display order is named', () => {
  const bytes = beefBytes({ version: 2, bumps, entries: family, atomicTxid: subject.txid });
  toInternal(subject.txid).reverse().copy(bytes, 4);
  throwsSpv(() => decodeBeef(bytes), 'ATOMIC_SUBJECT_DISPLAY_ORDER', {
    txid: subject.txid,
    expected: 'internal order',
    offset: 4,
  });
});

test('a transaction must be a leaf of level 0 of the BUMP it points at', () => {
  for (const version of [1, 2] as const) {
    throwsSpv(() => decoded([{ raw: parent.raw, bump: 0 }], version), 'BUMP_TXID_ABSENT', {
      txid: parent.txid,
      height: block.height,
    });
    throwsSpv(() => decoded([{ raw: parent.raw, bump: 2 }], version), 'BEEF_BUMP_INDEX', {
      index: 2,
      bumps: 2,
    });
  }
  throwsSpv(() => decoded([...family, { raw: parent.raw, bump: 0 }]), 'BUMP_TXID_ABSENT', {
    txid: parent.txid,
  });
});

test('a transaction of a block with many leaves in the BUMP', () => {
  const many = chain.mineRandom(100);
  const all = many.txs.map((_, i) => i);
  const entries = many.txs.map((tx) => ({ raw: tx.raw, bump: 0 }));
  const beef = decodeBeef(beefBytes({ version: 2, bumps: [bumpOf(many, all)], entries }));
  assert.equal(beef.txs.length, 100);
  const bytes = beefBytes({
    version: 2,
    bumps: [bumpOf(many, all)],
    entries: [{ raw: parent.raw, bump: 0 }],
  });
  throwsSpv(() => decodeBeef(bytes), 'BUMP_TXID_ABSENT');
});

test('64 bytes with a proof could be two tree nodes', () => {
  const tx = makeTx({
    inputs: [{ txid: 'cd'.repeat(32), vout: 0 }],
    outputs: [{ satoshis: 1, script: Buffer.alloc(4) }],
  });
  assert.equal(tx.raw.length, 64);
  const bump = bumpOf(chain.mine([tx]), [1]);
  const bytes = (index?: number) =>
    beefBytes({
      version: 1,
      bumps: [bump],
      entries: [index === undefined ? { raw: tx.raw } : { raw: tx.raw, bump: index }],
    });
  throwsSpv(() => decodeBeef(bytes(0)), 'BEEF_PROVEN_TX_AMBIGUOUS', { txid: tx.txid, bytes: 64 });
  assert.equal(decodeBeef(bytes()).subjectTxid, tx.txid);
});

test('what is no BEEF', () => {
  throwsSpv(() => decodeBeef(Buffer.alloc(0)), 'UNEXPECTED_END', { offset: 0, needed: 4 });
  throwsSpv(() => decodeBeef(Buffer.from('0300beef0000', 'hex')), 'BEEF_VERSION_UNKNOWN', {
    found: '0300beef',
    offset: 0,
  });
  throwsSpv(() => decodeBeef(subject.raw), 'BEEF_VERSION_UNKNOWN');
  const bytes = beefBytes({ version: 1, bumps, entries: family });
  const nested = Buffer.concat([
    Buffer.from('01010101', 'hex'),
    toInternal(subject.txid),
    Buffer.from('01010101', 'hex'),
    bytes,
  ]);
  throwsSpv(() => decodeBeef(nested), 'BEEF_VERSION_UNKNOWN', { found: '01010101', offset: 36 });
  throwsSpv(() => decodeBeef(beefBytes({ version: 1, entries: [] })), 'BEEF_NO_TRANSACTION', { offset: 5 });
  throwsSpv(() => decodeBeef(Buffer.concat([bytes, Buffer.of(1)])), 'TRAILING_BYTES', {
    offset: bytes.length,
    trailing: 1,
  });
  throwsSpv(() => decodeBeef(new Uint8Array(MAX_BEEF_BYTES + 1)), 'LIMIT_EXCEEDED', { field: 'BEEF bytes' });
});

test('flags and formats that do not exist', () => {
  const v1 = beefBytes({ version: 1, entries: [{ raw: parent.raw }] });
  v1[v1.length - 1] = 2;
  throwsSpv(() => decodeBeef(v1), 'BEEF_BUMP_FLAG_UNKNOWN', {
    flag: 2,
    offset: v1.length - 1,
    txid: parent.txid,
  });
  const v2 = beefBytes({ version: 2, entries: [{ raw: parent.raw }] });
  v2[6] = 3;
  throwsSpv(() => decodeBeef(v2), 'BEEF_TX_FORMAT_UNKNOWN', { format: 3, offset: 6 });
});

test('extended format inside a BEEF is named', () => {
  const raw = Buffer.concat([
    parent.raw.subarray(0, 4),
    Buffer.from('0000000000ef', 'hex'),
    parent.raw.subarray(4),
  ]);
  throwsSpv(() => decodeBeef(beefBytes({ version: 1, entries: [{ raw }] })), 'EXTENDED_FORMAT');
});

test('depth counts unproven transactions only', () => {
  const rows: TestTx[] = [randomTx(new Random(1))];
  for (let i = 0; i < MAX_UNPROVEN_DEPTH; i++) {
    const { txid } = rows[i] as TestTx;
    rows.push(makeTx({ inputs: [{ txid, vout: 0 }], outputs: [{ satoshis: 1 }] }));
  }
  const entries = rows.map(({ raw }) => ({ raw }));
  const deepest = (rows.at(-1) as TestTx).txid;
  assert.equal(decodeBeef(beefBytes({ version: 2, entries: entries.slice(1) })).subjectTxid, deepest);
  throwsSpv(() => decodeBeef(beefBytes({ version: 2, entries })), 'LIMIT_EXCEEDED', {
    field: 'unproven depth',
    txid: deepest,
    max: MAX_UNPROVEN_DEPTH,
  });
  const backwards = decodeBeef(beefBytes({ version: 2, entries: entries.slice(1).reverse() }));
  assert.deepEqual(ids(backwards.txs), ids(rows.slice(1)));
  const root = rows[0] as TestTx;
  const bump = bumpOf(new TestChain(2).mine([root]), [1]);
  const anchored = beefBytes({
    version: 2,
    bumps: [bump],
    entries: [{ raw: root.raw, bump: 0 }, ...entries.slice(1)],
  });
  assert.equal(decodeBeef(anchored).txs.length, rows.length);
});

test('encodeBeef writes what the test encoder writes', () => {
  const txs = [...proven, { raw: parent.raw, bump: 1 }, { raw: subject.raw }] as {
    raw: Buffer;
    bump?: number;
  }[];
  for (const version of [1, 2] as const) {
    assert.deepEqual(
      Buffer.from(encodeBeef({ version, bumps, txs })),
      beefBytes({ version, bumps, entries: txs }),
    );
    const atomicTxid = subject.txid;
    assert.deepEqual(
      Buffer.from(encodeBeef({ version, bumps, txs, atomicTxid })),
      beefBytes({ version, bumps, entries: txs, atomicTxid }),
    );
  }
  throwsSpv(() => encodeBeef({ version: 1, bumps, txs: [] }), 'BEEF_NO_TRANSACTION');
  for (const bump of [2, -1, Number.NaN]) {
    throwsSpv(() => encodeBeef({ version: 1, bumps, txs: [{ raw: parent.raw, bump }] }), 'BEEF_BUMP_INDEX', {
      bumps: 2,
    });
  }
  throwsSpv(() => encodeBeef({ version: 1, bumps, txs, atomicTxid: 'xyz' }), 'BAD_HEX');
});

test('bodies and proofs are views of the input', () => {
  const bytes = beefBytes({ version: 1, bumps, entries: family });
  const beef = decodeBeef(bytes);
  assert.equal(beef.bumps[0]?.bytes.buffer, bytes.buffer);
  assert.equal(beef.txs[0]?.tx?.raw.buffer, bytes.buffer);
  assert.deepEqual(Buffer.from(beef.bumps[1]?.bytes as Uint8Array), bumps[1]);
});
