import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bumpOffset, bumpRoot, extractPath, mergeBumps, parseBump } from '../../../src/spv/bump.ts';
import { compoundOf } from '../../../src/sync/compound.ts';
import { Prng } from '../../support/corpus/prng.ts';
import { TestChain } from '../../support/corpus/scenario.ts';

/** The proofs that a store would hold of some transactions of a block. */
function pathsOf(block: { bump(txids: readonly string[]): Buffer }, txids: readonly string[]) {
  return txids
    .map((txid) => {
      const bump = parseBump(block.bump([txid]));
      return { txid, index: bumpOffset(bump, txid)!, path: extractPath(bump, txid) };
    })
    .sort((a, b) => a.index - b.index);
}

describe('a compound BUMP of stored proofs', () => {
  it('is, byte for byte, what the verifying merge makes, for blocks of any size', () => {
    const { blocks } = new TestChain('compound', { purseCoins: 1 });
    const random = new Prng('compound');
    for (let i = 0; i < 120; i++) {
      const size = random.chance(0.5) ? random.between(1, 9) : random.between(1, 600);
      const others = Array.from({ length: size - 1 }, () => random.bytes(32).toString('hex'));
      const block = blocks.mine(others);
      const chosen = random.shuffle(block.txids).slice(0, random.between(1, Math.min(size, 40)));
      const paths = pathsOf(block, chosen);
      const compound = compoundOf(paths);
      assert.deepEqual(Buffer.from(compound), Buffer.from(mergeBumps(paths.map((p) => parseBump(p.path)))));
      const bump = parseBump(compound);
      assert.equal(bumpRoot(bump), block.header.merkleRoot);
      for (const { txid, index } of paths) assert.equal(bumpOffset(bump, txid), index);
    }
  });

  it('of all transactions of a block has no other node', () => {
    const { blocks } = new TestChain('compound all', { purseCoins: 1 });
    const random = new Prng('compound all');
    const block = blocks.mine(Array.from({ length: 63 }, () => random.bytes(32).toString('hex')));
    const bump = parseBump(compoundOf(pathsOf(block, block.txids)));
    assert.equal(bump.leaves.offsets.length, 64);
  });

  it('a path that is not in the one form is refused, not sent', () => {
    const { blocks } = new TestChain('compound bad', { purseCoins: 1 });
    const random = new Prng('compound bad');
    const block = blocks.mine(Array.from({ length: 7 }, () => random.bytes(32).toString('hex')));
    const [one, two] = pathsOf(block, block.txids.slice(0, 2));
    const cut = { index: two!.index, path: two!.path.subarray(0, 40) };
    assert.throws(() => compoundOf([one!, cut]), { name: 'SyncError', code: 'INCONSISTENT' });
    const compound = { index: two!.index, path: block.bump(block.txids) };
    assert.throws(() => compoundOf([one!, compound]), { name: 'SyncError', code: 'INCONSISTENT' });
  });
});
