import { readFailed } from './level-errors.ts';
import type { Level } from './open-level.ts';

export type Snapshot = ReturnType<Level['snapshot']>;

export interface Row {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Of one page of a scan: what the event loop waits for, and a row more may come with it. */
const PAGE_ROWS = 1_024;
const PAGE_BYTES = 64 * 1024;

/** Rows with `from` <= key < `to`, in order of key, as many at a time as LevelDB gives. @throws StoreError STORE_READ_FAILED */
export async function* scanPages(
  level: Level,
  snapshot: Snapshot,
  from: Buffer,
  to: Buffer,
  limit: number,
): AsyncGenerator<readonly Row[]> {
  const range = { gte: from, lt: to, snapshot };
  const iterator = level.iterator({ ...range, fillCache: false, highWaterMarkBytes: PAGE_BYTES });
  // LevelDB steps over a block that it cannot read, and says so only at the end of the range.
  let isTold = false;
  const next = async (count: number): Promise<[Buffer, Buffer][]> => {
    isTold = true; // by an error, if there is one
    const entries = await iterator.nextv(count).catch((error: unknown) => {
      throw readFailed(from, error);
    });
    isTold = entries.length === 0;
    return entries;
  };
  try {
    for (let left = limit; left > 0; ) {
      const entries = await next(Math.min(PAGE_ROWS, left));
      if (isTold) return;
      left -= entries.length;
      yield entries.map(([key, value]) => ({ key, value }));
    }
  } finally {
    try {
      // A scan that was left before its end is taken there to hear it.
      if (!isTold) {
        iterator.seek(to);
        await next(1);
      }
    } finally {
      await iterator.close();
    }
  }
}
