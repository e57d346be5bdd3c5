import { parseTransaction } from '../spv/transaction.ts';
import { afterPrefix, PREFIX } from '../store/keys.ts';
import { decodeTx } from '../store/records.ts';
import { outputLike, unjudged } from './evaluate.ts';
import { cascade, childrenOf } from './settle.ts';
import type { TokenBook } from './token-book.ts';
import { tokensOf } from './token-outputs.ts';
import type { Workset } from './workset.ts';

/**
 * Evaluates the stored history of tokens that are followed from now on: worksets to be committed one after the other.
 * A cut in between is harmless, since evaluation depends on nothing but the stored transactions.
 */
export async function* rescanRows(
  begin: () => Workset,
  book: TokenBook,
  tokenNos: readonly number[],
  chunk: number,
): AsyncGenerator<Workset> {
  const wanted = new Set(tokenNos);
  let ws = begin();
  const prefix = Buffer.from([PREFIX.tx]);
  for await (const { key, value } of ws.store.database.rows(prefix, afterPrefix(prefix))) {
    const stored = decodeTx(key, value);
    const tx = parseTransaction(stored.raw);
    const content = tokensOf(tx, book);
    for (const tokenId of content.binaryTokens) ws.binaryTokens.add(book.followed(tokenId)!);
    const groups = content.groups.filter((g) => wanted.has(g.tokenNo));
    if (groups.length === 0) continue;
    const record = ws.tx(stored.txid) ?? stored;
    const kept = record.tokens.filter((p) => !wanted.has(p.tokenNo) || p.outputs.length === 0);
    const found = groups.map((g) => unjudged({ tokenNo: g.tokenNo, outputs: g.outputs.map(outputLike) }));
    ws.setTx({ ...record, tokens: [...kept, ...found].sort((a, b) => a.tokenNo - b.tokenNo) });
    cascade(ws, [stored.txid, ...childrenOf(ws, tx)]);
    if (ws.txs.size < chunk) continue;
    yield ws;
    ws = begin();
  }
  yield ws;
}
