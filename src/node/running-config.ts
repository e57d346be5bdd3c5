import type { Config, LoadedConfig } from '../../config/index.ts';

/** The configuration in force. Replaced whole: a reader that keeps what it got sees one configuration, old or new. */
export class RunningConfig {
  #loaded: LoadedConfig;

  constructor(loaded: LoadedConfig) {
    this.#loaded = loaded;
  }

  get loaded(): LoadedConfig {
    return this.#loaded;
  }

  get config(): Config {
    return this.#loaded.config;
  }

  /** The reload engine alone calls this, after every component has applied. */
  replace(loaded: LoadedConfig): void {
    this.#loaded = loaded;
  }
}
