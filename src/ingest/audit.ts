import { bumpRoot, parseBump } from '../spv/bump.ts';
import { txidOf } from '../spv/bytes.ts';
import { isCoinbase, parseTransaction } from '../spv/transaction.ts';
import * as keys from '../store/keys.ts';
import { decodeCoin, decodeHistory } from '../store/owner-rows.ts';
import { decodeProof } from '../store/proof-row.ts';
import { decodeSpends, decodeTx, type SpendRecord, type TxRecord } from '../store/records.ts';
import type { ReadPoint, Store } from '../store/store.ts';
import { readTx } from '../store/tx-rows.ts';
import type { VerifyReport } from '../store/view.ts';
import { AuditFindings } from './audit-findings.ts';
import { wrongOutputs } from './audit-outputs.ts';
import { AuditRows, DerivedAudit } from './audit-rows.ts';
import { AuditTotals } from './audit-totals.ts';
import type { ChainView } from './chain-view.ts';
import { coinState, partEffect, type View } from './effects.ts';
import { reevaluate, sameParts } from './evaluate.ts';
import { UNTOLD_BLOCK } from './proofs.ts';

const PROGRESS_EVERY = 1000;

export interface AuditOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Recomputes everything from the stored raw transactions and compares: the bytes against their txids, the proofs against
 * the headers, the verdicts against the rules, and each derived row, with none missing and none too many
 * (architecture, invariant 2).
 */
export class Audit {
  private readonly store: Store;
  private readonly chain: ChainView;
  private readonly rows: AuditRows;
  private readonly totals = new AuditTotals();
  private readonly findings = new AuditFindings();

  private constructor(store: Store, chain: ChainView, point: ReadPoint) {
    this.store = store;
    this.chain = chain;
    this.rows = new AuditRows(store, point);
  }

  /** While others write to the store: of a copy, since nobody may hold a read point for so long. */
  static async beside(store: Store, chain: ChainView, options: AuditOptions): Promise<VerifyReport> {
    const copy = await store.openCopy();
    try {
      return await Audit.run(copy, chain, options);
    } finally {
      await store.discardCopy(copy);
    }
  }

  /** Of a store that nobody writes to meanwhile. */
  static async run(store: Store, chain: ChainView, options: AuditOptions): Promise<VerifyReport> {
    const point = store.read();
    try {
      const audit = new Audit(store, chain, point);
      await audit.transactions(options);
      const { rows, totals, findings } = audit;
      const lost = store.lostFacts();
      await new DerivedAudit(rows, totals, findings).run(options.signal);
      return {
        rows: rows.count,
        transactions: totals.counts.transactions,
        problemCount: findings.count,
        problems: findings.problems,
        stateDigest: totals.stateDigest(),
        ...(lost === undefined ? {} : { lost }),
      };
    } finally {
      point.release();
    }
  }

  private view(): View {
    return {
      tx: (txid) => this.readTx(txid),
      activeSpender: (txid, vout) => this.readSpends(txid, vout).find((s) => s.active && s.vout === vout),
    };
  }

  private readTx(txid: string): TxRecord | undefined {
    return readTx(this.store.database, this.rows.keys, txid, this.rows.point.snapshot);
  }

  private readSpends(txid: string, vout: number): readonly SpendRecord[] {
    const key = keys.spendKey(this.rows.keys, txid, keys.spendBucket(vout));
    const value = this.rows.get(key);
    return value === undefined ? [] : decodeSpends(key, value);
  }

  private async transactions({ signal, onProgress }: AuditOptions): Promise<void> {
    const view = this.view();
    for await (const { key, value } of this.rows.each(keys.PREFIX.tx)) {
      signal.throwIfAborted();
      this.findings.guarded(`transaction row ${key.toString('hex', 1)}`, () =>
        this.transaction(view, decodeTx(key, value)),
      );
      if (++this.totals.counts.transactions % PROGRESS_EVERY === 0) {
        onProgress(this.totals.counts.transactions, this.rows.point.tip.transactions);
      }
    }
  }

