import { errnoOf } from '../../config/read-file.ts';
import type { Log } from '../observe/log.ts';
import type { WatchFile } from './peer-watch.ts';
import type { Clock } from './types.ts';

/** Where the system cannot watch. Edits are noticed within 2 s (federation-acceptance check 19). */
const POLL_MS = 1_000;
/** Beside the watch, which does not tell of rights and of what a mount hides. */
const LOOK_EVERY_MS = 30_000;
/** The watcher drops what follows on an event within 50 ms, such as an edit right after our own save. */
const LOOK_AGAIN_MS = 250;

export interface PeerFileLooksModules {
  readonly clock: Clock;
  readonly log: Log;
  readonly watch: WatchFile;
}

/** When the file is looked at: as soon as the system says that it was touched, a moment later, and now and then. */
export class PeerFileLooks {
  readonly #file: string;
  readonly #modules: PeerFileLooksModules;
  readonly #look: () => Promise<void>;
  #isStopped = false;
  #unwatch: (() => Promise<void>) | undefined;
  #pollMs = LOOK_EVERY_MS;
  #cancelPoll: () => void = () => {};
  #cancelAgain: () => void = () => {};

  constructor(file: string, modules: PeerFileLooksModules, look: () => Promise<void>) {
    this.#file = file;
    this.#modules = modules;
    this.#look = look;
  }

  async start(): Promise<void> {
    const failed = (error: unknown): void => {
      this.#modules.log.event('peers.watch_failed', { code: errnoOf(error) });
      this.#pollMs = POLL_MS;
      this.#poll();
    };
    this.#poll();
    try {
      this.#unwatch = await this.#modules.watch(this.#file, () => this.#touched(), failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Leaves no timer and no watch. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelPoll();
    this.#cancelAgain();
    await this.#unwatch?.();
  }

  #touched(): void {
    if (this.#isStopped) return;
    void this.#look();
    this.#cancelAgain();
    this.#cancelAgain = this.#modules.clock.after(LOOK_AGAIN_MS, () => void this.#look());
  }

  #poll(): void {
    this.#cancelPoll();
    if (this.#isStopped) return;
    this.#cancelPoll = this.#modules.clock.after(this.#pollMs, () => {
      void this.#look().finally(() => this.#poll());
    });
  }
}
