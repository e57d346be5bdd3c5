import { parseTransaction } from '../spv/transaction.ts';
import { afterPrefix, PREFIX } from '../store/keys.ts';
import { decodeProof, type ProofRecord } from '../store/proof-row.ts';
import { mine, unmine } from './admit.ts';
import type { ChainView } from './chain-view.ts';
import type { Workset } from './workset.ts';

/** Heights whose blocks were replaced. */
export interface ChainChange {
  readonly from: number;
}

/**
 * Applies what the header chain says now to every proof at or above the fork: transactions of blocks that are gone become
 * unmined, those of blocks that are (again) in the chain become mined (token-rules §8). Without a change told, as at
 * start, the tip that the store was decided with says whether anything is to be done.
 */
export async function chainChanges(
  ws: Workset,
  chain: ChainView,
  change: ChainChange | undefined,
): Promise<void> {
  const { tipHeight, tipHash } = ws.store.tip();
  const isBehind = tipHeight > 0 && chain.hashAt(tipHeight) !== tipHash;
  // After a crash between headers and index the fork is not known: all proofs are looked at.
  const from = change?.from ?? (isBehind ? chain.baseHeight() : undefined);
  if (from === undefined) return;
  const changed: ProofRecord[] = [];
  const start = Buffer.alloc(5);
  start[0] = PREFIX.proof;
  start.writeUInt32BE(Math.max(0, from), 1);
  for await (const { key, value } of ws.store.database.rows(start, afterPrefix(start.subarray(0, 1)))) {
    changed.push(decodeProof(key, value));
  }
  const isOnBest = (p: ProofRecord): boolean => chain.hashAt(p.height) === p.blockHash;
  for (const proof of changed) {
    const record = ws.tx(proof.txid);
    const isItsPlace = record?.place?.blockHash === proof.blockHash && record.place.height === proof.height;
    if (record !== undefined && isItsPlace && !isOnBest(proof)) unmine(ws, parseTransaction(record.raw));
  }
  for (const proof of changed.filter(isOnBest)) {
    const record = ws.tx(proof.txid);
    if (record === undefined || record.place !== undefined) continue;
    const { height, index, blockHash } = proof;
    mine(ws, parseTransaction(record.raw), { height, index, blockHash }, undefined);
  }
}
