import { parseTransaction } from '../spv/transaction.ts';
import { StoreError } from '../store/errors.ts';
import type { TxRecord } from '../store/records.ts';
import type { TokenDeploy, TokenRecord } from '../store/token-row.ts';
import { decodeTokenOutput } from '../token/decode.ts';
import { coinState } from './effects.ts';

/** Mutable figures of a token while a commit is made. */
export type TokenDraft = { -readonly [K in keyof TokenRecord]: TokenRecord[K] };

/** Symbol, decimals and icon, read from the deploy output itself. */
export function deployOf(token: TokenRecord, record: TxRecord): TokenDeploy | undefined {
  const vout = Number(token.tokenId.slice(65));
  if (
    coinState({ tx: () => record, activeSpender: () => undefined }, token.tokenNo, record, vout) === undefined
  ) {
    return undefined;
  }
  const output = parseTransaction(record.raw).outputs[vout];
  const deploy =
    output === undefined ? undefined : decodeTokenOutput(output.script, record.txid, vout)?.deploy;
  return deploy === undefined ? undefined : { sym: deploy.sym, dec: deploy.dec, icon: deploy.icon };
}

/** token-rules §4: the sum of coins and the sum of operations must agree at every commit. */
export function checkSupply(token: TokenRecord): void {
  if (token.circulating === token.issued - token.burned - token.lost) return;
  throw new StoreError(
    'STORE_INCONSISTENT',
    `the supply of ${token.tokenId} does not add up: run \`btcfed verify\``,
    {
      tokenId: token.tokenId,
      issued: token.issued.toString(),
      burned: token.burned.toString(),
      lost: token.lost.toString(),
      circulating: token.circulating.toString(),
    },
  );
}
