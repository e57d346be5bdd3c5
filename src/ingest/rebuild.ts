import { join } from 'node:path';
import { type Bump, parseBump } from '../spv/bump.ts';
import { SpvError } from '../spv/errors.ts';
import { parseTransaction, type Transaction } from '../spv/transaction.ts';
import type { Database } from '../store/database.ts';
import { StoreError } from '../store/errors.ts';
import { afterPrefix, PREFIX, SPEND_BUCKET, spendBucket } from '../store/keys.ts';
import { type Lost, lostOps, NOTHING_LOST } from '../store/lost-rows.ts';
import { readMarker } from '../store/marker.ts';
import { assertFree } from '../store/open-level.ts';
import { decodeProof, type ProofRecord } from '../store/proof-row.ts';
import { type BlockPlace, decodeTx, type TxRecord } from '../store/records.ts';
import { RowWriter } from '../store/row-bytes.ts';
import { Store, type StoreOptions } from '../store/store.ts';
import { declareReady, discard, finishSwap, folderState, STORE_FOLDER } from '../store/swap.ts';
import { isIndexed, type TokenRecord } from '../store/token-row.ts';
import type { VerifyReport } from '../store/view.ts';
import { decodeWaiting, type OpenProof } from '../store/waiting-row.ts';
import { admit, decide } from './admit.ts';
import { Audit } from './audit.ts';
import type { ChainView, VerifyRoot } from './chain-view.ts';
import { CommitRows } from './commit-rows.ts';
import { checkProof, UNTOLD_BLOCK } from './proofs.ts';
import { PurgePlan } from './purge-plan.ts';
import { isNews, lostOf } from './rebuild-lost.ts';
import { type Salvage, salvage } from './salvage-rows.ts';
import { TokenBook } from './token-book.ts';
import { tokensOf } from './token-outputs.ts';
import { Workset } from './workset.ts';

/** Transactions a commit. */
const CHUNK = 1000;

