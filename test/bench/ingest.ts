import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import type { Outcome } from '../../src/ingest/outcome.ts';
import { type Core, openCore } from '../../src/node/core.ts';
import { systemClock, systemRandom } from '../../src/node/system.ts';
import { decodeBeef } from '../../src/spv/beef.ts';
import { bumpRoot } from '../../src/spv/bump.ts';
import type { Transaction } from '../../src/spv/transaction.ts';
import { verifyTransaction } from '../../src/spv/verify.ts';
import { parseOwner } from '../../src/token/address.ts';
import type { Figures } from './benches.ts';
import { type BenchCorpus, type Facts, framesOf, openCorpus } from './corpus.ts';

/** Timed transfers at least: a small corpus is imported again, into a new store each time. */
const MIN_TIMED_MS = 3_000;
const MAX_ROUNDS = 12;
/** Answers awaited together, so that the measurement itself holds little memory. */
const MAX_UNANSWERED = 2_000;

interface Round {
  readonly transfers: number;
  readonly ms: number;
}

/** `npm run bench -- ingest`: transfers a second through the whole ingest, and through bare verification. */
export async function run(args: readonly string[]): Promise<Figures> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      corpus: { type: 'string' },
      transfers: { type: 'string', default: '40000' },
      owners: { type: 'string', default: '1000' },
      outputs: { type: 'string', default: '0' },
      workers: { type: 'string' },
    },
  });
  const shape = {
    transfers: Number(values.transfers),
    owners: Number(values.owners),
    background: Number(values.outputs),
  };
  const corpus = openCorpus(values.corpus, shape);
  try {
    const workers = values.workers === undefined ? undefined : Number(values.workers);
    const measured = await measureIngest(corpus, workers);
    const floor = measureFloor(corpus);
    return {
      transfers: measured.transfers,
      outputs_before: measured.outputsBefore,
      transfers_per_s: measured.rate,
      floor_per_s: floor,
      ratio: Math.round((measured.rate / floor) * 100) / 100,
      history_per_s: measured.historyRate,
      balances: 'equal to the facts',
      rss_peak_mb: measured.rssMb,
      event_loop_p99_ms: measured.loopP99Ms,
      rounds: measured.rounds,
    };
  } finally {
    corpus.remove();
  }
}

async function measureIngest(corpus: BenchCorpus, workers: number | undefined) {
  const rounds: Round[] = [];
  const history: Round[] = [];
  let rssBytes = 0;
  let outputsBefore = 0;
  const delay = monitorEventLoopDelay({ resolution: 5 });
  // The first round of a small corpus only warms up the compiler.
  for (let total = 0; (rounds.length === 0 || total < MIN_TIMED_MS) && rounds.length < MAX_ROUNDS; ) {
    await withCore(corpus, workers, async (core) => {
      await core.chain.add(readFileSync(join(corpus.directory, 'headers.bin')));
      if (corpus.backgroundTokenId !== undefined)
        await importAll(core, join(corpus.directory, 'background.bin'));
      history.push(await importAll(core, join(corpus.directory, 'history.bin')));
      outputsBefore = core.reader.facts().outputs;
      const sampler = setInterval(() => {
        rssBytes = Math.max(rssBytes, process.memoryUsage.rss());
      }, 50);
      delay.enable();
      const round = await importAll(core, join(corpus.directory, 'transfers.bin'));
      delay.disable();
      clearInterval(sampler);
      rounds.push(round);
      total += round.ms;
      await checkBalances(core, corpus.facts);
    });
  }
  const timed = rounds.length > 1 ? rounds.slice(1) : rounds;
  return {
    transfers: timed.reduce((n, r) => n + r.transfers, 0),
    rate: rateOf(timed),
    historyRate: rateOf(history),
    rounds: rounds.length,
    outputsBefore,
    rssMb: Math.round(rssBytes / 1e6),
    loopP99Ms: Math.round(delay.percentile(99) / 1e5) / 10,
  };
}

function rateOf(rounds: readonly Round[]): number {
  const transfers = rounds.reduce((n, r) => n + r.transfers, 0);
  const ms = rounds.reduce((n, r) => n + r.ms, 0);
  return Math.round((transfers / ms) * 1000);
}

