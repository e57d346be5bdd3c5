import { type FileHandle, open } from 'node:fs/promises';
import { ChainError, reasonOf } from './errors.ts';
import { HEADER_BYTES } from './header.ts';
import type { ChainUpdate, HeaderChain, HeaderTip } from './header-chain.ts';

/** Headers read and handed on at once. */
const BLOCK_HEADERS = 8192;
/** How much of the start decides whether a file is text. A binary header has zero bytes here. */
const SNIFF_BYTES = 160;

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;

/**
 * The headers of a file in blocks of n x 80 bytes. Binary, or hex text with any white space. A binary file that is not
 * a whole number of headers is refused before its first block, everything else where it is met.
 * @throws ChainError HEADER_FILE_UNREADABLE, HEADER_FILE_EMPTY, HEADER_FILE_LENGTH, HEADER_FILE_NOT_HEX
 */
export async function* readHeaderFile(path: string): AsyncGenerator<Uint8Array> {
  const file = await opened(path);
  try {
    const size = await sizeOf(path, file);
    const first = await readBlock(path, file);
    if (first.length === 0) throw new ChainError('HEADER_FILE_EMPTY', `${path}: the file is empty`, { path });
    if (isHexText(first)) {
      yield* hexBlocks(path, file, first);
    } else {
      if (size !== undefined && size % HEADER_BYTES !== 0) throw wrongLength(path, size, size);
      yield* binaryBlocks(path, file, first);
    }
  } finally {
    await file.close();
  }
}

export interface ImportProgress {
  readonly headers: number;
  readonly added: number;
  readonly tip: HeaderTip;
}

export interface ImportResult {
  readonly headers: number;
  readonly added: number;
  readonly known: number;
  readonly tip: HeaderTip;
}

/**
 * Reads a header file into the chain. Headers before a bad one are kept; the error names the file, the number of the
 * header (from 0) and its byte in the decoded file.
 * @throws ChainError as `readHeaderFile` and `HeaderChain.add`
 */
export async function importHeaderFile(
  chain: HeaderChain,
  path: string,
  onProgress?: (progress: ImportProgress) => void,
): Promise<ImportResult> {
  let headers = 0;
  let added = 0;
  let known = 0;
  for await (const block of readHeaderFile(path)) {
    const update = await addBlock(chain, path, block, headers);
    headers += block.length / HEADER_BYTES;
    added += update.added;
    known += update.known;
    onProgress?.({ headers, added, tip: update.tip });
  }
  return { headers, added, known, tip: chain.tip() };
}

async function addBlock(
  chain: HeaderChain,
  path: string,
  block: Uint8Array,
  before: number,
): Promise<ChainUpdate> {
  try {
    return await chain.add(block);
  } catch (thrown) {
    if (!(thrown instanceof ChainError)) throw thrown;
    const { index } = thrown.data;
    if (typeof index !== 'number') throw thrown;
    const header = before + index;
    const data = { ...thrown.data, index: header, offset: header * HEADER_BYTES, path };
    throw new ChainError(
      thrown.code,
      `${path}: header ${header} (byte ${data.offset}): ${thrown.message}`,
      data,
      thrown,
    );
  }
}

function unreadable(path: string, thrown: unknown): ChainError {
  const reason = reasonOf(thrown);
  return new ChainError(
    'HEADER_FILE_UNREADABLE',
    `${path}: cannot be read: ${reason}`,
    { path, reason },
    thrown,
  );
}

/** `decoded`: bytes of header data; half ones where hex ends in the middle of a byte. */
function wrongLength(path: string, bytes: number, decoded: number): ChainError {
  const extra = decoded % HEADER_BYTES;
  const offset = decoded - extra;
  return new ChainError(
    'HEADER_FILE_LENGTH',
    `${path}: not a whole number of ${HEADER_BYTES}-byte headers: it ends ${extra} bytes into the header that begins at ` +
      `byte ${offset}`,
    { path, bytes, offset, extra },
  );
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}

/** Size of a regular file; undefined for a pipe. */
async function sizeOf(path: string, file: FileHandle): Promise<number | undefined> {
  const stat = await file.stat().catch((thrown: unknown) => {
    throw unreadable(path, thrown);
  });
  return stat.isFile() ? stat.size : undefined;
}

/** Up to a block of bytes, fewer only at the end (a pipe gives them in pieces). */
async function readBlock(path: string, file: FileHandle): Promise<Buffer> {
  const block = Buffer.allocUnsafe(BLOCK_HEADERS * HEADER_BYTES);
  let at = 0;
  try {
    while (at < block.length) {
      const { bytesRead } = await file.read(block, at, block.length - at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
  return block.subarray(0, at);
}

async function* binaryBlocks(path: string, file: FileHandle, first: Buffer): AsyncGenerator<Uint8Array> {
  let total = 0;
  for (let block = first; block.length > 0; block = await readBlock(path, file)) {
    total += block.length;
    const whole = block.length - (block.length % HEADER_BYTES);
    if (whole > 0) yield block.subarray(0, whole);
    if (whole < block.length) throw wrongLength(path, total, total);
  }
}

async function* hexBlocks(path: string, file: FileHandle, first: Buffer): AsyncGenerator<Uint8Array> {
  let offset = 0;
  let digits = 0;
  let rest = '';
  for (let block = first; block.length > 0; block = await readBlock(path, file)) {
    const text = rest + hexDigits(path, block, offset);
    offset += block.length;
    digits += text.length - rest.length;
    const whole = text.length - (text.length % (2 * HEADER_BYTES));
    rest = text.slice(whole);
    if (whole > 0) yield Buffer.from(text.slice(0, whole), 'hex');
  }
  if (digits === 0)
    throw new ChainError('HEADER_FILE_EMPTY', `${path}: the file holds only white space`, { path });
  if (rest !== '') throw wrongLength(path, offset, digits / 2);
}

/** The digits of a piece of text without white space. @throws ChainError HEADER_FILE_NOT_HEX with the byte offset */
function hexDigits(path: string, block: Buffer, offset: number): string {
  for (const [i, byte] of block.entries()) {
    if (isHexDigit(byte) || isSpace(byte)) continue;
    throw new ChainError(
      'HEADER_FILE_NOT_HEX',
      `${path}: the file begins as hex text, but byte ${offset + i} is no hex digit`,
      { path, offset: offset + i, byte },
    );
  }
  return block.toString('latin1').replace(/\s+/g, '');
}

function isHexText(start: Buffer): boolean {
  return start.subarray(0, SNIFF_BYTES).every((byte) => isHexDigit(byte) || isSpace(byte));
}

function isHexDigit(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

function isSpace(byte: number): boolean {
  return byte === SPACE || byte === LF || byte === CR || byte === TAB;
}