export interface RebuildOptions {
  /** The damaged store; the same options open the new one. */
  readonly store: StoreOptions;
  /** Tokens to follow besides those that the damaged store followed: their rows may be lost. */
  readonly follow: readonly string[];
  /** Keep no note of what is lost: the operator knows, and answers are to say no more of it. */
  readonly acceptLoss?: boolean;
  /** Id of a token that the new store is to know nothing of, with all that is there for it alone. */
  readonly purge?: string;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

export interface RebuildModules {
  /** Makes a chain of the header rows in this database, without those that cannot be proven. */
  readonly recoverChain: (database: Database) => Promise<ChainView>;
  readonly verifyRoot: VerifyRoot;
}

export interface RebuildReport {
  readonly transactions: {
    readonly kept: number;
    /** Against the count of the newest commit that could be read; undefined if none could. */
    readonly lost: number | undefined;
    /** Kept, but no longer known to be mined: their proof is lost, or waits for its header. */
    readonly unproven: number;
  };
  readonly proofs: {
    readonly kept: number;
    /** Of a block that no header tells of, or of a transaction that is lost. */
    readonly dropped: number;
    /** Kept until their header is known again. */
    readonly waiting: number;
  };
  readonly waiting: number;
  /** Left out with the token that was purged. */
  readonly purged: { readonly transactions: number; readonly waiting: number };
  readonly tokens: { readonly followed: number; readonly seen: number };
  readonly headersTo: number;
  readonly damagedRows: number;
  readonly unreadableFiles: readonly string[];
  /** Full check of the new store. */
  readonly audit: VerifyReport;
}

/**
 * Makes a store anew from the transactions, proofs and headers that still prove themselves in the files of a damaged one
 * (architecture, invariant 2). Works whatever the damage is: what is lost comes back when it is imported or synced again,
 * and until then the new store remembers, as far as anything still tells, what that is.
 * The old files are only read, and stay as `index.damaged`. A crash at any moment leaves the old store or the new one, and
 * the next call begins anew.
 *
 * @throws StoreError STORE_LOCKED while a daemon has the store; STORE_INCONSISTENT if the store changed meanwhile, or the
 *   new one does not pass its check; STORE_FOREIGN_NETWORK, STORE_FORMAT_NEWER; STORE_WRITE_FAILED; AbortError by the
 *   signal. In each case the old store is untouched
 */
export async function rebuildStore(options: RebuildOptions, modules: RebuildModules): Promise<RebuildReport> {
  const { path } = options.store;
  finishSwap(path);
  await assertFree(path);
  const folder = join(path, STORE_FOLDER.database);
  const before = folderState(folder);
  const building = join(path, STORE_FOLDER.building);
  discard(building);
  try {
    const marked = markedCommit(join(path, STORE_FOLDER.marker));
    const to = { ...options, store: { ...options.store, path: building } };
    const report = await build(folder, marked, to, modules);
    discard(join(building, SORTED));
    await assertFree(path);
    if (folderState(folder) !== before) {
      const message = 'the store was written to while it was rebuilt: rebuild it again';
      throw new StoreError('STORE_INCONSISTENT', message, { path });
    }
    declareReady(path, { keepOld: options.purge === undefined });
    finishSwap(path);
    return report;
  } finally {
    // What is not whole is of no use, and the disk may be full of it.
    discard(building);
  }
}

const SORTED = 'sorted';

/** A commit that the old store had reached; 0 if nothing tells. */
function markedCommit(path: string): number {
  try {
    return readMarker(path)?.commit ?? 0;
  } catch (error) {
    if (error instanceof StoreError) return 0; // it is damaged too
    throw error;
  }
}

async function build(
  folder: string,
  marked: number,
  options: RebuildOptions,
  modules: RebuildModules,
): Promise<RebuildReport> {
  const store = await Store.open(options.store);
  try {
    const into = { ...options.store, path: join(options.store.path, SORTED) };
    const found = await salvage(folder, into, store.database);
    try {
      const plan = await planPurge(found, options);
      const chain = await modules.recoverChain(store.database);
      return await new Rebuild(store, chain, { ...found, marked, plan }, options, modules.verifyRoot).run();
    } finally {
      await found.sorted.close();
    }
  } finally {
    await store.close();
  }
}

async function planPurge(
  { sorted, tokens }: Salvage,
  { purge: tokenId, follow, signal }: RebuildOptions,
): Promise<PurgePlan | undefined> {
  if (tokenId === undefined) return undefined;
  const token = tokens.find((t) => t.tokenId === tokenId);
  if (token === undefined) {
    throw new StoreError('STORE_INCONSISTENT', `the row of token ${tokenId} is gone from the store`);
  }
  const others = new Set([...tokens.filter(isIndexed).map((t) => t.tokenId), ...follow]);
  others.delete(tokenId);
  return PurgePlan.make(sorted, { tokenId, tokenNo: token.tokenNo, others, signal });
}

/** A proof row against the headers known now. */
type ProofVerdict =
  | { readonly kind: 'best'; readonly place: BlockPlace; readonly path: Uint8Array }
  | { readonly kind: 'side'; readonly proof: ProofRecord }
  | { readonly kind: 'headerUnknown'; readonly proof: OpenProof }
  | { readonly kind: 'false' };

/** `marked`: a commit that the damaged store is known to have reached. `plan`: what of it stays, if not all. */
type Found = Salvage & { readonly marked: number; readonly plan: PurgePlan | undefined };

class Rebuild {
  private readonly store: Store;
  private readonly chain: ChainView;
  private readonly found: Found;
  private readonly options: RebuildOptions;
  private readonly verifyRoot: VerifyRoot;
  private readonly book: TokenBook;
  private arrival = 0;
  private readonly counts = { kept: 0, unproven: 0, waiting: 0 };
  private readonly proofs = { kept: 0, dropped: 0, waiting: 0 };

