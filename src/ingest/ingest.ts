import type { VerifierPool } from '../spv/pool.ts';
import type { EventRecord } from '../store/event-row.ts';
import { RowWriter } from '../store/row-bytes.ts';
import type { Store } from '../store/store.ts';
import type { TokenRecord } from '../store/token-row.ts';
import { decide } from './admit.ts';
import type { ChainView, VerifyRoot } from './chain-view.ts';
import { CommitRows } from './commit-rows.ts';
import { IngestError } from './errors.ts';
import { type AppliedTip, type ChainChange, chainChanges, isBehind } from './follow-chain.ts';
import { inactiveTxids } from './inactive.ts';
import type { FirstSeen, Offer, PreparedOffer } from './item.ts';
import type { IngestFacts, Offers, Outcome, Refusal, SetOutcome, Source, TxSet } from './outcome.ts';
import { outcomeOf } from './outcome-of.ts';
import { Pace, type PaceClock } from './pace.ts';
import { type PendingLimits, PendingSet } from './pending-set.ts';
import { type PlaceModules, type Placement, placeOffer } from './place.ts';
import { Preparer } from './prepare.ts';
import { isWithinReorg } from './proofs.ts';
import { OfferQueue } from './queue.ts';
import { Rescan } from './rescan.ts';
import { type Placed, placeRivals } from './rivals.ts';
import { TokenBook } from './token-book.ts';
import { Workset } from './workset.ts';

/** Batches between decoding and commit: enough that every verifier thread has work while one commit is written. 4 cost a tenth of the rate. */
const MAX_BATCHES = 8;
/** Offers a commit at most: an fsync costs the same for one and for many, and this many are answered soon enough. */
const COMMIT_OFFERS = 256;
/** Each asks a header source, which may know by now, and this happens at every new header. */
const MAX_RETRIES_BELOW_BASE = 100;

const NO_BYTES = new Uint8Array(0);
const NONE_REFUSED: ReadonlyMap<string, Refusal> = new Map();

export interface IngestModules {
  readonly store: Store;
  readonly chain: ChainView;
  readonly verifyRoot: VerifyRoot;
  readonly pool: Pick<VerifierPool, 'verify'>;
  readonly nowMs: () => number;
  /** Default: each batch begins as soon as there is an offer. */
  readonly pace?: PaceClock;
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
  /** Batches that are prepared or being so, in the order in which they are written. */
  private readonly line: Batch[] = [];
  /** Offered a second time by us: what the first brought into the index is not known to the caller yet. */
  private readonly again = new WeakSet<Offer>();
  private writer: Promise<void> = Promise.resolve();
  private batches = 0;
  private readonly pace: Pace | undefined;
  private wake: (() => void) | undefined;
  private stopped = false;
  private readonly loop: Promise<void>;
  private admitted = 0;
  private readonly rejectedByCode: Record<string, number> = {};
  /** The header chain's tip that all positions in the index agree with. */
  private applied: AppliedTip;
  /** Lowest height told to be replaced and not looked at yet. */
  private undoneFrom: number | undefined;
  private isResumed = false;
  private readonly rescan: Rescan;
  /** Waiting transactions whose try could not be written. */
  private readonly failedRetries = new Set<string>();
  /** Last order of arrival given away, to an indexed transaction or to one that is still on its way. */
  private lastArrival = 0;
  private readonly reserved = new Map<string, FirstSeen>();

  constructor(modules: IngestModules) {
    this.modules = modules;
    this.book = new TokenBook(modules.store);
    this.pending = new PendingSet(modules.store, modules.pendingLimits);
    const { commit, tipHeight, tipHash } = modules.store.tip();
    this.applied = commit === 0 ? modules.chain.tip() : { height: tipHeight, hash: tipHash };
    this.preparer = new Preparer({ ...modules, book: this.book });
    this.pace = modules.pace === undefined ? undefined : new Pace(modules.pace);
    this.rescan = new Rescan({
      book: this.book,
      begin: () => this.workset(),
      commit: (ws, tokens) => this.commit(ws, tokens),
      exclusive: (work) => this.exclusive(work),
    });
    this.loop = this.run();
  }

  offer(bytes: Uint8Array, source: Source): Promise<Outcome> {
    return new Promise((resolve) => {
      const code = this.refusalOf(bytes.length);
      if (code !== undefined) resolve(this.refused(code));
      else this.enqueue({ source, bytes, retryTxid: undefined, resolve });
    });
  }

