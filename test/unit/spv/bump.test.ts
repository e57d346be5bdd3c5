import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bumpOffset, bumpRoot, extractPath, mergeBumps, parseBump } from '../../../src/spv/bump.ts';
import { throwsSpv } from '../../support/assert-spv.ts';
import {
  bumpLeaves,
  bumpOf,
  encodeBump,
  hash256,
  merkleLevels,
  Random,
  type TestBlock,
  TestChain,
  type TestLeaf,
  toDisplay,
  toInternal,
  varint,
} from '../../support/spv.ts';

const chain = new TestChain(11, 800_000);
const SIZES = [2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 31, 33];
const blocks = new Map([1, ...SIZES].map((size) => [size, chain.mineRandom(size)]));
const block = (size: number): TestBlock => blocks.get(size) as TestBlock;
const every = (b: TestBlock): number[] => b.txids.map((_, i) => i);
const hash = (n: number): Buffer => Buffer.alloc(32, n);

test('every place of blocks of every shape gives the root, alone and in compounds', () => {
  for (const size of SIZES) {
    const b = block(size);
    for (let i = 0; i < size; i++) {
      const bump = parseBump(bumpOf(b, [i]));
      assert.equal(bumpRoot(bump), b.root, `place ${i} of ${size}`);
      assert.equal(bump.height, b.height);
      assert.equal(bumpOffset(bump, b.txids[i] as string), i);
    }
    const all = parseBump(bumpOf(b, every(b)));
    assert.equal(bumpRoot(all), b.root);
    for (const [i, txid] of b.txids.entries()) assert.equal(bumpOffset(all, txid), i);
    assert.equal(bumpOffset(all, 'ff'.repeat(32)), undefined);
  }
});

test('a block of one transaction: one level, one leaf, which is the root, flag 2 or not', () => {
  const b = block(1);
  const leaf = { offset: 0, hash: toInternal(b.root) };
  for (const flag of [0, 2]) {
    const bump = parseBump(encodeBump(b.height, [[{ ...leaf, flag }]]));
    assert.equal(bumpRoot(bump), b.root);
    assert.equal(bumpOffset(bump, b.root), 0);
    assert.deepEqual(Buffer.from(extractPath(bump, b.root)), bumpOf(b, [0]));
    assert.deepEqual(Buffer.from(mergeBumps([bump, bump])), encodeBump(b.height, [[{ ...leaf, flag }]]));
  }
  throwsSpv(
    () => bumpRoot(parseBump(encodeBump(5, [[{ ...leaf, offset: 1, flag: 2 }]]))),
    'BUMP_MISSING_HASH',
    {
      leafOffset: 0,
    },
  );
});

test('the wanted leaf may lack flag 2, and inner nodes that follow from others may be stated', () => {
  for (const size of [2, 7, 16, 33]) {
    const b = block(size);
    const plain = parseBump(encodeBump(b.height, bumpLeaves(b.txids, [1], { flags: false })));
    assert.equal(bumpRoot(plain), b.root);
    assert.equal(bumpOffset(plain, b.txids[1] as string), 1);
    const wordy = parseBump(encodeBump(b.height, bumpLeaves(b.txids, every(b), { all: true })));
    assert.equal(bumpRoot(wordy), b.root);
  }
});

test('leaves may stand in any order', () => {
  const random = new Random(5);
  const b = block(33);
  for (let i = 0; i < 20; i++) {
    const levels = bumpLeaves(b.txids, [0, 3, 17, 32]).map((level) => random.shuffle(level));
    const bump = parseBump(encodeBump(b.height, levels));
    assert.equal(bumpRoot(bump), b.root);
    assert.equal(bumpOffset(bump, b.txids[32] as string), 32);
  }
});