  private transaction(view: View, record: TxRecord): void {
    const { txid, place } = record;
    if (txidOf(record.raw) !== txid)
      this.findings.add('TX_BYTES', `${txid}: the stored bytes are another transaction`);
    if (view.tx(txid)?.arrival !== record.arrival)
      this.findings.add('TX_INDEX', `${txid}: its index row is missing or wrong`);
    if (place !== undefined) this.proof(record);
    else this.totals.counts.unmined++;
    if (record.status !== 'active') this.totals.counts.conflicts++;
    for (const vout of wrongOutputs(this.store, record))
      this.findings.add('OUTPUT_WRONG', `${txid}_${vout}: the row says something else of it than its script`);
    if (!sameParts(reevaluate(view, record), record.tokens)) {
      this.findings.add('VERDICT', `${txid}: the token rules give another verdict than the stored one`);
    }
    this.spends(record);
    this.coins(view, record);
    this.histories(record);
    this.totals.addToDigest(record, (no) => this.store.tokens.get(no)?.tokenId ?? '');
  }

  private proof(record: TxRecord): void {
    const { height, blockHash, index } = record.place!;
    const key = keys.proofKey(this.rows.keys, height, blockHash, index);
    const value = this.rows.get(key);
    if (value === undefined) {
      this.findings.add('PROOF_MISSING', `${record.txid}: mined at ${height}, but its proof is missing`);
      return;
    }
    const proof = decodeProof(key, value);
    const root = bumpRoot(parseBump(proof.path));
    if (proof.txid !== record.txid)
      this.findings.add('PROOF_WRONG', `${record.txid}: the proof is of ${proof.txid}`);
    if (blockHash === UNTOLD_BLOCK) return;
    if (this.chain.hashAt(height) !== blockHash) {
      this.findings.add('PROOF_STALE', `${record.txid}: block ${blockHash} is not in the chain at ${height}`);
    } else if (this.chain.rootAt(height) !== root) {
      this.findings.add(
        'PROOF_WRONG',
        `${record.txid}: the proof does not lead to the root of block ${height}`,
      );
    }
  }

  private spends(record: TxRecord): void {
    const tx = parseTransaction(record.raw);
    if (isCoinbase(tx)) return;
    tx.inputs.forEach(({ prevTxid, prevVout }, vin) => {
      this.totals.counts.spends++;
      const active = record.status === 'active';
      const found = this.readSpends(prevTxid, prevVout).some(
        (s) => s.spender === record.txid && s.vin === vin && s.vout === prevVout && s.active === active,
      );
      if (!found)
        this.findings.add(
          'SPEND_MISSING',
          `${record.txid} spends ${prevTxid}_${prevVout}, but its spend row does not say so`,
        );
    });
  }

  private coins(view: View, record: TxRecord): void {
    for (const part of record.tokens) {
      for (const output of part.outputs) {
        this.totals.counts.outputs++;
        const state = coinState(view, part.tokenNo, record, output.vout);
        if (state === undefined || state.spentBy !== undefined || output.op === 'burn') continue;
        const key = keys.coinKey(this.rows.keys, part.tokenNo, output.owner, record.arrival, output.vout);
        const value = this.rows.get(key);
        const coin = value === undefined ? undefined : decodeCoin(key, value);
        const same = coin?.amt === output.amt && coin.op === output.op && coin.lock === output.lock;
        const placed =
          coin?.position?.height === record.place?.height && coin?.position?.index === record.place?.index;
        if (!same || !placed || coin.txid !== record.txid) {
          this.findings.add(
            'COIN_MISSING',
            `${record.txid}_${output.vout}: unspent, but its coin row is missing or wrong`,
          );
        }
        this.totals.addCoin(part.tokenNo, record, output);
      }
    }
  }

  private histories(record: TxRecord): void {
    for (const part of record.tokens) {
      const effect = partEffect(record, part);
      if (effect === undefined) continue;
      this.totals.addEffect(part.tokenNo, effect);
      for (const { owner, received, sent } of effect.history.values()) {
        const height = record.place?.height ?? keys.UNMINED_HEIGHT;
        const key = keys.historyKey(
          this.rows.keys,
          part.tokenNo,
          owner,
          height,
          record.place?.index ?? record.arrival,
        );
        const value = this.rows.get(key);
        const row = value === undefined ? undefined : decodeHistory(key, value);
        if (row?.txid !== record.txid || row.received !== received || row.sent !== sent) {
          this.findings.add('HISTORY_MISSING', `${record.txid}: a history row is missing or wrong`);
        }
      }
    }
  }
}
