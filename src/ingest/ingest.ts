import type { VerifierPool } from '../spv/pool.ts';
import type { EventRecord } from '../store/event-row.ts';
import { RowWriter } from '../store/row-bytes.ts';
import type { Store } from '../store/store.ts';
import type { TokenRecord } from '../store/token-row.ts';
import type { ChainView, VerifyRoot } from './chain-view.ts';
import { CommitRows } from './commit-rows.ts';
import { IngestError } from './errors.ts';
import { type ChainChange, chainChanges } from './follow-chain.ts';
import type { Offer, PreparedOffer } from './item.ts';
import type { IngestFacts, Offers, Outcome, Source } from './outcome.ts';
import { outcomeOf } from './outcome-of.ts';
import { type PendingLimits, PendingSet } from './pending-set.ts';
import { type Placement, placeOffer } from './place.ts';
import { Preparer } from './prepare.ts';
import { OfferQueue } from './queue.ts';
import { rescanRows } from './rescan.ts';
import { TokenBook } from './token-book.ts';
import { Workset } from './workset.ts';

/** Batches between decoding and commit: one being verified, one being written, one being prepared. */
const MAX_BATCHES = 3;
/** Records a commit while a newly followed token's history is evaluated. */
const RESCAN_CHUNK = 500;

export interface IngestModules {
  readonly store: Store;
  readonly chain: ChainView;
  readonly verifyRoot: VerifyRoot;
  readonly pool: Pick<VerifierPool, 'verify'>;
  readonly nowMs: () => number;
  readonly coinbaseMatures: boolean;
  /** Default: PENDING_LIMITS. */
  readonly pendingLimits?: PendingLimits;
  /** Events of a commit, after it is durable; the first has sequence `first`. */
  readonly onEvents: (first: number, events: readonly EventRecord[]) => void;
  /** A commit failed: nothing of it is in the store; the daemon serves reads and says so. */
  readonly onWriteFailure: (error: unknown) => void;
}

/**
 * The one way in (architecture: decode, verify, admit, commit, announce). Batches are prepared side by side and written
 * strictly in order by one writer; an answer is given after the commit that it speaks of.
 */
export class Ingest implements Offers {
  private readonly modules: IngestModules;
  private readonly book: TokenBook;
  private readonly pending: PendingSet;
  private readonly preparer: Preparer;
  private readonly queue = new OfferQueue();
  private readonly writers = { keys: new RowWriter(), values: new RowWriter() };
  private writer: Promise<void> = Promise.resolve();
  private batches = 0;
  private wake: (() => void) | undefined;
  private stopped = false;
  private readonly loop: Promise<void>;
  private admitted = 0;
  private readonly rejectedByCode: Record<string, number> = {};

  constructor(modules: IngestModules) {
    this.modules = modules;
    this.book = new TokenBook(modules.store);
    this.pending = new PendingSet(modules.store, modules.pendingLimits);
    this.preparer = new Preparer({ ...modules, book: this.book });
    this.loop = this.run();
  }

  offer(bytes: Uint8Array, source: Source): Promise<Outcome> {
    return new Promise((resolve) => {
      const code = this.stopped
        ? 'UNAVAILABLE'
        : this.queue.hasRoomFor(bytes.length)
          ? undefined
          : 'QUEUE_FULL';
      if (code !== undefined) resolve(this.refused(code));
      else this.enqueue({ source, bytes, retryTxid: undefined, resolve });
    });
  }

  ready(): Promise<void> {
    return this.queue.ready();
  }

  facts(): IngestFacts {
    const { admitted, rejectedByCode } = this;
    return {
      queued: this.queue.length,
      inFlight: this.batches,
      admitted,
      rejectedByCode: { ...rejectedByCode },
    };
  }

  /** Ids of the followed tokens. */
  followed(): readonly string[] {
    return this.book.followedIds();
  }

  follows(tokenId: string): boolean {
    return this.book.followed(tokenId) !== undefined;
  }

  /** Changes the followed tokens; what the store holds of newly followed ones is evaluated before this resolves. */
  follow(tokenIds: readonly string[]): Promise<void> {
    return this.exclusive(async () => {
      const { rows, rescan } = this.book.follow(tokenIds);
      if (rows.length > 0) await this.commit(this.workset(), rows);
      if (rescan.length === 0) return;
      for await (const ws of rescanRows(() => this.workset(), this.book, rescan, RESCAN_CHUNK))
        await this.commit(ws);
      const { tokens } = this.modules.store;
      await this.commit(
        this.workset(),
        rescan.map((no) => ({ ...tokens.get(no)!, tracked: true })),
      );
    });
  }

  /** Brings positions in line with the header chain: blocks undone, blocks that came back, headers waited for. */
  chainChanged(change: ChainChange | undefined): Promise<void> {
    return this.exclusive(async () => {
      const ws = this.workset();
      await chainChanges(ws, this.modules.chain, change);
      if (ws.txs.size > 0 || ws.store.tip().tipHash !== this.modules.chain.tip().hash) await this.commit(ws);
      this.retry(this.pending.upToHeight(this.modules.chain.tip().height));
      // At start: a crash may have come between the commit of a parent and the next try of its children.
      if (change === undefined) this.retry(this.pending.withParent((txid) => ws.store.tx(txid) !== undefined));
    });
  }

