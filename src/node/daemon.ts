import { join } from 'node:path';
import { type ConfigProblem, formatProblem, type LoadedConfig, loadConfig } from '../../config/index.ts';
import type { NodeFacts } from '../api/modules.ts';
import { errorText, type ReloadOutcome } from '../api/reload-outcome.ts';
import { ApiServer } from '../api/server.ts';
import { refuseIfRunning } from '../api/socket.ts';
import { versionFacts } from '../cli/version.ts';
import { Health } from '../observe/health.ts';
import { errorFields, type Logs } from '../observe/log.ts';
import { apiModules } from './api-modules.ts';
import { ConfWatch } from './conf-watch.ts';
import { type Core, openCore } from './core.ts';
import { EXIT, ExitSignals } from './exit.ts';
import { measureGossip } from './gossip-metrics.ts';
import { HeaderSources } from './header-sources.ts';
import { NodeLogs } from './logging.ts';
import { Network } from './network.ts';
import { NetworkReload } from './network-reload.ts';
import { Reloader, type ReloadTrigger } from './reload.ts';
import { tellReload } from './reload-log.ts';
import { Reports } from './reports.ts';
import { RunningConfig } from './running-config.ts';
import { loadSettled } from './settled-config.ts';
import { measureSync } from './sync-metrics.ts';
import { systemClock, systemRandom } from './system.ts';
import { TokenFollower } from './token-follower.ts';
import { TokenNetwork } from './token-network.ts';
import { watchHealth } from './watch-health.ts';

/** A stop that takes longer has failed in some part; the store is safe at any moment. */
const STOP_DEADLINE_MS = 5_000;

/** Warnings about the file that make `status` degraded. */
const CONFIG_WARNINGS = [
  ['FILE_MODE', 'CONFIG_MODE_WIDE'],
  ['KEY_HALVES_DIFFER', 'KEY_HALVES_DIFFER'],
] as const;

/** Runs the daemon until it is told to stop; resolves to its exit code (operator-features §3). */
export async function runDaemon(home: string): Promise<number> {
  // Before anything slow: a signal must find its handler at any moment.
  const signals = new ExitSignals();
  try {
    return await run(home, signals);
  } finally {
    signals.close();
  }
}

async function run(home: string, signals: ExitSignals): Promise<number> {
  const configFile = join(home, 'conf.yaml');
  const loaded = await loadConfig({ file: configFile, home, create: true });
  const daemon = new Daemon(home, configFile, loaded, signals.stopped);
  const { logging } = daemon;
  const log = logging.logs.module('node');
  signals.onFault = (error) => {
    log.event('node.fault', errorFields(error, true));
    logging.tellFatal(`unexpected fault: ${errorText(error)}`);
  };
  signals.onForced = (signal) => log.event('node.stop_forced', { signal });
  let asked: string | undefined;
  void signals.stopped.then((signal) => {
    asked = signal;
  });
  try {
    await daemon.start();
  } catch (error) {
    // Who asked for a stop meanwhile gets one: that the start would have failed is nobody's concern any more.
    if (asked !== undefined)
      return (await daemon.stopWithin(asked, STOP_DEADLINE_MS)) ? EXIT.ok : EXIT.unclean;
    log.event('node.start_failed', errorFields(error));
    logging.tellFatal(`the node did not start: ${errorText(error)}`);
    await daemon.stop();
    return EXIT.notStarted;
  }
  signals.reloadWith(() => void daemon.reload('signal'));
  signals.onLook = () => daemon.lookNow();
  const reason = await signals.stopped;
  return (await daemon.stopWithin(reason, STOP_DEADLINE_MS)) ? EXIT.ok : EXIT.unclean;
}

/** The composition root: what is started here from top to bottom is stopped from bottom to top. */
class Daemon {
  readonly logging: NodeLogs;
  private readonly home: string;
  private readonly configFile: string;
  private readonly running: RunningConfig;
  private readonly logs: Logs;
  private readonly health: Health;
  private readonly reloader: Reloader;
  private readonly reports: Reports;
  private readonly version = versionFacts();
  private readonly startedAtMs = systemClock.nowMs();
  private readonly stoppers: { readonly part: string; readonly stop: () => Promise<unknown> | undefined }[] =
    [];
  private readonly looks: (() => void)[] = [];
  private state: NodeFacts['state'] = 'starting';

