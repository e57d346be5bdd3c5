import { join } from 'node:path';
import { formatProblem, type LoadedConfig, loadConfig } from '../../config/index.ts';
import type { NodeFacts } from '../api/modules.ts';
import { ApiServer } from '../api/server.ts';
import { refuseIfRunning } from '../api/socket.ts';
import { HeaderSourceRunner } from '../chain/source-runner.ts';
import { versionFacts } from '../cli/version.ts';
import { Health } from '../observe/health.ts';
import { errorFields, Logs } from '../observe/log.ts';
import { apiModules } from './api-modules.ts';
import { type Core, openCore } from './core.ts';
import { EXIT, ExitSignals } from './exit.ts';
import { stderrFormat, stderrModules } from './stderr.ts';
import { systemClock, systemRandom } from './system.ts';
import { watchHealth } from './watch-health.ts';

/** A stop that takes longer has failed in some part; the store is safe at any moment. */
const STOP_DEADLINE_MS = 5_000;

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
  const logs = openLogs(loaded);
  signals.onFault = (error) => logs.module('node').event('node.fault', errorFields(error, true));
  signals.onForced = (signal) => logs.module('node').event('node.stop_forced', { signal });
  const daemon = new Daemon(home, configFile, loaded, logs);
  try {
    await daemon.start();
  } catch (error) {
    logs.module('node').event('node.start_failed', errorFields(error));
    await daemon.stop();
    return EXIT.notStarted;
  }
  const reason = await signals.stopped;
  return (await daemon.stopWithin(reason, STOP_DEADLINE_MS)) ? EXIT.ok : EXIT.unclean;
}

function openLogs({ config }: LoadedConfig): Logs {
  const { level, modules } = config.logging;
  const logs = new Logs({ level, modules, format: stderrFormat(config.logging.format) }, stderrModules);
  logs.addSecret(config.node.privateKey.reveal());
  return logs;
}

/** The composition root: what is started here from top to bottom is stopped from bottom to top. */
class Daemon {
  private readonly home: string;
  private readonly configFile: string;
  private readonly loaded: LoadedConfig;
  private readonly logs: Logs;
  private readonly health: Health;
  private readonly version = versionFacts();
  private readonly startedAtMs = systemClock.nowMs();
  private readonly stoppers: { readonly part: string; readonly stop: () => Promise<unknown> | undefined }[] =
    [];
  private state: NodeFacts['state'] = 'starting';

  constructor(home: string, configFile: string, loaded: LoadedConfig, logs: Logs) {
    this.home = home;
    this.configFile = configFile;
    this.loaded = loaded;
    this.logs = logs;
    this.health = new Health({ nowMs: systemClock.nowMs, log: logs.module('node') });
  }

  async start(): Promise<void> {
    const { logs, health, loaded } = this;
    const log = logs.module('node');
    const { config } = loaded;
    log.event('node.starting', {
      home: this.home,
      network: config.chain.network,
      version: this.version.version,
    });
    this.tellConfig();
    await refuseIfRunning(config.rpc.socket);
    const core = await this.openCore();
    this.stoppers.push({ part: 'core', stop: () => core.close() });
    const runners = this.startSources(core);
    this.stoppers.push({ part: 'health', stop: watchHealth({ core, runners, health, logs, config }) });
    const modules = apiModules({ ...this.parts(), core, facts: () => this.facts() });
    const api = new ApiServer(
      { socketPath: config.rpc.socket, mode: config.rpc.mode === 0o660 ? 0o660 : 0o600 },
      modules,
    );
    await api.start();
    this.stoppers.push({ part: 'api', stop: () => api.stop() });
    this.state = 'running';
    log.event('node.started', { ms: systemClock.nowMs() - this.startedAtMs, pid: process.pid });
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

  private parts() {
    const { loaded, configFile, home, logs, health } = this;
    return { loaded, configFile, home, logs, health };
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
      configHash: this.loaded.digest,
    };
  }

  private tellConfig(): void {
    const log = this.logs.module('node');
    const { loaded, configFile: file } = this;
    if (loaded.written === 'file') log.event('config.created', { file });
    log.event('config.loaded', { file, hash: loaded.digest.slice(0, 16) });
    for (const warning of loaded.warnings) log.event('config.warning', { text: formatProblem(warning) });
  }

  private async openCore(): Promise<Core> {
    const start = systemClock.nowMs();
    const { config } = this.loaded;
    const log = this.logs.module('store');
    const core = await openCore(
      { config },
      {
        clock: systemClock,
        random: systemRandom,
        fetch,
        programVersion: this.version.version,
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

  private startSources(core: Core): HeaderSourceRunner[] {
    const runners = core.services.map(
      (source) =>
        new HeaderSourceRunner(
          {},
          { source, chain: core.chain, clock: systemClock, random: systemRandom.fraction },
        ),
    );
    for (const runner of runners) {
      runner.start();
      this.stoppers.push({ part: 'header source', stop: () => runner.stop() });
    }
    return runners;
  }
}
