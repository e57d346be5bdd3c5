import { SpvError } from './errors.ts';
import { MAX_UNPROVEN_DEPTH } from './limits.ts';
import type { Transaction } from './transaction.ts';

/** What linking needs of an entry. */
interface Node {
  readonly txid: string;
  readonly tx: Transaction | undefined;
  readonly bump: number | undefined;
}

/** States of a node while it is being sorted. */
const OPEN = 1;
const DONE = 2;

/**
 * Links the entries of a BEEF by what they spend of one another; `indexOf` is their place by txid.
 * SpvError LIMIT_EXCEEDED above MAX_UNPROVEN_DEPTH, BEEF_CYCLE.
 */
export function linkBeef(nodes: readonly Node[], indexOf: ReadonlyMap<string, number>): BeefGraph {
  const parents: number[] = [];
  const firstParent: number[] = [];
  const spent = new Uint8Array(nodes.length);
  let ordered = true;
  for (let i = 0; i < nodes.length; i++) {
    firstParent.push(parents.length);
    const tx = (nodes[i] as Node).tx;
    if (tx === undefined) continue;
    for (const { prevTxid } of tx.inputs) {
      const parent = indexOf.get(prevTxid);
      if (parent === undefined) continue;
      parents.push(parent);
      spent[parent] = 1;
      if (parent >= i) ordered = false;
    }
  }
  firstParent.push(parents.length);
  return new BeefGraph(nodes, parents, firstParent, spent, ordered);
}

/**
 * Who spends whom within one BEEF. Every walk visits a node once and an input once, without recursion: ancestry in
 * diamonds has exponentially many paths.
 */
export class BeefGraph {
  private readonly nodes: readonly Node[];
  /** Parents of node i: parents[firstParent[i]] up to, not including, parents[firstParent[i + 1]]. */
  private readonly parents: readonly number[];
  private readonly firstParent: readonly number[];
  private readonly spent: Uint8Array;
  /** Undefined if the nodes are in order as given. */
  private readonly order: readonly number[] | undefined;

  constructor(
    nodes: readonly Node[],
    parents: readonly number[],
    firstParent: readonly number[],
    spent: Uint8Array,
    ordered: boolean,
  ) {
    this.nodes = nodes;
    this.parents = parents;
    this.firstParent = firstParent;
    this.spent = spent;
    this.order = ordered ? undefined : this.sort();
    this.checkDepth();
  }

  /** The items, one a node, each after its parents, otherwise in the order given. */
  parentsFirst<T>(items: readonly T[]): readonly T[] {
    return this.order === undefined ? items : this.order.map((i) => items[i] as T);
  }

  /** Whether another node spends an output of this one. */
  isSpent(node: number): boolean {
    return this.spent[node] === 1;
  }

  /** The first node that is neither the subject nor an ancestor of it, proven ones' ancestors included; -1 if none. */
  unrelatedTo(subject: number): number {
    const related = new Uint8Array(this.nodes.length);
    related[subject] = 1;
    const stack = [subject];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      for (let at = this.firstParent[node] as number; at < (this.firstParent[node + 1] as number); at++) {
        const parent = this.parents[at] as number;
        if (related[parent] === 1) continue;
        related[parent] = 1;
        stack.push(parent);
      }
    }
    return related.indexOf(0);
  }

  /** Depth first, each node left after its parents. */
  private sort(): number[] {
    const order: number[] = [];
    const state = new Uint8Array(this.nodes.length);
    const next = this.firstParent.slice();
    const stack: number[] = [];
    for (let start = 0; start < this.nodes.length; start++) {
      if (state[start] === 0) stack.push(start);
      while (stack.length > 0) {
        const node = stack.at(-1) as number;
        state[node] = OPEN;
        const at = next[node] as number;
        if (at === this.firstParent[node + 1]) {
          state[node] = DONE;
          order.push(node);
          stack.pop();
          continue;
        }
        next[node] = at + 1;
        const parent = this.parents[at] as number;
        if (state[parent] === OPEN) throw this.cycle(parent);
        if (state[parent] === 0) stack.push(parent);
      }
    }
    return order;
  }

  /** A txid commits to its parents' txids, so this would need a broken hash function; still not a loop for us. */
  private cycle(node: number): SpvError {
    const { txid } = this.nodes[node] as Node;
    return new SpvError('BEEF_CYCLE', `${txid} is its own ancestor`, { txid });
  }

  private checkDepth(): void {
    const depth = new Uint32Array(this.nodes.length);
    for (let n = 0; n < this.nodes.length; n++) {
      const i = this.order?.[n] ?? n;
      const { tx, bump, txid } = this.nodes[i] as Node;
      if (tx === undefined || bump !== undefined) continue;
      let deepest = 0;
      for (let at = this.firstParent[i] as number; at < (this.firstParent[i + 1] as number); at++) {
        deepest = Math.max(deepest, depth[this.parents[at] as number] as number);
      }
      depth[i] = deepest + 1;
      if (deepest < MAX_UNPROVEN_DEPTH) continue;
      throw new SpvError(
        'LIMIT_EXCEEDED',
        `${txid} has more than ${MAX_UNPROVEN_DEPTH} unproven transactions above one another`,
        { field: 'unproven depth', txid, value: deepest + 1, max: MAX_UNPROVEN_DEPTH },
      );
    }
  }
}
