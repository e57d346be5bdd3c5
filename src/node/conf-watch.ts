import { dirname, resolve } from 'node:path';
import { watch } from 'chokidar';
import { ConfigError, diffConfig, type LoadedConfig, restartKeys } from '../../config/index.ts';
import type { Log } from '../observe/log.ts';
import type { RunningConfig } from './running-config.ts';

/** An editor writes a file in several steps; it is looked at once it has been quiet for this long. */
const QUIET_MS = 300;

export interface ConfWatchModules {
  readonly load: () => Promise<LoadedConfig>;
  readonly running: RunningConfig;
  readonly after: (ms: number, run: () => void) => () => void;
  readonly log: Log;
}

/** Says that conf.yaml was changed, and whether a reload would take it. Applies nothing: that is up to the operator. */
export class ConfWatch {
  readonly #file: string;
  readonly #modules: ConfWatchModules;
  readonly #watcher: ReturnType<typeof watch>;
  #cancel: () => void = () => undefined;
  #looking: Promise<void> = Promise.resolve();
  /** What was said last, so that one change is told once. */
  #told = '';
  #stopped = false;

  constructor(file: string, modules: ConfWatchModules) {
    this.#file = resolve(file);
    this.#modules = modules;
    const folder = dirname(this.#file);
    // The folder: a file that is replaced by a rename is another file. Nothing else in it is of interest.
    this.#watcher = watch(folder, {
      depth: 0,
      ignoreInitial: true,
      ignored: (path) => path !== folder && path !== this.#file,
    });
    // What was changed before it saw changes is looked for once.
    this.#watcher.once('ready', () => this.#later());
    this.#watcher.on('all', () => this.#later());
    this.#watcher.on('error', (error) => {
      const code = String((error as { code?: unknown }).code ?? 'UNKNOWN');
      modules.log.event('config.watch_failed', { file, code });
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#watcher.close();
    await this.#looking;
  }

  #later(): void {
    this.#cancel();
    if (this.#stopped) return;
    this.#cancel = this.#modules.after(QUIET_MS, () => {
      this.#looking = this.#looking.then(() => this.#look());
    });
  }

  async #look(): Promise<void> {
    if (this.#stopped) return;
    const { load, running, log } = this.#modules;
    try {
      const { config, digest } = await load();
      // A reload may have taken it already.
      if (digest === running.loaded.digest) this.#told = '';
      else if (digest !== this.#told) {
        this.#told = digest;
        const changes = diffConfig(running.config, config);
        const fixed = restartKeys(changes);
        if (fixed.length > 0) this.#warn(`a restart is needed for ${fixed.join(', ')}`);
        else log.event('config.file_changed', { file: this.#file, keys: changes.map(({ key }) => key) });
      }
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      if (error.message === this.#told) return;
      this.#told = error.message;
      this.#warn(error.message.split('\n').join('; '));
    }
  }

  #warn(text: string): void {
    this.#modules.log.event('config.file_refusable', { file: this.#file, text });
  }
}
