import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { replaceFile } from '../../config/atomic-file.ts';
import type { ConfigDisk, FileOwner } from '../../config/disk.ts';
import type { ProcessTable } from '../../config/process-id.ts';
import { errnoOf } from '../../config/read-file.ts';

/** Backups, and copies of damaged files, that are kept (federation-acceptance check 27). */
export const MAX_BACKUPS = 5;

export interface BackupModules {
  readonly disk: ConfigDisk;
  readonly randomBytes: (count: number) => Uint8Array;
  readonly processes?: ProcessTable;
}

/** Earlier contents of a file beside it: `FILE.bak-000001`, counted up, and `FILE.damaged-DIGEST`. Mode 0600. */
export class PeerBackups {
  readonly #file: string;
  readonly #modules: BackupModules;

  constructor(file: string, modules: BackupModules) {
    this.#file = file;
    this.#modules = modules;
  }

  /** Keeps a text, and the five newest. @throws the disk's error */
  async keep(text: string, owner: FileOwner | undefined): Promise<void> {
    const names = await this.#names();
    const last = Number(names.at(-1)?.slice(-6) ?? 0);
    const path = `${this.#file}.bak-${String(last + 1).padStart(6, '0')}`;
    await replaceFile({ path, bytes: Buffer.from(text), owner }, this.#modules);
    await this.#removeAll(names.slice(0, Math.max(0, names.length + 1 - MAX_BACKUPS)));
  }

  /** The newest backup that `parse` takes; undefined if there is none. */
  async newest<T>(parse: (bytes: Uint8Array) => T): Promise<T | undefined> {
    for (const name of (await this.#names().catch(() => [])).toReversed()) {
      try {
        return parse(await this.#modules.disk.read(join(dirname(this.#file), name)));
      } catch {
        // That one is damaged as well, or unreadable: the one before it.
      }
    }
    return undefined;
  }

  /** Copies a damaged file aside, byte for byte; the same damage once. @throws the disk's error */
  async keepDamaged(bytes: Uint8Array, owner: FileOwner | undefined): Promise<string> {
    const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
    const path = `${this.#file}.damaged-${digest}`;
    try {
      await this.#modules.disk.create(path, bytes, owner);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
    await this.#dropOldDamaged(basename(path));
    return path;
  }

  async #dropOldDamaged(newest: string): Promise<void> {
    const { disk } = this.#modules;
    const folder = dirname(this.#file);
    const prefix = `${basename(this.#file)}.damaged-`;
    const names = (await disk.list(folder)).filter((name) => name.startsWith(prefix) && name !== newest);
    const aged = await Promise.all(
      names.map(async (name) => ({ name, mtimeMs: (await disk.stat(join(folder, name))).mtimeMs })),
    );
    aged.sort((left, right) => right.mtimeMs - left.mtimeMs);
    await this.#removeAll(aged.slice(MAX_BACKUPS - 1).map(({ name }) => name));
  }

  /** Oldest first. */
  async #names(): Promise<string[]> {
    const prefix = `${basename(this.#file)}.bak-`;
    const names = await this.#modules.disk.list(dirname(this.#file));
    return names
      .filter((name) => name.startsWith(prefix) && /^\d{6}$/.test(name.slice(prefix.length)))
      .sort();
  }

  async #removeAll(names: readonly string[]): Promise<void> {
    for (const name of names) {
      // Best effort: one too many does no harm.
      await this.#modules.disk.remove(join(dirname(this.#file), name)).catch(() => {});
    }
  }
}
