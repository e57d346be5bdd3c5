import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Store, type StoreOptions } from '../store/store.ts';
import { STORE_FOLDER } from '../store/swap.ts';
import { isIndexed, type TokenRecord } from '../store/token-row.ts';
import type { VerifyReport } from '../store/view.ts';
import { type RebuildModules, type RebuildOptions, rebuildStore } from './rebuild.ts';

export interface PurgeOptions extends Pick<RebuildOptions, 'store' | 'follow' | 'signal' | 'onProgress'> {
  /** Not one of `follow`. */
  readonly tokenId: string;
}

export interface PurgeReport {
  readonly kept: { readonly transactions: number; readonly waiting: number };
  readonly dropped: { readonly transactions: number; readonly waiting: number };
  /** Of the index on disk, with replaced ones that were kept. */
  readonly bytes: { readonly before: number; readonly after: number };
  /** Full check of the new store. */
  readonly audit: VerifyReport;
}

/**
 * What a store has of a token; undefined if nothing: it was never followed here, or is purged.
 * @throws StoreError: as `Store.open`. STORE_LOCKED while a daemon has it
 */
export async function tokenToPurge(options: StoreOptions, tokenId: string): Promise<TokenRecord | undefined> {
  const store = await Store.open(options);
  try {
    const no = store.tokenNos.get(tokenId);
    const token = no === undefined ? undefined : store.tokens.get(no);
    return token !== undefined && isIndexed(token) ? token : undefined;
  } finally {
    await store.close();
  }
}

/**
 * Makes the store anew without a token that `tokenToPurge` found, and without all that is there for it alone
 * (`PurgePlan`). The old one is removed. A crash at any moment leaves the old store or the new one.
 * @throws StoreError: as `rebuildStore`. STORE_INCONSISTENT if the store is damaged: it is to be rebuilt first
 */
export async function purgeToken(options: PurgeOptions, modules: RebuildModules): Promise<PurgeReport> {
  const { tokenId, ...rest } = options;
  const { path } = options.store;
  const before = indexBytes(path);
  const { transactions, waiting, purged, audit } = await rebuildStore({ ...rest, purge: tokenId }, modules);
  return {
    kept: { transactions: transactions.kept, waiting },
    dropped: purged,
    bytes: { before, after: indexBytes(path) },
    audit,
  };
}

function indexBytes(path: string): number {
  const folders = new Set<string>([STORE_FOLDER.database, STORE_FOLDER.damaged]);
  let bytes = 0;
  for (const folder of readdirSync(path).filter((name) => folders.has(name))) {
    for (const name of readdirSync(join(path, folder))) bytes += statSync(join(path, folder, name)).size;
  }
  return bytes;
}
