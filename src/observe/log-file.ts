import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';

export interface LogFileOptions {
  readonly path: string;
  /** The file is set aside before it grows beyond this; only a single line longer than this does. */
  readonly maxBytes: number;
  /** Files set aside that are kept: `<path>.1` is the newest. */
  readonly kept?: number;
}

export interface LogFileModules {
  readonly monotonicMs: () => number;
  /** Told once when writing begins to fail; lines are lost until it works again. */
  readonly onFailure: (error: unknown) => void;
  readonly onRecovery: (lostLines: number) => void;
}

const KEPT_FILES = 5;
const MODE = 0o600;
const OTHERS_MAY = 0o077;
/** How soon writing is tried again after a failure. */
const RETRY_MS = 5_000;
/** Lines kept until the file is opened: a start says few. */
const MAX_EARLY_LINES = 1_000;

/** waiting: not opened yet, lines are kept; failed: lines are counted. */
type State =
  | { readonly kind: 'waiting'; readonly lines: string[] }
  | { readonly kind: 'open'; readonly fd: number; readonly inode: number; bytes: number }
  | { readonly kind: 'failed'; readonly triedMs: number; lost: number }
  | { readonly kind: 'closed' };

/**
 * A log file of bounded size, mode 0600, written line by line at once: the last line before a crash is in it. It is not
 * touched before `open`, so that a second daemon in the same folder, which ends before that, harms nothing.
 */
export class LogFile {
  readonly #options: Required<LogFileOptions>;
  readonly #modules: LogFileModules;
  #state: State = { kind: 'waiting', lines: [] };
  /** Told that it fails, and not yet that it works again. */
  #isFailing = false;

  constructor(options: LogFileOptions, modules: LogFileModules) {
    this.#options = { kept: KEPT_FILES, ...options };
    this.#modules = modules;
  }

  /** Begins to write, with the lines said so far. */
  open(): void {
    if (this.#state.kind !== 'waiting') return;
    const { lines } = this.#state;
    this.#attempt(lines, 0);
  }

  /** Never throws: a log that cannot be written stops nothing. */
  write(line: string): void {
    const state = this.#state;
    if (state.kind === 'waiting') {
      if (state.lines.length < MAX_EARLY_LINES) state.lines.push(line);
    } else if (state.kind === 'open') this.#attempt([line], 0);
    else if (state.kind === 'failed') {
      if (this.#modules.monotonicMs() - state.triedMs >= RETRY_MS) this.#attempt([line], state.lost);
      else state.lost += 1;
    }
  }

  /** Writes to the file of this name from now on, where somebody moved the one that is open (logrotate). */
  reopen(): void {
    const state = this.#state;
    if (state.kind !== 'open') return;
    try {
      if (inodeAt(this.#options.path) === state.inode) return;
      closeSync(state.fd);
      this.#openFile();
    } catch (error) {
      this.#fail(error, 0);
    }
  }

  close(): void {
    if (this.#state.kind === 'open') closeSync(this.#state.fd);
    this.#state = { kind: 'closed' };
  }

  #attempt(lines: readonly string[], lost: number): void {
    let written = 0;
    try {
      if (this.#state.kind !== 'open') this.#openFile();
      for (const line of lines) {
        this.#append(Buffer.from(line));
        written += 1;
      }
    } catch (error) {
      this.#fail(error, lost + lines.length - written);
      return;
    }
    if (!this.#isFailing) return;
    this.#isFailing = false;
    // What is told now is written as well.
    this.#modules.onRecovery(lost);
  }

  #append(bytes: Buffer): void {
    let state = this.#state.kind === 'open' ? this.#state : this.#openFile();
    if (state.bytes > 0 && state.bytes + bytes.length > this.#options.maxBytes) state = this.#rotate(state);
    for (let at = 0; at < bytes.length; ) {
      const count = writeSync(state.fd, bytes, at);
      at += count;
      state.bytes += count;
    }
  }

  #openFile(): Extract<State, { kind: 'open' }> {
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;
    const fd = openSync(this.#options.path, flags, MODE);
    const facts = fstatSync(fd);
    if (facts.isFile() && (facts.mode & OTHERS_MAY) !== 0) fchmodSync(fd, MODE);
    const state = { kind: 'open' as const, fd, inode: facts.ino, bytes: facts.isFile() ? facts.size : 0 };
    this.#state = state;
    return state;
  }

  #rotate({ fd, inode }: Extract<State, { kind: 'open' }>): Extract<State, { kind: 'open' }> {
    const { path, kept } = this.#options;
    // Another process may have set it aside already: its new file is no matter of ours.
    if (inodeAt(path) === inode) {
      rmSync(`${path}.${kept}`, { force: true });
      for (let n = kept - 1; n >= 1; n -= 1) renameIfThere(`${path}.${n}`, `${path}.${n + 1}`);
      renameSync(path, `${path}.1`);
    }
    closeSync(fd);
    this.#state = { kind: 'failed', triedMs: 0, lost: 0 };
    return this.#openFile();
  }

  #fail(error: unknown, lost: number): void {
    if (this.#state.kind === 'open') closeQuietly(this.#state.fd);
    this.#state = { kind: 'failed', triedMs: this.#modules.monotonicMs(), lost };
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#modules.onFailure(error);
  }
}

function inodeAt(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

function renameIfThere(from: string, to: string): void {
  if (inodeAt(from) !== undefined) renameSync(from, to);
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // It was failing already.
  }
}
