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
import type { IngestFacts, Offers, Outcome, Source } from './outcome.ts';
import { outcomeOf } from './outcome-of.ts';
import { type PendingLimits, PendingSet } from './pending-set.ts';
import { type PlaceModules, type Placement, placeOffer } from './place.ts';
import { Preparer } from './prepare.ts';
import { isWithinReorg } from './proofs.ts';
import { OfferQueue } from './queue.ts';
import { rescanRows } from './rescan.ts';
import { TokenBook } from './token-book.ts';
import { Workset } from './workset.ts';

/** Batches between decoding and commit: enough that every verifier thread has work while one commit is written. */
const MAX_BATCHES = 8;
/** Offers a commit at most: an fsync costs the same for one and for many, and this many are answered soon enough. */
const COMMIT_OFFERS = 256;
/** Each asks a header source, which may know by now, and this happens at every new header. */
const MAX_RETRIES_BELOW_BASE = 100;
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
  /** Batches that are prepared or being so, in the order in which they are written. */
  private readonly line: Batch[] = [];
  /** Offered a second time by us: what the first brought into the index is not known to the caller yet. */
  private readonly again = new WeakSet<Offer>();
  private writer: Promise<void> = Promise.resolve();
  private batches = 0;
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

  follows(tokenId: string): boolean {
    return this.book.followed(tokenId) !== undefined;
  }

  /** Changes the followed tokens; what the store holds of newly followed ones is evaluated before this resolves. */
  follow(tokenIds: readonly string[]): Promise<void> {
    return this.exclusive(async () => {
      const before = this.book.followedIds();
      try {
        await this.followNow(tokenIds);
      } catch (error) {
        this.book.restore(before);
        throw error;
      }
      // Waiting transactions may be of a token that was not followed when they came.
      this.retry(this.pending.waitingForHistory());
    });
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
    for (const offer of this.queue.clear()) offer.resolve(this.refused('UNAVAILABLE'));
    this.wake?.();
    await this.loop;
    await this.writer;
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
      if (this.queue.length === 0 || this.batches >= MAX_BATCHES) {
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
      for (const { offers } of group)
        for (const offer of offers) this.end(offer, this.refused('UNAVAILABLE'));
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

  private async place(prepared: readonly PreparedOffer[]): Promise<void> {
    const ws = this.workset();
    this.preparer.refresh(prepared);
    const modules = this.placeModules();
    const placements = prepared.map((p) => placeOffer(ws, p, modules));
    this.lastArrival = ws.lastArrival();
    decide(ws);
    prepared.forEach((p, i) => {
      const { subjectTxid } = p;
      if (subjectTxid !== undefined && this.again.has(p.offer)) placements[i]!.changed.add(subjectTxid);
    });
    const outcomes = prepared.map((p, i) =>
      placements[i]!.again ? undefined : outcomeOf(ws, p, placements[i]!),
    );
    await this.commit(ws, this.metTokens(prepared));
    prepared.forEach((p, i) => {
      const outcome = outcomes[i];
      if (outcome === undefined) this.offerAgain(p.offer);
      else this.answer(p.offer, outcome);
    });
    this.retryAfter(placements, ws);
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

  private async followNow(tokenIds: readonly string[]): Promise<void> {
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
    this.retry(this.pending.nextWithProofBelow(base, MAX_RETRIES_BELOW_BASE));
    this.retry(ws.unverified);
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
    this.pending.apply(change.waiting, waitingBefore);
    if (events.length > 0) this.modules.onEvents(first, events);
  }

  private answer(offer: Offer, outcome: Outcome): void {
    if (outcome.status === 'admitted') this.admitted++;
    if (outcome.status === 'rejected') this.countRejected(outcome.code);
    this.end(offer, outcome);
  }

  private end(offer: Offer, outcome: Outcome): void {
    for (const txid of offer.reserved ?? []) this.reserved.delete(txid);
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
  private metTokens(prepared: readonly PreparedOffer[]): TokenRecord[] {
    const rows = new Map<string, TokenRecord>();
    for (const { items } of prepared) {
      for (const { content } of items) {
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
