import type { ChainView, Position } from './active.ts';
import { type ReadBeefTx, readBeef } from './beef.ts';
import type { Header } from './headers.ts';

/**
 * The view of one who got these BEEFs in this order and knows these headers (best chain, any order): a transaction is mined if a BUMP
 * for it leads to the root of the header at its height. A proof that fits no header is as good as none. txid-only entries tell nothing.
 */
export function viewOfBeefs(beefs: Iterable<Uint8Array>, headers: readonly Header[]): ChainView {
  const roots = new Map(headers.map((header) => [header.height, header.merkleRoot]));
  const seen = new Map<string, { raw: Uint8Array; position: Position | undefined }>();
  for (const beef of beefs) {
    for (const entry of parentsFirst(readBeef(beef).txs)) {
      const row = seen.get(entry.txid) ?? { raw: entry.raw, position: undefined };
      seen.set(entry.txid, row);
      const index = entry.bump?.places.get(entry.txid);
      if (
        entry.bump !== undefined &&
        index !== undefined &&
        roots.get(entry.bump.height) === entry.bump.root
      ) {
        row.position = { height: entry.bump.height, index };
      }
    }
  }
  return { txs: [...seen.values()] };
}

/** Within one BEEF parents count as arrived before children; otherwise the order of the file. */
function parentsFirst(txs: readonly ReadBeefTx[]): ReadBeefTx[] {
  const left = [...txs];
  const ordered: ReadBeefTx[] = [];
  while (left.length > 0) {
    const open = new Set(left.map((each) => each.txid));
    const at = left.findIndex((each) => each.tx.inputs.every((input) => !open.has(input.prevTxid)));
    ordered.push(...left.splice(at, 1));
  }
  return ordered;
}
