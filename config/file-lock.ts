import { basename, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers';
import { type ConfigDisk, nodeDisk } from './disk.ts';
import {
  identityText,
  newNonce,
  type ProcessIdentity,
  type ProcessTable,
  parseIdentity,
  processTable,
} from './process-id.ts';
import { errnoOf } from './read-file.ts';

/** Limits of federation-acceptance check 24. */
export const LOCK_TIMEOUT_MS = 5_000;
/** A lock whose owner cannot be judged is taken for left behind after this; nothing is locked for longer than a save. */
const UNJUDGED_STALE_MS = 60_000;
const FIRST_WAIT_MS = 2;
const MAX_WAIT_MS = 20;

export type FileLockErrorCode = 'LOCK_TIMEOUT';

/** The lock was held by somebody else for too long. Failures of the disk are the disk's own errors. */
export class FileLockError extends Error {
  override readonly name = 'FileLockError';
  readonly code: FileLockErrorCode;
  readonly data: Readonly<Record<string, string | number>>;

  constructor(code: FileLockErrorCode, data: Readonly<Record<string, string | number>>) {
    super(`${data['lock']} is held by process ${data['pid']} for more than ${data['waitedMs']} ms`);
    this.code = code;
    this.data = data;
  }
}

export interface LockClock {
  nowMs(): number;
  monotonicMs(): number;
  after(ms: number, run: () => void): () => void;
}

export interface FileLockModules {
  readonly disk: Pick<ConfigDisk, 'create' | 'link' | 'list' | 'read' | 'stat' | 'remove'>;
  readonly processes: ProcessTable;
  readonly clock: LockClock;
  readonly randomBytes?: (count: number) => Uint8Array;
}

export const systemLockClock: LockClock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

export const FILE_LOCK_MODULES: FileLockModules = {
  disk: nodeDisk,
  processes: processTable,
  clock: systemLockClock,
};

/** Nonces of the locks that this process holds or tries to get. */
const HELD = new Set<string>();

interface Owner {
  readonly nonce: string;
  /** Undefined: the lock file was not written by us. */
  readonly process: ProcessIdentity | undefined;
}

/**
 * Runs `work` while this process alone holds `FILE.lock`, among all that use this function on `file`, also
 * within one process. The lock file is there whole or not at all (temp file, then a hard link, which fails if
 * the name is taken), and says who holds it, so that the lock of a process that died is taken over at once.
 * `timeoutMs` is asked at each try, so that a wait can be cut short.
 * @throws FileLockError LOCK_TIMEOUT; the disk's error if the lock file cannot be made; what `work` throws
 */
export async function withFileLock<T>(
  file: string,
  work: () => Promise<T>,
  modules: FileLockModules = FILE_LOCK_MODULES,
  timeoutMs: () => number = () => LOCK_TIMEOUT_MS,
): Promise<T> {
  const lock = new FileLock(`${file}.lock`, modules, modules.clock.monotonicMs(), timeoutMs);
  await lock.acquire();
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/**
 * Removes the locks of `file` whose owners have died, those of recoverers among them, which nobody would ask for
 * again. Those of living owners stay. Best effort.
 */
export async function removeStaleLocks(
  file: string,
  modules: FileLockModules = FILE_LOCK_MODULES,
): Promise<void> {
  const name = `${basename(file)}.lock`;
  const names = await modules.disk.list(dirname(file)).catch(() => []);
  for (const found of names.filter((other) => other === name || other.startsWith(`${name}.`))) {
    // Taking a lock over is the one safe way to remove it.
    const lock = new FileLock(join(dirname(file), found), modules, modules.clock.monotonicMs(), () => 0);
    const isTaken = await lock.acquire().then(
      () => true,
      () => false,
    );
    if (isTaken) await lock.release();
  }
}

class FileLock {
  readonly #path: string;
  readonly #modules: FileLockModules;
  readonly #sinceMs: number;
  readonly #timeoutMs: () => number;
  readonly #nonce: string;

  constructor(path: string, modules: FileLockModules, sinceMs: number, timeoutMs: () => number) {
    this.#path = path;
    this.#modules = modules;
    this.#sinceMs = sinceMs;
    this.#timeoutMs = timeoutMs;
    this.#nonce = newNonce(modules.randomBytes);
  }

  async acquire(): Promise<void> {
    // Before the file is there: others in this process would take it for one that was left behind.
    HELD.add(this.#nonce);
    try {
      await this.#wait();
    } catch (error) {
      HELD.delete(this.#nonce);
      throw error;
    }
  }

  async #wait(): Promise<void> {
    const { clock } = this.#modules;
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, MAX_WAIT_MS)) {
      if (await this.#tryCreate()) return;
      const owner = await this.#owner();
      if (owner === undefined) continue;
      if (await this.#isStale(owner)) {
        await this.#removeStale(owner);
        continue;
      }
      const timeoutMs = this.#timeoutMs();
      const leftMs = this.#sinceMs + timeoutMs - clock.monotonicMs();
      if (leftMs <= 0) {
        const pid = owner.process?.pid ?? 'unknown';
        throw new FileLockError('LOCK_TIMEOUT', { lock: this.#path, pid, waitedMs: timeoutMs });
      }
      await new Promise<void>((resolve) => clock.after(Math.min(waitMs, leftMs), resolve));
    }
  }

  /**
   * Only its own: an operator may have removed the file, and another process made its lock meanwhile. If the
   * disk fails, the file stays; it names this process and a nonce that is held no more, and is stale by that.
   */
  async release(): Promise<void> {
    try {
      const owner = await this.#owner();
      if (owner?.nonce === this.#nonce) await this.#removeIfThere(this.#path);
    } catch {
      // The work is done, whatever becomes of the lock.
    } finally {
      HELD.delete(this.#nonce);
    }
  }

  async #tryCreate(): Promise<boolean> {
    const { disk, processes } = this.#modules;
    const identity = identityText(processes.self);
    const temp = join(dirname(this.#path), `${tempPrefix(this.#path)}${identity}.${this.#nonce}.tmp`);
    try {
      await disk.create(temp, Buffer.from(`${identity} ${this.#nonce}\n`), undefined);
      await disk.link(temp, this.#path);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return false;
      throw error;
    } finally {
      await this.#removeIfThere(temp);
    }
  }

  /** Undefined: there is no lock (any more). */
  async #owner(): Promise<Owner | undefined> {
    try {
      const text = Buffer.from(await this.#modules.disk.read(this.#path)).toString('latin1');
      const [, identity, nonce] = /^(\S+) ([0-9a-f]{16})\n$/.exec(text) ?? [];
      const process = parseIdentity(identity ?? '');
      if (process !== undefined && nonce !== undefined) return { nonce, process };
      const { inode } = await this.#modules.disk.stat(this.#path);
      return { nonce: `inode${inode}`, process: undefined };
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #isStale({ process, nonce }: Owner): Promise<boolean> {
    const { disk, processes, clock } = this.#modules;
    const isOurs = process !== undefined && identityText(process) === identityText(processes.self);
    if (isOurs) return !HELD.has(nonce);
    const liveness = process === undefined ? 'unknown' : processes.liveness(process);
    if (liveness !== 'unknown') return liveness === 'dead';
    try {
      return clock.nowMs() - (await disk.stat(this.#path)).mtimeMs > UNJUDGED_STALE_MS;
    } catch {
      return false;
    }
  }

  /**
   * Two recoverers must not both remove: the slower one would remove the lock that the faster one has made
   * meanwhile. Whoever removes the lock with this nonce therefore holds a lock named after it, under which it
   * looks again. That one may be left behind in turn, and is recovered the same way.
   */
  async #removeStale(stale: Owner): Promise<void> {
    const path = `${this.#path}.${stale.nonce}`;
    const guard = new FileLock(path, this.#modules, this.#sinceMs, this.#timeoutMs);
    await guard.acquire();
    try {
      const owner = await this.#owner();
      if (owner?.nonce === stale.nonce) await this.#removeIfThere(this.#path);
    } finally {
      await guard.release();
    }
  }

  async #removeIfThere(path: string): Promise<void> {
    try {
      await this.#modules.disk.remove(path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }
}

function tempPrefix(path: string): string {
  return `.${path.slice(dirname(path).length).replaceAll('/', '')}.`;
}
