import { parseTransaction } from '../spv/transaction.ts';
import type { OutputRecord, TxRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { decodeTokenOutput } from '../token/decode.ts';
import { outputLike } from './evaluate.ts';
import { MIN_TOKEN_SCRIPT_BYTES } from './token-outputs.ts';

type Output = Omit<OutputRecord, 'verdict'>;

/**
 * Outputs (`vout`) of which the row says something else than the scripts do: verdicts and amounts follow from what the row
 * says. An output that the row lacks is wrong only of a token that is kept up.
 */
export function wrongOutputs({ tokens, tokenNos }: Store, { raw, tokens: parts }: TxRecord): number[] {
  const decoded = new Map<string, Output>();
  const { outputs, txid } = parseTransaction(raw);
  outputs.forEach(({ script }, vout) => {
    if (script.length < MIN_TOKEN_SCRIPT_BYTES) return;
    const output = decodeTokenOutput(script, txid, vout);
    const tokenNo = output === undefined ? undefined : tokenNos.get(output.tokenId);
    if (output !== undefined && tokenNo !== undefined) decoded.set(`${tokenNo}:${vout}`, outputLike(output));
  });
  const wrong: number[] = [];
  for (const { tokenNo, outputs } of parts) {
    for (const output of outputs) {
      const id = `${tokenNo}:${output.vout}`;
      if (!isSame(decoded.get(id), output)) wrong.push(output.vout);
      decoded.delete(id);
    }
  }
  for (const [id, { vout }] of decoded)
    if (tokens.get(Number.parseInt(id, 10))?.tracked === true) wrong.push(vout);
  return wrong;
}

function isSame(a: Output | undefined, b: Output): boolean {
  return a?.op === b.op && a.amt === b.amt && a.lock === b.lock && Buffer.compare(a.owner, b.owner) === 0;
}
