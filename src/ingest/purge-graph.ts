import { isCoinbase, parseTransaction, type Transaction } from '../spv/transaction.ts';
import type { Database, RowOp } from '../store/database.ts';
import {
  afterPrefix,
  PREFIX,
  SPEND_BUCKET,
  spendBucket,
  spendKey,
  txKey,
  waitingKey,
} from '../store/keys.ts';
import { decodeTx, type TokenPart } from '../store/records.ts';
import { RowWriter } from '../store/row-bytes.ts';
import { decodeWaiting } from '../store/waiting-row.ts';

/** Rows read, and written, at once. */
const CHUNK = 1000;
/** Rows of the sorting database alone: txid -> number. */
const NUMBER_ROW = 0x6e; // n

/** A transaction that is held, or waits. */
export interface PurgeNode {
  /** Its arrival; one that waits has a number behind all of these. */
  readonly no: number;
  readonly tx: Transaction;
  readonly isProven: boolean;
  /** None of one that waits. */
  readonly parts: readonly TokenPart[];
}

export interface Spender {
  readonly vout: number;
  readonly no: number;
}

/**
 * Who spends what among salvaged transactions. Made of their bytes alone, on disk beside them: rows of spends could be
 * damaged. In memory are the txids of those that wait, of which there is a bounded number.
 */
export class PurgeGraph {
  /** Transactions that are held. */
  held = 0;
  private readonly sorted: Database;
  private readonly signal: AbortSignal;
  private readonly keys = new RowWriter();
  private readonly waitingTxids: string[] = [];
  private readonly waitingNos = new Map<string, number>();
  private firstWaiting = 0;
  /** Second arrivals of transactions, which only damage leaves. */
  private readonly doubles = new Set<number>();

  private constructor(sorted: Database, signal: AbortSignal) {
    this.sorted = sorted;
    this.signal = signal;
  }

  /** `sorted`: `t` and `w` rows of a store, and room for more. */
  static async build(sorted: Database, signal: AbortSignal): Promise<PurgeGraph> {
    const graph = new PurgeGraph(sorted, signal);
    for await (const nodes of graph.rowsOfHeld()) {
      await graph.index(nodes);
      graph.held += nodes.length;
      graph.firstWaiting = Math.max(graph.firstWaiting, ...nodes.map(({ no }) => no + 1));
    }
    graph.held -= graph.doubles.size;
    await graph.indexWaiting();
    return graph;
  }

  get waiting(): number {
    return this.waitingTxids.length;
  }

  isWaiting(no: number): boolean {
    return no >= this.firstWaiting;
  }

  /** Undefined: it does not wait, or is held and only proofs of it wait. */
  waitingNo(txid: string): number | undefined {
    return this.waitingNos.get(txid);
  }

  /** Every transaction, those that wait last. */
  async *all(): AsyncGenerator<readonly PurgeNode[]> {
    for await (const nodes of this.rowsOfHeld()) yield nodes.filter(({ no }) => !this.doubles.has(no));
    for (let from = 0; from < this.waiting; from += CHUNK) {
      const count = Math.min(CHUNK, this.waiting - from);
      yield await this.load(Array.from({ length: count }, (_, i) => this.firstWaiting + from + i));
    }
  }

  async load(nos: readonly number[]): Promise<PurgeNode[]> {
    const w = this.keys.reset();
    const keys = nos.map((no) =>
      this.isWaiting(no) ? waitingKey(w, this.waitingTxids[no - this.firstWaiting]!) : txKey(w, no),
    );
    const values = await this.sorted.getMany(keys);
    return nos.map((no, i) => {
      const key = keys[i]!;
      const value = values[i]!;
      return this.isWaiting(no) ? waitingNode(no, decodeWaiting(key, value).raw) : heldNode(key, value);
    });
  }

