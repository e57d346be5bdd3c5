import { type Beef, decodeBeef } from '../spv/beef.ts';
import { type Bump, parseBump } from '../spv/bump.ts';
import { SpvError } from '../spv/errors.ts';
import type { VerifierPool } from '../spv/pool.ts';
import { isCoinbase, parseTransaction, type Transaction } from '../spv/transaction.ts';
import type { Prevout, VerifyJob } from '../spv/verify.ts';
import { SPEND_BUCKET, spendBucket } from '../store/keys.ts';
import type { Store } from '../store/store.ts';
import type { ChainView, VerifyRoot } from './chain-view.ts';
import { IngestError } from './errors.ts';
import type { Checked, Item, Offer, PreparedOffer } from './item.ts';
import { checkProof } from './proofs.ts';
import type { TokenBook } from './token-book.ts';
import { tokensOf } from './token-outputs.ts';

export interface PrepareModules {
  readonly store: Store;
  readonly chain: ChainView;
  readonly verifyRoot: VerifyRoot;
  readonly book: TokenBook;
  readonly pool: Pick<VerifierPool, 'verify'>;
}

/** One transaction of a decoded offer, with the proof it came with. */
interface Carried {
  readonly tx: Transaction;
  readonly bump: Bump | undefined;
}

interface Decoded {
  readonly subjectTxid: string | undefined;
  readonly carried: readonly Carried[];
  readonly error: SpvError | IngestError | undefined;
  readonly firstSeen: PreparedOffer['firstSeen'];
}

/**
 * The part of ingest that needs no order: decoding, reading what the store holds, proofs against headers, scripts in the
 * pool. Batches may overlap; a transaction that is in several of them is verified once.
 */
export class Preparer {
  private readonly modules: PrepareModules;
  /** Transactions between here and their commit. */
  private readonly inFlight = new Map<string, { item: Item; batches: number }>();

  constructor(modules: PrepareModules) {
    this.modules = modules;
  }

  async prepare(offers: readonly Offer[]): Promise<PreparedOffer[]> {
    const decoded = offers.map((offer) => this.decode(offer));
    const txids = new Set<string>();
    for (const { carried } of decoded) for (const { tx } of carried) txids.add(tx.txid);
    await this.modules.store.prefetch(txids, []);
    const batch = new Map<string, Item>();
    const created: Item[] = [];
    const prepared = decoded.map((d, i): PreparedOffer => {
      const items = d.carried.flatMap((c) => this.itemFor(c, batch, created) ?? []);
      return { offer: offers[i]!, subjectTxid: d.subjectTxid, items, error: d.error, firstSeen: d.firstSeen };
    });
    await this.readAround(created);
    await this.check(decoded, created);
    return prepared;
  }

  /** To be called once for each prepared batch, when it is committed. */
  release(prepared: readonly PreparedOffer[]): void {
    for (const item of new Set(prepared.flatMap((p) => p.items))) {
      const entry = this.inFlight.get(item.tx.txid);
      if (entry?.item !== item) continue;
      entry.batches--;
      if (entry.batches === 0) this.inFlight.delete(item.tx.txid);
    }
  }

  private decode(offer: Offer): Decoded {
    try {
      return offer.retryTxid === undefined
        ? fromBeef(decodeBeef(offer.bytes))
        : this.fromWaiting(offer.retryTxid);
    } catch (error) {
      if (!(error instanceof SpvError)) throw error;
      return { subjectTxid: undefined, carried: [], error, firstSeen: undefined };
    }
  }

  private fromWaiting(txid: string): Decoded {
    const record = this.modules.store.waitingRecord(txid);
    if (record === undefined)
      return { subjectTxid: txid, carried: [], error: undefined, firstSeen: undefined };
    const { arrival, firstSeenMs, path } = record;
    const bump = path === undefined ? undefined : parseBump(path);
    return {
      subjectTxid: txid,
      carried: [{ tx: parseTransaction(record.raw), bump }],
      error: undefined,
      firstSeen: { arrival, firstSeenMs },
    };
  }

