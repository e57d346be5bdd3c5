import { showConfig } from '../../config/index.ts';
import { checkConfig } from '../api/config-check.ts';
import type { ApiModules } from '../api/modules.ts';
import { HeaderChain } from '../chain/header-chain.ts';
import { rebuildStore } from '../ingest/rebuild.ts';
import { NO_METRICS } from '../observe/metrics.ts';
import { MAX_BEEF_BYTES } from '../spv/limits.ts';
import { StoreError } from '../store/errors.ts';
import { askServices, followedTokens, headerServices, storeOptions } from './core.ts';
import { headerDisk } from './header-disk.ts';
import type { LocalParts } from './local.ts';

/** Modules for `verify --rebuild`: the store may be too damaged to open, so nothing but the rebuild is served. */
export function repairModules(parts: LocalParts): ApiModules {
  const { loaded, configFile: file, home, logs, health, facts, coreModules } = parts;
  const { config } = loaded;
  const { network, checkpoint } = config.chain;
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
        {
          recoverChain: async (database) => {
            const modules = { disk: headerDisk(database), clock: coreModules.clock };
            return (await HeaderChain.recover({ network, checkpoint }, modules)).chain;
          },
          verifyRoot: askServices(headerServices(config, coreModules), signal),
        },
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
    maxBeefBytes: MAX_BEEF_BYTES,
    clock: { nowMs: () => coreModules.clock.nowMs() },
    log: logs.module('api'),
  };
}

/** A part that is not there while the store is rebuilt: every use of it is a typed error. */
function closed<T extends object>(part: string): T {
  return new Proxy({} as T, {
    get: () => {
      throw new StoreError('STORE_CLOSED', `the store is being rebuilt: there is no ${part} yet`);
    },
  });
}
