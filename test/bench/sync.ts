import { cpSync, readFileSync, rmSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { generateCorpus } from '../support/corpus/generate.ts';
import type { LoopbackNode } from '../support/loopback.ts';
import { holdersOf, importAll, importHeaders, untilSynced } from '../support/loopback-token.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import type { Figures } from './benches.ts';
import { framesOf } from './corpus.ts';
import { Ends } from './ends.ts';

/** Of the issue: what each figure is held against. */
const LIMITS = {
  tx_per_s: 6_000,
  rss_mb: 500,
  idle_bytes_per_s: 200,
  missing_ms: 1_000,
  missing_bytes: 64_000,
  join_ms: 1_000,
};
/** Transactions of a block in the corpus. */
const BLOCK_TRANSACTIONS = 1_000;
/** The first seconds after a sync still carry what was under way. */
const SETTLE_MS = 5_000;
const IDLE_MS = 20_000;
const JOIN_ROUNDS = 3;

interface Corpus {
  readonly directory: string;
  readonly tokenId: string;
  readonly balances: Readonly<Record<string, string>>;
}

/** `npm run bench -- sync`: an empty daemon takes a token from another one; both idle; one transaction is missing; a small token. */
export async function run(args: readonly string[]): Promise<Figures> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      transactions: { type: 'string', default: '200000' },
      small: { type: 'string', default: '20000' },
      idle: { type: 'string', default: String(IDLE_MS / 1_000) },
    },
  });
  const ends = new Ends();
  try {
    const load = loadavg()[0] ?? 0;
    const small = await measureSmall(ends, Number(values.small));
    const large = await measureLarge(ends, Number(values.transactions), Number(values.idle) * 1_000);
    const joined = await measureJoin(ends);
    return {
      ...large,
      tx_per_s_small: small,
      ratio_to_small: Math.round((large.tx_per_s / small) * 100) / 100,
      ...joined,
      ...Object.fromEntries(Object.entries(LIMITS).map(([name, value]) => [`limit_${name}`, value])),
      load_average: Math.round(load * 100) / 100,
    };
  } finally {
    await ends.end();
  }
}

/** A token of about so many transactions, all mined. */
function makeCorpus(ends: Ends, name: string, transactions: number): Corpus {
  const directory = join(ends.root, name);
  // Each transfer has a mined parent, and 23 of those a split.
  const transfers = Math.max(1, Math.round(transactions / (2 + 1 / 23)));
  const facts = generateCorpus({
    directory,
    seed: name,
    transfers,
    owners: Math.min(transfers, 1_000),
    minedShare: 1,
    blockTransactions: BLOCK_TRANSACTIONS,
  });
  return { directory, tokenId: facts.tokenId, balances: facts.balances };
}

async function measureSmall(ends: Ends, transactions: number): Promise<number> {
  const corpus = makeCorpus(ends, 'small', transactions);
  const [from, empty] = await ends.nodes(['small-from', 'small-empty']);
  await fill(from, corpus);
  const { rate } = await syncFrom(from, empty, corpus);
  await Promise.all([from.stop(), empty.stop()]);
  rmSync(corpus.directory, { recursive: true });
  return rate;
}

async function measureLarge(ends: Ends, transactions: number, idleMs: number) {
  const corpus = makeCorpus(ends, 'large', transactions);
  const [from, empty, lacking] = await ends.nodes(['large-from', 'large-empty', 'large-lacking']);
  await fill(from, corpus, lacking);
  // Started anew, so that its memory is that of a daemon that serves.
  await from.stop();
  await from.start();
  const { rate, entries, seconds } = await syncFrom(from, empty, corpus);
  const rss = { from: from.peakRss(), empty: empty.peakRss() };
  const cpu = { from: from.cpuSeconds(), empty: empty.cpuSeconds() };
  await verify(empty);
  await empty.stop();
  const idle = await measureIdle(ends, from, empty, corpus, idleMs);
  const missing = await measureMissing(ends, from, lacking, corpus);
  await Promise.all([from.stop(), lacking.stop()]);
  return {
    transactions: entries,
    seconds,
    tx_per_s: rate,
    rss_peak_mb_from: Math.round(rss.from / 1e6),
    rss_peak_mb_empty: Math.round(rss.empty / 1e6),
    cpu_s_from: cpu.from,
    cpu_s_empty: cpu.empty,
    balances: 'equal',
    rows: 'verified',
    idle_bytes_per_s: idle,
    ...missing,
  };
}

