import { randomBytes } from 'node:crypto';
import { nodeDisk } from '../../config/disk.ts';
import type { PeerEntry } from '../../config/peer-entry.ts';
import { peerIdOf } from '../../config/public-key.ts';
import type { Health } from '../observe/health.ts';
import type { Log } from '../observe/log.ts';
import type { AddressBook } from '../p2p/address-book.ts';
import { PeerFile, type PeerFileState, type PeersChange } from '../p2p/peer-file.ts';
import { watchFile } from '../p2p/peer-watch.ts';
import type { Clock, PeerIdText } from '../p2p/types.ts';

/** What peers tell comes in bursts; a save costs an fsync. */
const SAVE_AFTER_MS = 2_000;
/** A disk that was full, a lock, an edit half done: what kept a save from being made may have ended. */
const RETRY_AFTER_MS = 10_000;
/** What who asks for a look waits for it: an edit is taken within this, a lock that another process holds lasts longer. */
const LOOK_WAIT_MS = 1_000;

export interface PeerListOptions {
  /** Absolute path of peers.yaml. */
  readonly file: string;
  /** Base64 of our own public key. */
  readonly ownKey: string;
}

export interface PeerListModules {
  readonly book: AddressBook;
  readonly clock: Clock;
  readonly health: Health;
  readonly log: Log;
  /** The operator wrote, changed or deleted these. */
  readonly onOperatorChange: (peerIds: readonly PeerIdText[]) => void;
}

/** Keeps the address book and peers.yaml in step: edits go into the book, what is learned into the file. */
export class PeerList {
  readonly #modules: PeerListModules;
  readonly #file: PeerFile;
  #operator = new Map<string, PeerEntry>();
  #due: { readonly isRetry: boolean; readonly cancel: () => void } | undefined;
  #forget: () => void = () => {};
  #isStopped = false;

  constructor(options: PeerListOptions, modules: PeerListModules) {
    this.#modules = modules;
    const { clock, log, health } = modules;
    this.#file = new PeerFile(options, {
      disk: nodeDisk,
      randomBytes,
      clock,
      log,
      health,
      watch: watchFile,
    });
  }

  /** The book knows what the file says when this resolves. */
  async start(): Promise<void> {
    const { book } = this.#modules;
    const { operator, learned } = await this.#file.load();
    this.#operator = byKey(operator);
    book.setOperator(operator);
    book.load(learned);
    await this.#file.start({
      learned: () => book.fileEntries() as readonly PeerEntry[],
      changed: (change) => this.#changed(change),
      notSaved: () => this.#saveLater(),
    });
    this.#forget = book.onDirty(() => this.#saveSoon());
  }

  /** What was learned last is saved. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#forget();
    this.#due?.cancel();
    await this.#file.stop(this.#due !== undefined);
    this.#due = undefined;
  }

  /** Looks for an edit at once, as a reload does; what takes long is finished later. */
  async check(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const cancel = this.#modules.clock.after(LOOK_WAIT_MS, late.resolve);
    await Promise.race([this.#file.check(), late.promise]);
    cancel();
  }

  /** Why the file is not saved; `ok` if it is. */
  state(): PeerFileState {
    return this.#file.state();
  }

  #saveSoon(): void {
    if (this.#due?.isRetry === true) this.#due.cancel();
    else if (this.#due !== undefined) return;
    this.#saveIn(SAVE_AFTER_MS, false);
  }

  #saveIn(ms: number, isRetry: boolean): void {
    const cancel = this.#modules.clock.after(ms, () => {
      this.#due = undefined;
      void this.#save();
    });
    this.#due = { isRetry, cancel };
  }

  async #save(): Promise<void> {
    if (!(await this.#file.save())) this.#saveLater();
  }

  #saveLater(): void {
    if (this.#isStopped || this.#due !== undefined) return;
    // A form that we must not write becomes another one by an edit, and that is a change.
    if (this.#file.state() !== 'read_only_form') this.#saveIn(RETRY_AFTER_MS, true);
  }

  #changed({ operator, learned, removed }: PeersChange): void {
    const { book, onOperatorChange } = this.#modules;
    const before = this.#operator;
    this.#operator = byKey(operator);
    for (const key of removed) book.forget(peerIdOf(key));
    book.setOperator(operator);
    book.load(learned);
    const keys = new Set([...before.keys(), ...this.#operator.keys()]);
    const changed = [...keys].filter((key) => !sameAddresses(before.get(key), this.#operator.get(key)));
    onOperatorChange(changed.map(peerIdOf));
  }
}

function byKey(entries: readonly PeerEntry[]): Map<string, PeerEntry> {
  return new Map(entries.map((entry) => [entry.publicKey, entry]));
}

function sameAddresses(a: PeerEntry | undefined, b: PeerEntry | undefined): boolean {
  return a?.addresses.join() === b?.addresses.join();
}
