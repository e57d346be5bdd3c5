import type { ReloadOutcome, ReloadState } from '../api/reload-outcome.ts';
import type { ApiServer } from '../api/server.ts';
import type { HeaderFollower } from '../chain/source-runner.ts';
import type { VersionFacts } from '../cli/version.ts';
import type { Health } from '../observe/health.ts';
import { errorFields, type Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import { PromMetrics } from '../observe/prom-metrics.ts';
import type { Clock } from '../p2p/types.ts';
import type { Core } from './core.ts';
import { freeBytesAt, heartbeat } from './heartbeat.ts';
import { type MeasuredNetwork, measureNetwork } from './network-metrics.ts';
import { measureApi, measureNode } from './node-metrics.ts';
import { sendByCommand } from './notify.ts';
import { measureProcess } from './process-metrics.ts';
import { NO_SERVICE_MANAGER, type ServiceManager, serviceManager } from './systemd.ts';

const STATUS_EVERY_MS = 5_000;

export interface ReportsOptions {
  readonly version: VersionFacts;
  readonly startedAtMs: number;
}

export interface ReportsModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly health: Health;
  /** Resolves when the daemon is told to stop. */
  readonly stopped: Promise<unknown>;
}

/** What runs, once it does. */
export interface ReportedParts {
  readonly core: Core;
  readonly runners: readonly HeaderFollower[];
  readonly api: ApiServer;
  readonly storePath: string;
  readonly network: MeasuredNetwork | undefined;
}

/** What the daemon tells those who run it unasked: metrics, and the state for the service manager. */
export class Reports {
  readonly metrics: Metrics;
  private readonly modules: ReportsModules;
  private readonly manager: ServiceManager;
  private readonly forget: (() => void)[] = [];
  private parts: ReportedParts | undefined;
  private lastReload: ReloadOutcome['verdict'] | undefined;
  private cancelStatus = (): void => undefined;

  constructor(opts: ReportsOptions, modules: ReportsModules) {
    const { version, commit = 'unknown', node, libp2p } = opts.version;
    const { clock, log } = modules;
    this.modules = modules;
    this.metrics = new PromMetrics(
      { build: { version, commit, node, libp2p } },
      { onCollectFailure: (error) => log.event('node.metrics_failed', errorFields(error)) },
    );
    this.forget.push(measureProcess(this.metrics, opts.startedAtMs));
    this.metrics.set('config_reload_success', {}, 1);
    this.metrics.set('config_reload_timestamp_seconds', {}, opts.startedAtMs / 1000);
    this.manager = serviceManager(
      { env: process.env, pid: process.pid },
      {
        ...{ clock, log, send: sendByCommand },
        monotonicUsec: () => process.hrtime.bigint() / 1000n,
        heartbeat: () => this.heartbeat(),
      },
    );
    // Also where it is told to stop before it has started.
    void modules.stopped.then(() => this.manager.stopping());
    this.manager.starting('starting');
  }

  /** The daemon serves. */
  started(parts: ReportedParts): void {
    this.parts = parts;
    const { metrics } = this;
    const { health } = this.modules;
    this.forget.push(measureNode({ ...parts, health }, metrics), measureApi(parts.api, metrics));
    if (parts.network !== undefined) this.forget.push(measureNetwork(parts.network, metrics));
    this.manager.ready();
    this.tellStatus();
  }

  onReloadState(state: ReloadState): void {
    if (state === 'validating' && this.parts !== undefined) this.manager.reloading();
  }

  /** Also after a refused one the daemon serves, with what it had. */
  reloaded({ verdict, atMs }: Pick<ReloadOutcome, 'verdict' | 'atMs'>): void {
    const { metrics } = this;
    const isGood = verdict === 'applied' || verdict === 'unchanged';
    this.lastReload = verdict;
    metrics.inc('config_reloads_total', { result: verdict });
    metrics.set('config_reload_success', {}, isGood ? 1 : 0);
    if (isGood) metrics.set('config_reload_timestamp_seconds', {}, atMs / 1000);
    if (this.parts === undefined) return;
    this.manager.ready();
    this.tellStatus();
  }

  stop(): undefined {
    this.cancelStatus();
    this.manager.stop();
    for (const forget of this.forget) forget();
    this.forget.length = 0;
  }

  private heartbeat(): Promise<void> {
    if (this.parts === undefined) return Promise.reject(new Error('there is no store yet'));
    const { core, storePath } = this.parts;
    return heartbeat({ store: core.store, freeBytes: () => freeBytesAt(storePath) });
  }

  private tellStatus(): void {
    this.cancelStatus();
    if (this.parts === undefined || this.manager === NO_SERVICE_MANAGER) return;
    this.manager.status(statusLine(this.parts, this.modules.health, this.lastReload));
    this.cancelStatus = this.modules.clock.after(STATUS_EVERY_MS, () => this.tellStatus());
  }
}

/** `running, synced to 905506; 12 peers (4 in, 8 out)`, and what an operator should look at. */
export function statusLine(
  { core, runners, network }: Pick<ReportedParts, 'core' | 'runners' | 'network'>,
  health: Pick<Health, 'warnings'>,
  lastReload: ReloadOutcome['verdict'] | undefined,
): string {
  const { height } = core.chain.tip();
  const remote = Math.max(0, ...runners.map((runner) => runner.state().remoteHeight ?? 0));
  const parts = [
    remote > height
      ? `running, syncing: ${Math.floor((100 * height) / remote)} % (${height} of ${remote})`
      : `running, headers to ${height}`,
  ];
  if (network !== undefined) {
    const { inbound, outbound } = network.api.facts();
    parts.push(`${inbound + outbound} peers (${inbound} in, ${outbound} out)`);
  }
  const codes = health.warnings().map((warning) => warning.code);
  if (codes.length > 0) parts.push(`degraded: ${codes.join(', ')}`);
  if (lastReload === 'refused' || lastReload === 'rolled_back' || lastReload === 'failed') {
    parts.push(`last reload ${lastReload.replace('_', ' ')}`);
  }
  return parts.join('; ');
}
