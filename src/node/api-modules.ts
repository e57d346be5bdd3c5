import { setTimeout as delay } from 'node:timers/promises';
import { type LoadedConfig, showConfig } from '../../config/index.ts';
import { checkConfig } from '../api/config-check.ts';
import type { ApiModules, ChainApi, HeaderView, NetworkApi, NodeFacts, SyncApi } from '../api/modules.ts';
import type { Header } from '../chain/header.ts';
import type { HeaderFollower } from '../chain/source-runner.ts';
import { Audit } from '../ingest/audit.ts';
import type { Health } from '../observe/health.ts';
import type { Logs } from '../observe/log.ts';
import { type Metrics, NO_METRICS } from '../observe/metrics.ts';
import { MAX_BEEF_BYTES } from '../spv/limits.ts';
import { StoreError } from '../store/errors.ts';
import type { Core } from './core.ts';

export interface ApiParts {
  readonly core: Core;
  /** The configuration in force at the moment of the question. */
  readonly loaded: () => LoadedConfig;
  readonly configFile: string;
  readonly home: string;
  readonly logs: Logs;
  readonly health: Health;
  readonly facts: () => NodeFacts;
  readonly metrics?: Metrics;
  /** Pollers of the header sources. */
  readonly runners?: readonly HeaderFollower[];
  readonly p2p?: NetworkApi;
  readonly sync?: SyncApi;
  readonly reload?: ApiModules['reload'];
}

const SETTLE_MS = 5_000;

/** What the RPC methods may touch, made of the parts of a node. */
export function apiModules(parts: ApiParts): ApiModules {
  const { core, loaded, configFile: file, home, logs, health } = parts;
  return {
    network: loaded().config.chain.network,
    view: core.reader,
    offers: core.ingest,
    chain: chainApi(core, parts.runners ?? []),
    config: {
      file,
      shown: () => {
        const { config, sources } = loaded();
        return showConfig(config, sources);
      },
      check: (text) => checkConfig({ file, home, running: loaded().config }, text),
    },
    node: { facts: parts.facts },
    p2p: parts.p2p,
    sync: parts.sync,
    reload: parts.reload,
    metrics: parts.metrics ?? NO_METRICS,
    health,
    logs,
    events: core.events,
    verifyStore: ({ rebuild, signal }, progress) => {
      if (rebuild) {
        const message =
          'a store can be rebuilt only while no daemon has it: stop the daemon, then run `btcfed verify --rebuild`';
        return Promise.reject(new StoreError('STORE_LOCKED', message));
      }
      return Audit.beside(core.store, core.chain, {
        signal,
        onProgress: (done, total) => progress({ done, total }),
      });
    },
    purgeToken: () => {
      const message =
        'a token can be purged only while no daemon has the store: stop the daemon, then run `btcfed token purge`';
      return Promise.reject(new StoreError('STORE_LOCKED', message));
    },
    maxBeefBytes: MAX_BEEF_BYTES,
    clock: { nowMs: () => Date.now() },
    log: logs.module('api'),
  };
}

function chainApi({ chain, chainSettled, ingest }: Core, runners: readonly HeaderFollower[]): ChainApi {
  return {
    lag: () => {
      const known = runners.flatMap((runner) => runner.state().behind ?? []);
      return known.length === 0 ? undefined : Math.max(...known);
    },
    tip: () => chain.tip(),
    baseHeight: () => chain.baseHeight(),
    header: (which) => {
      const height = typeof which === 'number' ? which : chain.heightOf(which);
      const header = height === undefined ? undefined : chain.header(height);
      return header === undefined || height === undefined ? undefined : headerView(height, header);
    },
    import: async (headers) => {
      const { added, known, undone, tip } = await chain.add(headers);
      // The answer speaks of transactions too: those that waited for these headers are tried by now, unless others keep
      // the ingest busy for longer than a caller should wait.
      await chainSettled();
      await Promise.race([ingest.drained(), delay(SETTLE_MS, undefined, { ref: false })]);
      return { added, known, undone, tip };
    },
  };
}

function headerView(height: number, header: Header): HeaderView {
  const { hash, version, prevHash, merkleRoot, time, bits, nonce } = header;
  return { height, hash, version, prevHash, merkleRoot, time, bits, nonce };
}
