import { existsSync, readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { StoreError } from './errors.ts';
import { replaceFile } from './files.ts';

/**
 * The file beside the database that tells that one was made here. LevelDB takes a folder whose CURRENT file is lost for a
 * new, empty one (measured), and cannot know of a commit that its damaged log no longer holds.
 */
export interface Marker {
  readonly format: number;
  readonly network: string;
  readonly databaseId: string;
  /** A commit known to be durable when this was written: an opened store must reach it. */
  readonly commit: number;
}

/** @throws StoreError STORE_IDENTITY where the file cannot be read, or is not as it was written */
export function readMarker(path: string): Marker | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const { sum, ...value } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    if (isMarker(value) && sum === sumOf(value)) return value;
  } catch {
    // not readable or not JSON: reported below like any other damage
  }
  throw new StoreError(
    'STORE_IDENTITY',
    `${path} is damaged: it must hold format, network, databaseId, commit and their checksum. Remove it to have it written again from the store beside it`,
    { path },
  );
}

/** @throws StoreError STORE_WRITE_FAILED; the file is then as it was */
export function writeMarker(path: string, marker: Marker): void {
  try {
    replaceFile(path, `${JSON.stringify({ ...marker, sum: sumOf(marker) })}\n`, 0o600);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreError('STORE_WRITE_FAILED', `${path} could not be written: ${reason}`, { path }, error);
  }
}

/** CRC-32 of the other fields as they stand in the file: a changed digit would pass for another commit. */
function sumOf(fields: object): number {
  return crc32(JSON.stringify(fields));
}

function isMarker(value: Record<string, unknown>): value is Record<string, unknown> & Marker {
  return (
    Number.isSafeInteger(value['format']) &&
    typeof value['network'] === 'string' &&
    typeof value['databaseId'] === 'string' &&
    Number.isSafeInteger(value['commit'])
  );
}
