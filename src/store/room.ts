import { statfsSync } from 'node:fs';

/** Bytes left to us on the disk of a folder. */
export function freeBytesOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** What to do about a disk that is full; undefined if it is not. */
export function roomAdvice(freeBytes: number, neededBytes: number): string | undefined {
  const missing = neededBytes - freeBytes;
  if (missing <= 0) return undefined;
  return `the disk has only ${freeBytes} bytes left: free at least ${missing} more, then it goes on. Nothing that was acknowledged is lost`;
}
