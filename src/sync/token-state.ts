import { setImmediate } from 'node:timers/promises';
import type { EventRecord } from '../store/event-row.ts';
import { UNMINED_HEIGHT } from '../store/keys.ts';
import type { TokenHistory } from '../store/token-history.ts';
import type { EventType } from '../store/view.ts';
import { AnchorChain, type BlockHashAt, type BlockRoot, basmRoot, ZERO_TAC } from './anchor-chain.ts';
import { SyncError } from './errors.ts';
import { UnminedSet } from './unmined-set.ts';

/** Rows or hashes between two turns of the event loop: about 2 ms. */
const TURN = 2_048;
/** Heights that are read one by one; of more, all from the lowest on are. */
const MAX_DIRTY_HEIGHTS = 256;
/** Changes that are looked up within some ms. */
const FEW_RECHECKS = 256;
/** More changes than this are not looked up one by one: the unmined rows are read as a whole. */
const MAX_RECHECKS = 20_000;

/** Of a transaction that was in the history before, and is at another place now. */
const MOVES: ReadonlySet<EventType> = new Set([
  'createdMined',
  'createdUnmined',
  'spentMined',
  'spentUnmined',
]);

const NO_HASH: BlockHashAt = () => ZERO_TAC;

/**
 * What is known of one token, and what of it may have changed since it was read. Marks may come at any time, also while
 * `refresh` reads: they then count for the next one.
 */
export class TokenState {
  readonly tokenNo: number;
  readonly chain: AnchorChain = new AnchorChain();
  unmined: UnminedSet = new UnminedSet();
  /** One refresh after the other. */
  queue: Promise<unknown> = Promise.resolve();
  /** False: headers from the first transaction on are not held, so nothing can be committed to. */
  isAnchored = true;
  private readonly hashAt: BlockHashAt;
  /** Rows from this height on changed since they were read. */
  private dirtyFrom = 0;
  /** Below that, single heights of which rows changed since. */
  private dirtyHeights = new Set<number>();
  /** Rows up to this height were read. */
  private readTo = -1;
  /** Arrivals whose unmined row may have come or gone. Undefined: all are to be read. */
  private rechecks: Set<number> | undefined;

  constructor(tokenNo: number, hashAt: BlockHashAt) {
    this.tokenNo = tokenNo;
    this.hashAt = hashAt;
  }

  get bytes(): number {
    return this.chain.bytes + this.unmined.bytes;
  }

  /** Every change of the history comes with an event that names the transaction, as creator or as spender, and its place. */
  markEvent({ type, created, spender, position }: EventRecord): void {
    if (position !== undefined) this.markHeight(position.height);
    if (position !== undefined && !MOVES.has(type)) return;
    this.mark([spender ?? created]);
  }

  /** Unmined rows that may have come or gone; undefined: any. */
  private mark(arrivals: Iterable<number> | undefined): void {
    if (arrivals === undefined) this.rechecks = undefined;
    for (const arrival of arrivals ?? []) this.rechecks?.add(arrival);
    if ((this.rechecks?.size ?? 0) > MAX_RECHECKS) this.rechecks = undefined;
  }

  /** Rows at this height changed. */
  private markHeight(height: number): void {
    if (height >= this.dirtyFrom) return;
    this.dirtyHeights.add(height);
    if (this.dirtyHeights.size > MAX_DIRTY_HEIGHTS) this.markFrom(Math.min(...this.dirtyHeights));
  }

  /** Blocks or rows from this height on changed. */
  markFrom(height: number): void {
    this.dirtyFrom = Math.min(this.dirtyFrom, height);
    for (const dirty of this.dirtyHeights) if (dirty >= this.dirtyFrom) this.dirtyHeights.delete(dirty);
  }

  /** Everything is to be read anew. */
  markAll(): void {
    this.markFrom(0);
    this.mark(undefined);
  }

  /** Few rows are to be read to bring it up to this height. */
  isNear(tipHeight: number): boolean {
    const rechecks = this.rechecks?.size ?? Number.POSITIVE_INFINITY;
    const hasHeights = this.dirtyHeights.size > 0 || Math.min(this.dirtyFrom, this.readTo + 1) <= tipHeight;
    return rechecks <= FEW_RECHECKS && !hasHeights;
  }

  /**
   * Brings it to the read point of `history`, whose index follows the header chain up to `tipHeight`; or near to what is now,
   * where it has none.
   */
  async refresh(history: TokenHistory, tipHeight: number): Promise<void> {
    // All marks are taken before anything is read: those that come meanwhile are of later commits than what is read first.
    const from = Math.min(this.dirtyFrom, this.readTo + 1, tipHeight + 1);
    const single = [...this.dirtyHeights].filter((height) => height < from).sort((a, b) => a - b);
    const { rechecks } = this;
    this.dirtyFrom = Number.POSITIVE_INFINITY;
    this.dirtyHeights = new Set();
    this.rechecks = new Set();
    try {
      if (single.length > 0) await this.refreshHeights(history, single);
      await this.refreshMined(history, from, tipHeight);
      await this.refreshUnmined(history, rechecks);
    } catch (error) {
      this.markFrom(Math.min(from, ...single));
      this.rechecks = undefined;
      throw error;
    }
  }

