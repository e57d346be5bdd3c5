import { type BeefEntry, encodeBeef } from './beef.ts';
import type { Block, BlockTree } from './blocks.ts';
import { CorpusError } from './errors.ts';
import { Prng } from './prng.ts';
import type { TestTx } from './testtx.ts';

export interface BeefOptions {
  /** Default 1. */
  readonly version?: 1 | 2;
  /** Atomic (BRC-95) around the one subject. */
  readonly atomic?: boolean;
  /** Branch that proofs come from; default the one with most work. */
  readonly tip?: Block;
  /** Whether mined subjects come with their proof; default true. Without it they count as unmined here. */
  readonly proof?: boolean;
  /** Further transactions whose proofs are held back. */
  readonly withhold?: readonly TestTx[];
  /** `needed`: unmined ancestors and the proven ones behind them (default). `none`: the subjects alone. `all`: every ancestor there is. */
  readonly parents?: 'needed' | 'none' | 'all';
  /** V2 only: these stand as txid alone (and their ancestors not at all, unless another transaction needs them). */
  readonly txidOnly?: readonly TestTx[];
  /** One BUMP a block for all its transactions (default), or one each. */
  readonly compound?: boolean;
  /** Each transaction twice. */
  readonly duplicates?: boolean;
  /** Default parents first. Shuffled by `shuffleSeed`. */
  readonly order?: 'parents-first' | 'children-first' | 'shuffled';
  readonly shuffleSeed?: string;
  /** Transactions that nothing here needs, put before the others. */
  readonly extra?: readonly TestTx[];
}

/** A BEEF that carries the subjects (last, in the default order) and what the options ask for. */
export function packBeef(blocks: BlockTree, subjects: readonly TestTx[], options: BeefOptions = {}): Buffer {
  const bare = new Set(options.txidOnly ?? []);
  const withheld = new Set([...(options.withhold ?? []), ...(options.proof === false ? subjects : [])]);
  const blockOf = (tx: TestTx): Block | undefined =>
    withheld.has(tx) ? undefined : blocks.blockOf(tx.txid, options.tip ?? blocks.tip);
  const txs = inOrder(collect(subjects, options, bare, blockOf), options);
  const bumps = bumpsFor(
    txs.filter((tx) => !bare.has(tx)),
    blockOf,
    options.compound ?? true,
  );
  const entries = txs.map((tx): BeefEntry => {
    const bump = bumps.index.get(tx);
    return bare.has(tx)
      ? { txidOnly: tx.txid }
      : bump === undefined
        ? { raw: tx.raw }
        : { raw: tx.raw, bump };
  });
  if (options.atomic === true && subjects.length !== 1) {
    throw new CorpusError('BAD_OPTION', `an atomic BEEF has one subject, not ${subjects.length}`);
  }
  return encodeBeef({
    version: options.version ?? 1,
    ...(options.atomic === true ? { atomicTxid: subjects[0]!.txid } : {}),
    bumps: bumps.bytes,
    entries: options.duplicates === true ? [...entries, ...entries] : entries,
  });
}

/** Subjects and ancestors, parents first, each once. */
function collect(
  subjects: readonly TestTx[],
  options: BeefOptions,
  bare: ReadonlySet<TestTx>,
  blockOf: (tx: TestTx) => Block | undefined,
): TestTx[] {
  const mode = options.parents ?? 'needed';
  const placed = new Set<TestTx>();
  const place = (first: TestTx): void => {
    const stack = [first];
    for (let tx = stack.at(-1); tx !== undefined; tx = stack.at(-1)) {
      const ends = mode === 'none' || bare.has(tx) || (mode === 'needed' && blockOf(tx) !== undefined);
      const missing = ends ? [] : tx.parents.filter((parent) => !placed.has(parent));
      stack.push(...missing);
      if (missing.length === 0) {
        placed.add(tx);
        stack.pop();
      }
    }
  };
  for (const tx of [...(options.extra ?? []), ...subjects]) {
    place(tx);
  }
  return [...placed];
}

function inOrder(txs: TestTx[], options: BeefOptions): TestTx[] {
  switch (options.order ?? 'parents-first') {
    case 'parents-first':
      return txs;
    case 'children-first':
      return txs.reverse();
    case 'shuffled':
      return new Prng(options.shuffleSeed ?? 'shuffle').shuffle(txs);
  }
}

function bumpsFor(
  txs: readonly TestTx[],
  blockOf: (tx: TestTx) => Block | undefined,
  compound: boolean,
): { readonly bytes: Buffer[]; readonly index: ReadonlyMap<TestTx, number> } {
  const bytes: Buffer[] = [];
  const index = new Map<TestTx, number>();
  const byBlock = Map.groupBy(txs, blockOf);
  for (const [block, held] of byBlock) {
    if (block === undefined) {
      continue;
    }
    for (const group of compound ? [held] : held.map((tx) => [tx])) {
      bytes.push(block.bump(group.map((tx) => tx.txid)));
      for (const tx of group) {
        index.set(tx, bytes.length - 1);
      }
    }
  }
  return { bytes, index };
}
