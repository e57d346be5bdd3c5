import type { Transaction } from '../spv/transaction.ts';
import { hasBinaryPrefix } from '../token/binary.ts';
import { decodeTokenOutput } from '../token/decode.ts';
import type { TokenOutput } from '../token/types.ts';
import type { TokenContent } from './item.ts';
import type { TokenBook } from './token-book.ts';

/** Shorter scripts hold neither an envelope with a token id nor a binary prefix with a lock. */
export const MIN_TOKEN_SCRIPT_BYTES = 36;

/** Sorts a transaction's outputs by token. */
export function tokensOf(tx: Transaction, book: TokenBook): TokenContent {
  let groups: { tokenNo: number; outputs: TokenOutput[] }[] | undefined;
  let otherTokens: string[] | undefined;
  let binaryTokens: string[] | undefined;
  for (let vout = 0; vout < tx.outputs.length; vout++) {
    const { script } = tx.outputs[vout]!;
    if (script.length < MIN_TOKEN_SCRIPT_BYTES) continue;
    const output = decodeTokenOutput(script, tx.txid, vout);
    if (output === undefined) {
      const binary = hasBinaryPrefix(script)?.tokenId;
      if (binary !== undefined && book.followed(binary) !== undefined) {
        binaryTokens ??= [];
        binaryTokens.push(binary);
      }
      continue;
    }
    const tokenNo = book.followed(output.tokenId);
    if (tokenNo === undefined) {
      otherTokens ??= [];
      otherTokens.push(output.tokenId);
      continue;
    }
    groups ??= [];
    const group = groups.find((g) => g.tokenNo === tokenNo);
    if (group === undefined) groups.push({ tokenNo, outputs: [output] });
    else group.outputs.push(output);
  }
  groups?.sort((a, b) => a.tokenNo - b.tokenNo);
  return { groups: groups ?? NONE, otherTokens: otherTokens ?? NONE, binaryTokens: binaryTokens ?? NONE };
}

const NONE: readonly never[] = [];
