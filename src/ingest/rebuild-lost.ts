import { afterPrefix, PREFIX } from '../store/keys.ts';
import { type Lost, MAX_LOST_NAMED } from '../store/lost-rows.ts';
import type { Salvage } from './salvage-rows.ts';

/** Rows looked up at once. */
const CHUNK = 1000;

export interface HeldNow {
  /** Transactions of the old store that are here. */
  readonly transactions: number;
  /** For each of these txids whether it is here. */
  readonly has: (txids: readonly string[]) => Promise<readonly boolean[]>;
  /** A commit that the old store is known to have reached. */
  readonly marked: number;
  readonly signal: AbortSignal;
}

/** What should be here, by what is left of the old store, and is not: lost now, or before and not back. */
export async function lostOf(found: Salvage, now: HeldNow): Promise<Lost> {
  const { expected, lost: before } = found;
  const named = new Set<string>();
  let unnamed = before.unnamed + Math.max(0, (expected?.waiting ?? 0) - found.waiting);
  const name = (txid: string): void => {
    if (named.size < MAX_LOST_NAMED) named.add(txid);
    else unnamed++;
  };
  const known = [...before.txids];
  const isBack = await now.has(known);
  known.forEach((txid, i) => {
    if (isBack[i] === false) name(txid);
  });
  let missing = 0;
  for await (const txid of indexedButLost(found, now)) {
    missing++;
    name(txid);
  }
  unnamed += Math.max(0, (expected?.transactions ?? 0) - now.transactions - missing);
  const isUncertain = before.isUncertain || now.marked > (expected?.commit ?? 0);
  return { txids: named, unnamed, isUncertain };
}

/** True if more is lost than was known to be. */
export function isNews(lost: Lost, before: Lost): boolean {
  const count = lost.txids.size + lost.unnamed;
  return count > before.txids.size + before.unnamed || (lost.isUncertain && !before.isUncertain);
}

/** Txids that rows of the index by txid tell of. */
async function* indexedButLost({ sorted }: Salvage, { has, signal }: HeldNow): AsyncGenerator<string> {
  const prefix = Buffer.of(PREFIX.arrival);
  for await (const txids of inChunks(sorted.rows(prefix, afterPrefix(prefix)))) {
    const held = await has(txids);
    for (const [i, txid] of txids.entries()) if (held[i] === false) yield txid;
    signal.throwIfAborted();
  }
}

async function* inChunks(rows: AsyncIterable<{ readonly key: Buffer }>): AsyncGenerator<string[]> {
  let txids: string[] = [];
  for await (const { key } of rows) {
    txids.push(key.toString('hex', 1));
    if (txids.length < CHUNK) continue;
    yield txids;
    txids = [];
  }
  yield txids;
}
