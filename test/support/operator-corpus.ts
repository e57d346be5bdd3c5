import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CorpusFacts, type CorpusOptions, generateCorpus } from './corpus/generate.ts';
import type { Cleanup } from './operator.ts';
import { SHARED_DIR, skipWithout } from './shared.ts';

/** Files of a corpus, and what must come out of them. */
export interface OperatorCorpus {
  readonly origin: 'shared' | 'generated';
  readonly headers: string;
  readonly history: string;
  readonly transfers: string;
  readonly tokenId: string;
  readonly supply: bigint;
  /** BEEFs in each file. */
  readonly frames: { readonly history: number; readonly transfers: number };
  readonly tipHeight: number;
  /** By address: what unmined transactions paid. */
  readonly unconfirmed: ReadonlyMap<string, bigint>;
  /** Every other coin is mined: so much in all. */
  readonly confirmedSum: bigint;
}

/** The corpus beside the checkout, or, where there is none, one of the same shape. */
export function operatorCorpus(cleanup: Cleanup): OperatorCorpus {
  if (skipWithout('corpus') !== false) {
    return madeCorpus(cleanup, { seed: 'operator', transfers: 500, owners: 46 });
  }
  const directory = join(SHARED_DIR, 'corpus');
  const facts = readFacts(directory);
  return { origin: 'shared', ...corpusOf(directory, facts, amounts(facts.balances)) };
}

/** A corpus made for the test, in a folder that goes with it. */
export function madeCorpus(
  cleanup: Cleanup,
  options: Omit<CorpusOptions, 'directory'>,
): OperatorCorpus & { readonly facts: CorpusFacts } {
  const directory = mkdtempSync(join(tmpdir(), 'btcfed-corpus-'));
  cleanup.after(() => rmSync(directory, { recursive: true, force: true }));
  const facts = generateCorpus({ directory, ...options });
  const unconfirmed = amounts(facts.balances);
  for (const [address, amount] of amounts(facts.confirmed)) {
    const rest = (unconfirmed.get(address) ?? 0n) - amount;
    if (rest === 0n) unconfirmed.delete(address);
    else unconfirmed.set(address, rest);
  }
  return { origin: 'generated', facts, ...corpusOf(directory, facts, unconfirmed) };
}

function readFacts(directory: string): CorpusFacts {
  return JSON.parse(readFileSync(join(directory, 'facts.json'), 'utf8')) as CorpusFacts;
}

function amounts(of: Readonly<Record<string, string>>): Map<string, bigint> {
  return new Map(Object.entries(of).map(([address, amount]) => [address, BigInt(amount)]));
}

function corpusOf(directory: string, facts: CorpusFacts, unconfirmed: ReadonlyMap<string, bigint>) {
  const supply = BigInt(facts.supply);
  return {
    headers: join(directory, 'headers.bin'),
    history: join(directory, 'history.bin'),
    transfers: join(directory, 'transfers.bin'),
    tokenId: facts.tokenId,
    supply,
    frames: { history: facts.history, transfers: facts.transfers },
    tipHeight: facts.tipHeight,
    unconfirmed,
    confirmedSum: supply - sum(unconfirmed.values()),
  };
}

export function sum(amounts: Iterable<bigint>): bigint {
  let total = 0n;
  for (const amount of amounts) total += amount;
  return total;
}
