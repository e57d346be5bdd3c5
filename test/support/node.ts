import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Checkpoint } from '../../src/chain/checkpoints.ts';
import { HeaderChain } from '../../src/chain/header-chain.ts';
import type { Network } from '../../src/chain/networks.ts';
import { Audit } from '../../src/ingest/audit.ts';
import type { VerifyRoot } from '../../src/ingest/chain-view.ts';
import { Ingest, type IngestModules } from '../../src/ingest/ingest.ts';
import type { Outcome, Source } from '../../src/ingest/outcome.ts';
import { headerDisk } from '../../src/node/header-disk.ts';
import { SpvError } from '../../src/spv/errors.ts';
import type { VerifierPool } from '../../src/spv/pool.ts';
import { type VerifyJob, verifyTransaction } from '../../src/spv/verify.ts';
import { StoreReader } from '../../src/store/reader.ts';
import { Store } from '../../src/store/store.ts';
import type { VerifyReport } from '../../src/store/view.ts';
import { crashCopy } from './crash-copy.ts';

/** Index, headers and ingest of one node as openCore composes them, on a temporary folder, without threads. */

/** Well below what the queue holds. */
const OFFERS_AT_ONCE = 100;

type Verifier = Pick<VerifierPool, 'verify'>;

export interface TestNodeOptions {
  /** Followed tokens. */
  readonly tokens?: readonly string[];
  readonly network?: Network;
  readonly checkpoint?: Checkpoint;
  readonly verifyRoot?: VerifyRoot;
  readonly verifier?: Verifier;
  readonly coinbaseMatures?: boolean;
  readonly pendingLimits?: IngestModules['pendingLimits'];
  readonly onEvents?: IngestModules['onEvents'];
  /** Small, so that rows are read back from disk. */
  readonly cacheEntries?: number;
  /** Of a node before it, to be opened again; default: a new one. */
  readonly folder?: string;
  /** Wall clock of index and headers. Default: one moment in 2033. */
  readonly nowMs?: () => number;
}

/** Checks scripts in the calling thread. A transaction commits to what it spends, so its txid stands for the result. */
export class DirectVerifier implements Verifier {
  private readonly known = new Map<string, SpvError | undefined>();
  /** Times each transaction was asked for. */
  readonly asked = new Map<string, number>();

  verify(jobs: readonly VerifyJob[]): Promise<readonly (SpvError | undefined)[]> {
    return Promise.resolve(jobs.map((job) => this.verifyOne(job)));
  }

  private verifyOne(job: VerifyJob): SpvError | undefined {
    const { txid } = job.tx;
    this.asked.set(txid, (this.asked.get(txid) ?? 0) + 1);
    if (!this.known.has(txid)) this.known.set(txid, check(job));
    return this.known.get(txid);
  }
}

/** Holds back the answers about some transactions until it is opened. */
export class GatedVerifier extends DirectVerifier {
  readonly held = new Set<string>();
  private open: () => void = () => undefined;
  private readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });
  private arrived: () => void = () => undefined;
  /** Resolves when the first of the held ones is here. */
  readonly reached: Promise<void> = new Promise<void>((resolve) => {
    this.arrived = resolve;
  });

  release(): void {
    this.open();
  }

  override async verify(jobs: readonly VerifyJob[]): Promise<readonly (SpvError | undefined)[]> {
    if (jobs.some((job) => this.held.has(job.tx.txid))) {
      this.arrived();
      await this.opened;
    }
    return super.verify(jobs);
  }
}

function check(job: VerifyJob): SpvError | undefined {
  try {
    verifyTransaction(job);
    return undefined;
  } catch (error) {
    if (error instanceof SpvError) return error;
    throw error;
  }
}

/** Signatures verified once in a test run, whatever the number of nodes. */
export const sharedVerifier: DirectVerifier = new DirectVerifier();

export class TestNode {
  readonly store: Store;
  readonly chain: HeaderChain;
  readonly ingest: Ingest;
  readonly reader: StoreReader;
  /** Every failure of a write, or of following the chain. */
  readonly failures: unknown[];
  readonly folder: string;
  private readonly options: TestNodeOptions;
  private tokens: readonly string[];
  private following: Promise<unknown> = Promise.resolve();
  /** Set: the index is not told of new headers, as if this were the moment between. */
  isDeaf = false;

  private constructor(
    parts: Pick<TestNode, 'store' | 'chain' | 'ingest' | 'failures'>,
    folder: string,
    options: TestNodeOptions,
    tokens: readonly string[],
  ) {
    this.store = parts.store;
    this.chain = parts.chain;
    this.ingest = parts.ingest;
    this.failures = parts.failures;
    this.folder = folder;
    this.options = options;
    this.tokens = tokens;
    const { ingest, chain, store } = parts;
    this.reader = new StoreReader({
      store,
      isFollowed: (tokenId) => ingest.follows(tokenId),
      timeOfHeight: (height) => chain.timeAt(height),
      tipHeight: () => chain.tip().height,
    });
    chain.onChange((update) => {
      if (this.isDeaf) return;
      this.following = ingest
        .chainChanged(update.undone)
        .catch((error: unknown) => this.failures.push(error));
    });
  }

