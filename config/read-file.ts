import type { ConfigDisk, FileFacts } from './disk.ts';
import { ConfigError, fileProblem } from './errors.ts';

const MAX_FILE_BYTES = 512 * 1024;
const MAX_READS = 3;

const ERRNO_TEXTS: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'permission denied'],
  ['EPERM', 'not permitted'],
  ['ENOENT', 'the folder does not exist'],
  ['ENOTDIR', 'its folder is a file'],
  ['ENOSPC', 'no space left on the disk'],
  ['EDQUOT', 'the disk quota is used up'],
  ['EROFS', 'the file system is read-only'],
  ['EIO', 'the disk reports an error'],
  ['ELOOP', 'its links lead in a circle'],
]);

export interface FoundFile {
  readonly text: string;
  readonly facts: FileFacts;
}

/**
 * The text of a file, read whole: a file that changes meanwhile is read again.
 * @returns undefined if there is no such file
 * @throws ConfigError CONFIG_UNREADABLE, or CONFIG_INVALID if it is no UTF-8 text
 */
export async function readConfigFile(
  disk: ConfigDisk,
  file: string,
  maxBytes = MAX_FILE_BYTES,
): Promise<FoundFile | undefined> {
  try {
    for (let attempt = 0; attempt < MAX_READS; attempt++) {
      const before = await statIfThere(disk, file);
      if (before === undefined && attempt === 0) return undefined;
      const found = before === undefined ? undefined : await readOnce(disk, file, before, maxBytes);
      if (found !== undefined) return { text: decodeText(found, file), facts: before! };
    }
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw unreadable(file, `cannot be read, ${errnoText(error)}`, 'a file that this user may read');
  }
  throw unreadable(file, 'changes while it is read', 'a file that nobody is writing');
}

async function statIfThere(disk: ConfigDisk, file: string): Promise<FileFacts | undefined> {
  try {
    return await disk.stat(file);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    if (!(await isLink(disk, file))) return undefined;
    throw unreadable(file, 'is a link to a file that does not exist', 'the file, or no link');
  }
}

async function isLink(disk: ConfigDisk, file: string): Promise<boolean> {
  try {
    return await disk.isLink(file);
  } catch {
    return false;
  }
}

/** Undefined if the file changed or went away between the looks before and after. */
async function readOnce(
  disk: ConfigDisk,
  file: string,
  before: FileFacts,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  if (!before.isFile) throw unreadable(file, 'is not a regular file', 'a YAML file');
  if (before.sizeBytes > maxBytes) {
    const problem = fileProblem(
      file,
      'TOO_LARGE',
      `has ${before.sizeBytes} bytes`,
      `at most ${maxBytes} bytes`,
    );
    throw new ConfigError('CONFIG_INVALID', [problem]);
  }
  try {
    const bytes = await disk.read(file);
    const after = await disk.stat(file);
    const same =
      after.inode === before.inode && after.mtimeMs === before.mtimeMs && after.sizeBytes === bytes.length;
    return same ? bytes : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * The text of a file's bytes.
 * @throws ConfigError CONFIG_INVALID if they are no UTF-8 text
 */
export function decodeText(bytes: Uint8Array, file: string): string {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const nul = bytes.indexOf(0);
  try {
    // NUL bytes are what is left of a file that was being written when the power went.
    if (nul < 0) return decoder.decode(bytes);
    throw badBytes(bytes, nul, file, 'holds NUL bytes: it is damaged, or UTF-16');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw badBytes(bytes, firstBadLine(bytes), file, 'is not UTF-8 text here');
  }
}

function badBytes(bytes: Uint8Array, offset: number, file: string, message: string): ConfigError {
  const lineStart = offset === 0 ? 0 : bytes.lastIndexOf(0x0a, offset - 1) + 1;
  const line = bytes.subarray(0, lineStart).filter((byte) => byte === 0x0a).length + 1;
  const problem = fileProblem(file, 'ENCODING', message, 'a YAML file in UTF-8');
  return new ConfigError('CONFIG_INVALID', [{ ...problem, line, column: offset - lineStart + 1 }]);
}

/** Offset of the first line that does not decode; lines end at the same byte in UTF-8 and in garbage. */
function firstBadLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(0x0a, start);
    try {
      decoder.decode(bytes.subarray(start, end < 0 ? bytes.length : end));
    } catch {
      return start;
    }
    start = end + 1;
  }
}

function unreadable(file: string, message: string, expected: string): ConfigError {
  return new ConfigError('CONFIG_UNREADABLE', [fileProblem(file, 'UNREADABLE', message, expected)]);
}

/** `ENOENT` and the like; `unknown error` if it is none of a file system. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}

/** `permission denied (EACCES)` */
export function errnoText(error: unknown): string {
  const code = errnoOf(error);
  const text = ERRNO_TEXTS.get(code);
  return text === undefined ? code : `${text} (${code})`;
}
