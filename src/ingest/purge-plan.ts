import type { Transaction } from '../spv/transaction.ts';
import type { Database } from '../store/database.ts';
import { hasBinaryPrefix } from '../token/binary.ts';
import { decodeTokenOutput } from '../token/decode.ts';
import { ArrivalSet } from './arrival-set.ts';
import { inputsOf, PurgeGraph, type PurgeNode } from './purge-graph.ts';
import { MIN_TOKEN_SCRIPT_BYTES } from './token-outputs.ts';

/** Transactions whose surroundings are read at once. */
const BATCH = 256;

export interface PurgeRequest {
  readonly tokenId: string;
  /** Its number in the rows of the store. */
  readonly tokenNo: number;
  /** Every other token that is followed, or was, and whose data are to stay. */
  readonly others: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

/**
 * What stays in a store when a token goes. A transaction stays that
 *
 * 1. is of another token: names it in an output, has a part of it, or spends an output that names it;
 * 2. waits, unless the purged token is all that it shows;
 * 3. spends what one that stays spends (C1, C3);
 * 4. is spent by one that stays: the parents of a proven one decide which of its inputs carry tokens, an unproven one needs all
 *    that it descends from. What only proves or anchors another one, and is proven itself, needs no parents;
 * 5. spends from an unproven one that stays: a mined descendant speaks for it;
 * 6. spends from one that stays, and has nothing to do with the purged token: who comes later may spend the same.
 *
 * Rules 3 to 5 take along everything that `settle` looks at, so that standing and verdicts of what stays do not change.
 * Memory: two bits a transaction that is held, and the txid of each that waits, of which there is a bounded number.
 */
export class PurgePlan {
  /** Transactions that stay, of those that are held and of those that wait. */
  readonly counts = { held: 0, waiting: 0 };
  /** True if something that stays names the purged token: followed again, it has to be looked for in the store. */
  namesPurged = false;
  readonly graph: PurgeGraph;
  private readonly request: PurgeRequest;
  private readonly kept = new ArrivalSet();
  /** Kept together with their parents. */
  private readonly whole = new ArrivalSet();
  private readonly open: number[] = [];

  private constructor(graph: PurgeGraph, request: PurgeRequest) {
    this.graph = graph;
    this.request = request;
  }

  /** `sorted`: rows of the store by `salvage`, which are added to. */
  static async make(sorted: Database, request: PurgeRequest): Promise<PurgePlan> {
    const plan = new PurgePlan(await PurgeGraph.build(sorted, request.signal), request);
    for await (const nodes of plan.graph.all()) await plan.begin(nodes);
    return plan;
  }

  keeps(arrival: number): boolean {
    return this.kept.has(arrival);
  }

  /** Of one that is held only its proofs wait: they stay with it. */
  keepsWaiting(txid: string, isHeld: boolean): boolean {
    const no = this.graph.waitingNo(txid);
    return no === undefined ? isHeld : this.kept.has(no);
  }

  private async begin(nodes: readonly PurgeNode[]): Promise<void> {
    const purged = await this.ofPurged(nodes.filter(({ no }) => this.graph.isWaiting(no)));
    for (const node of nodes) {
      if (this.isOfOthers(node)) this.keep(node.no, true);
      else if (this.graph.isWaiting(node.no) && !purged.has(node.no)) this.keep(node.no, true);
    }
    while (this.open.length > 0) {
      this.request.signal.throwIfAborted();
      await this.extend(await this.graph.load(this.open.splice(-BATCH)));
    }
  }

  private keep(no: number, withParents: boolean): void {
    const isNew = this.kept.add(no);
    if (isNew) this.counts[this.graph.isWaiting(no) ? 'waiting' : 'held']++;
    const isMore = withParents && this.whole.add(no);
    if (isNew || isMore) this.open.push(no);
  }

  private isOfOthers({ tx, parts }: PurgeNode): boolean {
    const { tokenNo, others } = this.request;
    return parts.some((p) => p.tokenNo !== tokenNo) || [...namesIn(tx).values()].some((id) => others.has(id));
  }

  /** What has to stay because these stay. */
  private async extend(nodes: readonly PurgeNode[]): Promise<void> {
    const { graph, request } = this;
    const spends = await graph.spendsAround(nodes);
    const parents = new Set<string>();
    const plain = new Set<number>();
    for (const { no, tx, isProven } of nodes) {
      const names = namesIn(tx);
      if (!graph.isWaiting(no) && [...names.values()].includes(request.tokenId)) this.namesPurged = true;
      for (const { prevTxid, prevVout } of inputsOf(tx)) {
        for (const rival of spends.of(prevTxid, prevVout)) if (rival !== no) this.keep(rival, true);
        if (!isProven || this.whole.has(no)) parents.add(prevTxid);
      }
      for (const { vout, no: child } of spends.ofAll(tx)) {
        if (request.others.has(names.get(vout) ?? '')) this.keep(child, true);
        else if (!isProven) this.keep(child, false);
        else if (!this.kept.has(child)) plain.add(child);
      }
    }
    for (const no of (await graph.numbers(parents)).values()) this.keep(no, false);
    await this.keepPlain([...plain]);
  }

  private async keepPlain(nos: readonly number[]): Promise<void> {
    for (let at = 0; at < nos.length; at += BATCH) {
      const nodes = await this.graph.load(nos.slice(at, at + BATCH));
      const purged = await this.ofPurged(nodes);
      for (const { no } of nodes) if (!purged.has(no)) this.keep(no, false);
    }
  }

  /** Numbers of those that name the purged token, have a part of it, or spend an output that names it. */
  private async ofPurged(nodes: readonly PurgeNode[]): Promise<ReadonlySet<number>> {
    const { tokenId, tokenNo } = this.request;
    const found = new Set<number>();
    const names = (tx: Transaction, vout?: number): boolean => {
      const all = namesIn(tx);
      return vout === undefined ? [...all.values()].includes(tokenId) : all.get(vout) === tokenId;
    };
    const quiet: PurgeNode[] = [];
    for (const node of nodes) {
      if (node.parts.some((p) => p.tokenNo === tokenNo) || names(node.tx)) found.add(node.no);
      else quiet.push(node);
    }
    const spent = new Set(quiet.flatMap(({ tx }) => inputsOf(tx).map(({ prevTxid }) => prevTxid)));
    const parents = new Map<string, Transaction>();
    const nos = [...(await this.graph.numbers(spent)).values()];
    for (let at = 0; at < nos.length; at += BATCH) {
      for (const { tx } of await this.graph.load(nos.slice(at, at + BATCH))) parents.set(tx.txid, tx);
    }
    for (const { no, tx } of quiet) {
      const isSpend = inputsOf(tx).some(({ prevTxid, prevVout }) => {
        const parent = parents.get(prevTxid);
        return parent !== undefined && names(parent, prevVout);
      });
      if (isSpend) found.add(no);
    }
    return found;
  }
}

/** Token ids in the outputs of a transaction, by output. */
function namesIn(tx: Transaction): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  tx.outputs.forEach(({ script }, vout) => {
    if (script.length < MIN_TOKEN_SCRIPT_BYTES) return;
    const id = decodeTokenOutput(script, tx.txid, vout)?.tokenId ?? hasBinaryPrefix(script)?.tokenId;
    if (id !== undefined) names.set(vout, id);
  });
  return names;
}