  constructor(store: Store, chain: ChainView, found: Found, options: RebuildOptions, verifyRoot: VerifyRoot) {
    this.store = store;
    this.chain = chain;
    this.found = found;
    this.options = options;
    this.verifyRoot = verifyRoot;
    this.book = new TokenBook(store);
  }

  async run(): Promise<RebuildReport> {
    const isPurge = this.found.plan !== undefined;
    const before = isPurge ? await this.lost() : undefined;
    await this.tokens();
    await this.transactions();
    await this.waiting();
    await this.noteLost(before ?? (await this.lost()));
    await this.unfollow();
    if (isPurge && this.counts.unproven > 0) throw damaged();
    const { store, chain, found, counts, proofs, options } = this;
    const audit = await Audit.run(store, chain, options);
    if (audit.problemCount > 0) {
      const [{ code, what }] = audit.problems as [{ code: string; what: string }];
      throw new StoreError(
        'STORE_INCONSISTENT',
        `the rebuilt store has ${audit.problemCount} problems (${code}: ${what}): the old one stays`,
        { problems: audit.problemCount },
      );
    }
    const expected = found.expected?.transactions;
    const purged = this.purged();
    const lost =
      expected === undefined ? undefined : Math.max(0, expected - counts.kept - purged.transactions);
    const followed = this.book.followedIds().length;
    return {
      transactions: { kept: counts.kept, lost, unproven: counts.unproven },
      proofs,
      waiting: counts.waiting,
      purged,
      tokens: { followed, seen: store.tokens.size - followed },
      headersTo: chain.tip().height,
      damagedRows: found.damagedRows,
      unreadableFiles: found.notes.unreadable,
      audit,
    };
  }

  private purged(): RebuildReport['purged'] {
    const { plan } = this.found;
    if (plan === undefined) return { transactions: 0, waiting: 0 };
    const { graph, counts } = plan;
    return { transactions: graph.held - counts.held, waiting: graph.waiting - counts.waiting };
  }

  /**
   * The same tokens indexed, the same ones remembered as seen. Also those that are no longer followed: `unfollow` says so
   * in the end. A purged one is remembered if it is still named.
   */
  private async tokens(): Promise<void> {
    const { plan } = this.found;
    const { purge } = this.options;
    const tokens = this.found.tokens.filter((t) => t.tokenId !== purge || plan?.namesPurged === true);
    const indexed = tokens.filter((t) => isIndexed(t) && t.tokenId !== purge);
    const wanted = new Set([...indexed.map((t) => t.tokenId), ...this.options.follow]);
    const { rows } = this.book.follow(wanted);
    const byId = new Map(rows.map((row) => [row.tokenId, row]));
    for (const { tokenId } of tokens) {
      const row = byId.has(tokenId) ? undefined : this.book.seen(tokenId);
      if (row !== undefined) byId.set(tokenId, row);
    }
    const binary = new Set(indexed.filter((t) => t.binaryOutputsSeen).map((t) => t.tokenId));
    const complete = [...byId.values()].map((token) => ({
      ...token,
      tracked: wanted.has(token.tokenId),
      binaryOutputsSeen: binary.has(token.tokenId),
    }));
    await this.commit(this.workset(), complete);
  }

  private async unfollow(): Promise<void> {
    const { purge, follow } = this.options;
    const tracked = this.found.tokens.filter((t) => t.tracked && t.tokenId !== purge);
    const { rows } = this.book.follow([...tracked.map((t) => t.tokenId), ...follow]);
    if (rows.length > 0) await this.commit(this.workset(), rows);
  }

  /** In order of arrival, which has parents before children but for those that waited. */
  private async transactions(): Promise<void> {
    const { sorted, plan } = this.found;
    const total = plan?.counts.held ?? this.found.transactions;
    const prefix = Buffer.of(PREFIX.tx);
    let chunk: TxRecord[] = [];
    for await (const { key, value } of sorted.rows(prefix, afterPrefix(prefix))) {
      const record = decodeTx(key, value);
      this.arrival = Math.max(this.arrival, record.arrival);
      if (plan?.keeps(record.arrival) === false) continue;
      chunk.push(record);
      if (chunk.length < CHUNK) continue;
      await this.admitAll(chunk);
      chunk = [];
      this.options.signal.throwIfAborted();
      this.options.onProgress(this.counts.kept, total);
    }
    await this.admitAll(chunk);
  }

