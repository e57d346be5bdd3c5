import { SHORT_ID_BYTES } from '../../protocols/token-sync/constants.ts';
import { bucketOf, shortId } from '../../protocols/token-sync/digests.ts';
import { UNMINED_HEIGHT } from '../store/keys.ts';
import type { Store } from '../store/store.ts';
import { TokenHistory } from '../store/token-history.ts';

/** Short ids of the unmined history transactions in some buckets, sorted; undefined: more than `most`. */
export async function shortIdsOf(
  store: Store,
  tokenNo: number,
  ask: { readonly salt: Uint8Array; readonly buckets: Uint8Array },
  most: number,
): Promise<Buffer | undefined> {
  const wanted = new Set(ask.buckets);
  const ids: Buffer[] = [];
  for await (const page of unminedPages(store, tokenNo)) {
    for (const txid of page) {
      if (!wanted.has(bucketOf(txid))) continue;
      if (ids.length === most) return undefined;
      ids.push(shortId(ask.salt, txid));
    }
  }
  return Buffer.concat(ids.sort(Buffer.compare));
}

/** Txids (display order) of the unmined ones with these short ids, in the order asked; '' where there is none. */
export async function txidsOfShortIds(
  store: Store,
  tokenNo: number,
  ask: { readonly salt: Uint8Array; readonly shortIds: Uint8Array },
): Promise<string[]> {
  const bytes = Buffer.from(ask.shortIds);
  const places = new Map<string, number>();
  for (let at = 0; at < bytes.length; at += SHORT_ID_BYTES)
    places.set(bytes.toString('latin1', at, at + SHORT_ID_BYTES), at / SHORT_ID_BYTES);
  const txids = new Array<string>(bytes.length / SHORT_ID_BYTES).fill('');
  let left = places.size;
  for await (const page of unminedPages(store, tokenNo)) {
    for (const txid of page) {
      const place = places.get(shortId(ask.salt, txid).toString('latin1'));
      if (place === undefined) continue;
      txids[place] = Buffer.from(txid).reverse().toString('hex');
      left--;
    }
    if (left === 0) break;
  }
  return txids;
}

/** Whether a txid (display order) has one of these short ids. */
export function hasShortIdOf(ask: {
  readonly salt: Uint8Array;
  readonly shortIds: Uint8Array;
}): (txid: string) => boolean {
  const bytes = Buffer.from(ask.shortIds);
  const asked = new Set<string>();
  for (let at = 0; at < bytes.length; at += SHORT_ID_BYTES)
    asked.add(bytes.toString('latin1', at, at + SHORT_ID_BYTES));
  return (txid) => asked.has(shortId(ask.salt, Buffer.from(txid, 'hex').reverse()).toString('latin1'));
}

/** 32 bytes each, internal order; page by page, since there may be tens of thousands. */
async function* unminedPages(store: Store, tokenNo: number): AsyncGenerator<readonly Buffer[]> {
  const from = { height: UNMINED_HEIGHT, order: 0 };
  for await (const page of new TokenHistory(store).pages(tokenNo, from, UNMINED_HEIGHT))
    yield page.map(({ txid }) => Buffer.from(txid).reverse());
}
