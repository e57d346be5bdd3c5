import { showConfig } from '../../config/index.ts';
import { checkConfig } from '../api/config-check.ts';
import { ApiError } from '../api/errors.ts';
import type { ApiModules, PurgeOptions, PurgeOutcome } from '../api/modules.ts';
import { HeaderChain } from '../chain/header-chain.ts';
import { purgeToken, tokenToPurge } from '../ingest/purge.ts';
import { type RebuildModules, rebuildStore } from '../ingest/rebuild.ts';
import { NO_METRICS } from '../observe/metrics.ts';
import { MAX_BEEF_BYTES } from '../spv/limits.ts';
import { StoreError } from '../store/errors.ts';
import { followedTokens, headerServices, storeOptions } from './core.ts';
import { headerDisk } from './header-disk.ts';
import type { LocalParts } from './local.ts';
import { RootSources } from './root-sources.ts';

/**
 * Modules for commands that make the store anew: `verify --rebuild`, where it may be too damaged to open, and `token purge`.
 * Nothing else is served.
 */
export function repairModules(parts: LocalParts): ApiModules {
  const { loaded, configFile: file, home, logs, health, facts, coreModules } = parts;
  const { config } = loaded;
  const { network } = config.chain;
  return {
    network,
    view: closed('view'),
    offers: closed('offers'),
    chain: closed('chain'),
    config: {
      file,
      shown: () => showConfig(config, loaded.sources),
      check: (text) => checkConfig({ file, home }, text),
    },
    node: { facts },
    metrics: NO_METRICS,
    health,
    logs,
    events: { onAppend: () => () => undefined },
    verifyStore: async ({ acceptLoss, signal }, progress) => {
      const report = await rebuildStore(
        {
          store: storeOptions(config, coreModules),
          follow: followedTokens(config.tokens),
          acceptLoss,
          signal,
          onProgress: (done, total) => progress({ done, total }),
        },
        rebuildModules(parts, signal),
      );
      logs.module('store').event('store.rebuilt', {
        kept: report.transactions.kept,
        lost: report.transactions.lost ?? 'unknown',
        unproven: report.transactions.unproven,
        waiting: report.waiting,
        damaged_rows: report.damagedRows,
      });
      return report.audit;
    },
    purgeToken: (opts, progress) => purge(parts, opts, (done, total) => progress({ done, total })),
    maxBeefBytes: MAX_BEEF_BYTES,
    clock: { nowMs: () => coreModules.clock.nowMs() },
    log: logs.module('api'),
  };
}

/** Nobody else waits while a store is made anew. */
const PATIENT_MS = 60_000;

function rebuildModules({ loaded, coreModules }: LocalParts, signal: AbortSignal): RebuildModules {
  const { config } = loaded;
  const { network, checkpoint } = config.chain;
  return {
    recoverChain: async (database) => {
      const modules = { disk: headerDisk(database), clock: coreModules.clock };
      return (await HeaderChain.recover({ network, checkpoint }, modules)).chain;
    },
    verifyRoot: new RootSources({
      services: headerServices(config, coreModules),
      clock: coreModules.clock,
      signal,
      waitMs: PATIENT_MS,
    }).verify,
  };
}

async function purge(
  parts: LocalParts,
  { token, dryRun, signal }: PurgeOptions,
  onProgress: (done: number, total: number) => void,
): Promise<PurgeOutcome> {
  const { loaded, logs, coreModules } = parts;
  const { config } = loaded;
  if (config.tokens.follow.includes(token)) {
    throw new ApiError('TOKEN_FOLLOWED', { token }, `remove ${token} from tokens.follow in conf.yaml first`);
  }
  const store = storeOptions(config, coreModules);
  const found = await tokenToPurge(store, token);
  if (found === undefined) {
    throw new ApiError('TOKEN_UNKNOWN', { token }, `the store has no data of ${token}; nothing was changed`);
  }
  const { transactions, coins, deploy } = found;
  const facts = { ...(deploy?.sym === undefined ? {} : { symbol: deploy.sym }), transactions, coins };
  if (dryRun) return { ...facts, done: undefined };
  const follow = followedTokens(config.tokens);
  const done = await purgeToken(
    { store, tokenId: token, follow, signal, onProgress },
    rebuildModules(parts, signal),
  );
  const { dropped, kept } = done;
  logs.module('store').event('store.purged', {
    token,
    dropped: dropped.transactions,
    kept: kept.transactions,
    waiting: kept.waiting,
  });
  return { ...facts, done };
}

/** A part that is not there while the store is rebuilt: every use of it is a typed error. */
function closed<T extends object>(part: string): T {
  return new Proxy({} as T, {
    get: () => {
      throw new StoreError('STORE_CLOSED', `the store is being rebuilt: there is no ${part} yet`);
    },
  });
}