  private async admitAll(records: readonly TxRecord[]): Promise<void> {
    const held = records.map((record) => ({ record, tx: parseTransaction(record.raw) }));
    await this.prefetch(held.map(({ tx }) => tx));
    const verdicts = await Promise.all(held.map(({ record, tx }) => this.proofsOf(record, tx)));
    const ws = this.workset();
    held.forEach(({ record, tx }, i) => {
      if (ws.tx(tx.txid) !== undefined) return; // kept under two orders of arrival: the first counts
      this.admitOne(ws, record, tx, verdicts[i]!);
    });
    decide(ws);
    await this.commit(ws);
  }

  private admitOne(ws: Workset, record: TxRecord, tx: Transaction, proofs: readonly ProofVerdict[]): void {
    const { txid, verified, arrival, firstSeenMs } = record;
    const best = proofs.find((p) => p.kind === 'best');
    const { groups } = tokensOf(tx, this.book);
    admit(ws, { tx, groups, place: best?.place, path: best?.path, verified, arrival, firstSeenMs });
    this.counts.kept++;
    for (const proof of proofs) {
      if (proof.kind === 'side') ws.proofs.push(proof.proof);
      if (proof.kind === 'false') this.proofs.dropped++;
      else if (proof.kind !== 'headerUnknown') this.proofs.kept++;
    }
    if (best !== undefined) return;
    if (record.place !== undefined) this.counts.unproven++;
    const later = proofs.flatMap((p) => (p.kind === 'headerUnknown' ? [p.proof] : []));
    if (later.length === 0) return;
    this.proofs.waiting += later.length;
    const wait = { waitingFor: 'header', missingParents: [], proofs: later } as const;
    ws.setWaiting({ txid, raw: tx.raw, ...wait, arrival, firstSeenMs });
  }

  private async proofsOf(record: TxRecord, tx: Transaction): Promise<ProofVerdict[]> {
    const prefix = Buffer.concat([Buffer.of(PREFIX.proof), Buffer.from(record.txid, 'hex')]);
    const verdicts: ProofVerdict[] = [];
    for await (const { key, value } of this.found.sorted.rows(prefix, afterPrefix(prefix))) {
      const own = Buffer.concat([key.subarray(0, 1), key.subarray(33)]);
      const proof = decodeProof(own, value);
      verdicts.push(this.vouched(record, proof) ?? (await this.judge(proof, tx)));
    }
    return verdicts;
  }

  /** Of a store that is only purged, what a header source has vouched for stands, though it may not answer now. */
  private vouched({ place }: TxRecord, { height, blockHash, path }: ProofRecord): ProofVerdict | undefined {
    const isVouched =
      place?.blockHash === UNTOLD_BLOCK && blockHash === UNTOLD_BLOCK && place.height === height;
    return isVouched && this.found.plan !== undefined ? { kind: 'best', place, path } : undefined;
  }

  private async judge(proof: ProofRecord, tx: Transaction): Promise<ProofVerdict> {
    const bump = bumpOf(proof);
    const checked = bump === undefined ? undefined : await checkProof(this.chain, this.verifyRoot, tx, bump);
    if (bump === undefined || checked?.kind === 'refused') return { kind: 'false' };
    if (checked?.kind === 'side') return { kind: 'side', proof };
    if (checked?.kind === 'proven') return { kind: 'best', place: checked.place, path: checked.path };
    return { kind: 'headerUnknown', proof: { height: bump.height, path: proof.path } };
  }