  static async open(options: TestNodeOptions = {}): Promise<TestNode> {
    const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'btcfed-ingest-')));
    return TestNode.at(folder, options, options.tokens ?? []);
  }

  private static async at(
    folder: string,
    options: TestNodeOptions,
    tokens: readonly string[],
  ): Promise<TestNode> {
    const { network = 'regtest', checkpoint } = options;
    const failures: unknown[] = [];
    const store = await Store.open({
      path: folder,
      network,
      cacheBytes: 1 << 20,
      writeBufferBytes: 1 << 20,
      newDatabaseId: () => 'ab'.repeat(16),
      programVersion: 'test',
      syncWrites: false,
      ...(options.cacheEntries === undefined ? {} : { cacheEntries: options.cacheEntries }),
    });
    const clock = { nowMs: options.nowMs ?? (() => 2_000_000_000_000) };
    const chain = await HeaderChain.open(
      { network, checkpoint },
      { disk: headerDisk(store.database), clock },
    );
    const ingest = new Ingest({
      store,
      chain,
      pool: options.verifier ?? sharedVerifier,
      verifyRoot: options.verifyRoot ?? (() => Promise.resolve('unknown')),
      nowMs: clock.nowMs,
      coinbaseMatures: options.coinbaseMatures ?? false,
      onEvents: options.onEvents ?? (() => undefined),
      onWriteFailure: (error) => failures.push(error),
      ...(options.pendingLimits === undefined ? {} : { pendingLimits: options.pendingLimits }),
    });
    await ingest.follow(tokens);
    await ingest.chainChanged(undefined);
    return new TestNode({ store, chain, ingest, failures }, folder, options, tokens);
  }

  /** Offers one BEEF and waits for all that follows from it. */
  async offer(beef: Uint8Array, source: Source = 'rpc'): Promise<Outcome> {
    const outcome = await this.ingest.offer(beef, source);
    await this.settled();
    return outcome;
  }

  /** Offers all at once, so that they share batches; many, as fast as they are taken. */
  async offerAll(beefs: readonly Uint8Array[]): Promise<Outcome[]> {
    const answers: Promise<Outcome>[] = [];
    for (const [i, beef] of beefs.entries()) {
      if (i % OFFERS_AT_ONCE === OFFERS_AT_ONCE - 1) await this.ingest.ready();
      answers.push(this.ingest.offer(beef, 'rpc'));
    }
    const outcomes = await Promise.all(answers);
    await this.settled();
    return outcomes;
  }

  /** Headers, n x 80 bytes; those of other branches too. */
  async headers(bytes: Uint8Array): Promise<void> {
    await this.chain.add(bytes);
    await this.settled();
  }

  async follow(tokens: readonly string[]): Promise<void> {
    this.tokens = tokens;
    await this.ingest.follow(tokens);
    await this.settled();
  }

  /** Nothing queued, in flight or to be retried; and nothing failed meanwhile. */
  async settled(): Promise<void> {
    await this.following;
    await this.ingest.drained();
    const failure = this.failures[0];
    if (failure !== undefined) throw failure;
  }

  /** Stops and starts again. */
  async restart(): Promise<TestNode> {
    await this.stop();
    return this.opened(this.folder);
  }

  /** Stops, lets something be done to the folder, and starts again; `tokens` are followed from then on. */
  async restartAfter(work: (folder: string) => Promise<void>, tokens = this.tokens): Promise<TestNode> {
    await this.stop();
    await work(this.folder);
    this.tokens = tokens;
    return this.opened(this.folder);
  }

  /** What a kill at this moment would leave, started again; this node is gone. */
  async crash(): Promise<TestNode> {
    const copy = await mkdtemp(join(tmpdir(), 'btcfed-ingest-'));
    crashCopy(this.folder, copy);
    await this.close();
    return this.opened(copy);
  }

  private async opened(folder: string): Promise<TestNode> {
    const node = await TestNode.at(folder, this.options, this.tokens);
    await node.settled();
    return node;
  }

  /** A full check of the store; fails on any problem. */
  async audit(): Promise<VerifyReport> {
    const report = await Audit.run(this.store, this.chain, {
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
    if (report.problemCount === 0) return report;
    throw new Error(`the audit found ${report.problemCount}: ${JSON.stringify(report.problems, null, 1)}`);
  }

  private async stop(): Promise<void> {
    await this.following;
    await this.ingest.close();
    await this.store.close();
  }

  /** Stops for good and removes its folder. */
  async close(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Runs a test with a node that is closed after it, whatever happens; `use` may hand in its successor. */
export async function withNode(
  options: TestNodeOptions,
  run: (node: TestNode, use: (next: TestNode) => TestNode) => Promise<void>,
): Promise<void> {
  let current = await TestNode.open(options);
  try {
    await run(current, (next) => {
      current = next;
      return next;
    });
  } finally {
    await current.close();
  }
}
