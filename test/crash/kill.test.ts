import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { HeaderChain } from '../../src/chain/header-chain.ts';
import { storeOptions } from '../../src/node/core.ts';
import { headerDisk } from '../../src/node/header-disk.ts';
import { StoreReader } from '../../src/store/reader.ts';
import { Store } from '../../src/store/store.ts';
import { audit, testCoreModules, testCoreOptions } from '../support/core.ts';
import { readFrames } from '../support/corpus/frames.ts';
import { type CorpusFacts, generateCorpus } from '../support/corpus/generate.ts';
import { ownerOfAddress } from '../support/corpus/keys.ts';
import { Prng } from '../support/corpus/prng.ts';
import {
  Histogram,
  type Killed,
  type KillPlan,
  type Lines,
  pickWeighted,
  runAndKill,
} from '../support/kill-lane.ts';
import type { ImportOrder } from './import-child.ts';

const LONG = process.env['BTCFED_TEST_LONG'] === '1';
const KILLS = LONG ? 2000 : 200;
const BINARY_KILLS = LONG ? 300 : 30;
const MIN_IN_OPENING = LONG ? 50 : 5;
const SEED = process.env['BTCFED_KILL_SEED'] ?? 'kill';
/** Stores that are written and killed side by side. */
const LANES = Math.max(1, Math.min(4, availableParallelism()));

const SOURCE = extname(import.meta.filename);
const CHILD = join(import.meta.dirname, `import-child${SOURCE}`);
const BINARY = join(import.meta.dirname, '..', '..', 'src', `main${SOURCE}`);

let root: string;
let corpus: string;
let facts: CorpusFacts;
let follow: readonly string[];
let frames: number;

before(() => {
  root = mkdtempSync(join(tmpdir(), 'btcfed-test-'));
  corpus = join(root, 'corpus');
  mkdirSync(corpus);
  const shape = { transfers: 200, owners: 30, tokens: 3, minedShare: 0.5, blockTransactions: 40 };
  facts = generateCorpus({ directory: corpus, seed: 'kill', ...shape });
  follow = facts.tokens.map((token) => token.tokenId);
  frames = ['history.bin', 'transfers.bin'].flatMap((name) => [
    ...readFrames(readFileSync(join(corpus, name))),
  ]).length;
});

after(() => rmSync(root, { recursive: true, force: true }));

interface Index {
  readonly store: Store;
  readonly chain: HeaderChain;
  readonly reader: StoreReader;
}

/** Opens a copy of a store without workers, so that the next child finds the store as the kill left it. */
async function withCopy<T>(path: string, work: (index: Index) => Promise<T>): Promise<T> {
  const copy = `${path}.copy`;
  rmSync(copy, { recursive: true, force: true });
  if (existsSync(path)) cpSync(path, copy, { recursive: true });
  const { config } = testCoreOptions({ path: copy, follow });
  const store = await Store.open(storeOptions(config, testCoreModules));
  try {
    const chain = await HeaderChain.open(
      { network: 'regtest' },
      { disk: headerDisk(store.database), clock: testCoreModules.clock },
    );
    const timeOfHeight = (height: number) => chain.timeAt(height);
    const reader = new StoreReader({
      store,
      isFollowed: (id) => follow.includes(id),
      timeOfHeight,
      tipHeight: () => chain.tip().height,
    });
    return await work({ store, chain, reader });
  } finally {
    await store.close();
  }
}

/** No acknowledged transaction is missing, and what is there is whole: every derived row is there and right. */
async function check(index: Index, acked: ReadonlyMap<string, string>, where: string): Promise<void> {
  const { problems } = await audit(index);
  assert.deepEqual(problems, [], where);
  for (const [txid, status] of acked) {
    const { store } = index;
    const found = store.tx(txid)?.status ?? (store.waiting.has(txid) ? 'waiting' : 'missing');
    const isThere = found === 'active' || (found === 'waiting' && status === 'pending');
    assert.ok(isThere, `${where}: ${txid} was acknowledged as ${status} and is ${found}`);
  }
}

/** The corpus is all there: every balance of every owner, its mined part and its unmined part. */
async function checkFacts({ reader }: Index): Promise<void> {
  for (const { tokenId, balances, confirmed, supply } of facts.tokens) {
    let total = 0n;
    for (const [address, sum] of Object.entries(balances)) {
      const found = await reader.balance(tokenId, Buffer.from(ownerOfAddress(address), 'hex'));
      assert.equal(found.confirmed, BigInt(confirmed[address] ?? '0'), `confirmed of ${address}`);
      assert.equal(found.confirmed + found.unconfirmed, BigInt(sum), `balance of ${address}`);
      total += found.confirmed + found.unconfirmed;
    }
    assert.equal(total, BigInt(supply));
    assert.equal(reader.token(tokenId)?.supply.circulating, BigInt(supply));
    assert.equal(reader.token(tokenId)?.holders, Object.keys(balances).length);
  }
  assert.equal(reader.facts().pending, 0);
}