  constructor(home: string, configFile: string, loaded: LoadedConfig, stopped: Promise<unknown>) {
    this.home = home;
    this.configFile = configFile;
    this.running = new RunningConfig(loaded);
    this.logging = new NodeLogs(loaded.config, (isFailed, text) => this.tellLogFile(isFailed, text));
    this.logs = this.logging.logs;
    this.health = new Health({ nowMs: systemClock.nowMs, log: this.logs.module('node') });
    this.reports = new Reports(
      { version: this.version, startedAtMs: this.startedAtMs },
      { clock: systemClock, log: this.logs.module('node'), health: this.health, stopped },
    );
    this.stoppers.push({ part: 'reports', stop: () => this.reports.stop() });
    this.reloader = new Reloader(
      {},
      {
        load: () => this.loadAgain(),
        running: this.running,
        clock: systemClock,
        onState: (state) => this.reports.onReloadState(state),
        onOutcome: (outcome) => this.tellReload(outcome),
        onFinishFailed: (component, error) =>
          this.logs.module('node').event('config.finish_failed', { component, ...errorFields(error) }),
      },
    );
  }

  async start(): Promise<void> {
    const { logs, running } = this;
    const log = logs.module('node');
    const { config, digest } = running.loaded;
    log.event('node.starting', {
      home: this.home,
      network: config.chain.network,
      version: this.version.version,
    });
    this.tellConfig(running.loaded, digest);
    await refuseIfRunning(config.rpc.socket);
    const core = await this.openCore();
    this.stoppers.push({ part: 'core', stop: () => core.close() });
    // The store is ours alone now, and so is the log file beside it.
    this.logging.openFile();
    const sources = new HeaderSources(config, core.services, {
      clock: systemClock,
      random: systemRandom,
      fetch,
      chain: core.chain,
    });
    sources.start();
    this.stoppers.push({ part: 'header sources', stop: () => sources.stop() });
    const { runners } = sources;
    const network = await this.startNetwork(core);
    const tokenNetwork = await this.startTokenNetwork(core, network, sources);
    const tokens = new TokenFollower({
      tokens: core.ingest,
      monotonicMs: systemClock.monotonicMs,
      log: logs.module('ingest'),
      onChanged: () => tokenNetwork.tokensChanged(),
      onComplete: () => tokenNetwork.tokensComplete(),
    });
    // Asked and told in this order: what others need comes first.
    this.reloader.register(this.logging, sources, tokens, new NetworkReload(network));
    this.stoppers.push({ part: 'health', stop: this.watch(core, sources, network, tokenNetwork) });
    const api = await this.startApi(core, sources, network, tokenNetwork);
    this.watchFile();
    this.stoppers.push({ part: 'reload', stop: () => this.reloader.stop() });
    this.state = 'running';
    this.reports.started({ core, runners, api, storePath: config.store.path, network });
    log.event('node.started', { ms: systemClock.nowMs() - this.startedAtMs, pid: process.pid });
  }

  /** Takes conf.yaml as it is now into use, whole or not at all: for SIGHUP and for `node.reload`. */
  reload(trigger: ReloadTrigger): Promise<ReloadOutcome> {
    this.logging.reopenFile();
    return this.reloader.request(trigger);
  }

  /** What is looked at from time to time is looked at now: the list of peers, those that are away, peers' peers, headers and histories. */
  lookNow(): void {
    this.logs.module('node').event('node.look_now');
    for (const look of this.looks) look();
  }

  /** True if every part stopped in order and in time. */
  async stopWithin(reason: string, ms: number): Promise<boolean> {
    const log = this.logs.module('node');
    log.event('node.stopping', { reason });
    const start = systemClock.nowMs();
    let cancel = (): void => undefined;
    const late = new Promise<boolean>((resolve) => {
      cancel = systemClock.after(ms, () => resolve(false));
    });
    const clean = await Promise.race([this.stop(), late]);
    cancel();
    log.event('node.stopped', { ms: systemClock.nowMs() - start });
    this.logs.flush();
    this.logging.closeFile();
    return clean;
  }

  /** Stops what was started, in the opposite order; true if no part failed. */
  async stop(): Promise<boolean> {
    this.state = 'stopping';
    let clean = true;
    for (let at = this.stoppers.pop(); at !== undefined; at = this.stoppers.pop()) {
      try {
        await at.stop();
      } catch (error) {
        clean = false;
        this.logs.module('node').event('node.stop_failed', { part: at.part, ...errorFields(error) });
      }
    }
    return clean;
  }

  private async startNetwork(core: Core): Promise<Network> {
    const { logs, health, version } = this;
    const network = await Network.create(this.running.config, {
      ...{ logs, health, version: version.version },
      clock: systemClock,
      random: systemRandom.fraction,
      followed: () => core.ingest.followed(),
    });
    this.stoppers.push({ part: 'network', stop: () => network.stop() });
    await network.start();
    return network;
  }

