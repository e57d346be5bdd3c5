import { setImmediate } from 'node:timers/promises';
import { sha256dInto } from '../spv/bytes.ts';
import { basmRoot, ZERO_TAC } from './anchor-chain.ts';
import type { Anchor, Commitments } from './commitments.ts';
import { SyncError } from './errors.ts';

const HASH_BYTES = 32;
/** Hashes and rows between two turns of the event loop. */
const TURN = 1_024;

/** A commitment that both sides start from; its TAC need not be ours. */
export interface Base {
  readonly height: number;
  readonly tac: Uint8Array;
}

export type HashAt = (height: number) => string | undefined;

/**
 * Commitments at ascending heights above a base, as they were if what lies above it were our history and what lies below it
 * the peer's. Commitments are chained, so below a difference that stays nothing could be compared otherwise.
 * @throws SyncError NOT_READY: the chain does not reach so far
 */
export async function tacsFrom(
  commitments: Pick<Commitments, 'entries'>,
  hashAt: HashAt,
  tokenId: string,
  base: Base,
  heights: readonly number[],
): Promise<Anchor[]> {
  const walk = new TacWalk(base, hashAt);
  const anchors: Anchor[] = [];
  const top = heights.at(-1) ?? base.height;
  let next = 0;
  let leaves: Buffer[] = [];
  let height = base.height;
  let entries = 0;
  let rows = 0;
  const pass = async (to: number): Promise<void> => {
    if (leaves.length > 0) walk.block(height, leaves);
    leaves = [];
    for (; next < heights.length && (heights[next] as number) < to; next++) {
      const at = heights[next] as number;
      await walk.over(at);
      anchors.push({ height: at, tac: walk.tac(), entries });
    }
  };
  for await (const row of commitments.entries(tokenId, base.height + 1, top)) {
    if (row.height !== height) {
      await pass(row.height);
      await walk.over(row.height - 1);
    }
    height = row.height;
    entries++;
    leaves.push(Buffer.from(row.txid).reverse());
    if (++rows % TURN === 0) await setImmediate();
  }
  await pass(top + 1);
  return anchors;
}

/** The commitment at `to` where the history above the base has these transactions: txids in internal order, by height and place. */
export async function tacOver(
  hashAt: HashAt,
  base: Base,
  blocks: Iterable<readonly [height: number, leaves: readonly Buffer[]]>,
  to: number,
): Promise<Buffer> {
  const walk = new TacWalk(base, hashAt);
  for (const [height, leaves] of blocks) {
    await walk.over(height - 1);
    walk.block(height, leaves);
  }
  await walk.over(to);
  return walk.tac();
}

/** Goes up the blocks from a base. */
class TacWalk {
  private readonly hashAt: HashAt;
  private readonly anchor = Buffer.alloc(3 * HASH_BYTES);
  private height: number;
  private hasBegun: boolean;

  constructor({ height, tac }: Base, hashAt: HashAt) {
    this.hashAt = hashAt;
    this.height = height;
    this.anchor.set(tac, 0);
    // Below a token's first transaction its commitment is zeros, whatever the blocks.
    this.hasBegun = Buffer.compare(tac, ZERO_TAC) !== 0;
  }

  tac(): Buffer {
    return Buffer.from(this.anchor.subarray(0, HASH_BYTES));
  }

  /** Blocks without any transaction, up to and with a height. */
  async over(to: number): Promise<void> {
    if (!this.hasBegun) this.height = Math.max(this.height, to);
    for (let steps = 1; this.height < to; steps++) {
      this.advance(this.height + 1, ZERO_TAC);
      if (steps % TURN === 0) await setImmediate();
    }
  }

  /** The next block. */
  block(height: number, leaves: readonly Buffer[]): void {
    this.hasBegun = true;
    this.advance(height, basmRoot(Buffer.concat(leaves), leaves.length));
  }

  private advance(height: number, root: Uint8Array): void {
    const hash = this.hashAt(height);
    if (hash === undefined) throw new SyncError('NOT_READY', `no header of height ${height}`, { height });
    this.anchor.set(Buffer.from(hash, 'hex').reverse(), HASH_BYTES);
    this.anchor.set(root, 2 * HASH_BYTES);
    sha256dInto(this.anchor, this.anchor, 0);
    this.height = height;
  }
}
