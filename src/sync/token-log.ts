import { MAX_CHUNK_BLOCKS, MAX_CHUNK_BYTES } from '../../protocols/token-sync/constants.ts';
import type { ListedBlock } from '../../protocols/token-sync/messages.ts';
import { encodeRuns } from '../../protocols/token-sync/runs.ts';
import { layoutOf } from '../spv/layout.ts';
import type { Store } from '../store/store.ts';
import { type HeldTx, type HistoryPlace, TokenHistory } from '../store/token-history.ts';
import { ChunkWriter, type WrittenChunk } from './chunk-writer.ts';
import { SyncError } from './errors.ts';
import { Turns } from './turns.ts';
import { TxidSet } from './txid-set.ts';

/** Txids remembered of one answer: 2 MB. What is forgotten is looked up, or sent again. */
const REMEMBERED_TXIDS = 131_072;
/** Context of one transaction: beyond it somebody made chains of worthless outputs, and inputs stay undecided. */
const MAX_CONTEXT = 10_000;
/** Transactions between two turns of the event loop: about a millisecond. */
const TXS_A_TURN = 32;
/** Listed places of a frame: two bytes each at the most, mostly. */
const MAX_LISTED_BYTES = MAX_CHUNK_BYTES;

export interface RangeAsk {
  readonly tokenNo: number;
  readonly fromHeight: number;
  readonly toHeight: number;
  /** Places of the one block that is asked; undefined: all. */
  readonly only: ReadonlySet<number> | undefined;
  /** Transactions of the token at most. */
  readonly most: number;
}

/**
 * The mined history of a token from one height to another, chunk by chunk: in block order, each transaction with its proof
 * and with those parents that decide it. Each chunk is made at a read point of its own, so that a slow reader pins nothing;
 * what changes meanwhile below the place reached shows when commitments are compared again.
 */
export class RangeLog {
  private readonly store: Store;
  private readonly ask: RangeAsk;
  private readonly context: ContextFinder;
  /** Behind the last transaction that is in a chunk. */
  private place: HistoryPlace;
  private left: number;
  /** Context of the last transaction that the last chunk had no room for: txids. */
  private owed: string[] = [];
  private isOver = false;

  constructor(store: Store, ask: RangeAsk) {
    this.store = store;
    this.ask = ask;
    this.place = { height: ask.fromHeight, order: 0 };
    this.left = ask.most;
    this.context = new ContextFinder(ask.tokenNo);
  }

  /** Undefined: that was all. @throws StoreError, SyncError */
  async next(): Promise<WrittenChunk | undefined> {
    if (this.isOver) return undefined;
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
    const { tokenNo, toHeight, only } = this.ask;
    const turns = new Turns(TXS_A_TURN);
    if (!this.addContext(chunk, history, heldOf(history, this.owed))) return;
    for await (const { height, order, txid } of history.entries(tokenNo, this.place, toHeight)) {
      if (this.left === 0) break;
      if (only !== undefined && !only.has(order)) continue;
      const tx = entryAt(history, txid.toString('hex'), height, order);
      const path = history.path(tx);
      if (chunk.isFull || !chunk.fits(tx, path)) return;
      chunk.add(tx, path, true);
      this.left--;
      this.place = { height, order: order + 1 };
      if (!this.addContext(chunk, history, this.context.of(history, tx))) return;
      await turns.next();
    }
    this.isOver = true;
  }

  /** False: the rest is for the next chunk. */
  private addContext(chunk: ChunkWriter, history: TokenHistory, context: Iterable<HeldTx>): boolean {
    this.owed = [];
    for (const tx of context) {
      const path = tx.height === undefined ? undefined : history.path(tx);
      if (this.owed.length === 0 && chunk.fits(tx, path)) chunk.addContext(tx, path);
      else this.owed.push(tx.txid);
    }
    return this.owed.length === 0;
  }
}

/** The same without bodies: which places in which blocks. */
export class RangeListing {
  private readonly store: Store;
  private readonly ask: RangeAsk;
  private readonly hashAt: (height: number) => string | undefined;
  private from: number;
  private left: number;
  private isOver = false;

  /** `hashAt`: hash of the block at a height, display order. */
  constructor(store: Store, ask: RangeAsk, hashAt: (height: number) => string | undefined) {
    this.store = store;
    this.ask = ask;
    this.hashAt = hashAt;
    this.from = ask.fromHeight;
    this.left = ask.most;
  }

  /** Undefined: that was all. @throws StoreError; SyncError NOT_READY */
  async next(): Promise<{ readonly blocks: readonly ListedBlock[]; readonly entries: number } | undefined> {
    if (this.isOver) return undefined;
    const point = this.store.read();
    try {
      return await this.page(new TokenHistory(this.store, point));
    } finally {
      point.release();
    }
  }

