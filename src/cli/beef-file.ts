import { type FileHandle, open } from 'node:fs/promises';
import { FRAME_HEAD_BYTES, type FrameFault, FrameReader } from '../api/frames.ts';
import { CliError } from './errors.ts';

/** How a file holds BEEFs: one as it is, one in hex, or many with their lengths before them. */
export type BeefFileKind = 'raw' | 'hex' | 'framed';

/** First four bytes of BEEF V1, V2 (BRC-62, BRC-96) and atomic BEEF (BRC-95). */
const MAGICS: ReadonlySet<string> = new Set(['0100beef', '0200beef', '01010101']);
const READ_BYTES = 256 * 1024;
const UNKNOWN_KIND = 'holds neither a BEEF (raw or hex) nor framed BEEFs (u32 LE length + BEEF, repeated)';
const HEX_TEXT = /^[0-9a-fA-F\s]+$/;

function hasMagic(bytes: Uint8Array, at: number): boolean {
  return MAGICS.has(Buffer.from(bytes.subarray(at, at + 4)).toString('hex'));
}

export function damagedFile(path: string, why: string): CliError {
  return new CliError('FILE_DAMAGED', `${path}: ${why}`, { file: path });
}

export function fileError(path: string, error: unknown, doing: 'read' | 'written' = 'read'): CliError {
  const reason = (error as NodeJS.ErrnoException).code ?? String(error);
  const code = doing === 'read' ? 'FILE_UNREADABLE' : 'FILE_UNWRITABLE';
  return new CliError(code, `${path} cannot be ${doing}: ${reason}`, { file: path, reason });
}

/** One BEEF of hex text; spaces and line ends are ignored. */
function beefOfHex(text: string, path: string): Uint8Array {
  const digits = text.replace(/\s+/g, '');
  const bad = /[^0-9a-fA-F]/.exec(digits);
  if (bad !== null) throw damagedFile(path, `hex with a character that is no hex digit: "${bad[0]}"`);
  if (digits.length === 0) throw damagedFile(path, 'is empty');
  if (digits.length % 2 === 1)
    throw damagedFile(path, `hex with an odd number of digits (${digits.length}): one is missing`);
  return Buffer.from(digits, 'hex');
}

/** One BEEF, raw or in hex; what it is decides the first byte. */
export function beefOfBytes(bytes: Uint8Array, path: string): Uint8Array {
  if (bytes.length === 0) throw damagedFile(path, 'is empty');
  if (hasMagic(bytes, 0)) return bytes;
  const text = Buffer.from(bytes).toString('latin1');
  if (HEX_TEXT.test(text.slice(0, 1024))) return beefOfHex(text, path);
  throw damagedFile(
    path,
    'is no BEEF: it begins neither with 0100beef, 0200beef or 01010101 nor with hex digits',
  );
}

/** Where BEEFs come from. After `frames` has ended, `damage` tells whether it ended early. */
export interface BeefSource {
  readonly path: string;
  /** 0: nobody knows. */
  readonly bytes: number;
  readonly damage: FrameFault | undefined;
  close(): Promise<void>;
  /** Every BEEF, read as it goes. @throws CliError */
  frames(maxBeefBytes: number): AsyncGenerator<Uint8Array>;
}

/** A file of BEEFs. After `frames` has ended, `damage` tells whether it ended early. */
export class BeefFile implements BeefSource {
  readonly path: string;
  readonly bytes: number;
  readonly kind: BeefFileKind;
  readonly #handle: FileHandle;
  #damage: FrameFault | undefined;

  private constructor(path: string, handle: FileHandle, bytes: number, kind: BeefFileKind) {
    this.path = path;
    this.#handle = handle;
    this.bytes = bytes;
    this.kind = kind;
  }

  /** @throws CliError FILE_UNREADABLE, FILE_DAMAGED if it is none of the three kinds */
  static async open(path: string): Promise<BeefFile> {
    let handle: FileHandle;
    try {
      handle = await open(path, 'r');
    } catch (error) {
      throw fileError(path, error);
    }
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw damagedFile(path, 'is no regular file');
      return new BeefFile(path, handle, stat.size, await detect(handle, path, stat.size));
    } catch (error) {
      await handle.close();
      throw error instanceof CliError ? error : fileError(path, error);
    }
  }

  get damage(): FrameFault | undefined {
    return this.#damage;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  /** Every BEEF of the file, read as it goes. @throws CliError */
  async *frames(maxBeefBytes: number): AsyncGenerator<Uint8Array> {
    if (this.kind === 'framed') {
      yield* this.#framed(maxBeefBytes);
      return;
    }
    const most = this.kind === 'raw' ? maxBeefBytes : maxBeefBytes * 3;
    if (this.bytes > most)
      throw damagedFile(this.path, `is larger than one BEEF may be (${maxBeefBytes} bytes)`);
    const whole = Buffer.allocUnsafe(this.bytes);
    const { bytesRead } = await this.#handle.read(whole, 0, this.bytes, 0);
    yield beefOfBytes(whole.subarray(0, bytesRead), this.path);
  }

  async *#framed(maxBeefBytes: number): AsyncGenerator<Uint8Array> {
    const reader = new FrameReader(maxBeefBytes);
    for (let at = 0; reader.fault === undefined; ) {
      const chunk = Buffer.allocUnsafe(READ_BYTES);
      const { bytesRead } = await this.#handle.read(chunk, 0, READ_BYTES, at);
      if (bytesRead === 0) break;
      at += bytesRead;
      reader.push(chunk.subarray(0, bytesRead));
      for (let frame = reader.next(); frame !== undefined; frame = reader.next()) yield frame;
    }
    this.#damage = reader.end();
  }
}

/**
 * What the first bytes say; undefined if they could be frames whose lengths are not those of BEEFs. A frame that begins like
 * a BEEF is enough: the file may be cut off, and what is whole is still good.
 */
function kindOf(start: Buffer): BeefFileKind | undefined {
  if (hasMagic(start, 0)) return 'raw';
  if (HEX_TEXT.test(start.toString('latin1'))) return 'hex';
  return start.length >= 2 * FRAME_HEAD_BYTES && hasMagic(start, FRAME_HEAD_BYTES) ? 'framed' : undefined;
}

/** @throws CliError FILE_DAMAGED if they are the start of nothing that is known */
export function kindOfStart(start: Buffer, path: string): BeefFileKind {
  const kind = kindOf(start.subarray(0, 1024));
  if (kind !== undefined) return kind;
  throw damagedFile(path, UNKNOWN_KIND);
}

async function detect(handle: FileHandle, path: string, size: number): Promise<BeefFileKind> {
  if (size === 0) throw damagedFile(path, 'is empty');
  const start = Buffer.alloc(Math.min(size, 1024));
  await handle.read(start, 0, start.length, 0);
  const kind = kindOf(start);
  if (kind !== undefined) return kind;
  if (await lengthsAddUp(handle, size)) return 'framed';
  throw damagedFile(path, UNKNOWN_KIND);
}

/** Walks from length to length; a file of frames ends exactly where the last one does. */
async function lengthsAddUp(handle: FileHandle, size: number): Promise<boolean> {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  let at = 0;
  while (at + FRAME_HEAD_BYTES <= size) {
    await handle.read(head, 0, FRAME_HEAD_BYTES, at);
    const length = head.readUInt32LE();
    if (length === 0) return false;
    at += FRAME_HEAD_BYTES + length;
  }
  return at === size;
}
