import { Database, type DatabaseOptions } from '../../src/store/database.ts';
import { afterPrefix } from '../../src/store/keys.ts';
import { Store, type StoreChange, type StoreOptions } from '../../src/store/store.ts';

export function rawOptions(path: string, over: Partial<StoreOptions> = {}): StoreOptions {
  return {
    path,
    network: 'regtest',
    cacheBytes: 1 << 20,
    writeBufferBytes: 1 << 20,
    newDatabaseId: () => 'ab'.repeat(16),
    programVersion: 'test',
    syncWrites: false,
    ...over,
  };
}

export async function withStore<T>(path: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await Store.open(rawOptions(path));
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

/** Changes a closed store behind its back. */
export async function withDatabase<T>(
  path: string,
  work: (database: Database) => Promise<T>,
  options: Partial<DatabaseOptions> = {},
): Promise<T> {
  const { database } = await Database.open({ ...rawOptions(path), ...options });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

export async function rowsOf(database: Database, prefix: number): Promise<{ key: Buffer; value: Buffer }[]> {
  const rows = [];
  const from = Buffer.of(prefix);
  for await (const row of database.rows(from, afterPrefix(from))) rows.push(row);
  return rows;
}

/** A commit of these rows and nothing else. */
export function changeOf(over: Partial<StoreChange> = {}): StoreChange {
  return {
    ops: [],
    figures: {},
    txs: new Map(),
    spends: new Map(),
    balances: new Map(),
    tokens: [],
    waiting: new Map(),
    ...over,
  };
}