  private async page(
    history: TokenHistory,
  ): Promise<{ readonly blocks: readonly ListedBlock[]; readonly entries: number } | undefined> {
    const { tokenNo, toHeight } = this.ask;
    const turns = new Turns(1_024);
    const blocks: ListedBlock[] = [];
    let entries = 0;
    let bytes = 0;
    let places: number[] = [];
    const close = (): void => {
      if (places.length === 0) return;
      const runs = encodeRuns(places);
      blocks.push({ height: this.from, hash: this.hash(this.from), runs });
      bytes += runs.length + 48;
      entries += places.length;
      this.left -= places.length;
      places = [];
    };
    for await (const { height, order } of history.entries(
      tokenNo,
      { height: this.from, order: 0 },
      toHeight,
    )) {
      if (height !== this.from) {
        close();
        this.from = height;
        if (blocks.length >= MAX_CHUNK_BLOCKS || bytes >= MAX_LISTED_BYTES / 2) return { blocks, entries };
      }
      if (places.length === this.left) break;
      places.push(order);
      await turns.next();
    }
    close();
    this.isOver = true;
    return blocks.length === 0 ? undefined : { blocks, entries };
  }

  private hash(height: number): Buffer {
    const hex = this.hashAt(height);
    if (hex === undefined) throw new SyncError('NOT_READY', `no header of height ${height}`, { height });
    return Buffer.from(hex, 'hex').reverse();
  }
}

/** Which parents a transaction has to be sent with: those that are no mined history of the token. */
export class ContextFinder {
  private readonly tokenNo: number;
  /** Mined history of the token, or sent as context: whoever reads the answer has it, or gets it by another one. */
  private readonly known = new TxidSet(REMEMBERED_TXIDS);

  constructor(tokenNo: number) {
    this.tokenNo = tokenNo;
  }

  /**
   * Those that are held and were not sent yet, children first. One that carries a token in vain is decided by its own
   * parents. `tx` itself counts as sent.
   */
  *of(history: TokenHistory, tx: HeldTx): Generator<HeldTx> {
    const open = [tx];
    let count = 0;
    for (let child = open.pop(); child !== undefined && count < MAX_CONTEXT; child = open.pop()) {
      for (const parent of this.parentsOf(history, child)) {
        count++;
        if (carriesInVain(history, parent)) open.push(parent);
        yield parent;
      }
    }
    this.known.add(Buffer.from(tx.txid, 'hex').reverse());
  }

  private *parentsOf(history: TokenHistory, { raw }: HeldTx): Generator<HeldTx> {
    for (const at of layoutOf(raw).outpointAt) {
      if (this.known.has(raw, at)) continue;
      this.known.add(raw, at);
      const parent = history.held(prevTxid(raw, at));
      if (parent === undefined) continue;
      const isMined = parent.height !== undefined;
      const isOfToken = parent.tokenNos.includes(this.tokenNo);
      if (isMined && isOfToken && history.isEntry(this.tokenNo, parent)) continue;
      if (isMined || !isCoinbaseRaw(parent.raw)) yield parent;
    }
  }
}

/** True if it has outputs of a token, and is no history of it: nobody gets it by that history. */
export function carriesInVain(history: TokenHistory, tx: HeldTx): boolean {
  return tx.tokenNos.some((tokenNo) => !history.isEntry(tokenNo, tx));
}

/** Nobody takes a coinbase without its proof. */
export function isCoinbaseRaw(raw: Uint8Array): boolean {
  const [at = 0] = layoutOf(raw).outpointAt;
  for (let i = 0; i < 32; i++) if (raw[at + i] !== 0) return false;
  return true;
}

/** Txid of the output that the input at this place of a raw transaction spends. */
export function prevTxid(raw: Uint8Array, at: number): string {
  return Buffer.from(raw.subarray(at, at + 32))
    .reverse()
    .toString('hex');
}

function* heldOf(history: TokenHistory, txids: readonly string[]): Generator<HeldTx> {
  for (const txid of txids) {
    const tx = history.held(txid);
    if (tx !== undefined) yield tx;
  }
}

/** The row and the transaction are of one commit, so they agree. */
function entryAt(history: TokenHistory, txid: string, height: number, index: number): HeldTx {
  const tx = history.held(txid);
  if (tx !== undefined && tx.height === height && tx.index === index) return tx;
  throw new SyncError('INCONSISTENT', 'a history row and its transaction disagree: run `btcfed verify`', {
    txid,
    height,
  });
}