  offerSet(set: TxSet, source: Source): Promise<SetOutcome> {
    return new Promise((resolve) => {
      const code = this.refusalOf(set.bytes);
      if (code !== undefined) {
        this.countRejected(code);
        resolve({ failed: code, refused: new Map() });
        return;
      }
      const end = (outcome: Outcome, refused: SetOutcome['refused']): void =>
        resolve(outcome.status === 'rejected' ? { failed: outcome.code, refused } : { refused });
      this.enqueue({ source, bytes: NO_BYTES, set, retryTxid: undefined, resolve: end });
    });
  }

  ready(): Promise<void> {
    return this.queue.ready();
  }

  outcome(txid: string): Outcome | undefined {
    const ws = this.workset();
    if (ws.tx(txid) === undefined && !ws.isWaiting(txid)) return undefined;
    return outcomeOf(
      ws,
      { subjectTxid: txid, error: undefined },
      { refused: new Map(), changed: new Set([txid]) },
    );
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

  /** True if it is followed and its figures are complete: not while the history of one just followed is evaluated. */
  follows(tokenId: string): boolean {
    return this.book.isComplete(tokenId);
  }

  /** Sets the followed tokens; what the store holds of newly followed ones is evaluated before this resolves. */
  async follow(tokenIds: readonly string[]): Promise<void> {
    const { complete } = await this.changeFollowed(() => tokenIds);
    await complete;
  }

  /**
   * Sets the followed tokens, from those followed now. Resolves when offers are judged by the new set and the store says
   * so, and nothing is changed if that fails. `complete` follows when the stored history of newly followed tokens is
   * evaluated: in small commits between those of others, which wait for none of it.
   */
  async changeFollowed(
    change: (followed: readonly string[]) => readonly string[],
  ): Promise<{ readonly complete: Promise<void> }> {
    await this.exclusive(async () => {
      const before = this.book.followedIds();
      try {
        const { rows } = this.book.follow(change(before));
        if (rows.length > 0) await this.commit(this.workset(), rows);
      } catch (error) {
        this.book.restore(before);
        throw error;
      }
    });
    // Waiting transactions may be of a token that was not followed when they came.
    const complete = this.rescan.run().then(() => this.retry(this.pending.waitingForHistory()));
    // Whoever does not wait for it hears of a failure in the write that failed.
    complete.catch(this.modules.onWriteFailure);
    return { complete };
  }

  /** Stops indexing these tokens; their rows stay, and answers say that they are not followed. */
  async unfollow(tokenIds: readonly string[]): Promise<void> {
    await this.changeFollowed((followed) => followed.filter((id) => !tokenIds.includes(id)));
  }

  /** Brings positions in line with the header chain: blocks undone, blocks that came back, headers waited for. */
  chainChanged(change: ChainChange | undefined): Promise<void> {
    if (change !== undefined) this.undoneFrom = lowest(change.from, this.undoneFrom);
    return this.exclusive(async () => {
      await this.followChain();
      if (!this.isResumed) await this.resume();
    });
  }

  /** Resolves when nothing is queued or in flight, retries included. */
  async drained(): Promise<void> {
    do {
      await new Promise<void>((resolve) => setImmediate(resolve));
      await this.writer;
    } while (this.queue.length > 0 || this.batches > 0);
  }

  /** Refuses new offers, finishes those that are in flight, answers the rest. */
  async close(): Promise<void> {
    this.stopped = true;
    this.pace?.stop();
    for (const offer of this.queue.clear()) offer.resolve(this.refused('UNAVAILABLE'), NONE_REFUSED);
    this.wake?.();
    await this.loop;
    await this.rescan.stop();
    await this.writer;
  }

  private refusalOf(bytes: number): 'UNAVAILABLE' | 'QUEUE_FULL' | undefined {
    if (this.stopped) return 'UNAVAILABLE';
    return this.queue.hasRoomFor(bytes) ? undefined : 'QUEUE_FULL';
  }

  private enqueue(offer: Offer): void {
    this.queue.push(offer);
    this.wake?.();
  }

  private offerAgain(offer: Offer): void {
    this.again.add(offer);
    this.enqueue(offer);
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      if (!this.mayPrepare()) {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
        continue;
      }
      this.batches++;
      this.line.push(this.prepare(this.queue.take()));
      void this.exclusive(() => this.writeNext());
      // Lets answers, timers and sockets run between two batches of decoding.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  private mayPrepare(): boolean {
    const { length } = this.queue;
    if (length === 0 || this.batches >= MAX_BATCHES) return false;
    return this.pace?.begins(length, () => this.wake?.()) ?? true;
  }

  /** Runs after everything that was asked for before: there is one writer. */
  private exclusive(work: () => Promise<void>): Promise<void> {
    const done = this.writer.then(work);
    this.writer = done.catch(() => undefined);
    return done;
  }

  private prepare(offers: readonly Offer[]): Batch {
    const batch: Batch = { offers, prepared: undefined, preparing: this.preparer.prepare(offers) };
    batch.preparing.then(
      (prepared) => {
        batch.prepared = prepared;
      },
      // A failed read is reported by `writeNext`, which awaits the same promise.
      () => undefined,
    );
    return batch;
  }

  /** Commits the next batch, together with those behind it that are ready by then. */
  private async writeNext(): Promise<void> {
    const first = this.line.shift();
    if (first === undefined) return;
    const group = [first];
    try {
      first.prepared = await first.preparing;
      while (isBehind(this.modules.chain, this.applied)) await this.followChain();
      this.joinReady(group);
      await this.place(group.flatMap((batch) => batch.prepared ?? []));
    } catch (error) {
      this.modules.onWriteFailure(error);
      for (const { offers } of group) for (const offer of offers) this.endFailed(offer, error);
    } finally {
      this.preparer.release(group.flatMap((batch) => batch.prepared ?? []));
      this.batches -= group.length;
      this.wake?.();
    }
  }

  private joinReady(group: Batch[]): void {
    let offers = group[0]?.offers.length ?? 0;
    for (let next = this.line[0]; next?.prepared !== undefined; next = this.line[0]) {
      offers += next.offers.length;
      if (offers > COMMIT_OFFERS) return;
      group.push(next);
      this.line.shift();
    }
  }

  private async place(offered: readonly PreparedOffer[]): Promise<void> {
    const ws = this.workset();
    this.preparer.refresh(offered);
    const modules = this.placeModules();
    const place = (prepared: PreparedOffer): Placement => placeOffer(ws, prepared, modules);
    const placed = offered.map((prepared): Placed => ({ prepared, placement: place(prepared) }));
    const prepare = (offers: readonly Offer[]): Promise<PreparedOffer[]> => this.preparer.prepare(offers);
    const rivals = await placeRivals(ws, placed, { pending: this.pending, prepare, place });
    try {
      await this.write(ws, [...placed, ...rivals.tries]);
    } finally {
      this.preparer.release(rivals.tries.map(({ prepared }) => prepared));
    }
    this.retry(rivals.left);
  }

  /** Decides, commits and answers what was placed. */
  private async write(ws: Workset, placed: readonly Placed[]): Promise<void> {
    this.lastArrival = ws.lastArrival();
    decide(ws);
    for (const { prepared, placement } of placed) {
      const { subjectTxid } = prepared;
      if (subjectTxid !== undefined && this.again.has(prepared.offer)) placement.changed.add(subjectTxid);
    }
    const outcomes = placed.map(({ prepared, placement }) =>
      placement.again ? undefined : outcomeOf(ws, prepared, placement),
    );
    await this.commit(ws, this.metTokens(placed));
    placed.forEach(({ prepared: { offer }, placement }, i) => {
      const outcome = outcomes[i];
      if (outcome === undefined) this.offerAgain(offer);
      else this.answer(offer, outcome, placement.refused);
    });
    this.retryAfter(
      placed.map(({ placement }) => placement),
      ws,
    );
  }

  /** For one commit, which counts what it adds to the pending set. */
  private placeModules(): PlaceModules {
    const { chain, coinbaseMatures, nowMs } = this.modules;
    let transactions = 0;
    let bytes = 0;
    return {
      chain,
      coinbaseMatures,
      nowMs,
      reserved: this.reserved,
      isAwaited: (txid) => this.pending.isAwaited(txid),
      hasRoomFor: (more) => {
        if (!this.pending.hasRoomFor(transactions + 1, bytes + more)) return false;
        transactions++;
        bytes += more;
        return true;
      },
    };
  }

  /** Brings positions in line with the header chain, and tries again what waits for the headers that came. */
  private async followChain(): Promise<void> {
    const { chain } = this.modules;
    const { applied, undoneFrom } = this;
    const tip = chain.tip();
    this.undoneFrom = undefined;
    const ws = this.workset();
    try {
      await chainChanges(ws, this.modules, applied, undoneFrom);
      await this.commit(ws, [], tip);
    } catch (error) {
      this.undoneFrom = lowest(undoneFrom, this.undoneFrom);
      throw error;
    }
    const from = lowest(undoneFrom, applied.height + 1) ?? 0;
    const base = chain.baseHeight();
    // Those too deep for a reorganisation are tried once more, to be let go.
    const isDue = (h: number): boolean => h <= tip.height && (h >= from || !isWithinReorg(chain, h));
    this.retry(this.pending.withProofAt((h) => h >= base && isDue(h)));
    this.retryBelowBase();
    this.retry(ws.unverified);
  }

  /** Asks the header sources about some that wait below our first header, others each time; how often until all were. */
  retryBelowBase(): number {
    const base = this.modules.chain.baseHeight();
    const { txids, total } = this.pending.nextWithProofBelow(base, MAX_RETRIES_BELOW_BASE);
    this.retry(txids);
    return Math.ceil(total / MAX_RETRIES_BELOW_BASE);
  }

  /** Once after the start: a stop may have come between a commit and the retries that follow from it. */
  private async resume(): Promise<void> {
    this.isResumed = true;
    const { store } = this.modules;
    this.retry(store.waiting.keys());
    for await (const txid of inactiveTxids(store)) {
      if (store.tx(txid)?.status === 'waiting' && !store.waiting.has(txid)) this.retry([txid]);
    }
  }

  private workset(): Workset {
    return new Workset(this.modules.store, (tokenNo) => this.book.isFollowed(tokenNo), this.lastArrival);
  }

  /** `tip`: as far as which the header chain is followed. It must not run ahead: a crash would hide what is undone. */
  private async commit(ws: Workset, tokens: readonly TokenRecord[] = [], tip = this.applied): Promise<void> {
    const { store } = ws;
    if (ws.isEmpty() && tokens.length === 0 && tip.hash === store.tip().tipHash) return;
    const first = store.tip().sequence + 1;
    const { change, events } = await new CommitRows(ws, this.writers).build(tokens, tip);
    const waitingBefore = new Map(
      [...change.waiting.keys()].flatMap((txid) => {
        const summary = store.waiting.get(txid);
        return summary === undefined ? [] : [[txid, summary] as const];
      }),
    );
    await store.commit(change);
    this.applied = tip;
    this.retry(this.failedRetries);
    this.failedRetries.clear();
    this.pending.apply(change.waiting, waitingBefore);
    if (events.length > 0) this.modules.onEvents(first, events);
  }

  private answer(offer: Offer, outcome: Outcome, refused: ReadonlyMap<string, Refusal>): void {
    if (outcome.status === 'admitted') this.admitted++;
    if (outcome.status === 'rejected') this.countRejected(outcome.code);
    for (const { code } of offer.set === undefined ? [] : refused.values()) this.countRejected(code);
    this.end(offer, outcome, refused);
  }

  private end(offer: Offer, outcome: Outcome, refused: ReadonlyMap<string, Refusal>): void {
    for (const txid of offer.reserved ?? []) this.reserved.delete(txid);
    offer.resolve(outcome, refused);
  }

  /** What waited goes on waiting, and is tried again as soon as a commit succeeds. */
  private endFailed(offer: Offer, error: unknown): void {
    if (offer.retryTxid !== undefined) this.failedRetries.add(offer.retryTxid);
    const why = error instanceof Error ? error.message : String(error);
    this.end(offer, this.refused('UNAVAILABLE', why), NONE_REFUSED);
  }

  private refused(code: 'UNAVAILABLE' | 'QUEUE_FULL', why = 'the node is stopping'): Outcome {
    this.countRejected(code);
    const message = code === 'QUEUE_FULL' ? 'too many offers wait already' : why;
    const error = new IngestError(code, message);
    return { status: 'rejected', code: error.code, data: { message } };
  }

  private countRejected(code: string): void {
    this.rejectedByCode[code] = (this.rejectedByCode[code] ?? 0) + 1;
  }

  /** What waits may go on: children of what is indexed now, and what the placements and the decision found. */
  private retryAfter(placements: readonly Placement[], ws: Workset): void {
    const { store } = this.modules;
    const ready = new Set(ws.unverified);
    for (const { changed, retry } of placements) {
      for (const txid of retry) ready.add(txid);
      for (const txid of changed) {
        // Of one that waits itself: a proven child speaks for it.
        if (store.tx(txid) === undefined && store.waiting.get(txid)?.waitingFor === 'history') continue;
        for (const child of this.pending.childrenOf(txid)) ready.add(child);
      }
    }
    this.retry(ready);
  }

  private retry(txids: Iterable<string>): void {
    for (const txid of txids) this.queue.retry(txid);
    this.wake?.();
  }

  /** Rows for tokens that were met but are not followed. */
  private metTokens(placed: readonly Placed[]): TokenRecord[] {
    const rows = new Map<string, TokenRecord>();
    for (const { prepared } of placed) {
      for (const { content } of prepared.items) {
        for (const tokenId of content.otherTokens) {
          const row = rows.has(tokenId) ? undefined : this.book.seen(tokenId);
          if (row !== undefined) rows.set(tokenId, row);
        }
      }
    }
    return [...rows.values()];
  }
}

function lowest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

/** Offers that are decoded and verified together. */
interface Batch {
  readonly offers: readonly Offer[];
  readonly preparing: Promise<PreparedOffer[]>;
  prepared: PreparedOffer[] | undefined;
}