/** Kills of all lanes together. */
class Tally {
  readonly histogram = new Histogram();
  readonly limit: number;
  /** What the share of the import is measured by. */
  readonly measure: string;
  kills = 0;
  completed = 0;

  constructor(limit: number, measure: string) {
    this.limit = limit;
    this.measure = measure;
  }

  add(killed: Killed, share: number): void {
    if (!killed.wasKilled) return;
    this.kills++;
    const { phase, afterMs } = killed;
    const at =
      phase === 'import'
        ? `${Math.min(9, Math.floor(share * 10)) * 10} % ${this.measure}`
        : `${Math.floor(afterMs / 10) * 10} ms`;
    this.histogram.add(`${phase} ${at}`);
  }

  report(t: TestContext): void {
    for (const line of this.histogram.lines()) t.diagnostic(line);
    t.diagnostic(
      `${this.kills} kills, ${this.histogram.total('opening')} of them while opening, ${this.completed} imports completed, seed ${SEED}`,
    );
  }
}

const CHILD_LINES: Lines = {
  from: 'stdout',
  phaseOf: (line) => (({ opening: 'opening', open: 'import', headers: 'closing' }) as const)[line],
};

/** One store after another is imported into by children that are killed, until enough kills have been. */
class Lane {
  readonly #name: string;
  readonly #tally: Tally;
  readonly #prng: Prng;
  #stores = 0;
  #path = '';
  /** Status by txid, and the frames told of. */
  #acked = new Map<string, string>();
  #frames = new Set<number>();

  constructor(name: string, tally: Tally) {
    this.#name = name;
    this.#tally = tally;
    this.#prng = new Prng(`${SEED} ${name}`);
    this.#begin();
  }

  async run(): Promise<void> {
    while (this.#tally.kills < this.#tally.limit) {
      const killed = await this.#round(this.#plan());
      await this.#after(killed);
    }
    while (this.#frames.size > 0) await this.#after(await this.#round(undefined));
  }

  #begin(): void {
    if (this.#path !== '') rmSync(this.#path, { recursive: true, force: true });
    this.#stores++;
    this.#path = join(root, `${this.#name} ${this.#stores}`);
    this.#acked = new Map();
    this.#frames = new Set();
  }

  /** Moments over the whole life of the child, opening more often than its length would give. */
  #plan(): KillPlan {
    const prng = this.#prng;
    const phase = pickWeighted<KillPlan['phase']>(prng, [
      ['start', 3],
      ['opening', 40],
      ['import', 50],
      ['closing', 7],
    ]);
    const lengthMs = {
      start: 250,
      opening: pickWeighted(prng, [
        [8, 1],
        [40, 1],
        [150, 1],
      ]),
      import: 320,
      closing: 20,
    }[phase];
    return { phase, afterMs: prng.below(lengthMs * 1000) / 1000 };
  }

