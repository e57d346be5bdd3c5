import { HeaderChain } from '../../src/chain/header-chain.ts';
import { Audit } from '../../src/ingest/audit.ts';
import type { Outcome } from '../../src/ingest/outcome.ts';
import { type PurgeReport, purgeToken } from '../../src/ingest/purge.ts';
import { type RebuildModules, type RebuildReport, rebuildStore } from '../../src/ingest/rebuild.ts';
import {
  type Core,
  type CoreModules,
  type CoreOptions,
  openCore,
  storeOptions,
} from '../../src/node/core.ts';
import { headerDisk } from '../../src/node/header-disk.ts';
import { systemClock, systemRandom } from '../../src/node/system.ts';
import type { VerifyReport } from '../../src/store/view.ts';

export interface TestCoreOptions {
  /** Folder of the store. */
  readonly path: string;
  readonly follow: readonly string[];
  /** Default false: these tests kill processes, not machines. */
  readonly syncWrites?: boolean;
}

/** What `openCore` is told of a regtest node without header sources. */
export function testCoreOptions({ path, follow, syncWrites = false }: TestCoreOptions): CoreOptions {
  return {
    config: {
      chain: { network: 'regtest', checkpoint: undefined, headerSources: [] },
      tokens: { follow: [...follow], block: [] },
      store: { path, cacheMb: 8, syncWrites },
    },
    workers: 1,
  };
}

export const testCoreModules: CoreModules = {
  clock: systemClock,
  random: systemRandom,
  fetch: () => Promise.reject(new Error('this test has no network')),
  programVersion: '0.0.0-test',
  // The offers concerned are answered UNAVAILABLE, which `importAll` does not take.
  onWriteFailure: (error) => void process.stderr.write(`${String(error)}\n`),
};

export function openTestCore(options: TestCoreOptions, modules: Partial<CoreModules> = {}): Promise<Core> {
  return openCore(testCoreOptions(options), { ...testCoreModules, ...modules });
}

/** Offers all BEEFs, as many at once as the node takes, and waits for the answers; throws if it could not take one. */
export async function importAll(core: Core, beefs: Iterable<Uint8Array>): Promise<Outcome[]> {
  const offers: Promise<Outcome>[] = [];
  for (const beef of beefs) {
    await core.ingest.ready();
    offers.push(core.ingest.offer(beef, 'import'));
  }
  const outcomes = await Promise.all(offers);
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected' && (outcome.code === 'UNAVAILABLE' || outcome.code === 'QUEUE_FULL')) {
      throw new Error(`an offer was not taken: ${JSON.stringify(outcome)}`);
    }
  }
  return outcomes;
}

export function audit(core: Pick<Core, 'store' | 'chain'>): Promise<VerifyReport> {
  return Audit.run(core.store, core.chain, {
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
}

const REBUILD_MODULES: RebuildModules = {
  recoverChain: async (database) => {
    const modules = { disk: headerDisk(database), clock: testCoreModules.clock };
    return (await HeaderChain.recover({ network: 'regtest' }, modules)).chain;
  },
  verifyRoot: () => Promise.resolve('unknown'),
};

/** Rebuilds the store of a test node, as `btcfed verify --rebuild` does. */
export function rebuildTestCore(
  options: TestCoreOptions & { readonly acceptLoss?: boolean },
  signal: AbortSignal = new AbortController().signal,
): Promise<RebuildReport> {
  const { config } = testCoreOptions(options);
  return rebuildStore(
    {
      store: storeOptions(config, testCoreModules),
      follow: options.follow,
      acceptLoss: options.acceptLoss === true,
      signal,
      onProgress: () => undefined,
    },
    REBUILD_MODULES,
  );
}

/** Purges a token from the store of a test node, as `btcfed token purge` does. */
export function purgeTestCore(
  { tokenId, ...options }: TestCoreOptions & { readonly tokenId: string },
  signal: AbortSignal = new AbortController().signal,
): Promise<PurgeReport> {
  const { config } = testCoreOptions(options);
  const { follow } = options;
  const store = storeOptions(config, testCoreModules);
  return purgeToken({ store, tokenId, follow, signal, onProgress: () => undefined }, REBUILD_MODULES);
}