test('extractPath gives the same bytes whatever the BUMP it is cut from', () => {
  for (const size of SIZES) {
    const b = block(size);
    const sources = [
      bumpOf(b, every(b)),
      encodeBump(b.height, bumpLeaves(b.txids, every(b), { flags: false, all: true })),
      encodeBump(
        b.height,
        bumpLeaves(b.txids, every(b)).map((level) => level.toReversed()),
      ),
    ].map((bytes) => parseBump(bytes));
    for (let i = 0; i < size; i++) {
      const txid = b.txids[i] as string;
      const wanted = bumpOf(b, [i]);
      for (const source of [...sources, parseBump(wanted)]) {
        assert.deepEqual(Buffer.from(extractPath(source, txid)), wanted, `place ${i} of ${size}`);
      }
    }
  }
  throwsSpv(() => extractPath(parseBump(bumpOf(block(4), [1])), 'ff'.repeat(32)), 'BUMP_TXID_ABSENT');
});

test('a duplicate written as a hash becomes a duplicate in what we write', () => {
  const b = block(5);
  const levels = bumpLeaves(b.txids, [4]);
  const spelled = levels.map((leaves, level) =>
    leaves.map((leaf): TestLeaf => {
      const node = merkleLevels(b.txids)[level] as Buffer[];
      return leaf.flag === 1 ? { offset: leaf.offset, flag: 0, hash: node.at(-1) as Buffer } : leaf;
    }),
  );
  const bump = parseBump(encodeBump(b.height, spelled));
  assert.equal(bumpRoot(bump), b.root);
  assert.equal(bumpOffset(bump, b.txids[4] as string), 4, 'the transaction, not its copy at 5');
  assert.deepEqual(Buffer.from(extractPath(bump, b.txids[4] as string)), bumpOf(b, [4]));
});

test('mergeBumps proves what its parts prove, states nothing twice, whatever the order', () => {
  const random = new Random(9);
  for (const size of SIZES) {
    const b = block(size);
    const wanted = every(b).filter(() => random.below(2) === 0);
    if (wanted.length === 0) wanted.push(size - 1);
    const parts = random.shuffle(wanted).map((i) => parseBump(bumpOf(b, [i])));
    assert.deepEqual(Buffer.from(mergeBumps(parts)), bumpOf(b, wanted));
    assert.deepEqual(Buffer.from(mergeBumps([...parts, parseBump(bumpOf(b, wanted))])), bumpOf(b, wanted));
  }
});

test('mergeBumps refuses proofs of different blocks', () => {
  const one = parseBump(bumpOf(block(4), [1]));
  throwsSpv(() => mergeBumps([one, parseBump(bumpOf(block(8), [1]))]), 'BUMP_MERGE_MISMATCH');
  const elsewhere = parseBump(encodeBump(9, bumpLeaves(block(4).txids, [1])));
  throwsSpv(() => mergeBumps([one, elsewhere]), 'BUMP_MERGE_MISMATCH', {
    height: 9,
    wantedHeight: one.height,
  });
  throwsSpv(() => mergeBumps([]), 'BUMP_MERGE_MISMATCH', { bumps: 0 });
});

test('a changed hash anywhere changes the root or contradicts another', () => {
  const b = block(7);
  for (const all of [false, true]) {
    const bytes = encodeBump(b.height, bumpLeaves(b.txids, [0, 1, 6], { all }));
    const { leaves } = parseBump(bytes);
    leaves.hashAt.forEach((at, i) => {
      if (leaves.flags[i] === 1) return;
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ 1;
      let root = 'conflict';
      try {
        root = bumpRoot(parseBump(changed));
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'BUMP_HASH_CONFLICT');
      }
      assert.notEqual(root, b.root);
      if (all) assert.equal(root, 'conflict');
    });
  }
});

