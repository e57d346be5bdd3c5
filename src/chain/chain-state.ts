import type { Anchors } from './anchors.ts';
import { BestChain } from './best-chain.ts';
import { Chunk } from './chunk.ts';
import { bitsOf } from './header.ts';
import type { NetworkRules } from './networks.ts';
import type { ChainBase, HeaderDisk } from './rows.ts';
import type { SideBranches } from './side-branches.ts';
import { workOfBits } from './target.ts';

/** Source of the time; only whole seconds are used. */
export interface ChainClock {
  nowMs(): number;
}

/** What reading and writing share. `best` is replaced while nothing is on the disk and the base is still open. */
export interface ChainState {
  readonly disk: HeaderDisk;
  readonly clock: ChainClock;
  readonly rules: NetworkRules;
  readonly anchors: Anchors;
  readonly sides: SideBranches;
  readonly cacheChunks: number;
  best: BestChain;
  /** The base is on the disk and fixed. */
  started: boolean;
}

/** A chain with nothing on the disk: block 0 alone, or no header above the anchor. */
export function emptyChain(
  disk: HeaderDisk,
  anchors: Anchors,
  base: ChainBase,
  cacheChunks: number,
): BestChain {
  if (base.height > 0) {
    const tip = { height: base.height - 1, hash: base.anchorHash, work: base.anchorWork };
    return new BestChain(disk, base, tip, cacheChunks);
  }
  const hash = anchors.genesisHash;
  const work = workOfBits(bitsOf(anchors.genesis));
  const chain = new BestChain(disk, base, { height: 0, hash, work }, cacheChunks);
  chain.keep(
    new Chunk(0, 0, { startWork: Buffer.alloc(32), lastHash: hash, headers: anchors.genesis }, true),
  );
  return chain;
}