/** All of the corpus to a daemon; to another one all but one transaction, by way of a copy of its store. */
async function fill(node: LoopbackNode, corpus: Corpus, lacking?: LoopbackNode): Promise<void> {
  const { directory, tokenId } = corpus;
  node.configure({ follow: [tokenId] });
  await node.start();
  await importHeaders(node.rpc, readFileSync(join(directory, 'headers.bin')));
  await importAll(node.rpc, framesOf(join(directory, 'history.bin')));
  const transfers = framesOf(join(directory, 'transfers.bin'));
  // Nothing spends the coins of a transfer, so that each can be the one that is missing.
  const missing = lacking === undefined ? undefined : transfers.next().value;
  await importAll(node.rpc, transfers);
  if (lacking === undefined || missing === undefined) return;
  await node.stop();
  cpSync(join(node.home, 'data'), join(lacking.home, 'data'), { recursive: true });
  await node.start();
  await importAll(node.rpc, [missing]);
}

/** From the moment the empty daemon serves until it is synced: everything verified and on disk. */
async function syncFrom(from: LoopbackNode, empty: LoopbackNode, { tokenId, balances }: Corpus) {
  empty.configure({ follow: [tokenId] });
  empty.list(from);
  await empty.start();
  const startedMs = startOf(empty);
  const syncedMs = await untilSynced(empty, tokenId);
  const { transactions } = await empty.rpc.call('token.get', { token: tokenId });
  const [theirs, ours] = [await holdersOf(from.rpc, tokenId), await holdersOf(empty.rpc, tokenId)];
  for (const [address, amount] of Object.entries(balances))
    if (ours.get(address) !== amount) throw new Error(`${address}: ${ours.get(address)}, not ${amount}`);
  for (const [address, amount] of theirs)
    if (ours.get(address) !== amount) throw new Error(`${address}: ${ours.get(address)}, not ${amount}`);
  if (theirs.size !== ours.size) throw new Error(`${ours.size} holders, not ${theirs.size}`);
  const seconds = (syncedMs - startedMs) / 1_000;
  return { rate: Math.round(transactions / seconds), entries: transactions, seconds };
}

/** Every row of its store is what the transactions call for. */
async function verify(node: LoopbackNode): Promise<void> {
  const { problemCount, problems } = await node.rpc.call('store.verify', {});
  if (problemCount > 0) throw new Error(`${problemCount} problems: ${JSON.stringify(problems.slice(0, 5))}`);
}

function startOf(node: LoopbackNode): number {
  return node.lines.find(({ event }) => event === 'node.started')?.atMs ?? Number.NaN;
}

/** Bytes a second that two daemons in agreement send each other, of TCP. The other one is new to the first, or that would dial it. */
async function measureIdle(
  ends: Ends,
  from: LoopbackNode,
  synced: LoopbackNode,
  { tokenId }: Corpus,
  idleMs: number,
): Promise<number> {
  const [other] = await ends.nodes(['large-idle']);
  cpSync(join(synced.home, 'data'), join(other.home, 'data'), { recursive: true });
  other.configure({ follow: [tokenId] });
  const proxy = await TcpProxy.open(ends, { port: from.port });
  other.list(from, proxy.port);
  await other.start();
  await untilSynced(other, tokenId);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const before = proxy.carried;
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const bytes = proxy.carried - before;
  if (proxy.open === 0) throw new Error('the daemons are not connected');
  await other.stop();
  return Math.round(bytes / (idleMs / 1_000));
}

/** From the connection until the one transaction is there; all that goes over the wire until then, greetings included. */
async function measureMissing(ends: Ends, from: LoopbackNode, lacking: LoopbackNode, { tokenId }: Corpus) {
  const proxy = await TcpProxy.open(ends, { port: from.port });
  lacking.configure({ follow: [tokenId] });
  lacking.list(from, proxy.port);
  await lacking.start();
  const connected = await lacking.logged(({ event }) => event === 'peer.connected');
  const syncedMs = await untilSynced(lacking, tokenId);
  const bytes = proxy.carried;
  const [theirs, ours] = await Promise.all(
    [from, lacking].map((node) => node.rpc.call('token.get', { token: tokenId })),
  );
  if (theirs?.sync?.commitment?.tac !== ours?.sync?.commitment?.tac) throw new Error('commitments differ');
  return { missing_ms: syncedMs - connected.atMs, missing_bytes: bytes };
}

/** The slowest of some times. */
async function measureJoin(ends: Ends): Promise<Record<string, number>> {
  const corpus = makeCorpus(ends, 'ten', 9);
  const [from] = await ends.nodes(['ten-from']);
  await fill(from, corpus);
  const ms: number[] = [];
  let transactions = 0;
  for (let round = 0; round < JOIN_ROUNDS; round++) {
    const [empty] = await ends.nodes([`ten-empty-${round}`]);
    empty.configure({ follow: [corpus.tokenId] });
    empty.list(from);
    await empty.start();
    const connected = await empty.logged(({ event }) => event === 'peer.connected');
    ms.push((await untilSynced(empty, corpus.tokenId)) - connected.atMs);
    ({ transactions } = await empty.rpc.call('token.get', { token: corpus.tokenId }));
    await empty.stop();
  }
  await from.stop();
  return { join_transactions: transactions, join_ms: Math.max(...ms) };
}
