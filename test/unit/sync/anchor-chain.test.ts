import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { hashBytes, hashHex } from '../../../protocols/token-sync/digests.ts';
import { sha256d } from '../../../src/spv/bytes.ts';
import { AnchorChain, basmRoot, tacOverEmptyBlocks } from '../../../src/sync/anchor-chain.ts';

const BUILT = import.meta.filename.endsWith('.js');
const FOLDER = join(import.meta.dirname, BUILT ? '../../../..' : '../../..', 'protocols/token-sync/vectors');

interface Vectors {
  readonly roots: readonly { readonly txids: readonly string[]; readonly root: string }[];
  readonly chain: {
    readonly firstHeight: number;
    readonly blocks: readonly { readonly height: number; readonly count: number }[];
    readonly anchors: readonly { readonly height: number; readonly tac: string; readonly entries: number }[];
  };
}
/** Made by a program of a few lines in another language. */
const vectors = JSON.parse(readFileSync(join(FOLDER, 'commitments.json'), 'utf8')) as Vectors;

const hashAt = (height: number): Buffer => sha256d(Buffer.from(`block ${height}`));
const leavesOf = (height: number, count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => sha256d(Buffer.from(`tx ${height} ${i}`))));

function chainOf(blocks = vectors.chain.blocks): AnchorChain {
  const chain = new AnchorChain();
  for (const { height, count } of blocks)
    chain.append({ height, count, root: basmRoot(leavesOf(height, count), count) }, hashAt);
  return chain;
}

function check(chain: AnchorChain, anchors = vectors.chain.anchors): void {
  for (const { height, tac, entries } of anchors) {
    assert.equal(hashHex(chain.tacAt(height, hashAt)), tac, `height ${height}`);
    assert.equal(chain.countAt(height), entries, `height ${height}`);
  }
}

describe('BRC-136 commitments', () => {
  for (const { txids, root } of vectors.roots) {
    it(`root of ${txids.length} transactions`, () => {
      const leaves = Buffer.concat(txids.map(hashBytes));
      assert.equal(hashHex(basmRoot(leaves, txids.length)), root);
    });
  }

  it('TACs at any height, asked in any order', () => {
    const chain = chainOf();
    assert.equal(chain.firstHeight, vectors.chain.firstHeight);
    check(chain);
    check(chain, vectors.chain.anchors.toReversed());
    while (!chain.extend(2_100, 100_000, hashAt));
    check(chain);
    check(chain, vectors.chain.anchors.toReversed());
  });

  it('blocks taken back and added again, from every block on', () => {
    const { blocks } = vectors.chain;
    for (let from = 0; from < blocks.length; from++) {
      const chain = chainOf();
      chain.tacAt(2_100, hashAt);
      chain.cut(blocks[from]!.height);
      assert.equal(chain.firstHeight, from === 0 ? undefined : 5);
      // What a branch had there instead.
      chain.append({ height: blocks[from]!.height, count: 3, root: basmRoot(leavesOf(99, 3), 3) }, hashAt);
      assert.notEqual(hashHex(chain.tacAt(2_100, hashAt)), vectors.chain.anchors.at(-1)!.tac);
      chain.cut(blocks[from]!.height);
      for (const { height, count } of blocks.slice(from))
        chain.append({ height, count, root: basmRoot(leavesOf(height, count), count) }, hashAt);
      check(chain);
    }
  });

  it('a TAC goes on over empty blocks without the rows', () => {
    const at = new Map(vectors.chain.anchors.map(({ height, tac }) => [height, tac]));
    const tac = tacOverEmptyBlocks(hashBytes(at.get(1_025)!), 1_025, 1_500, hashAt);
    assert.equal(hashHex(tac), at.get(1_500));
  });

  it('without transactions it is zeros', () => {
    const chain = new AnchorChain();
    assert.equal(chain.extend(1_000_000, 1, hashAt), true);
    assert.equal(hashHex(chain.tacAt(1_000_000, hashAt)), '0'.repeat(64));
    assert.equal(chain.firstHeight, undefined);
  });

  it('takes 108 bytes a block with transactions at most', () => {
    const chain = new AnchorChain();
    for (let height = 1; height <= 20_000; height++)
      chain.append({ height, count: 1, root: basmRoot(leavesOf(height, 1), 1) }, () => Buffer.alloc(32));
    assert.ok(chain.bytes <= 108 * 20_000, String(chain.bytes));
  });
});