  /** Those that wait for parents or headers; of an indexed transaction only a proof can wait. */
  private async waiting(): Promise<void> {
    const prefix = Buffer.of(PREFIX.waiting);
    let ws = this.workset();
    for await (const { key, value } of this.found.sorted.rows(prefix, afterPrefix(prefix))) {
      const record = decodeWaiting(key, value);
      const held = this.store.tx(record.txid);
      this.arrival = Math.max(this.arrival, record.arrival);
      if (this.found.plan?.keepsWaiting(record.txid, held !== undefined) === false) continue;
      if (held !== undefined && (held.place !== undefined || record.proofs.length === 0)) continue;
      ws.setWaiting(record);
      this.counts.waiting++;
      if (ws.waiting.size < CHUNK) continue;
      await this.commit(ws);
      ws = this.workset();
    }
    await this.commit(ws);
  }

  /** What is lost of the old store. A purge takes that away, so it goes on only if nothing is that was not known to be. */
  private async lost(): Promise<Lost> {
    const { found, options, store } = this;
    const { plan, marked } = found;
    const { signal } = options;
    if (plan === undefined) {
      if (options.acceptLoss === true) return NOTHING_LOST;
      const has = async (txids: readonly string[]): Promise<boolean[]> => {
        const keys = txids.map((txid) =>
          Buffer.concat([Buffer.of(PREFIX.arrival), Buffer.from(txid, 'hex')]),
        );
        return (await store.database.getMany(keys)).map((row) => row !== undefined);
      };
      return lostOf(found, { transactions: this.counts.kept, has, marked, signal });
    }
    const { graph } = plan;
    const has = async (txids: readonly string[]): Promise<boolean[]> => {
      const numbers = await graph.numbers(new Set(txids));
      return txids.map((txid) => numbers.has(txid));
    };
    const lost = await lostOf(found, { transactions: graph.held, has, marked, signal });
    if (found.expected === undefined || isNews(lost, found.lost)) throw damaged();
    return lost;
  }

  /** A row in the new store for each transaction that it should hold and does not. */
  private async noteLost(lost: Lost): Promise<void> {
    const ops = lostOps(new RowWriter(), lost);
    if (ops.length === 0) return;
    const { change } = await new CommitRows(this.workset()).build([], this.chain.tip());
    const figures = { ...change.figures, arrival: this.arrival };
    await this.store.commit({ ...change, ops: [...change.ops, ...ops], figures, lost });
  }

  private async prefetch(txs: readonly Transaction[]): Promise<void> {
    const txids = new Set<string>();
    const spends = new Map<string, readonly [string, number]>();
    const want = (txid: string, bucket: number): void => void spends.set(`${txid}${bucket}`, [txid, bucket]);
    for (const tx of txs) {
      txids.add(tx.txid);
      for (const { prevTxid, prevVout } of tx.inputs) {
        txids.add(prevTxid);
        want(prevTxid, spendBucket(prevVout));
      }
      for (let vout = 0; vout < tx.outputs.length; vout += SPEND_BUCKET) want(tx.txid, spendBucket(vout));
    }
    await this.store.prefetch(txids, spends.values());
  }

  private workset(): Workset {
    return new Workset(this.store, (tokenNo) => this.book.isFollowed(tokenNo));
  }

  private async commit(ws: Workset, tokens: readonly TokenRecord[] = []): Promise<void> {
    const { change } = await new CommitRows(ws).build(tokens, this.chain.tip());
    await this.store.commit({ ...change, figures: { ...change.figures, arrival: this.arrival } });
  }
}

/** The old store is to be purged, not mended. */
function damaged(): StoreError {
  const message = 'the store is damaged: run `btcfed verify --rebuild` first. Nothing was purged';
  return new StoreError('STORE_INCONSISTENT', message);
}

function bumpOf(proof: ProofRecord): Bump | undefined {
  try {
    return parseBump(proof.path);
  } catch (error) {
    if (error instanceof SpvError) return undefined;
    throw error;
  }
}
