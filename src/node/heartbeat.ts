import { statfs } from 'node:fs/promises';
import type { Store } from '../store/store.ts';

export interface HeartbeatModules {
  readonly store: Pick<Store, 'heartbeat'>;
  /** Bytes left on the disk of the store. */
  readonly freeBytes: () => Promise<number>;
}

/** Below this a store that cannot write is one whose disk is full. */
const FULL_BYTES = 64 * 1024 * 1024;

/**
 * Resolves once the store has written a row and read it back. A full disk counts as alive: a restart would heal nothing,
 * and take away the reads that are still served.
 * @throws what the store says
 */
export async function heartbeat({ store, freeBytes }: HeartbeatModules): Promise<void> {
  try {
    await store.heartbeat();
  } catch (error) {
    if ((await freeBytes()) >= FULL_BYTES) throw error;
  }
}

/** Of the file system that holds `path`. */
export async function freeBytesAt(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}
