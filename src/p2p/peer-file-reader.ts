import { createHash } from 'node:crypto';
import type { ConfigDisk, FileFacts } from '../../config/disk.ts';
import { ConfigError } from '../../config/errors.ts';
import {
  MAX_PEERS_FILE_BYTES,
  type ParsePeersOptions,
  type PeersFile,
  parsePeers,
} from '../../config/peers.ts';
import { decodeText, errnoOf } from '../../config/read-file.ts';
import type { Clock } from './types.ts';

/** A file that is written in place is taken when it has stood still for this long. */
const SETTLE_MS = 300;
const MAX_SETTLES = 5;
const MAX_READS = 3;

export interface GoodFile {
  readonly kind: 'good';
  readonly peers: PeersFile;
  /** Byte order mark that the text is led by, or nothing; `peers.text` is without it. */
  readonly bom: string;
  /** SHA-256 of the bytes. */
  readonly digest: string;
  readonly facts: FileFacts;
}

/** It is there and cannot be understood. */
export interface DamagedFile {
  readonly kind: 'damaged';
  readonly bytes: Uint8Array;
  readonly digest: string;
  readonly facts: FileFacts;
  readonly error: ConfigError;
}

/** It is not there, or has no bytes although it had some. */
export interface GoneFile {
  readonly kind: 'missing';
  readonly how: 'deleted' | 'emptied';
}

export type FoundFile =
  | GoneFile
  | { readonly kind: 'unreadable'; readonly error: unknown }
  | DamagedFile
  | GoodFile;

/** What the file was when it was last read or written. */
export interface LastContent {
  readonly peers: PeersFile;
  readonly bom: string;
  readonly digest: string | undefined;
  readonly facts: FileFacts | undefined;
  /** Digest of the damage that is known already. */
  readonly damage: string | undefined;
}

/** Looks at the file, whole and at rest. Never throws. */
export class PeerFileReader {
  readonly #opts: { readonly file: string; readonly ownKey: string };
  readonly #modules: { readonly disk: ConfigDisk; readonly clock: Clock };

  constructor(
    opts: { readonly file: string; readonly ownKey: string },
    modules: { readonly disk: ConfigDisk; readonly clock: Clock },
  ) {
    this.#opts = opts;
    this.#modules = modules;
  }

  parseOptions(): ParsePeersOptions {
    const { file, ownKey } = this.#opts;
    return { file, ownKey, nowMs: this.#modules.clock.nowMs() };
  }

  /** @throws ConfigError */
  parse(text: string): PeersFile {
    return parsePeers(text, this.parseOptions());
  }

  /** A file that is being written in place is read again until it stands still. */
  async findSettled(last: LastContent): Promise<FoundFile> {
    let found = await this.find(last);
    for (let settles = 0; settles < MAX_SETTLES && mayBeHalfWritten(found, last); settles++) {
      await new Promise<void>((resolve) => this.#modules.clock.after(SETTLE_MS, resolve));
      const again = await this.find(last);
      const isSettled = digestIn(again) === digestIn(found);
      found = again;
      if (isSettled) break;
    }
    return found;
  }

  /** What has the bytes of the last content is not parsed again. */
  async find(last: LastContent): Promise<FoundFile> {
    try {
      const read = await this.#read();
      if (read === undefined) return { kind: 'missing', how: 'deleted' };
      const { bytes, facts } = read;
      const digest = digestOf(bytes);
      if (digest === last.digest) return { kind: 'good', peers: last.peers, bom: last.bom, digest, facts };
      // An empty file that was not empty is what a failed write leaves.
      if (bytes.length === 0 && last.digest !== undefined) return { kind: 'missing', how: 'emptied' };
      try {
        const peers = this.parse(decodeText(bytes, this.#opts.file));
        return { kind: 'good', peers, bom: bomOf(bytes), digest, facts };
      } catch (error) {
        if (error instanceof ConfigError) return { kind: 'damaged', bytes, digest, facts, error };
        throw error;
      }
    } catch (error) {
      return { kind: 'unreadable', error };
    }
  }

  /** Undefined if there is no file. A file that changes meanwhile is read again. */
  async #read(): Promise<{ readonly bytes: Uint8Array; readonly facts: FileFacts } | undefined> {
    const { disk } = this.#modules;
    const { file } = this.#opts;
    try {
      for (let attempt = 0; attempt < MAX_READS; attempt++) {
        const facts = await disk.stat(file);
        if (!facts.isFile) throw unusable('EISDIR', 'is no regular file');
        if (facts.sizeBytes > MAX_PEERS_FILE_BYTES) throw unusable('EFBIG', 'is too large');
        const bytes = await disk.read(file);
        const after = await disk.stat(file);
        const isSame = after.inode === facts.inode && after.mtimeMs === facts.mtimeMs;
        if (isSame && after.sizeBytes === bytes.length) return { bytes, facts: after };
      }
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
    throw unusable('EBUSY', 'changes while it is read');
  }
}

const BOM = '\ufeff';

/** What decoding drops, and a save puts back. */
export function bomOf(bytes: Uint8Array): string {
  return Buffer.from(BOM).equals(bytes.subarray(0, 3)) ? BOM : '';
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Like an error of the file system, so that all of them are told apart by `code`. */
function unusable(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

function digestIn(found: FoundFile): string {
  return 'digest' in found ? found.digest : found.kind;
}

/** Editors and daemons that put a new file in place of the old one put it there whole. */
function mayBeHalfWritten(found: FoundFile, last: LastContent): boolean {
  if (found.kind === 'unreadable') return false;
  if (found.kind === 'missing') return last.digest !== undefined;
  if (found.digest === last.digest || found.digest === last.damage) return false;
  return found.kind === 'damaged' || found.facts.sizeBytes === 0 || isSameFile(found.facts, last.facts);
}

/** The number alone says little: the one of a file that was replaced is soon given to the next. */
function isSameFile(one: FileFacts, other: FileFacts | undefined): boolean {
  return one.inode === other?.inode && one.birthtimeMs === other.birthtimeMs;
}
