import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type LoadedConfig, loadConfig } from '../../config/index.ts';
import type { ApiModules } from '../api/modules.ts';
import type { LocalNode, OpenLocalOptions } from '../cli/io.ts';
import { versionFacts } from '../cli/version.ts';
import { Health } from '../observe/health.ts';
import { Logs } from '../observe/log.ts';
import { StoreError } from '../store/errors.ts';
import { STORE_FOLDER } from '../store/swap.ts';
import { apiModules } from './api-modules.ts';
import { type CoreModules, openCore } from './core.ts';
import { repairModules } from './repair.ts';
import { stderrFormat, stderrModules } from './stderr.ts';
import { systemClock, systemRandom } from './system.ts';

/** What both ways of opening a home need. */
export interface LocalParts {
  readonly home: string;
  readonly configFile: string;
  readonly loaded: LoadedConfig;
  readonly logs: Logs;
  readonly health: Health;
  readonly coreModules: CoreModules;
  readonly facts: ApiModules['node']['facts'];
}

/**
 * The data directory of a home for one command, while no daemon runs. Logs warnings and errors only.
 * @throws ConfigError, StoreError (STORE_LOCKED while a daemon has it)
 */
export async function openLocal(home: string, { repair, create }: OpenLocalOptions): Promise<LocalNode> {
  const parts = await localParts(home, create);
  if (repair) return { modules: repairModules(parts), close: () => Promise.resolve() };
  const core = await openCore({ config: parts.loaded.config }, parts.coreModules);
  return {
    modules: apiModules({ ...parts, loaded: () => parts.loaded, core }),
    close: async () => {
      await core.ingest.drained();
      await core.close();
    },
  };
}

async function localParts(home: string, create: boolean): Promise<LocalParts> {
  const configFile = join(home, 'conf.yaml');
  if (!create) refuseEmptyHome(home, configFile);
  const loaded = await loadConfig({ file: configFile, home, create });
  if (!create) refuseWithoutStore(home, loaded.config.store.path);
  const logs = new Logs({ level: 'warn', format: stderrFormat(loaded.config.logging.format) }, stderrModules);
  const health = new Health({ nowMs: systemClock.nowMs, log: logs.module('node') });
  const { version, commit } = versionFacts();
  const startedAtMs = systemClock.nowMs();
  const facts = () => ({
    state: 'running' as const,
    version,
    ...(commit === undefined ? {} : { commit }),
    pid: process.pid,
    startedAtMs,
    home,
    configHash: loaded.digest,
  });
  const coreModules = {
    clock: systemClock,
    random: systemRandom,
    fetch,
    programVersion: version,
    onWriteFailure: (error: unknown) => health.raise('STORE_WRITE_FAILED', String(error)),
  };
  return { home, configFile, loaded, logs, health, coreModules, facts };
}

/** To look into a home is no reason to make one: its name may be mistyped. */
function refuseEmptyHome(home: string, configFile: string): void {
  if (existsSync(configFile)) return;
  throw new StoreError('STORE_MISSING', `${home} is no home of btcfed: it has no conf.yaml`, { path: home });
}

function refuseWithoutStore(home: string, path: string): void {
  const { database, marker, ready } = STORE_FOLDER;
  if ([database, marker, ready].some((name) => existsSync(join(path, name)))) return;
  const how = '`btcfed run`, `btcfed import` and `btcfed headers import` make one';
  throw new StoreError('STORE_MISSING', `there is no store in ${path} (home ${home}): ${how}`, { path });
}