  /** TAC at a height up to the tip, undefined where there is none to tell. */
  tacAt(height: number): Buffer | undefined {
    return this.isAnchored ? this.chain.tacAt(height, this.hashAt) : undefined;
  }

  /** Reads the rows at these heights, ascending, and adds what is known of the blocks above the first one again. */
  private async refreshHeights(history: TokenHistory, heights: readonly number[]): Promise<void> {
    const first = heights[0] as number;
    const blocks = new Map(this.chain.blocksFrom(first).map((block) => [block.height, block]));
    for (const height of heights) {
      const leaves = await this.leavesAt(history, height);
      if (leaves.length === 0) blocks.delete(height);
      else blocks.set(height, rootOf(height, leaves));
    }
    this.chain.cut(first);
    for (const block of [...blocks.values()].sort((a, b) => a.height - b.height)) await this.addRoot(block);
  }

  private async leavesAt(history: TokenHistory, height: number): Promise<Buffer[]> {
    const leaves: Buffer[] = [];
    for await (const page of history.pages(this.tokenNo, { height, order: 0 }, height))
      for (const { txid } of page) leaves.push(txid);
    return leaves;
  }

  private async refreshMined(history: TokenHistory, from: number, tipHeight: number): Promise<void> {
    this.chain.cut(from);
    this.readTo = from - 1;
    await this.readBlocks(history, from, tipHeight);
    if (this.isAnchored) await this.extend(tipHeight);
    this.readTo = tipHeight;
  }

  private async readBlocks(history: TokenHistory, from: number, to: number): Promise<void> {
    let height = -1;
    let leaves: Buffer[] = [];
    for await (const page of history.pages(this.tokenNo, { height: from, order: 0 }, to)) {
      for (const entry of page) {
        if (entry.height !== height && leaves.length > 0) {
          await this.addRoot(rootOf(height, leaves));
          leaves = [];
        }
        height = entry.height;
        leaves.push(entry.txid);
      }
    }
    if (leaves.length > 0) await this.addRoot(rootOf(height, leaves));
  }

  private async addRoot(block: BlockRoot): Promise<void> {
    const { chain } = this;
    const { height } = block;
    if (chain.firstHeight === undefined) this.isAnchored = this.isHeld(height);
    if (this.isAnchored && chain.firstHeight !== undefined) await this.extend(height - 1);
    chain.append(block, this.isAnchored ? this.hashAt : NO_HASH);
  }

  /** Headers are held without gaps, so from there on all are. */
  private isHeld(height: number): boolean {
    try {
      this.hashAt(height);
      return true;
    } catch (error) {
      if (error instanceof SyncError && error.code === 'NOT_READY') return false;
      throw error;
    }
  }

  private async extend(height: number): Promise<void> {
    while (!this.chain.extend(height, TURN, this.hashAt)) await setImmediate();
  }

  private async refreshUnmined(
    history: TokenHistory,
    rechecks: ReadonlySet<number> | undefined,
  ): Promise<void> {
    if (rechecks === undefined) await this.readUnmined(history);
    else await this.look(history, rechecks);
  }

  private async readUnmined(history: TokenHistory): Promise<void> {
    const unmined = new UnminedSet();
    const from = { height: UNMINED_HEIGHT, order: 0 };
    for await (const page of history.pages(this.tokenNo, from, UNMINED_HEIGHT))
      for (const { order, txid } of page) unmined.add(order, reversed(txid));
    this.unmined = unmined;
  }

  private async look(history: TokenHistory, arrivals: ReadonlySet<number>): Promise<void> {
    const { tokenNo, unmined } = this;
    let looked = 0;
    for (const arrival of arrivals) {
      const txid = history.unmined(tokenNo, arrival);
      if (txid !== undefined) unmined.add(arrival, reversed(txid));
      else if (unmined.has(arrival)) {
        const gone = history.txidOf(arrival);
        if (gone === undefined)
          throw new SyncError('INCONSISTENT', 'a transaction is gone from the store', { arrival });
        unmined.remove(arrival, reversed(gone));
      }
      if (++looked % 256 === 0) await setImmediate();
    }
  }
}

/** Display order to internal order, or back. */
function reversed(hash: Uint8Array): Buffer {
  return Buffer.from(hash).reverse();
}

/** `txids`: of the block, in its order, in display order. */
function rootOf(height: number, txids: readonly Buffer[]): BlockRoot {
  const root = Buffer.from(basmRoot(Buffer.concat(txids.map(reversed)), txids.length));
  return { height, count: txids.length, root };
}
