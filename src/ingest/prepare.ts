import { type Beef, decodeBeef } from '../spv/beef.ts';
import { type Bump, bumpRoot, parseBump } from '../spv/bump.ts';
import { SpvError } from '../spv/errors.ts';
import type { VerifierPool } from '../spv/pool.ts';
import { isCoinbase, parseTransaction, type Transaction } from '../spv/transaction.ts';
import type { Prevout, VerifyJob } from '../spv/verify.ts';
import { SPEND_BUCKET, spendBucket } from '../store/keys.ts';
import { type Store, spendsId } from '../store/store.ts';
import type { OpenProof } from '../store/waiting-row.ts';
import type { ChainView, VerifyRoot } from './chain-view.ts';
import { IngestError } from './errors.ts';
import { Flights } from './flights.ts';
import type { Carried, Checked, Item, Offer, PreparedOffer } from './item.ts';
import type { TxSet } from './outcome.ts';
import { checkProof, isWithinReorg } from './proofs.ts';
import type { TokenBook } from './token-book.ts';
import { tokensOf } from './token-outputs.ts';

export interface PrepareModules {
  readonly store: Store;
  readonly chain: ChainView;
  readonly verifyRoot: VerifyRoot;
  readonly book: TokenBook;
  readonly pool: Pick<VerifierPool, 'verify'>;
}

interface Decoded {
  readonly subjectTxid: string | undefined;
  readonly listed?: ReadonlySet<string>;
  readonly carried: readonly Carried[];
  readonly error: SpvError | IngestError | undefined;
  readonly firstSeen: PreparedOffer['firstSeen'];
}

/** Batches are numbered in the order in which they are written. */
interface Batch {
  readonly number: number;
  /** Items in it, its own and those that an earlier batch has checked. */
  readonly claimed: Set<Item>;
  readonly created: Item[];
}

const NOTHING: Omit<Decoded, 'subjectTxid'> = { carried: [], error: undefined, firstSeen: undefined };

/**
 * The part of ingest that needs no order: decoding, reading what the store holds, proofs against headers, scripts in the
 * pool. Batches may overlap; a transaction that is in several of them is verified once.
 */
export class Preparer {
  private readonly modules: PrepareModules;
  private readonly flights = new Flights();
  private batches = 0;

  constructor(modules: PrepareModules) {
    this.modules = modules;
  }

  /** Each result is to be given back to `release` when its batch is committed, or has failed. */
  async prepare(offers: readonly Offer[]): Promise<PreparedOffer[]> {
    const claimed = new Set<Item>();
    this.batches++;
    try {
      return await this.prepareAll(offers, { number: this.batches, claimed, created: [] });
    } catch (error) {
      // Batches that share an item must not wait for its check for ever.
      for (const item of claimed) item.checked ??= { kind: 'overtaken' };
      this.flights.release(claimed);
      throw error;
    }
  }

  release(prepared: readonly PreparedOffer[]): void {
    this.flights.release(new Set(prepared.flatMap((p) => p.items)));
  }

  /** Sorts outputs by token anew where the followed tokens changed after the batch was prepared. */
  refresh(prepared: readonly PreparedOffer[]): void {
    const { book } = this.modules;
    for (const { items } of prepared) {
      for (const item of items) {
        if (item.bookVersion === book.version) continue;
        item.content = tokensOf(item.tx, book);
        item.bookVersion = book.version;
      }
    }
  }

  private async prepareAll(offers: readonly Offer[], batch: Batch): Promise<PreparedOffer[]> {
    const decoded = offers.map((offer) => this.decode(offer));
    const carried = decoded.flatMap((each) => each.carried);
    // Those without a proof are nearly always new: what is around them is read in the same call.
    const unproven = carried.filter(({ bumps }) => bumps.length === 0);
    await this.readAround(unproven, new Set(carried.map(({ tx }) => tx.txid)));
    const prepared = decoded.map((d, i): PreparedOffer => {
      const items = d.carried.flatMap((c) => this.itemFor(c, batch) ?? []);
      return {
        offer: offers[i]!,
        subjectTxid: d.subjectTxid,
        ...(d.listed === undefined ? {} : { listed: d.listed }),
        items,
        error: d.error,
        firstSeen: d.firstSeen,
      };
    });
    await this.readAround(batch.created, new Set());
    await this.check(decoded, batch.created);
    return prepared;
  }

