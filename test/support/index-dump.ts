import { ChainError } from '../../src/chain/errors.ts';
import { StoreError } from '../../src/store/errors.ts';
import type { Page, PageRequest, StoreView } from '../../src/store/view.ts';

/** Answer by question, as text. A question that ended in a typed error answers `error:<CODE>`. */
export type IndexDump = ReadonlyMap<string, string>;

/** What to ask of an index: tokens, and by token the owners (hex). */
export interface DumpPlan {
  readonly owners: ReadonlyMap<string, readonly string[]>;
  readonly txids: readonly string[];
}

const PAGE = 50;

/** Tokens, owners and transactions that an undamaged index knows. */
export async function planOf(view: StoreView): Promise<DumpPlan> {
  const owners = new Map<string, readonly string[]>();
  const txids = new Set<string>();
  for (const { tokenId } of view.tokens()) {
    const found = new Set<string>();
    for (const event of await view.events(0n, Number.MAX_SAFE_INTEGER, [tokenId])) {
      found.add(Buffer.from(event.owner).toString('hex'));
      txids.add(event.txid);
    }
    owners.set(tokenId, [...found].sort());
  }
  return { owners, txids: [...txids].sort() };
}

/**
 * Asks an index everything: figures, tokens, balances, coins, histories, holders, events, transactions. Only a
 * StoreError or a ChainError is an answer; whatever else is thrown ends the test.
 */
export async function dumpIndex(view: StoreView, plan: DumpPlan): Promise<IndexDump> {
  const dump = new Map<string, string>();
  const ask = async (question: string, answer: () => unknown): Promise<void> => {
    dump.set(question, await answerOf(answer));
  };
  await ask('facts', () => {
    return { ...view.facts(), databaseId: '' };
  });
  await ask('events', () => view.events(0n, Number.MAX_SAFE_INTEGER));
  for (const [tokenId, owners] of plan.owners) {
    await ask(`token ${tokenId}`, () => [view.tokenState(tokenId), view.token(tokenId)]);
    await ask(`holders ${tokenId}`, () => all((page) => view.holders(tokenId, page)));
    await ask(`coins ${tokenId}`, () => all((page) => view.coins(tokenId, undefined, page)));
    await ask(`history ${tokenId}`, () => all((page) => view.history(tokenId, {}, page)));
    for (const hex of owners) {
      const owner = Buffer.from(hex, 'hex');
      await ask(`balance ${tokenId} ${hex}`, () => view.balance(tokenId, owner));
      await ask(`coins ${tokenId} ${hex}`, () => all((page) => view.coins(tokenId, owner, page)));
      await ask(`history ${tokenId} ${hex}`, () => all((page) => view.history(tokenId, { owner }, page)));
    }
  }
  for (const txid of plan.txids) {
    await ask(`tx ${txid}`, () => view.tx(txid));
    await ask(`beef ${txid}`, () => view.beef(txid));
  }
  return dump;
}

/** Questions that the second dump answers differently, errors apart. */
export function wrongAnswers(clean: IndexDump, other: IndexDump): string[] {
  return [...clean.keys()].filter(
    (q) => other.get(q) !== clean.get(q) && !other.get(q)!.startsWith('error:'),
  );
}

export function errorsIn(dump: IndexDump): string[] {
  return [...new Set([...dump.values()].filter((a) => a.startsWith('error:')))].map((a) => a.slice(6));
}

async function answerOf(answer: () => unknown): Promise<string> {
  try {
    return JSON.stringify(await answer(), plain) ?? 'undefined';
  } catch (error) {
    if (error instanceof StoreError || error instanceof ChainError) return `error:${error.code}`;
    throw error;
  }
}

async function all<T>(read: (page: PageRequest) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  for (let page = await read({ limit: PAGE }); ; page = await read({ limit: PAGE, cursor: page.cursor })) {
    items.push(...page.items);
    if (page.cursor === undefined) return items;
  }
}

/** Amounts and bytes as text; a Buffer and a Uint8Array of the same bytes read the same. */
function plain(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const held = this[key];
  if (held instanceof Uint8Array) return Buffer.from(held).toString('hex');
  return typeof value === 'bigint' ? `${value}n` : value;
}
