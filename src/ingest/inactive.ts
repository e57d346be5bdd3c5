import { afterPrefix, PREFIX } from '../store/keys.ts';
import type { Store } from '../store/store.ts';

/** Held transactions that do not count: conflicted, dead, waiting. */
export async function* inactiveTxids(store: Store): AsyncGenerator<string> {
  const prefix = Buffer.of(PREFIX.conflict);
  for await (const { key } of store.database.rows(prefix, afterPrefix(prefix))) yield key.toString('hex', 1);
}