  async #round(plan: KillPlan | undefined): Promise<Killed> {
    let from = 0;
    while (this.#frames.has(from)) from++;
    const order: ImportOrder = { path: this.#path, corpus, follow, syncWrites: this.#stores % 2 === 0, from };
    const killed = await runAndKill([process.execPath, CHILD, JSON.stringify(order)], CHILD_LINES, plan);
    assert.ok(
      killed.wasKilled || killed.exitCode === 0,
      `the child ended with ${killed.exitCode}: ${killed.stderr}`,
    );
    for (const line of killed.lines) {
      const [word, frame, status, txid] = line.split(' ');
      if (word !== 'ack') continue;
      assert.ok(
        status === 'admitted' || status === 'known' || status === 'pending',
        `frame ${frame}: ${line}`,
      );
      this.#frames.add(Number(frame));
      const isMore = this.#acked.get(txid!) !== 'admitted';
      if (isMore) this.#acked.set(txid!, status === 'pending' ? 'pending' : 'admitted');
    }
    return killed;
  }

  async #after(killed: Killed): Promise<void> {
    this.#tally.add(killed, this.#frames.size / frames);
    const where = `${this.#name}, store ${this.#stores}, killed ${killed.afterMs.toFixed(1)} ms into ${killed.phase}`;
    const isDone = killed.lines.at(-1) === 'done';
    await withCopy(this.#path, async (index) => {
      await check(index, this.#acked, where);
      if (isDone) await checkFacts(index);
    });
    if (!isDone) return;
    assert.equal(this.#frames.size, frames);
    this.#tally.completed++;
    this.#begin();
  }
}

test(`${KILLS} kills of an import: whatever was acknowledged is there, all else is there whole or not at all`, async (t) => {
  const tally = new Tally(KILLS, 'acknowledged');
  try {
    await Promise.all(Array.from({ length: LANES }, (_, i) => new Lane(`lane ${i}`, tally).run()));
  } finally {
    tally.report(t);
  }
  assert.ok(tally.kills >= KILLS, `${tally.kills} kills`);
  assert.ok(tally.histogram.total('opening') >= MIN_IN_OPENING, 'too few kills fell into opening');
  assert.ok(tally.histogram.total('import') >= KILLS / 4, 'too few kills fell into the import');
  assert.ok(tally.completed >= LANES, `${tally.completed} imports were completed`);
});

const CONFIG = `network:
  addresses: [/ip4/127.0.0.1/tcp/0]
peers:
  connection_timeout: 10s
logging:
  level: info
  format: json
chain:
  network: regtest
  header_sources: []
`;

/** The program itself, on the data directory of a home: it acknowledges nothing on the way, so what was there must stay. */
async function binaryLane(name: string, tally: Tally): Promise<void> {
  const prng = new Prng(`${SEED} ${name}`);
  const home = join(root, name);
  const path = join(home, 'data');
  mkdirSync(home);
  writeFileSync(join(home, 'conf.yaml'), `${CONFIG}tokens:\n  follow: [${follow.join(', ')}]\n`);
  const command = (words: readonly string[]): string[] => [
    process.execPath,
    BINARY,
    ...words,
    '--home',
    home,
  ];
  const importing = command(['import', join(corpus, 'history.bin'), join(corpus, 'transfers.bin')]);
  const headers = await runAndKill(
    command(['headers', 'import', join(corpus, 'headers.bin')]),
    BINARY_LINES,
    undefined,
  );
  assert.equal(headers.exitCode, 0, headers.stderr);
  let seen = new Map<string, string>();
  let rounds = 0;
  for (let isDone = false; !isDone; rounds++) {
    const isLast = tally.kills >= tally.limit;
    // Loading the program takes most of the start, opening the rest; the import itself is short.
    const phase = pickWeighted(prng, [
      ['start', 2],
      ['import', 3],
    ] as const);
    const plan = { phase, afterMs: phase === 'start' ? 250 + prng.below(500) : prng.below(250) };
    const killed = await runAndKill(importing, BINARY_LINES, isLast ? undefined : plan);
    tally.add(killed, seen.size / frames);
    assert.ok(killed.wasKilled || killed.exitCode === 0, `${killed.exitCode}: ${killed.stderr}`);
    isDone = isLast;
    await withCopy(path, async (index) => {
      await check(
        index,
        seen,
        `${name}, round ${rounds}, killed ${killed.afterMs.toFixed(1)} ms into ${killed.phase}`,
      );
      seen = new Map(await txidsOf(index));
      if (isDone) await checkFacts(index);
    });
    // A completed import is over too soon to be killed again: from the beginning, with the headers as they are.
    if (!killed.wasKilled && !isDone) {
      rmSync(path, { recursive: true, force: true });
      seen = new Map();
      const again = await runAndKill(
        command(['headers', 'import', join(corpus, 'headers.bin')]),
        BINARY_LINES,
        undefined,
      );
      assert.equal(again.exitCode, 0, again.stderr);
    }
  }
  tally.completed++;
}

const BINARY_LINES: Lines = {
  from: 'stderr',
  phaseOf: (line) => (line.includes('working on the data directory') ? 'import' : undefined),
};

async function txidsOf({ reader, store }: Index): Promise<[string, string][]> {
  const txids: [string, string][] = [...store.waiting.keys()].map((txid) => [txid, 'pending']);
  for (const event of await reader.events(0n, Number.MAX_SAFE_INTEGER)) txids.push([event.txid, 'admitted']);
  return txids;
}

test(`${BINARY_KILLS} kills of btcfed import: what was there stays, and at the end all balances are right`, async (t) => {
  const tally = new Tally(BINARY_KILLS, 'there before');
  try {
    await Promise.all(Array.from({ length: LANES }, (_, i) => binaryLane(`home ${i}`, tally)));
  } finally {
    tally.report(t);
  }
  assert.ok(tally.kills >= BINARY_KILLS, `${tally.kills} kills`);
  assert.ok(tally.histogram.total('import') >= BINARY_KILLS / 4, 'too few kills fell into the import');
});
