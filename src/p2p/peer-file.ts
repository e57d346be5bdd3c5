import { removeLeftovers, replaceFile } from '../../config/atomic-file.ts';
import type { FileFacts } from '../../config/disk.ts';
import { ConfigError, formatProblem } from '../../config/errors.ts';
import {
  type FileLockModules,
  LOCK_TIMEOUT_MS,
  removeStaleLocks,
  withFileLock,
} from '../../config/file-lock.ts';
import { type PeerEntry, sameEntry, storableEntry } from '../../config/peer-entry.ts';
import type { PeersFile } from '../../config/peers.ts';
import { editPeers, withoutBlock } from '../../config/peers-edit.ts';
import { mergePeers, type PeerMap } from '../../config/peers-merge.ts';
import { processTable } from '../../config/process-id.ts';
import { decodeText, errnoOf } from '../../config/read-file.ts';
import { DeletedPeers } from './deleted-peers.ts';
import { type BackupModules, PeerBackups } from './peer-backups.ts';
import { PeerFileLooks, type PeerFileLooksModules } from './peer-file-looks.ts';
import {
  bomOf,
  type DamagedFile,
  digestOf,
  type GoneFile,
  type GoodFile,
  type LastContent,
  PeerFileReader,
} from './peer-file-reader.ts';
import { PeerFileStatus, type PeerFileStatusModules } from './peer-file-status.ts';
import type { PeerFileState, PeersOwner, PeersSnapshot } from './peer-file-types.ts';

/** A file that is no YAML may be an edit half done; it is written anew after this. */
const HEAL_AFTER_MS = 10 * 60_000;
/** What a stop leaves a save for the lock: bans and the store are closed after the list, within the same 5 s. */
const STOP_LOCK_MS = 1_000;

export type { PeerFileState, PeersChange, PeersOwner, PeersSnapshot } from './peer-file-types.ts';

export interface PeerFileOptions {
  /** Absolute. */
  readonly file: string;
  /** Base64 of this node's public key. */
  readonly ownKey: string;
}

export interface PeerFileModules extends BackupModules, PeerFileLooksModules, PeerFileStatusModules {}

/**
 * peers.yaml on the disk: loaded, saved, watched. Nothing here throws for what the disk or the file does: the
 * node goes on from memory, `state` says why it is not saved, and each change of state is logged once.
 */
export class PeerFile {
  readonly #opts: PeerFileOptions;
  readonly #modules: PeerFileModules;
  readonly #backups: PeerBackups;
  readonly #reader: PeerFileReader;
  readonly #status: PeerFileStatus;
  readonly #looks: PeerFileLooks;
  /** The last good content, and the digest of the bytes that it was read from or written as. */
  #peers: PeersFile;
  #bom = '';
  #digest: string | undefined;
  #facts: FileFacts | undefined;
  /** Learned entries that the owner and the file had in common last. */
  #known: PeerMap = new Map();
  readonly #deleted = new DeletedPeers();
  /** Its absence was told. */
  #isGone = false;
  #damage: { readonly digest: string; readonly sinceMs: number } | undefined;
  /** The operator's part of the newest backup. */
  #backedUp: string | undefined;
  #owner: PeersOwner | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #nextSave: Promise<boolean> | undefined;
  #nextCheck: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  #isStopping = false;

  constructor(opts: PeerFileOptions, modules: PeerFileModules) {
    this.#opts = opts;
    this.#modules = modules;
    this.#backups = new PeerBackups(opts.file, modules);
    this.#reader = new PeerFileReader(opts, modules);
    this.#status = new PeerFileStatus(opts.file, modules);
    this.#looks = new PeerFileLooks(opts.file, modules, () => this.check());
    this.#peers = this.#reader.parse('');
  }

  state(): PeerFileState {
    return this.#status.state;
  }