  private decode(offer: Offer): Decoded {
    if (offer.set !== undefined) return fromSet(offer.set);
    try {
      return offer.retryTxid === undefined
        ? fromBeef(decodeBeef(offer.bytes))
        : this.fromWaiting(offer.retryTxid);
    } catch (error) {
      if (!(error instanceof SpvError)) throw error;
      return { ...NOTHING, subjectTxid: undefined, error };
    }
  }

  /** A transaction of the pending set, or an indexed one that nothing speaks for; proofs that wait for one come along. */
  private fromWaiting(txid: string): Decoded {
    const { store } = this.modules;
    const waiting = store.waitingRecord(txid);
    const held = store.tx(txid);
    const record = held ?? waiting;
    if (record === undefined) return { ...NOTHING, subjectTxid: txid };
    const tried = (waiting?.proofs ?? []).map(({ path }) => path);
    const { arrival, firstSeenMs, raw } = record;
    return {
      subjectTxid: txid,
      carried: [{ tx: parseTransaction(raw), bumps: tried.map(parseBump), tried, isRetry: true }],
      error: undefined,
      firstSeen: { arrival, firstSeenMs },
    };
  }

  /**
   * The item for a transaction: a new one, or the one that another offer is having checked, in this batch or one before.
   * Undefined where the store already knows all that the transaction and its proof could tell.
   */
  private itemFor(carried: Carried, batch: Batch): Item | undefined {
    const { tx, bumps, tried } = carried;
    if (this.isKnown(carried)) return undefined;
    const shared = this.flights.find(carried, batch.number);
    const { book } = this.modules;
    const item: Item = shared ?? {
      tx,
      bumps,
      tried,
      content: tokensOf(tx, book),
      bookVersion: book.version,
      checked: undefined,
      openProofs: [],
    };
    if (shared === undefined) batch.created.push(item);
    if (!batch.claimed.has(item)) {
      batch.claimed.add(item);
      this.flights.claim(item, batch.number);
    }
    return item;
  }

  private isKnown({ tx, bumps, isRetry }: Carried): boolean {
    const known = this.modules.store.tx(tx.txid);
    if (known === undefined) return false;
    const [bump] = bumps;
    if (bump === undefined) return known.status !== 'waiting';
    const { place } = known;
    const { chain } = this.modules;
    // A waiting proof leaves the pending set only by being looked at.
    if (isRetry || place?.height !== bump.height || place.blockHash !== chain.hashAt(bump.height))
      return false;
    // Near the tip it may be of another block of that height, known or not; else it need not even be hashed.
    return isWithinReorg(chain, bump.height) ? isOfRoot(bump, chain.rootAt(bump.height)) : true;
  }

  /** Reads the rows that the writer will ask for, and those of `txids`: parents, spends of the inputs, spends of the own outputs. */
  private async readAround(
    around: Iterable<{ readonly tx: Transaction }>,
    txids: Set<string>,
  ): Promise<void> {
    const spends = new Map<string, readonly [string, number]>();
    const want = (txid: string, bucket: number): void => {
      spends.set(spendsId(txid, bucket), [txid, bucket]);
    };
    for (const { tx } of around) {
      for (const { prevTxid, prevVout } of tx.inputs) {
        txids.add(prevTxid);
        want(prevTxid, spendBucket(prevVout));
      }
      for (let vout = 0; vout < tx.outputs.length; vout += SPEND_BUCKET) want(tx.txid, spendBucket(vout));
    }
    await this.modules.store.prefetch(txids, spends.values());
  }