  /**
   * The item for a transaction: a new one, or the one that another offer is having checked, in this batch or one before.
   * Undefined where the store already knows all that the transaction and its proof could tell. */
  private itemFor({ tx, bump }: Carried, batch: Map<string, Item>, created: Item[]): Item | undefined {
    const known = this.modules.store.tx(tx.txid);
    if (known !== undefined) {
      if (bump === undefined) return undefined;
      if (
        known.place?.height === bump.height &&
        known.place.blockHash === this.modules.chain.hashAt(bump.height)
      ) {
        return undefined;
      }
    }
    const inBatch = batch.get(tx.txid);
    if (inBatch !== undefined && (bump === undefined || inBatch.bump !== undefined)) return inBatch;
    const flying = this.inFlight.get(tx.txid);
    if (flying !== undefined && (bump === undefined || flying.item.bump !== undefined)) {
      if (inBatch === undefined) {
        flying.batches++;
        batch.set(tx.txid, flying.item);
      }
      return flying.item;
    }
    const item: Item = { tx, bump, ...tokensOf(tx, this.modules.book), checked: undefined };
    created.push(item);
    batch.set(tx.txid, item);
    this.inFlight.set(tx.txid, { item, batches: 1 });
    return item;
  }

  /** Reads the rows that the writer will ask for: parents, spends of the inputs, spends of the own outputs. */
  private async readAround(items: Iterable<Item>): Promise<void> {
    const txids = new Set<string>();
    const spends = new Map<string, readonly [string, number]>();
    const want = (txid: string, bucket: number): void => {
      spends.set(`${txid}${bucket}`, [txid, bucket]);
    };
    for (const { tx } of items) {
      for (const { prevTxid, prevVout } of tx.inputs) {
        txids.add(prevTxid);
        want(prevTxid, spendBucket(prevVout));
      }
      for (let vout = 0; vout < tx.outputs.length; vout += SPEND_BUCKET) want(tx.txid, spendBucket(vout));
    }
    await this.modules.store.prefetch(txids, spends.values());
  }

  private async check(decoded: readonly Decoded[], items: readonly Item[]): Promise<void> {
    const { chain, verifyRoot, pool } = this.modules;
    const carried = new Map<string, Transaction>();
    for (const d of decoded) for (const { tx } of d.carried) carried.set(tx.txid, tx);
    const waited = new Set(decoded.filter((d) => d.firstSeen !== undefined).map((d) => d.subjectTxid));
    const jobs: VerifyJob[] = [];
    const jobItems: Item[] = [];
    for (const item of items) {
      if (item.bump !== undefined) {
        const checked = await checkProof(chain, verifyRoot, item.tx, item.bump);
        // Anyone could have sent a waiting transaction with a false proof: it is judged without it then.
        if (!(waited.has(item.tx.txid) && checked?.kind === 'refused')) item.checked = checked;
      }
      if (item.checked !== undefined) continue;
      const prevouts = this.prevoutsOf(item.tx, carried);
      if (Array.isArray(prevouts)) {
        jobs.push({ tx: item.tx, prevouts });
        jobItems.push(item);
      } else item.checked = prevouts as Checked;
    }
    const results = await pool.verify(jobs);
    jobItems.forEach((item, i) => {
      const error = results[i];
      item.checked = error === undefined ? { kind: 'verified' } : { kind: 'refused', error };
    });
  }

  private prevoutsOf(tx: Transaction, carried: ReadonlyMap<string, Transaction>): Prevout[] | Checked {
    if (isCoinbase(tx)) {
      const error = new SpvError('COINBASE_UNPROVEN', 'a coinbase transaction counts only with its proof', {
        txid: tx.txid,
      });
      return { kind: 'refused', error };
    }
    const prevouts: Prevout[] = [];
    for (const { prevTxid, prevVout } of tx.inputs) {
      const parent = carried.get(prevTxid) ?? this.inFlight.get(prevTxid)?.item.tx ?? this.stored(prevTxid);
      if (parent === undefined) return { kind: 'parentsUnknown' };
      const output = parent.outputs[prevVout];
      if (output === undefined) {
        const outpoint = `${prevTxid}_${prevVout}`;
        const error = new IngestError(
          'OUTPUT_ABSENT',
          `it spends ${outpoint}, but that transaction has ${parent.outputs.length} outputs`,
          {
            outpoint,
            outputs: parent.outputs.length,
          },
        );
        return { kind: 'refused', error };
      }
      prevouts.push(output);
    }
    return prevouts;
  }

  private stored(txid: string): Transaction | undefined {
    const record = this.modules.store.tx(txid) ?? this.modules.store.waitingRecord(txid);
    return record === undefined ? undefined : parseTransaction(record.raw);
  }
}

function fromBeef(beef: Beef): Decoded {
  const carried: Carried[] = [];
  for (const { tx, bump } of beef.txs) {
    if (tx !== undefined) carried.push({ tx, bump: bump === undefined ? undefined : beef.bumps[bump] });
  }
  return { subjectTxid: beef.subjectTxid, carried, error: undefined, firstSeen: undefined };
}