  /** Reads the file; without a good one, the newest good backup. Removes what killed writers left behind. */
  load(): Promise<PeersSnapshot> {
    return this.#queue(async () => {
      await removeLeftovers(this.#opts.file, this.#modules).catch(() => {});
      await removeStaleLocks(this.#opts.file, this.#lockModules());
      const found = await this.#reader.find(this.#last());
      const backup = await this.#backups.newest((bytes) => ({
        peers: this.#reader.parse(decodeText(bytes, this.#opts.file)),
        bom: bomOf(bytes),
      }));
      if (backup !== undefined) this.#backedUp = withoutBlock(backup.peers);
      if (found.kind === 'good') this.#adopt(found);
      if (found.kind === 'damaged') await this.#noticeDamage(found);
      if (found.kind === 'unreadable') this.#status.fail(found.error, 'read');
      if (found.kind === 'damaged' && backup !== undefined) {
        this.#peers = backup.peers;
        this.#bom = backup.bom;
        this.#known = mapOf(backup.peers.learned);
      }
      const { operator, learned } = this.#peers;
      const { file } = this.#opts;
      this.#modules.log.event('peers.loaded', { file, operator: operator.length, learned: learned.length });
      return { operator, learned };
    });
  }

  /** From here on edits by hand are handed to the owner, at most 2 s after they were made. */
  async start(owner: PeersOwner): Promise<void> {
    this.#owner = owner;
    await this.#looks.start();
    // What was edited between the load and now.
    await this.check();
  }

  /** Looks for an edit now (SIGHUP). A file that is gone is written again, one that cannot be read is told. */
  async check(): Promise<void> {
    if (this.#stopped !== undefined) return;
    this.#nextCheck ??= this.#queue(async () => {
      this.#nextCheck = undefined;
      await this.#look();
    });
    await this.#nextCheck;
  }

  async #look(): Promise<void> {
    const found = await this.#reader.findSettled(this.#last());
    if (found.kind === 'damaged') await this.#noticeDamage(found);
    if (found.kind === 'missing') this.#noticeGone(found);
    if (found.kind === 'good' && found.digest !== this.#digest) this.#reconcile(found);
    // Somebody is writing it: whatever he leaves is looked at then.
    const isFault = found.kind === 'unreadable' && errnoOf(found.error) !== 'EBUSY';
    if (isFault) this.#status.fail(found.error, 'read');
    const isBack = (found.kind === 'good' || found.kind === 'missing') && this.#status.state !== 'ok';
    const isSaved = this.#isGone || isBack ? await this.#saveNow() : !isFault;
    if (!isSaved) this.#owner?.notSaved?.();
  }

  /**
   * Writes what the owner has learned, merged with what the file says. Calls during a save are one more save.
   * @returns true if the file has it now
   */
  save(): Promise<boolean> {
    if (this.#stopped !== undefined) return Promise.resolve(false);
    this.#nextSave ??= this.#queue(async () => {
      this.#nextSave = undefined;
      return await this.#saveNow();
    });
    return this.#nextSave;
  }

  /**
   * Ends the watch and finishes the saves that were asked for. One last save is made if it `isDue`, the one before
   * failed, or the file is gone.
   */
  stop(isDue = false): Promise<void> {
    this.#stopped ??= this.#stop(isDue);
    return this.#stopped;
  }

  async #stop(isDue: boolean): Promise<void> {
    this.#isStopping = true;
    await this.#looks.stop();
    await this.#queue(async () => {
      if (this.#owner === undefined) return;
      if (!isDue && !TRIED_AT_STOP.has(this.#status.state)) {
        const found = await this.#reader.find(this.#last());
        if (found.kind === 'missing') this.#noticeGone(found);
        if (!this.#isGone) return;
      }
      await this.#saveNow();
    });
  }

  #queue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => {});
    return done;
  }

  async #saveNow(): Promise<boolean> {
    try {
      const path = await this.#realPath();
      const save = () => this.#saveLocked(path);
      return await withFileLock(path, save, this.#lockModules(), () => this.#lockTimeoutMs());
    } catch (error) {
      if (error instanceof ConfigError) this.#status.set('read_only_form', error.problems[0]!.code);
      else this.#status.fail(error);
      return false;
    }
  }

  /** A save that waits when the stop begins is cut short, too. */
  #lockTimeoutMs(): number {
    return this.#isStopping ? STOP_LOCK_MS : LOCK_TIMEOUT_MS;
  }

  #lockModules(): FileLockModules {
    return { ...this.#modules, processes: this.#modules.processes ?? processTable };
  }

  async #saveLocked(path: string): Promise<boolean> {
    const found = await this.#reader.findSettled(this.#last());
    const before = this.#bom + this.#peers.text;
    if (found.kind === 'unreadable') {
      this.#status.fail(found.error, 'read');
      return false;
    }
    if (found.kind === 'missing') this.#noticeGone(found);
    if (found.kind === 'damaged') {
      await this.#noticeDamage(found);
      if (!this.#mayHeal(found)) return false;
    }
    const deleted = found.kind === 'good' && found.digest !== this.#digest ? this.#reconcile(found) : 0;
    const current = this.#peers;
    if (current.isReadOnly) {
      this.#status.set('read_only_form', current.problems[0]?.code ?? '');
      return false;
    }
    // After `reconcile` memory and file have the same base, so that this merge has no conflicts of its own.
    const { learned } = this.#merge(current.learned, this.#deleted.atMs);
    const next = editPeers(current, learned, this.#reader.parseOptions());
    const isRestored = found.kind === 'damaged' || this.#isGone;
    if (next.text !== current.text || isRestored) {
      const owner = found.kind === 'missing' ? this.#facts : found.facts;
      if (deleted > 0) await this.#backups.keep(before, owner);
      await this.#backUp(current, owner);
      const bytes = Buffer.from(this.#bom + next.text);
      await replaceFile({ path, bytes, owner }, this.#modules);
      if (isRestored) this.#modules.log.event('peers.recovered', { file: path, from: found.kind });
      this.#digest = digestOf(bytes);
      this.#facts = await this.#modules.disk.stat(path).catch(() => undefined);
    }
    this.#peers = next;
    this.#known = mapOf(learned);
    this.#damage = undefined;
    this.#isGone = false;
    this.#status.set('ok');
    return true;
  }

  /** Before a write: the operator's part is in the newest backup, as it stands. */
  async #backUp(current: PeersFile, owner: FileFacts | undefined): Promise<void> {
    const operatorText = withoutBlock(current);
    if (operatorText === this.#backedUp || current.text.trim() === '') return;
    await this.#backups.keep(this.#bom + current.text, owner);
    this.#backedUp = operatorText;
  }

  /** Takes an edit: the owner is told what differs from what it has. Returns how many entries were deleted. */
  #reconcile(found: GoodFile): number {
    const changedAtMs = Math.min(found.facts.mtimeMs, this.#modules.clock.nowMs());
    const [before, now] = [mapOf(this.#peers.operator), mapOf(found.peers.operator)];
    const gone = [...before.values()].filter(({ publicKey }) => !now.has(publicKey));
    const added = [...now.keys()].filter((key) => !before.has(key));
    this.#peers = found.peers;
    const deletedAtMs = new Map(this.#deleted.atMs);
    for (const { publicKey } of gone) deletedAtMs.set(publicKey, changedAtMs);
    const merged = this.#merge(found.peers.learned, deletedAtMs, changedAtMs);
    for (const key of [...merged.deleted, ...gone.map(({ publicKey }) => publicKey)]) {
      this.#deleted.add(key, changedAtMs);
    }
    const memory = this.#memory();
    const learned = merged.learned.filter((entry) => {
      const known = memory.get(entry.publicKey);
      return known === undefined || !sameEntry(known, entry);
    });
    this.#adopt(found);
    const change = { operator: found.peers.operator, learned, removed: merged.deleted };
    this.#modules.log.event('peers.edited', {
      file: this.#opts.file,
      operator: change.operator.length,
      added: added.length + learned.filter(({ publicKey }) => !memory.has(publicKey)).length,
      removed: gone.length + merged.deleted.length,
    });
    this.#owner?.changed(change);
    return merged.deleted.length + gone.length + merged.conflicts.length;
  }

  #merge(file: readonly PeerEntry[], deletedAtMs: ReadonlyMap<string, number>, fileChangedAtMs = 0) {
    const operator = this.#peers.operator.map(({ publicKey }) => publicKey);
    const excluded = new Set([...operator, this.#opts.ownKey]);
    return mergePeers({
      base: this.#known,
      file: mapOf(file),
      memory: this.#memory(),
      fileChangedAtMs,
      deletedAtMs,
      excluded,
    });
  }

  /** What the owner has learned, as far as it can be written. */
  #memory(): PeerMap {
    if (this.#owner === undefined) return this.#known;
    const nowMs = this.#modules.clock.nowMs();
    return mapOf(this.#owner.learned().flatMap((fields) => storableEntry(fields, nowMs) ?? []));
  }

  #adopt({ peers, bom, digest, facts }: GoodFile): void {
    this.#peers = peers;
    this.#bom = bom;
    this.#digest = digest;
    this.#facts = facts;
    this.#known = mapOf(peers.learned);
    this.#damage = undefined;
    this.#isGone = false;
    if (this.#status.state === 'damaged') this.#status.set('ok');
    this.#status.report(peers);
  }

  /** Told once; the operator's part comes back as it was read last. */
  #noticeGone({ how }: GoneFile): void {
    if (this.#isGone || this.#peers.text === '') return;
    this.#isGone = true;
    this.#modules.log.event('peers.gone', { file: this.#opts.file, found: how });
  }

  async #noticeDamage(found: DamagedFile): Promise<void> {
    this.#isGone = false;
    if (this.#damage?.digest !== found.digest) await this.#copyDamage(found);
    this.#status.set('damaged', found.error.problems[0]!.code);
  }

  async #copyDamage({ bytes, digest, facts, error }: DamagedFile): Promise<void> {
    this.#damage = { digest, sinceMs: this.#modules.clock.monotonicMs() };
    let copy = 'none';
    try {
      copy = await this.#backups.keepDamaged(bytes, facts);
    } catch (failure) {
      copy = `none, ${errnoOf(failure)}`;
    }
    const text = formatProblem(error.problems[0]!);
    this.#modules.log.event('peers.damaged', { file: this.#opts.file, copy, text });
  }

  /** Bytes that no editor writes are damage of the disk; a text that is no YAML may be an edit half done. */
  #mayHeal({ error }: DamagedFile): boolean {
    const isText = error.problems[0]!.code !== 'ENCODING';
    const standsForMs = this.#modules.clock.monotonicMs() - (this.#damage?.sinceMs ?? 0);
    return !isText || standsForMs >= HEAL_AFTER_MS;
  }

  #last(): LastContent {
    return {
      peers: this.#peers,
      bom: this.#bom,
      digest: this.#digest,
      facts: this.#facts,
      damage: this.#damage?.digest,
    };
  }

  /** A link is not replaced by a file: what it leads to is. */
  async #realPath(): Promise<string> {
    try {
      return await this.#modules.disk.realPath(this.#opts.file);
    } catch (error) {
      const { file } = this.#opts;
      const isLink = await this.#modules.disk.isLink(file).catch(() => false);
      if (errnoOf(error) === 'ENOENT' && !isLink) return file;
      throw error;
    }
  }
}

/** A stop has no time for a lock that was waited for in vain; the other two are for the operator to mend. */
const TRIED_AT_STOP: ReadonlySet<PeerFileState> = new Set([
  'disk_full',
  'denied',
  'read_only_disk',
  'failed',
]);

function mapOf(entries: readonly PeerEntry[]): PeerMap {
  return new Map(entries.map((entry) => [entry.publicKey, entry]));
}