  private async startTokenNetwork(
    core: Core,
    network: Network,
    sources: HeaderSources,
  ): Promise<TokenNetwork> {
    const { logs, health, running } = this;
    const tokenNetwork = new TokenNetwork({
      ...{ core, network, logs, health, clock: systemClock, random: systemRandom.fraction },
      chain: running.config.chain,
    });
    this.stoppers.push({ part: 'token network', stop: () => tokenNetwork.stop() });
    await tokenNetwork.start();
    this.looks.push(
      () => void network.list.check(),
      () => network.keeper.lookNow(),
      () => network.exchange.exchangeNow(),
      () => tokenNetwork.lookNow(),
    );
    const { metrics } = this.reports;
    const streams = network.host.services.gossip;
    const forget = [
      measureSync(tokenNetwork.sync, metrics),
      measureGossip({ gossip: tokenNetwork.gossip, streams }, metrics),
    ];
    this.stoppers.push({
      part: 'sync metrics',
      stop: () => {
        for (const stop of forget) stop();
        return undefined;
      },
    });
    sources.attachPeers(tokenNetwork.headers.source);
    return tokenNetwork;
  }

  private async startApi(
    core: Core,
    { runners }: HeaderSources,
    network: Network,
    tokenNetwork: TokenNetwork,
  ): Promise<ApiServer> {
    const { running, configFile, home, logs, health } = this;
    const modules = apiModules({
      ...{ configFile, home, logs, health, core, runners },
      loaded: () => running.loaded,
      metrics: this.reports.metrics,
      p2p: network.api,
      sync: tokenNetwork.api,
      facts: () => this.facts(),
      reload: () => this.reload('rpc'),
    });
    const { socket, mode } = running.config.rpc;
    const api = new ApiServer({ socketPath: socket, mode: mode === 0o660 ? 0o660 : 0o600 }, modules);
    await api.start();
    this.stoppers.push({ part: 'api', stop: () => api.stop() });
    return api;
  }

  private watch(
    core: Core,
    { runners }: HeaderSources,
    network: Network,
    tokenNetwork: TokenNetwork,
  ): () => undefined {
    const { health, logs, running } = this;
    const wanted = (): readonly string[] => running.config.network.addresses;
    const { config } = running;
    return watchHealth({
      core,
      runners,
      health,
      logs,
      config,
      network: { api: network.api, wanted },
      sync: tokenNetwork.api,
    });
  }

  private watchFile(): void {
    const { running, logs } = this;
    const watch = new ConfWatch(this.configFile, {
      running,
      load: () => this.loadAgain(),
      after: systemClock.after,
      log: logs.module('node'),
    });
    this.stoppers.push({ part: 'configuration watch', stop: () => watch.stop() });
  }

  private loadAgain(): Promise<LoadedConfig> {
    return loadSettled({ file: this.configFile, home: this.home }, systemClock);
  }

  private facts(): NodeFacts {
    const { version, commit } = this.version;
    return {
      state: this.state,
      version,
      ...(commit === undefined ? {} : { commit }),
      pid: process.pid,
      startedAtMs: this.startedAtMs,
      home: this.home,
      configHash: this.running.loaded.digest,
      reload: this.reloader.facts(),
    };
  }

  private tellConfig(loaded: LoadedConfig, hash: string): void {
    const log = this.logs.module('node');
    const file = this.configFile;
    if (loaded.written === 'file') log.event('config.created', { file });
    log.event('config.loaded', { file, hash: hash.slice(0, 16) });
    for (const warning of loaded.warnings) log.event('config.warning', { text: formatProblem(warning) });
    this.warnOf(loaded.warnings);
  }

  /** What is wrong with the file, and yet not wrong enough to refuse it. */
  private warnOf(warnings: readonly ConfigProblem[]): void {
    const { health } = this;
    for (const [code, warning] of CONFIG_WARNINGS) {
      const found = warnings.find((problem) => problem.code === code);
      if (found === undefined) health.clear(warning);
      else health.raise(warning, formatProblem(found));
    }
  }

  private tellReload(outcome: ReloadOutcome): void {
    this.reports.reloaded(outcome);
    tellReload(outcome, { log: this.logs.module('node'), health: this.health });
    if (outcome.refusal === undefined) this.warnOf(outcome.warnings);
  }

  private tellLogFile(isFailed: boolean, text: string): void {
    if (isFailed) this.health.raise('LOG_FILE_FAILED', text);
    else this.health.clear('LOG_FILE_FAILED');
  }

  private async openCore(): Promise<Core> {
    const start = systemClock.nowMs();
    const { config } = this.running;
    const log = this.logs.module('store');
    const core = await openCore(
      { config },
      {
        clock: systemClock,
        random: systemRandom,
        fetch,
        programVersion: this.version.version,
        metrics: this.reports.metrics,
        onWriteFailure: (error) => {
          log.event('store.write_failed', errorFields(error));
          this.health.raise('STORE_WRITE_FAILED', error instanceof Error ? error.message : String(error));
        },
      },
    );
    const facts = core.reader.facts();
    log.event('store.opened', {
      path: config.store.path,
      format: facts.format,
      commit: facts.commit,
      sequence: facts.sequence,
      ms: systemClock.nowMs() - start,
    });
    return core;
  }
}