test('parsing does not hash: a BUMP with a hole parses, and its root names the hole', () => {
  const levels = bumpLeaves(block(16).txids, [5]);
  const holed = parseBump(encodeBump(3, [...levels.slice(0, 2), [], ...levels.slice(3)]));
  throwsSpv(() => bumpRoot(holed), 'BUMP_MISSING_HASH', { level: 2, leafOffset: 0, neighbour: 1, height: 3 });
  throwsSpv(() => bumpRoot(holed), 'BUMP_MISSING_HASH');
  const lonely = parseBump(encodeBump(3, [(levels[0] as TestLeaf[]).slice(0, 1), ...levels.slice(1)]));
  throwsSpv(() => bumpRoot(lonely), 'BUMP_MISSING_HASH', { level: 0, leafOffset: 5 });
  const nothingLeft = parseBump(
    encodeBump(3, [[{ offset: 3, flag: 1 }], [{ offset: 0, flag: 0, hash: hash(1) }]]),
  );
  throwsSpv(() => bumpRoot(nothingLeft), 'BUMP_MISSING_HASH', { level: 0, leafOffset: 2 });
});

test('a proof through the copy of an odd end is refused: its place is not in the block', () => {
  // Three leaves; the third is repeated to make four. Level 1: node 1 = H(c, c). A block of six repeats node 2 of
  // level 1 as node 3, so the leaves 6 and 7 do not exist, yet their paths give the root.
  const b = block(6);
  const tree = merkleLevels(b.txids);
  const phantom = [
    [
      { offset: 6, flag: 2, hash: tree[0]?.[4] as Buffer },
      { offset: 7, flag: 0, hash: tree[0]?.[5] as Buffer },
    ],
    [{ offset: 2, flag: 0, hash: tree[1]?.[2] as Buffer }],
    [{ offset: 0, flag: 0, hash: tree[2]?.[0] as Buffer }],
  ];
  throwsSpv(() => bumpRoot(parseBump(encodeBump(1, phantom))), 'BUMP_PHANTOM_POSITION', {
    level: 1,
    leafOffset: 3,
  });
});

test('tree height is from 1 to 64', () => {
  const leaf = Buffer.concat([Buffer.from('010002', 'hex'), hash(7)]);
  for (const treeHeight of [0, 65, 255]) {
    throwsSpv(() => parseBump(Buffer.concat([Buffer.of(9, treeHeight), leaf])), 'BUMP_TREE_HEIGHT', {
      offset: 1,
      treeHeight,
    });
  }
  const levels = Array.from({ length: 64 }, (_, level) => [
    { offset: 1, flag: 0, hash: hash(level) },
    ...(level === 0 ? [{ offset: 0, flag: 2, hash: hash(99) }] : []),
  ]);
  let node = hash(99);
  for (let level = 0; level < 64; level++) node = hash256(Buffer.concat([node, hash(level)]));
  assert.equal(bumpRoot(parseBump(encodeBump(1, levels))), toDisplay(node));
});

test('offsets fit the tree height', () => {
  for (const [level, offset] of [
    [0, 8],
    [1, 4],
    [2, 2],
    [0, 2 ** 52],
  ] as const) {
    const levels: TestLeaf[][] = [0, 1, 2].map((l) => [
      { offset: l === level ? offset : 0, flag: 0, hash: hash(1) },
    ]);
    throwsSpv(() => parseBump(encodeBump(1, levels)), 'BUMP_OFFSET_OUT_OF_RANGE', {
      level,
      leafOffset: offset,
      max: 2 ** (3 - level) - 1,
    });
  }
});

test('offsets beyond 32 bits keep their place', () => {
  const far = 2 ** 45 + 6;
  const levels: TestLeaf[][] = [
    [
      { offset: far, flag: 2, hash: hash(1) },
      { offset: far + 1, flag: 0, hash: hash(2) },
    ],
  ];
  let node = hash256(Buffer.concat([hash(1), hash(2)]));
  for (let level = 1, offset = far / 2; level < 50; level++, offset = Math.floor(offset / 2)) {
    const sibling = hash(level + 2);
    levels.push([{ offset: offset % 2 === 0 ? offset + 1 : offset - 1, flag: 0, hash: sibling }]);
    node = hash256(Buffer.concat(offset % 2 === 0 ? [node, sibling] : [sibling, node]));
  }
  const bytes = encodeBump(1, levels);
  const bump = parseBump(bytes);
  assert.equal(bumpRoot(bump), toDisplay(node));
  assert.equal(bumpOffset(bump, '01'.repeat(32)), far);
  assert.deepEqual(Buffer.from(extractPath(bump, '01'.repeat(32))), bytes);
});