  /** Numbers of those of these transactions that are here. */
  async numbers(txids: ReadonlySet<string>): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    const names = [...txids];
    const values = await this.sorted.getMany(names.map(numberKey));
    values.forEach((value, i) => {
      if (value !== undefined) found.set(names[i]!, readVarint(value, { at: 0 }));
    });
    return found;
  }

  /** Who spends what these spend, and what they create. */
  async spendsAround(nodes: readonly PurgeNode[]): Promise<Spends> {
    const spends = new Spends();
    const w = this.keys.reset();
    for (const { tx } of nodes) {
      for (const { prevTxid, prevVout } of inputsOf(tx)) spends.want(w, prevTxid, spendBucket(prevVout));
      for (let vout = 0; vout < tx.outputs.length; vout += SPEND_BUCKET) {
        spends.want(w, tx.txid, spendBucket(vout));
      }
    }
    await spends.read(this.sorted);
    return spends;
  }

  private async *rowsOfHeld(): AsyncGenerator<PurgeNode[]> {
    const prefix = Buffer.of(PREFIX.tx);
    let nodes: PurgeNode[] = [];
    for await (const { key, value } of this.sorted.rows(prefix, afterPrefix(prefix))) {
      nodes.push(heldNode(key, value));
      if (nodes.length < CHUNK) continue;
      this.signal.throwIfAborted();
      yield nodes;
      nodes = [];
    }
    yield nodes;
  }

  private async indexWaiting(): Promise<void> {
    const prefix = Buffer.of(PREFIX.waiting);
    let nodes: PurgeNode[] = [];
    const flush = async (): Promise<void> => {
      await this.index(nodes);
      nodes = [];
    };
    for await (const { key, value } of this.sorted.rows(prefix, afterPrefix(prefix))) {
      const { txid, raw } = decodeWaiting(key, value);
      if ((await this.numbers(new Set([txid]))).size > 0) continue;
      const no = this.firstWaiting + this.waiting;
      this.waitingTxids.push(txid);
      this.waitingNos.set(txid, no);
      nodes.push(waitingNode(no, raw));
      if (nodes.length === CHUNK) await flush();
    }
    await flush();
  }

  /** Writes rows for these. Of two arrivals the first counts, as in the rebuilt store. */
  private async index(nodes: readonly PurgeNode[]): Promise<void> {
    const known = await this.numbers(new Set(nodes.map(({ tx }) => tx.txid)));
    const spends = new Spends();
    const ops: RowOp[] = [];
    const w = this.keys.reset();
    for (const { no, tx } of nodes) {
      if (known.has(tx.txid)) {
        this.doubles.add(no);
        continue;
      }
      known.set(tx.txid, no);
      ops.push({ key: numberKey(tx.txid), value: w.begin().varint(no).end() });
      for (const { prevTxid, prevVout } of inputsOf(tx)) spends.add(w, prevTxid, prevVout, no);
    }
    await spends.read(this.sorted);
    await this.sorted.write([...ops, ...spends.rows()], false);
  }
}

interface Bucket {
  readonly key: Buffer;
  /** Repeated: vout within the bucket u8, number of the spender varint. */
  value: Buffer;
  readonly more: Buffer[];
}

/** Rows of spends, 16 outputs a row. */
class Spends {
  private readonly buckets = new Map<string, Bucket>();

  want(w: RowWriter, txid: string, bucket: number): Bucket {
    const id = `${txid}${bucket}`;
    let found = this.buckets.get(id);
    if (found === undefined) {
      found = { key: spendKey(w, txid, bucket), value: Buffer.alloc(0), more: [] };
      this.buckets.set(id, found);
    }
    return found;
  }

  add(w: RowWriter, txid: string, vout: number, no: number): void {
    const { more } = this.want(w, txid, spendBucket(vout));
    more.push(
      w
        .begin()
        .u8(vout % SPEND_BUCKET)
        .varint(no)
        .end(),
    );
  }

  async read(sorted: Database): Promise<void> {
    const buckets = [...this.buckets.values()];
    const values = await sorted.getMany(buckets.map(({ key }) => key));
    buckets.forEach((bucket, i) => {
      bucket.value = values[i] ?? bucket.value;
    });
  }

  rows(): RowOp[] {
    return [...this.buckets.values()].map(({ key, value, more }) => {
      return { key, value: Buffer.concat([value, ...more]) };
    });
  }

  /** Of an output. */
  of(txid: string, vout: number): number[] {
    return this.near(txid, spendBucket(vout)).flatMap((s) => (s.vout === vout ? [s.no] : []));
  }

  /** Of all outputs of a transaction. */
  ofAll({ txid, outputs }: Transaction): Spender[] {
    const found: Spender[] = [];
    for (let vout = 0; vout < outputs.length; vout += SPEND_BUCKET) {
      found.push(...this.near(txid, spendBucket(vout)));
    }
    return found;
  }

  private near(txid: string, bucket: number): Spender[] {
    const value = this.buckets.get(`${txid}${bucket}`)?.value ?? Buffer.alloc(0);
    const found: Spender[] = [];
    for (const from = { at: 0 }; from.at < value.length; ) {
      const vout = bucket * SPEND_BUCKET + value[from.at++]!;
      found.push({ vout, no: readVarint(value, from) });
    }
    return found;
  }
}

/** What it spends; a coinbase spends nothing. */
export function inputsOf(tx: Transaction): Transaction['inputs'] {
  return isCoinbase(tx) ? [] : tx.inputs;
}

function heldNode(key: Buffer, value: Buffer): PurgeNode {
  const { arrival, raw, place, tokens } = decodeTx(key, value);
  return { no: arrival, tx: parseTransaction(raw), isProven: place !== undefined, parts: tokens };
}

function waitingNode(no: number, raw: Uint8Array): PurgeNode {
  return { no, tx: parseTransaction(raw), isProven: false, parts: [] };
}

function numberKey(txid: string): Buffer {
  const key = Buffer.allocUnsafe(33);
  key[0] = NUMBER_ROW;
  key.write(txid, 1, 'hex');
  return key;
}

function readVarint(bytes: Uint8Array, from: { at: number }): number {
  let value = 0;
  for (let unit = 1; ; unit *= 0x80) {
    const byte = bytes[from.at++]!;
    value += (byte & 0x7f) * unit;
    if (byte < 0x80) return value;
  }
}
