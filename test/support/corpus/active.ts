import { CorpusError } from './errors.ts';
import { NO_TXID, parseTransaction, type RawTransaction, txidOf } from './transaction.ts';

/** Where a mined transaction stands on the best chain. */
export interface Position {
  readonly height: number;
  readonly index: number;
}

/** Everything that the reference model is told: transactions in order of first arrival, with what is proven on the best chain now. */
export interface ChainView {
  readonly txs: readonly { readonly raw: Uint8Array; readonly position?: Position | undefined }[];
}

export interface ViewTx {
  readonly txid: string;
  readonly tx: RawTransaction;
  readonly arrival: number;
  readonly position: Position | undefined;
}

/**
 * conflicted: it, or an ancestor, lost a coin to another transaction.
 * waiting: not proven, and an ancestor of it has not arrived.
 * orphaned: it is, or descends from, a coinbase that is not on the best chain (G3).
 */
export type Inactivity = 'conflicted' | 'waiting' | 'orphaned';

export interface ActiveSet {
  readonly known: ReadonlyMap<string, ViewTx>;
  /** Parents before children. */
  readonly active: readonly ViewTx[];
  readonly inactive: ReadonlyMap<string, Inactivity>;
  /** Outpoint to the active transaction that spends it. */
  readonly spentBy: ReadonlyMap<string, ViewTx>;
}

export function outpointsSpent(tx: RawTransaction): string[] {
  return tx.inputs.filter((i) => i.prevTxid !== NO_TXID).map((i) => `${i.prevTxid}_${i.prevVout}`);
}

function isCoinbase(tx: RawTransaction): boolean {
  return tx.inputs.length === 1 && tx.inputs[0]!.prevTxid === NO_TXID;
}

function knownTransactions(view: ChainView): Map<string, ViewTx> {
  const known = new Map<string, ViewTx>();
  for (const [arrival, { raw, position }] of view.txs.entries()) {
    const txid = txidOf(raw);
    const before = known.get(txid);
    known.set(txid, {
      txid,
      tx: before?.tx ?? parseTransaction(raw),
      arrival: before?.arrival ?? arrival,
      position: position ?? before?.position,
    });
  }
  return known;
}

/**
 * Which transactions stand (token-rules.md section 7). What has a place on the best chain stands, and so do its ancestors, proven
 * themselves or not, since a block that holds a child holds or follows its parent. Of the rest, again and again the earliest arrived
 * whose parents all stand is looked at: it stands if none of its coins is taken. A child that came before its parent is thus looked at
 * when the parent stands, which is when a daemon can first verify it.
 */
export function activeSet(view: ChainView): ActiveSet {
  const known = knownTransactions(view);
  const standing = new Set<string>();
  const spentBy = new Map<string, ViewTx>();
  const inactive = new Map<string, Inactivity>();

  const stand = (each: ViewTx): void => {
    standing.add(each.txid);
    for (const outpoint of outpointsSpent(each.tx)) {
      spentBy.set(outpoint, each);
    }
  };
  for (const each of minedWithAncestors(known)) {
    for (const outpoint of outpointsSpent(each.tx)) {
      const other = spentBy.get(outpoint);
      if (other !== undefined) {
        throw new CorpusError(
          'VIEW_CONTRADICTORY',
          `${each.txid} and ${other.txid}, both mined, spend ${outpoint}`,
        );
      }
    }
    stand(each);
  }

  const open = [...known.values()].filter((each) => !standing.has(each.txid));
  open.sort((a, b) => a.arrival - b.arrival);
  for (;;) {
    const at = open.findIndex((each) => isReady(each, known, standing, inactive));
    if (at < 0) {
      break;
    }
    const [each] = open.splice(at, 1);
    const why = fate(each!, inactive, spentBy);
    if (why === undefined) {
      stand(each!);
    } else {
      inactive.set(each!.txid, why);
    }
  }
  for (const each of open) {
    inactive.set(each.txid, 'waiting');
  }
  const active = parentsFirst([...known.values()].filter((each) => standing.has(each.txid)));
  return { known, active, inactive, spentBy };
}

function minedWithAncestors(known: ReadonlyMap<string, ViewTx>): Set<ViewTx> {
  const found = new Set<ViewTx>();
  const todo = [...known.values()].filter((each) => each.position !== undefined);
  for (let each = todo.pop(); each !== undefined; each = todo.pop()) {
    if (found.has(each)) {
      continue;
    }
    found.add(each);
    for (const input of each.tx.inputs) {
      const parent = known.get(input.prevTxid);
      if (parent !== undefined) {
        todo.push(parent);
      }
    }
  }
  return found;
}

/** Every parent is known, and decided; or one of them is already out, which decides the child. */
function isReady(
  each: ViewTx,
  known: ReadonlyMap<string, ViewTx>,
  standing: ReadonlySet<string>,
  inactive: ReadonlyMap<string, Inactivity>,
): boolean {
  const parents = each.tx.inputs.map((i) => i.prevTxid).filter((txid) => txid !== NO_TXID);
  return (
    parents.some((txid) => inactive.has(txid)) ||
    parents.every((txid) => known.has(txid) && standing.has(txid))
  );
}

function fate(
  each: ViewTx,
  inactive: ReadonlyMap<string, Inactivity>,
  spentBy: ReadonlyMap<string, ViewTx>,
): Inactivity | undefined {
  if (isCoinbase(each.tx)) {
    return 'orphaned';
  }
  const outParent = each.tx.inputs.map((i) => inactive.get(i.prevTxid)).find((why) => why !== undefined);
  const taken = outpointsSpent(each.tx).some((outpoint) => spentBy.has(outpoint));
  return outParent ?? (taken ? 'conflicted' : undefined);
}

function parentsFirst(txs: readonly ViewTx[]): ViewTx[] {
  const byId = new Map(txs.map((each) => [each.txid, each]));
  const done = new Set<string>();
  const ordered: ViewTx[] = [];
  for (const first of txs) {
    const stack = [first];
    for (let each = stack.at(-1); each !== undefined; each = stack.at(-1)) {
      const parents = each.tx.inputs.map((i) => byId.get(i.prevTxid));
      const missing = parents.filter((p): p is ViewTx => p !== undefined && !done.has(p.txid));
      if (missing.length > 0) {
        stack.push(...missing);
        continue;
      }
      stack.pop();
      if (!done.has(each.txid)) {
        done.add(each.txid);
        ordered.push(each);
      }
    }
  }
  return ordered;
}