test('an offset twice in one level is refused, the same hash or not, in order or not', () => {
  const twice = (offsets: readonly number[]) =>
    parseBump(
      encodeBump(1, [
        offsets.map((offset) => ({ offset, flag: 0, hash: hash(offset) })),
        [{ offset: 1, flag: 0, hash: hash(9) }],
      ]),
    );
  throwsSpv(() => twice([0, 1, 1]), 'BUMP_OFFSET_TWICE', { level: 0, leafOffset: 1 });
  throwsSpv(() => twice([1, 0, 1]), 'BUMP_OFFSET_TWICE', { level: 0, leafOffset: 1 });
});

test('flags: 0, 1, 2 for transactions, 0 and 1 above', () => {
  const flagged = (level: number, flag: number) => {
    const levels = bumpLeaves(block(4).txids, [0]);
    const leaf = levels[level]?.[0] as TestLeaf;
    return encodeBump(
      1,
      levels.map((leaves, l) => (l === level ? [{ ...leaf, flag }, ...leaves.slice(1)] : leaves)),
    );
  };
  throwsSpv(() => parseBump(flagged(0, 3)), 'BUMP_FLAG_UNKNOWN', {
    flag: 3,
    level: 0,
    expected: '0, 1 or 2',
  });
  throwsSpv(() => parseBump(flagged(0, 255)), 'BUMP_FLAG_UNKNOWN');
  throwsSpv(() => parseBump(flagged(1, 2)), 'BUMP_FLAG_UNKNOWN', { flag: 2, level: 1, expected: '0 or 1' });
});

test('a duplicate stands at the odd end of a level only', () => {
  const wide = (leaves: readonly TestLeaf[]) => parseBump(encodeBump(1, [leaves, [], []]));
  const at = (offset: number, flag = 0) => ({ offset, flag, ...(flag === 1 ? {} : { hash: hash(offset) }) });
  for (const leaves of [
    [at(0), at(1, 1)],
    [at(2), at(3, 1)],
    [at(6), at(6, 1)],
    [at(4), at(5, 1), at(6), at(7)],
    [at(6), at(7), at(4), at(5, 1)],
    [at(4), at(5, 1), at(6), at(7, 1)],
  ]) {
    throwsSpv(() => wide(leaves), 'BUMP_DUPLICATE_MISPLACED', { level: 0 });
  }
  assert.equal(wide([at(5, 1), at(4)]).leaves.flags[1], 1);
});

test('level 0 has a leaf; other levels may be empty', () => {
  throwsSpv(() => parseBump(encodeBump(1, [[], [{ offset: 0, flag: 0, hash: hash(1) }]])), 'BUMP_NO_LEAF');
  assert.equal(bumpRoot(parseBump(bumpOf(block(8), [0, 1, 2, 3, 4, 5, 6, 7]))), block(8).root);
});

test('exact length, counts that are claims, heights out of range', () => {
  const bytes = bumpOf(block(9), [8, 3]);
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => parseBump(bytes.subarray(0, length)), { name: 'SpvError' });
  }
  throwsSpv(() => parseBump(Buffer.concat([bytes, Buffer.of(0)])), 'TRAILING_BYTES', {
    offset: bytes.length,
  });
  const claim = Buffer.concat([varint(1), Buffer.of(20), varint(2 ** 40), Buffer.alloc(100)]);
  throwsSpv(() => parseBump(claim), 'COUNT_TOO_LARGE', { count: 2 ** 40, minBytes: 2 });
  throwsSpv(() => parseBump(encodeBump(2 ** 32, bumpLeaves(block(2).txids, [1]))), 'LIMIT_EXCEEDED', {
    field: 'block height',
  });
});
