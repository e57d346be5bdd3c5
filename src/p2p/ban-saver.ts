import type { Log } from '../observe/log.ts';
import type { BanFile, BanRow } from './ban-file.ts';
import { asP2pError } from './errors.ts';
import type { Clock } from './types.ts';

/** Between two saves: peers that are made up to be banned must not keep the disk busy. */
export const SAVE_EVERY_MS = 1_000;
/** After a save that failed. */
export const SAVE_AGAIN_MS = 60_000;

/** Saves bans soon after each change, one save at a time; failures are logged once until a save succeeds again. */
export class BanSaver {
  readonly #file: BanFile;
  readonly #rows: () => readonly BanRow[];
  readonly #clock: Clock;
  readonly #log: Log;
  #isDirty = false;
  #isFailing = false;
  #mayWrite = true;
  #nextMs = 0;
  #cancelTimer: (() => void) | undefined;
  #saving: Promise<void> | undefined;

  constructor(modules: {
    readonly file: BanFile;
    readonly rows: () => readonly BanRow[];
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#file = modules.file;
    this.#rows = modules.rows;
    this.#clock = modules.clock;
    this.#log = modules.log;
  }

  /** Rows of the file; a file that cannot be used gives none, and one of a newer program is never overwritten. */
  async load(): Promise<readonly BanRow[]> {
    try {
      return await this.#file.load();
    } catch (error) {
      const { code, data } = asP2pError(error);
      this.#mayWrite = code !== 'FILE_NEWER';
      this.#log.event('peer.bans_unreadable', { code, file: this.#file.path, kept_as: data['kept_as'] });
      return [];
    }
  }

  changed(): void {
    this.#isDirty = true;
    if (this.#saving !== undefined || this.#cancelTimer !== undefined || !this.#mayWrite) return;
    const waitMs = Math.max(0, this.#nextMs - this.#clock.monotonicMs());
    this.#cancelTimer = this.#clock.after(waitMs, () => {
      this.#cancelTimer = undefined;
      void this.#save();
    });
  }

  /** Saves what is unsaved, at once. Leaves no timer. */
  async close(): Promise<void> {
    await this.#saving;
    if (this.#isDirty && this.#mayWrite) await this.#saveOnce();
    this.#mayWrite = false;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #save(): Promise<void> {
    this.#saving = this.#saveOnce().finally(() => {
      this.#saving = undefined;
      if (this.#isDirty) this.changed();
    });
    return this.#saving;
  }

  async #saveOnce(): Promise<void> {
    this.#isDirty = false;
    try {
      await this.#file.save(this.#rows());
      this.#nextMs = this.#clock.monotonicMs() + SAVE_EVERY_MS;
      if (this.#isFailing) this.#log.event('peer.bans_saved', { file: this.#file.path });
      this.#isFailing = false;
    } catch (error) {
      this.#isDirty = true;
      this.#nextMs = this.#clock.monotonicMs() + SAVE_AGAIN_MS;
      if (this.#isFailing) return;
      this.#isFailing = true;
      this.#log.event('peer.bans_unsaved', { code: asP2pError(error).code, file: this.#file.path });
    }
  }
}
