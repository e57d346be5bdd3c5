import { MAX_FETCH_ANCESTORS, MAX_FETCH_BYTES } from '../../protocols/token-sync/constants.ts';
import { layoutOf } from '../spv/layout.ts';
import type { Store } from '../store/store.ts';
import { type HeldTx, TokenHistory } from '../store/token-history.ts';
import { ChunkWriter, type WrittenChunk } from './chunk-writer.ts';
import { ContextFinder, carriesInVain, isCoinbaseRaw, prevTxid } from './token-log.ts';
import { Turns } from './turns.ts';

const TXS_A_TURN = 32;

/** A transaction on its way into the answer: first its ancestors, then itself. */
interface Step {
  readonly txid: string;
  /** True: everything it needs is sent. */
  readonly isReady: boolean;
}

export interface FetchLimits {
  readonly ancestors: number;
  readonly bytes: number;
}

export interface FetchOptions {
  readonly limits?: FetchLimits;
  readonly isAsked?: (txid: string) => boolean;
}

const LIMITS: FetchLimits = { ancestors: MAX_FETCH_ANCESTORS, bytes: MAX_FETCH_BYTES };

/**
 * Single history transactions of a token by txid, chunk by chunk: a mined one with its proof and the parents that decide it,
 * an unmined one with all its ancestors up to proven ones, parents first. Each chunk is made at a read point of its own.
 */
export class FetchLog {
  private readonly store: Store;
  private readonly tokenNo: number;
  private readonly txids: readonly string[];
  private readonly limits: FetchLimits;
  private readonly context: ContextFinder;
  private readonly isAsked: (txid: string) => boolean;
  private readonly sent = new Set<string>();
  private readonly stack: Step[] = [];
  private pushed = 0;
  private bytes = 0;
  /** Place in `txids` of what is walked now; behind it nothing was looked at. */
  private root = -1;
  /** Context that the chunk had no room for: txids. */
  private owed: string[] = [];
  /** Places in `txids` of those that are not given. */
  readonly missing: number[] = [];

  /**
   * Txids in display order, each once; '' for one that nobody has. `isAsked`: what counts as asked for, if it is more than those: a short id may stand for
   * one that was mined meanwhile, and that comes as an ancestor of another.
   */
  constructor(
    store: Store,
    tokenNo: number,
    txids: readonly string[],
    { limits = LIMITS, isAsked }: FetchOptions = {},
  ) {
    this.store = store;
    this.tokenNo = tokenNo;
    this.txids = txids;
    const asked = new Set(txids);
    this.isAsked = isAsked ?? ((txid) => asked.has(txid));
    this.limits = limits;
    this.context = new ContextFinder(tokenNo);
  }

  /** Undefined: that was all. @throws StoreError, SyncError */
  async next(): Promise<WrittenChunk | undefined> {
    const point = this.store.read();
    try {
      const chunk = new ChunkWriter();
      await this.fill(chunk, new TokenHistory(this.store, point));
      return chunk.isEmpty ? undefined : chunk.finish();
    } finally {
      point.release();
    }
  }

  private async fill(chunk: ChunkWriter, history: TokenHistory): Promise<void> {
    const turns = new Turns(TXS_A_TURN);
    while (!chunk.isFull) {
      if (!this.addOwed(chunk, history)) return;
      if (this.stack.length === 0 && !this.begin(history)) return;
      if (!this.step(chunk, history)) return;
      await turns.next();
    }
  }

  /** The next one that was asked for. False: there is none. */
  private begin(history: TokenHistory): boolean {
    for (this.root++; this.root < this.txids.length; this.root++) {
      const txid = this.txids[this.root] as string;
      if (this.sent.has(txid)) continue;
      const tx = txid === '' || this.isSpent() ? undefined : history.held(txid);
      if (tx !== undefined && history.isEntry(this.tokenNo, tx)) {
        this.stack.push({ txid, isReady: false });
        return true;
      }
      this.missing.push(this.root);
    }
    return false;
  }

  /** False: what comes next goes into the next chunk. */
  private step(chunk: ChunkWriter, history: TokenHistory): boolean {
    const { txid, isReady } = this.stack.at(-1) as Step;
    const tx = this.sent.has(txid) ? undefined : history.held(txid);
    if (tx === undefined || (tx.height === undefined && isCoinbaseRaw(tx.raw))) this.stack.pop();
    else if (!isReady) this.expand(tx);
    else if (!this.send(chunk, history, tx)) return false;
    else this.stack.pop();
    return true;
  }

  private isSpent(): boolean {
    const { ancestors, bytes } = this.limits;
    return this.sent.size > this.txids.length + ancestors || this.pushed > ancestors || this.bytes > bytes;
  }

  /** Puts its ancestors before it, if no proof speaks for it. One may be there several times, and is sent once. */
  private expand(tx: HeldTx): void {
    this.stack[this.stack.length - 1] = { txid: tx.txid, isReady: true };
    // What is walked is what will be sent: a long chain is looked at whole before its first is.
    this.bytes += tx.raw.length;
    if (tx.height !== undefined) return;
    for (const at of layoutOf(tx.raw).outpointAt) {
      const txid = prevTxid(tx.raw, at);
      if (this.sent.has(txid)) continue;
      this.stack.push({ txid, isReady: false });
      this.pushed++;
    }
    if (!this.isSpent()) return;
    // Without its ancestors it is of no use.
    this.missing.push(this.root);
    this.stack.length = 0;
  }

  /** False: it goes into the next chunk. */
  private send(chunk: ChunkWriter, history: TokenHistory, tx: HeldTx): boolean {
    const path = tx.height === undefined ? undefined : history.path(tx);
    if (!chunk.fits(tx, path)) return false;
    const isAsked = this.isAsked(tx.txid);
    chunk.add(tx, path, isAsked);
    this.sent.add(tx.txid);
    // Other proven ones are history, which comes by ranges, or carry nothing of the token but in vain.
    const needsContext = isAsked || carriesInVain(history, tx);
    if (path !== undefined && needsContext)
      for (const parent of this.context.of(history, tx)) this.owed.push(parent.txid);
    return true;
  }

  /** False: the rest is for the next chunk. */
  private addOwed(chunk: ChunkWriter, history: TokenHistory): boolean {
    for (let txid = this.owed[0]; txid !== undefined; txid = this.owed[0]) {
      const tx = history.held(txid);
      if (tx !== undefined && !this.sent.has(txid)) {
        const path = tx.height === undefined ? undefined : history.path(tx);
        if (!chunk.fits(tx, path)) return false;
        chunk.addContext(tx, path);
        this.bytes += tx.raw.length;
      }
      this.owed.shift();
    }
    return true;
  }
}
