import type { Config, HeaderSource } from '../../config/index.ts';
import { HeaderChain } from '../chain/header-chain.ts';
import { HeadersService } from '../chain/headers-service.ts';
import { Ingest } from '../ingest/ingest.ts';
import { type Metrics, NO_METRICS } from '../observe/metrics.ts';
import { defaultWorkers, VerifierPool } from '../spv/pool.ts';
import { StoreError } from '../store/errors.ts';
import { StoreReader } from '../store/reader.ts';
import type { StoreOptions } from '../store/store.ts';
import { Store } from '../store/store.ts';
import { EventHub } from './event-hub.ts';
import { headerDisk } from './header-disk.ts';
import { storeTiming, timedVerifier } from './node-metrics.ts';
import { RootSources } from './root-sources.ts';

/** Rows gathered in memory before they become a table: at 16 MB compaction took twice the time (measured), at 64 MB no less. */
const WRITE_BUFFER_BYTES = 32 * 1024 * 1024;

/** Verifier threads without work end after this; starting them again takes less than 100 ms. */
const VERIFIER_IDLE_MS = 60_000;

/** Time from outside, so that a test can set it. */
export interface Clock {
  nowMs(): number;
  monotonicMs(): number;
  /** Runs once after `ms`; the result cancels it. */
  after(ms: number, run: () => void): () => void;
}

export interface Random {
  /** Uniform in [0, 1). */
  readonly fraction: () => number;
  readonly hex: (bytes: number) => string;
}

export interface CoreModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly programVersion: string;
  /** The store cannot be written: say so, and keep serving reads. */
  readonly onWriteFailure: (error: unknown) => void;
  readonly metrics?: Metrics;
}

export interface CoreOptions {
  readonly config: Pick<Config, 'chain' | 'tokens' | 'store'>;
  readonly workers?: number;
}

/** Index, headers and verifier of one node: everything but what talks to others. */
export interface Core {
  readonly store: Store;
  readonly chain: HeaderChain;
  readonly ingest: Ingest;
  readonly reader: StoreReader;
  readonly pool: Pick<VerifierPool, 'stats'>;
  readonly events: EventHub;
  /** Clients of the configured block-headers-services; a reload replaces them in place. */
  readonly services: HeadersService[];
  /** Resolves when the index has taken in every change of the header chain so far. */
  readonly chainSettled: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Options of a node's store, the same for the daemon and for commands that work on its data directory. */
export function storeOptions(config: CoreOptions['config'], modules: CoreModules): StoreOptions {
  return {
    path: config.store.path,
    network: config.chain.network,
    cacheBytes: config.store.cacheMb * 1024 * 1024,
    writeBufferBytes: WRITE_BUFFER_BYTES,
    newDatabaseId: () => modules.random.hex(16),
    programVersion: modules.programVersion,
    syncWrites: config.store.syncWrites,
    ...(modules.metrics === undefined ? {} : { timing: storeTiming(modules.metrics) }),
  };
}

/** Opens store, chain, verifier and ingest, in this order; `close` undoes it backwards. */
export async function openCore(options: CoreOptions, modules: CoreModules): Promise<Core> {
  const { config } = options;
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer();
  };
  try {
    const store = await Store.open(storeOptions(config, modules));
    closers.push(() => store.close());
    const { network, checkpoint } = config.chain;
    const chain = await HeaderChain.open(
      { network, checkpoint },
      { disk: headerDisk(store.database), clock: modules.clock },
    );
    checkHeaders(store, chain);
    const pool = new VerifierPool({ workers: options.workers ?? defaultWorkers(), idleMs: VERIFIER_IDLE_MS });
    closers.push(() => pool.close());
    await pool.start();
    const services = headerServices(config, modules);
    const asking = new AbortController();
    const events = new EventHub(store);
    const roots = new RootSources({
      services,
      clock: modules.clock,
      signal: asking.signal,
      onBack: () => ingest.retryBelowBase(),
    });
    const ingest: Ingest = new Ingest({
      store,
      chain,
      pool: timedVerifier(pool, modules.metrics ?? NO_METRICS),
      verifyRoot: roots.verify,
      nowMs: () => modules.clock.nowMs(),
      pace: modules.clock,
      coinbaseMatures: network !== 'regtest',
      onEvents: (first, records) => events.publish(first, records),
      onWriteFailure: modules.onWriteFailure,
    });
    closers.push(() => ingest.close());
    await ingest.follow(followedTokens(config.tokens));
    await ingest.chainChanged(undefined);
    const watch = watchChain(chain, ingest, modules.onWriteFailure);
    closers.push(watch.stop);
    // First of all: a service that does not answer must not keep what is in flight from its end.
    closers.push(async () => asking.abort());
    const reader = new StoreReader({
      store,
      isFollowed: (tokenId) => ingest.follows(tokenId),
      timeOfHeight: (height) => chain.timeAt(height),
      tipHeight: () => chain.tip().height,
    });
    return { store, chain, ingest, reader, pool, events, services, chainSettled: watch.settled, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Headers are written before the commits that use them, so a tip that the chain does not know was lost to damage. To go
 * on would quietly make mined transactions unmined.
 */
function checkHeaders(store: Store, chain: HeaderChain): void {
  const { tipHeight, tipHash, commit } = store.tip();
  if (commit === 0 || chain.knows(tipHash)) return;
  throw new StoreError(
    'STORE_HEADERS_LOST',
    `the store is damaged: its last commit was made with block ${tipHash} at height ${tipHeight}, which its headers no longer hold. Run \`btcfed verify --rebuild\`, then \`btcfed headers import\` or sync again`,
    { tipHeight, tipHash, headersTo: chain.tip().height },
  );
}

/** Tokens to follow: what is blocked is never followed. */
export function followedTokens({ follow, block }: Config['tokens']): string[] {
  const blocked = new Set(block);
  return follow.filter((id) => !blocked.has(id));
}

/** Clients of the block-headers-services that the configuration names. */
export function headerServices(config: CoreOptions['config'], modules: CoreModules): HeadersService[] {
  return config.chain.headerSources.flatMap((source) =>
    source.kind === 'service' ? [headerService(source, modules)] : [],
  );
}

export type ServiceSource = Extract<HeaderSource, { kind: 'service' }>;

export function headerService(
  { url, token }: ServiceSource,
  modules: Pick<CoreModules, 'fetch' | 'clock' | 'random'>,
): HeadersService {
  const http = { fetch: modules.fetch, clock: modules.clock, random: modules.random.fraction };
  return new HeadersService({ url, token: token?.reveal() }, http);
}

function watchChain(
  chain: HeaderChain,
  ingest: Ingest,
  onFailure: (error: unknown) => void,
): { readonly settled: () => Promise<void>; readonly stop: () => Promise<void> } {
  let last: Promise<void> = Promise.resolve();
  const stop = chain.onChange((update) => {
    last = ingest.chainChanged(update.undone).catch(onFailure);
  });
  return {
    settled: () => last,
    stop: () => {
      stop();
      return last;
    },
  };
}