  /** Resolves when nothing is queued or in flight, retries included. */
  async drained(): Promise<void> {
    while (this.queue.length > 0 || this.batches > 0) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      await this.writer;
    }
  }

  /** Refuses new offers, finishes those that are in flight, answers the rest. */
  async close(): Promise<void> {
    this.stopped = true;
    for (const offer of this.queue.clear()) offer.resolve(this.refused('UNAVAILABLE'));
    this.wake?.();
    await this.loop;
    await this.writer;
  }

  private enqueue(offer: Offer): void {
    this.queue.push(offer);
    this.wake?.();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      if (this.queue.length === 0 || this.batches >= MAX_BATCHES) {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
        continue;
      }
      const offers = this.queue.take();
      this.batches++;
      const prepared = this.preparer.prepare(offers);
      // A failed read is reported by `write`, which awaits the same promise.
      prepared.catch(() => undefined);
      void this.exclusive(() => this.write(offers, prepared));
      // Lets answers, timers and sockets run between two batches of decoding.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** Runs after everything that was asked for before: there is one writer. */
  private exclusive(work: () => Promise<void>): Promise<void> {
    const done = this.writer.then(work);
    this.writer = done.catch(() => undefined);
    return done;
  }

  private async write(offers: readonly Offer[], preparing: Promise<PreparedOffer[]>): Promise<void> {
    let prepared: PreparedOffer[] = [];
    try {
      prepared = await preparing;
      await this.place(prepared);
    } catch (error) {
      this.modules.onWriteFailure(error);
      for (const offer of offers) offer.resolve(this.refused('UNAVAILABLE'));
    } finally {
      this.preparer.release(prepared);
      this.batches--;
      this.wake?.();
    }
  }

  private async place(prepared: readonly PreparedOffer[]): Promise<void> {
    const ws = this.workset();
    const modules = this.placeModules();
    const placements = prepared.map((p) => placeOffer(ws, p, modules));
    const outcomes = prepared.map((p, i) =>
      placements[i]!.again ? undefined : outcomeOf(ws, p, placements[i]!),
    );
    await this.commit(ws, this.metTokens(prepared));
    prepared.forEach((p, i) => {
      const outcome = outcomes[i];
      if (outcome === undefined) this.enqueue(p.offer);
      else this.answer(p.offer, outcome);
    });
    this.retryChildren(placements);
  }

  private placeModules() {
    const { chain, coinbaseMatures, nowMs } = this.modules;
    return {
      chain,
      coinbaseMatures,
      nowMs,
      hasRoomFor: (bytes: number) => this.pending.hasRoomFor(bytes),
      isAwaited: (txid: string) => {
        for (const _ of this.pending.childrenOf(txid)) return true;
        return false;
      },
    };
  }

  private workset(): Workset {
    return new Workset(this.modules.store, (tokenNo) => this.book.isFollowed(tokenNo));
  }

  private async commit(ws: Workset, tokens: readonly TokenRecord[] = []): Promise<void> {
    if (ws.txs.size === 0 && ws.waiting.size === 0 && ws.proofs.length === 0 && tokens.length === 0) {
      if (ws.store.tip().tipHash === this.modules.chain.tip().hash) return;
    }
    const { store } = ws;
    const first = store.tip().sequence + 1;
    const { change, events } = await new CommitRows(ws, this.writers).build(tokens, this.modules.chain.tip());
    const waitingBefore = new Map(
      [...change.waiting.keys()].flatMap((txid) => {
        const summary = store.waiting.get(txid);
        return summary === undefined ? [] : [[txid, summary] as const];
      }),
    );
    await store.commit(change);
    this.pending.apply(change.waiting, waitingBefore);
    if (events.length > 0) this.modules.onEvents(first, events);
  }

  private answer(offer: Offer, outcome: Outcome): void {
    if (outcome.status === 'admitted') this.admitted++;
    if (outcome.status === 'rejected') this.countRejected(outcome.code);
    offer.resolve(outcome);
  }

  private refused(code: 'UNAVAILABLE' | 'QUEUE_FULL'): Outcome {
    this.countRejected(code);
    const message =
      code === 'QUEUE_FULL' ? 'too many offers wait already' : 'the node is stopping or cannot write';
    const error = new IngestError(code, message);
    return { status: 'rejected', code: error.code, data: { message } };
  }

  private countRejected(code: string): void {
    this.rejectedByCode[code] = (this.rejectedByCode[code] ?? 0) + 1;
  }

  private retryChildren(placements: readonly Placement[]): void {
    const ready = new Set<string>();
    for (const { changed } of placements) {
      for (const txid of changed) {
        if (this.modules.store.tx(txid) === undefined) continue;
        for (const child of this.pending.childrenOf(txid)) ready.add(child);
      }
    }
    this.retry(ready);
  }

  private retry(txids: Iterable<string>): void {
    for (const retryTxid of txids) {
      this.enqueue({ source: 'sync', bytes: NO_BYTES, retryTxid, resolve: () => undefined });
    }
  }

  /** Rows for tokens that were met but are not followed, and for followed ones met in the binary form. */
  private metTokens(prepared: readonly PreparedOffer[]): TokenRecord[] {
    const rows = new Map<string, TokenRecord>();
    for (const { items } of prepared) {
      for (const { otherTokens, binaryTokens } of items) {
        for (const tokenId of otherTokens) {
          const row = rows.has(tokenId) ? undefined : this.book.seen(tokenId);
          if (row !== undefined) rows.set(tokenId, row);
        }
        for (const tokenId of binaryTokens) {
          const token = this.modules.store.tokens.get(this.book.followed(tokenId) ?? -1);
          if (token?.binaryOutputsSeen === false) rows.set(tokenId, { ...token, binaryOutputsSeen: true });
        }
      }
    }
    return [...rows.values()];
  }
}

const NO_BYTES = new Uint8Array(0);