  private async check(decoded: readonly Decoded[], items: readonly Item[]): Promise<void> {
    const carried = new Map<string, Transaction>();
    for (const d of decoded) for (const { tx } of d.carried) carried.set(tx.txid, tx);
    const jobs: VerifyJob[] = [];
    const jobItems: Item[] = [];
    for (const item of items) {
      if (item.bumps.length > 0) await this.checkProofs(item);
      if (item.checked !== undefined) continue;
      const prevouts = this.prevoutsOf(item.tx, carried);
      if (Array.isArray(prevouts)) {
        jobs.push({ tx: item.tx, prevouts });
        jobItems.push(item);
      } else item.checked = unlessProofWaits(item, prevouts as Checked);
    }
    const results = await this.modules.pool.verify(jobs);
    jobItems.forEach((item, i) => {
      const error = results[i];
      item.checked =
        error === undefined ? { kind: 'verified' } : unlessProofWaits(item, { kind: 'refused', error });
    });
  }

  /** Leaves `checked` open where no proof decides: the transaction is then judged as an unmined one. */
  private async checkProofs(item: Item): Promise<void> {
    const { chain, verifyRoot } = this.modules;
    const waited = item.tried.length > 0;
    const open: OpenProof[] = [];
    for (const bump of item.bumps) {
      const verdict = await checkProof(chain, verifyRoot, item.tx, bump);
      if (verdict.kind === 'proven') item.checked = verdict;
      else if (verdict.kind !== 'refused') {
        if (verdict.kind === 'headerUnknown' || isWithinReorg(chain, bump.height)) open.push(verdict.proof);
      }
      // The header of another branch may only have come first: it is judged without the proof, which waits.
      else if (verdict.proof !== undefined && isWithinReorg(chain, bump.height)) open.push(verdict.proof);
      // Anyone could have sent a waiting transaction with a false proof: it is judged without that.
      else if (!waited) item.checked = verdict;
    }
    item.openProofs = open;
  }

  private prevoutsOf(tx: Transaction, carried: ReadonlyMap<string, Transaction>): Prevout[] | Checked {
    if (isCoinbase(tx)) {
      const message = 'a coinbase transaction counts only with its proof';
      return {
        kind: 'refused',
        error: new SpvError('COINBASE_UNPROVEN', message, { txid: tx.txid }),
      };
    }
    const prevouts: Prevout[] = [];
    for (const { prevTxid, prevVout } of tx.inputs) {
      const parent = carried.get(prevTxid) ?? this.flights.tx(prevTxid) ?? this.stored(prevTxid);
      if (parent === undefined) return { kind: 'parentsUnknown' };
      const output = parent.outputs[prevVout];
      if (output === undefined) return outputAbsent(parent, prevVout);
      prevouts.push(output);
    }
    return prevouts;
  }

  private stored(txid: string): Transaction | undefined {
    const record = this.modules.store.tx(txid) ?? this.modules.store.waitingRecord(txid);
    return record === undefined ? undefined : parseTransaction(record.raw);
  }
}

function isOfRoot(bump: Bump, root: string | undefined): boolean {
  try {
    return bumpRoot(bump) === root;
  } catch (error) {
    if (error instanceof SpvError) return false;
    throw error;
  }
}

/** What would refuse a transaction does not while its block may still be found: the block decides then. */
function unlessProofWaits(item: Item, checked: Checked): Checked {
  return checked.kind === 'refused' && item.openProofs.length > 0 ? { kind: 'headerUnknown' } : checked;
}

function outputAbsent(parent: Transaction, vout: number): Checked {
  const outpoint = `${parent.txid}_${vout}`;
  const outputs = parent.outputs.length;
  const message = `it spends ${outpoint}, but that transaction has ${outputs} outputs`;
  return { kind: 'refused', error: new IngestError('OUTPUT_ABSENT', message, { outpoint, outputs }) };
}

function fromBeef(beef: Beef): Decoded {
  const carried: Carried[] = [];
  for (const { tx, bump } of beef.txs) {
    if (tx === undefined) continue;
    const bumps: Bump[] = bump === undefined ? [] : [beef.bumps[bump]!];
    carried.push({ tx, bumps, tried: [], isRetry: false });
  }
  return { ...NOTHING, subjectTxid: beef.subjectTxid, carried };
}

function fromSet({ txs, listed }: TxSet): Decoded {
  const carried = txs.map(({ tx, bump }): Carried => {
    return { tx, bumps: bump === undefined ? [] : [bump], tried: [], isRetry: false };
  });
  return { ...NOTHING, subjectTxid: undefined, listed, carried };
}
