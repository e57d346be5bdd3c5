import { createHash } from 'node:crypto';
import { replaceFile } from '../../config/atomic-file.ts';
import type { ConfigDisk } from '../../config/disk.ts';
import { P2pError } from './errors.ts';
import type { PeerIdText } from './types.ts';

/** A ban as it is kept: until when (Unix ms), how many bans so far, and why. A past one counts for the next. */
export interface BanRow {
  readonly peerId: PeerIdText;
  readonly untilMs: number;
  readonly bans: number;
  readonly code: string;
}

/** Where bans outlive the process. */
export interface BanFile {
  readonly path: string;
  /**
   * The rows of the last save; none if nothing was saved yet.
   * @throws P2pError FILE_DAMAGED (`data.kept_as`: where the bytes are now) | FILE_NEWER | DISK_FAILED
   */
  load(): Promise<readonly BanRow[]>;
  /** @throws P2pError DISK_FAILED; then the file is as it was */
  save(rows: readonly BanRow[]): Promise<void>;
}

const VERSION = 1;
/** 1,024 rows are 160 KB at most; a larger file is none of ours. */
const MAX_FILE_BYTES = 1_000_000;
const MAX_CODE_CHARS = 64;
const PEER_ID = /^[1-9A-HJ-NP-Za-km-z]{10,128}$/;
const CODE = /^[A-Z0-9_]+$/;

/** A file of JSON with a checksum over its rows, mode 0600, replaced whole. */
export class DiskBanFile implements BanFile {
  readonly path: string;
  readonly #disk: ConfigDisk;
  readonly #randomBytes: (count: number) => Uint8Array;

  constructor(
    path: string,
    modules: { readonly disk: ConfigDisk; readonly randomBytes: (count: number) => Uint8Array },
  ) {
    this.path = path;
    this.#disk = modules.disk;
    this.#randomBytes = modules.randomBytes;
  }

  async load(): Promise<readonly BanRow[]> {
    const text = await this.#read();
    if (text === undefined) return [];
    try {
      return parseBans(text);
    } catch (error) {
      if (error instanceof P2pError && error.code === 'FILE_NEWER') throw error;
      // One copy is kept: the next save must not destroy what may be looked at.
      const keptAs = `${this.path}.damaged`;
      await this.#do(() => this.#disk.rename(this.path, keptAs));
      throw new P2pError('FILE_DAMAGED', messageOf(error), { file: this.path, kept_as: keptAs });
    }
  }

  async save(rows: readonly BanRow[]): Promise<void> {
    const target = { path: this.path, bytes: Buffer.from(formatBans(rows)), owner: undefined };
    await this.#do(() => replaceFile(target, { disk: this.#disk, randomBytes: this.#randomBytes }));
  }

  async #read(): Promise<string | undefined> {
    try {
      const { sizeBytes } = await this.#disk.stat(this.path);
      if (sizeBytes > MAX_FILE_BYTES) return '';
      return Buffer.from(await this.#disk.read(this.path)).toString('utf8');
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw this.#failed(error);
    }
  }

  async #do(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): P2pError {
    return new P2pError('DISK_FAILED', messageOf(error), { file: this.path, errno: errnoOf(error) }, error);
  }
}

/** The whole file as text. */
export function formatBans(rows: readonly BanRow[]): string {
  const bans = rows.map(({ peerId, untilMs, bans, code }) => ({
    peer: peerId,
    until: new Date(untilMs).toISOString(),
    bans,
    code,
  }));
  return `${JSON.stringify({ version: VERSION, checksum: checksumOf(bans), bans }, undefined, 1)}\n`;
}

/** @throws Error with what is wrong; P2pError FILE_NEWER */
export function parseBans(text: string): readonly BanRow[] {
  const file: unknown = JSON.parse(text);
  if (!isRecord(file)) throw new Error('not an object');
  const { version, checksum, bans } = file;
  if (typeof version === 'number' && version > VERSION) {
    throw new P2pError('FILE_NEWER', `version ${version}, this program knows ${VERSION}`, { version });
  }
  if (version !== VERSION || !Array.isArray(bans)) throw new Error('not a file of bans');
  if (checksumOf(bans) !== checksum) throw new Error('the checksum does not match');
  return bans.map(readRow);
}

function readRow(row: unknown): BanRow {
  if (!isRecord(row)) throw new Error('a row is no object');
  const { peer, until, bans, code } = row;
  const untilMs = typeof until === 'string' ? Date.parse(until) : Number.NaN;
  const isRight =
    typeof peer === 'string' &&
    PEER_ID.test(peer) &&
    Number.isFinite(untilMs) &&
    Number.isSafeInteger(bans) &&
    Number(bans) > 0 &&
    typeof code === 'string' &&
    code.length <= MAX_CODE_CHARS &&
    CODE.test(code);
  if (!isRight) throw new Error('a row is not right');
  return { peerId: peer, untilMs, bans: Number(bans), code };
}

function checksumOf(bans: unknown): string {
  return createHash('sha256').update(JSON.stringify(bans)).digest('hex');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
