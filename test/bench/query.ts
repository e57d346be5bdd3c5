import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Caller, connectClient } from '../../src/api/client.ts';
import { openCore } from '../../src/node/core.ts';
import { systemClock, systemRandom } from '../../src/node/system.ts';
import type { Figures } from './benches.ts';
import { type BenchCorpus, framesOf, openCorpus } from './corpus.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', `main${import.meta.filename.slice(-3)}`);
const PAGE = 100;
const OPENS = 5;

/** `npm run bench -- query`: answers through the socket of a real daemon whose store holds many outputs. */
export async function run(args: readonly string[]): Promise<Figures> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      outputs: { type: 'string', default: '1000000' },
      queries: { type: 'string', default: '2000' },
    },
  });
  const corpus = openCorpus(undefined, { transfers: 10, owners: 5, background: Number(values.outputs) });
  const home = mkdtempSync(join(tmpdir(), 'btcfed-query-'));
  try {
    const facts = backgroundFacts(corpus);
    writeFileSync(join(home, 'conf.yaml'), confOf(facts.tokenId), { mode: 0o600 });
    const outputs = await fillStore(corpus, home, facts.tokenId);
    const opened = await measureOpen(home, facts);
    const figures = await withDaemon(home, (caller) => measureQueries(caller, facts, Number(values.queries)));
    return { outputs, ...opened, ...figures };
  } finally {
    rmSync(home, { recursive: true, force: true });
    corpus.remove();
  }
}

interface QueryFacts {
  readonly tokenId: string;
  readonly balances: readonly (readonly [address: string, amount: string])[];
  readonly busiest: string;
}

function backgroundFacts(corpus: BenchCorpus): QueryFacts {
  const file = JSON.parse(readFileSync(join(corpus.directory, 'background.json'), 'utf8'));
  const facts = JSON.parse(readFileSync(join(corpus.directory, 'facts.json'), 'utf8'));
  return {
    tokenId: file.tokenId,
    balances: Object.entries(file.balances),
    busiest: facts.background.busiest,
  };
}

function confOf(tokenId: string): string {
  return `network: { addresses: [/ip4/127.0.0.1/tcp/0] }
peers: { connection_timeout: 10s }
logging: { level: warn, format: text }
chain: { network: regtest }
tokens: { follow: [${tokenId}] }
`;
}

async function fillStore(corpus: BenchCorpus, home: string, tokenId: string): Promise<number> {
  const config = {
    chain: { network: 'regtest' as const, headerSources: [], checkpoint: undefined },
    tokens: { follow: [tokenId], block: [] },
    store: { path: join(home, 'data'), cacheMb: 64, syncWrites: true },
  };
  const core = await openCore(
    { config },
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
  await core.chain.add(readFileSync(join(corpus.directory, 'headers.bin')));
  for (const frame of framesOf(join(corpus.directory, 'background.bin'))) {
    await core.ingest.ready();
    void core.ingest.offer(frame, 'import');
  }
  await core.ingest.drained();
  const { outputs } = core.reader.facts();
  await core.close();
  return outputs;
}

/** From the start of the process to its first answer, of which the store's own opening is a part. */
async function measureOpen(home: string, facts: QueryFacts): Promise<Figures> {
  const times: number[] = [];
  for (let i = 0; i < OPENS; i++) {
    const start = performance.now();
    await withDaemon(home, async (caller) => {
      await askBalance(caller, facts, i);
      times.push(performance.now() - start);
    });
  }
  return { start_to_first_answer_ms: Math.round(median(times)) };
}

async function measureQueries(caller: Caller, facts: QueryFacts, queries: number): Promise<Figures> {
  const { tokenId: token, busiest: address } = facts;
  const balance = await timed(queries, (i) => askBalance(caller, facts, i));
  let cursor: string | undefined;
  const coins = await timed(queries, async () => {
    const page = await caller.call('token.utxos', {
      token,
      address,
      limit: PAGE,
      ...(cursor === undefined ? {} : { cursor }),
    });
    cursor = page.cursor;
  });
  cursor = undefined;
  const history = await timed(queries, async () => {
    const page = await caller.call('token.history', {
      token,
      limit: PAGE,
      ...(cursor === undefined ? {} : { cursor }),
    });
    cursor = page.cursor;
  });
  return {
    balance_p50_ms: at(balance, 0.5),
    balance_p99_ms: at(balance, 0.99),
    coins_page_p50_ms: at(coins, 0.5),
    coins_page_p99_ms: at(coins, 0.99),
    history_page_p50_ms: at(history, 0.5),
    history_page_p99_ms: at(history, 0.99),
    queries,
  };
}

async function askBalance(caller: Caller, facts: QueryFacts, i: number): Promise<void> {
  const [address, expected] = facts.balances[(i * 7919) % facts.balances.length]!;
  const { total } = await caller.call('token.balance', { token: facts.tokenId, address });
  if (total !== expected) throw new Error(`${address}: ${total}, the facts say ${expected}`);
}

async function timed(count: number, ask: (i: number) => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await ask(i);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b);
}

function at(sorted: readonly number[], share: number): number {
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]! * 100) / 100;
}

function median(times: number[]): number {
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

async function withDaemon<T>(home: string, work: (caller: Caller) => Promise<T>): Promise<T> {
  const daemon = spawn(process.execPath, [MAIN, 'run', '--home', home], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => daemon.once('exit', () => resolve()));
  try {
    const caller = await connect(daemon, join(home, 'btcfed.sock'));
    try {
      return await work(caller);
    } finally {
      await caller.close();
    }
  } finally {
    daemon.kill('SIGTERM');
    await ended;
  }
}

/** Tries until the daemon listens; that it ended is an error with what it said. */
async function connect(daemon: ChildProcess, socketPath: string): Promise<Caller> {
  let said = '';
  daemon.stderr?.on('data', (piece: Buffer) => {
    said += piece.toString();
  });
  while (daemon.exitCode === null) {
    const caller = await connectClient({ socketPath }).catch(() => undefined);
    if (caller !== undefined) return caller;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`the daemon ended: ${said}`);
}
