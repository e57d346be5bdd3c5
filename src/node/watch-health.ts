import type { Config } from '../../config/index.ts';
import type { NetworkApi, SyncApi } from '../api/modules.ts';
import type { HeaderFollower } from '../chain/source-runner.ts';
import { PENDING_LIMITS } from '../ingest/pending-set.ts';
import type { Health } from '../observe/health.ts';
import { errorFields, type Logs } from '../observe/log.ts';
import { lostText } from '../observe/lost-text.ts';
import { ClockSteps } from './clock-steps.ts';
import type { Core } from './core.ts';
import { descriptors } from './process-metrics.ts';
import { systemClock } from './system.ts';
import { checkDescriptorLimit, checkNetwork, checkSync } from './watch-network.ts';

const CHECK_MS = 1_000;
const STATUS_LINE_MS = 30_000;
/** A tip older than this on a network that mines a block each ten minutes. */
const STALE_TIP_SECONDS = 3 * 60 * 60;

export interface WatchedParts {
  readonly core: Core;
  readonly runners: readonly HeaderFollower[];
  readonly health: Health;
  readonly logs: Logs;
  readonly config: Config;
  readonly network?: { readonly api: NetworkApi; readonly wanted: () => readonly string[] };
  readonly sync?: SyncApi;
}

/** Looks after the named warnings, and writes one status line each half minute. The result stops it. */
export function watchHealth(parts: WatchedParts): () => undefined {
  let saidAt = Date.now();
  let sequence = parts.core.reader.facts().sequence;
  const clockSteps = new ClockSteps({ clock: systemClock, health: parts.health });
  checkDescriptorLimit(descriptors().max, parts.config.peers.maxPeers, parts.health);
  let mends = parts.core.store.mends;
  const check = (): void => {
    mends = checkWriting(parts, mends);
    checkHeaders(parts);
    checkRest(parts);
    clockSteps.check();
    if (parts.network !== undefined) checkNetwork(parts.network.api, parts.network.wanted(), parts.health);
    if (parts.sync !== undefined) {
      const knowsPeers = (parts.network?.api.facts().known ?? 0) > 0;
      checkSync(parts.sync, parts.core.ingest.followed(), knowsPeers, parts.health);
    }
    parts.health.tick();
    if (Date.now() - saidAt < STATUS_LINE_MS) return;
    const seconds = (Date.now() - saidAt) / 1000;
    const facts = parts.core.reader.facts();
    parts.logs.module('node').event('node.status', {
      height: parts.core.chain.tip().height,
      commit: facts.commit,
      sequence: facts.sequence,
      queued: parts.core.ingest.facts().queued,
      per_s: Math.round(Number(facts.sequence - sequence) / seconds),
      memory_mb: Math.round(process.memoryUsage.rss() / 1e6),
    });
    saidAt = Date.now();
    sequence = facts.sequence;
  };
  check();
  const timer = setInterval(check, CHECK_MS);
  return () => clearInterval(timer) as undefined;
}

function checkHeaders({ core, runners, health, config }: WatchedParts): void {
  const { chain } = core;
  if (!chain.isStarted()) {
    health.raise(
      'HEADERS_NONE',
      'import them with `btcfed headers import FILE`, or set chain.header_sources',
    );
    return;
  }
  health.clear('HEADERS_NONE');
  const { height } = chain.tip();
  const age = Math.floor(Date.now() / 1000) - (chain.timeAt(height) ?? 0);
  if (config.chain.network !== 'regtest' && age > STALE_TIP_SECONDS) {
    health.raise('HEADERS_STALE', `the newest header (height ${height}) is ${Math.floor(age / 3600)} h old`);
  } else health.clear('HEADERS_STALE');
  const states = runners.map((runner) => runner.state());
  const failing = states.filter((state) => state.failuresInARow > 0);
  if (failing.length > 0 && failing.length === states.length) {
    const text = failing.map((state) => `${state.source}: ${state.lastErrorCode}`).join(', ');
    health.raise('HEADER_SOURCE_FAILED', text);
  } else health.clear('HEADER_SOURCE_FAILED');
}

/** A disk that was full may have room by now; nobody need wait for the next transaction to find out. */
function checkWriting({ core, health, logs }: WatchedParts, mends: number): number {
  const { store } = core;
  store
    .mend()
    .catch((error: unknown) => logs.module('store').event('store.write_failed', errorFields(error)));
  if (store.mends > mends && !store.database.cannotWrite) health.clear('STORE_WRITE_FAILED');
  return store.mends;
}

function checkRest({ core, health }: WatchedParts): void {
  if (core.ingest.followed().length === 0) {
    health.raise('TOKENS_NONE_FOLLOWED', 'add token ids to tokens.follow in conf.yaml, then reload');
  } else health.clear('TOKENS_NONE_FOLLOWED');
  const { pending, lost } = core.reader.facts();
  if (lost !== undefined) health.raise('STORE_INCOMPLETE', lostText(lost));
  else health.clear('STORE_INCOMPLETE');
  const limit = PENDING_LIMITS.transactions;
  if (pending > limit * 0.9) health.raise('PENDING_NEAR_LIMIT', `${pending} of ${limit} transactions wait`);
  else health.clear('PENDING_NEAR_LIMIT');
}