async function withCore(
  corpus: BenchCorpus,
  workers: number | undefined,
  work: (core: Core) => Promise<void>,
): Promise<void> {
  const path = mkdtempSync(join(tmpdir(), 'btcfed-bench-'));
  const follow = [
    corpus.facts.tokenId,
    ...(corpus.backgroundTokenId === undefined ? [] : [corpus.backgroundTokenId]),
  ];
  const config = {
    chain: { network: 'regtest' as const, headerSources: [], checkpoint: undefined },
    tokens: { follow, block: [] },
    store: { path, cacheMb: 64, syncWrites: true },
  };
  const core = await openCore(
    { config, ...(workers === undefined ? {} : { workers }) },
    {
      clock: systemClock,
      random: systemRandom,
      fetch: () => Promise.reject(new Error('no network in a benchmark')),
      programVersion: 'bench',
      onWriteFailure: (error) => {
        throw error;
      },
    },
  );
  try {
    await work(core);
  } finally {
    await core.close();
    rmSync(path, { recursive: true, force: true });
  }
}

/** Offers every frame as fast as ingest takes them; done when all are answered, that is committed with fsync. */
async function importAll(core: Core, path: string): Promise<Round> {
  const start = performance.now();
  const answers: Promise<Outcome>[] = [];
  let refused: Outcome | undefined;
  let transfers = 0;
  for (const frame of framesOf(path)) {
    await core.ingest.ready();
    transfers++;
    const answer = core.ingest.offer(frame, 'import');
    answers.push(answer);
    if (answers.length >= MAX_UNANSWERED) refused ??= firstRefused(await Promise.all(answers.splice(0)));
  }
  refused ??= firstRefused(await Promise.all(answers));
  if (refused !== undefined) throw new Error(`${path}: not admitted: ${JSON.stringify(refused)}`);
  return { transfers, ms: performance.now() - start };
}

function firstRefused(outcomes: readonly Outcome[]): Outcome | undefined {
  return outcomes.find((outcome) => outcome.status !== 'admitted');
}

async function checkBalances(core: Core, facts: Facts): Promise<void> {
  for (const [address, expected] of Object.entries(facts.balances)) {
    const { confirmed, unconfirmed } = await core.reader.balance(
      facts.tokenId,
      parseOwner('regtest', address),
    );
    // Coins that the history made and no transfer touched are in the index, but not in every corpus's facts.
    if (String(unconfirmed) !== expected && String(confirmed + unconfirmed) !== expected) {
      throw new Error(`${address}: ${confirmed} + ${unconfirmed}, the facts say ${expected}`);
    }
  }
  const circulating = core.reader.token(facts.tokenId)?.supply.circulating;
  if (String(circulating) !== facts.supply)
    throw new Error(`supply ${circulating}, the facts say ${facts.supply}`);
}

/** One thread, no store: decode, merkle roots against the headers, scripts and signatures of what is unproven. */
function measureFloor(corpus: BenchCorpus): number {
  const roots = rootsOf(readFileSync(join(corpus.directory, 'headers.bin')));
  let transfers = 0;
  let ms = 0;
  for (let round = 0; round < MAX_ROUNDS && (round < 2 || ms < MIN_TIMED_MS); round++) {
    for (const frame of framesOf(join(corpus.directory, 'transfers.bin'))) {
      const start = performance.now();
      verifyFrame(frame, roots);
      const took = performance.now() - start;
      if (round === 0) continue;
      ms += took;
      transfers++;
    }
  }
  return Math.round((transfers / ms) * 1000);
}

function verifyFrame(frame: Uint8Array, roots: ReadonlySet<string>): void {
  const beef = decodeBeef(frame);
  const txs = new Map<string, Transaction>();
  for (const { tx, bump } of beef.txs) {
    if (tx === undefined) continue;
    txs.set(tx.txid, tx);
    if (bump !== undefined) {
      if (!roots.has(bumpRoot(beef.bumps[bump]!))) throw new Error('a proof without header');
      continue;
    }
    const prevouts = tx.inputs.map((input) => txs.get(input.prevTxid)!.outputs[input.prevVout]!);
    verifyTransaction({ tx, prevouts });
  }
}

function rootsOf(headers: Buffer): Set<string> {
  const roots = new Set<string>();
  for (let at = 0; at < headers.length; at += 80) {
    roots.add(
      Buffer.from(headers.subarray(at + 36, at + 68))
        .reverse()
        .toString('hex'),
    );
  }
  return roots;
}
