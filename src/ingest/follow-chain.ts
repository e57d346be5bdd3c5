import type { VerifierPool } from '../spv/pool.ts';
import { isCoinbase, parseTransaction } from '../spv/transaction.ts';
import type { Prevout, VerifyJob } from '../spv/verify.ts';
import { afterPrefix, PREFIX } from '../store/keys.ts';
import { decodeProof, type ProofRecord } from '../store/proof-row.ts';
import { decide, mine, unmine, verify } from './admit.ts';
import type { ChainView } from './chain-view.ts';
import type { Workset } from './workset.ts';

/** Heights whose blocks were replaced. */
export interface ChainChange {
  readonly from: number;
}

/** A block of the header chain, as far as which the index has followed it. */
export interface AppliedTip {
  readonly height: number;
  readonly hash: string;
}

export interface FollowModules {
  readonly chain: ChainView;
  readonly pool: Pick<VerifierPool, 'verify'>;
}

/** True if blocks that the index was decided with are no longer on the best chain. */
export function isBehind(chain: ChainView, applied: AppliedTip): boolean {
  return chain.tip().hash !== applied.hash && chain.hashAt(applied.height) !== applied.hash;
}

/**
 * Applies what the header chain says now to every proof at or above the fork: transactions of blocks that are gone become
 * unmined, those of blocks that are (again) in the chain become mined (token-rules §8). `from` is the lowest height known to
 * be replaced; without it, as after a crash between headers and index, all proofs are looked at if the tip that the index
 * was decided with is gone.
 */
export async function chainChanges(
  ws: Workset,
  modules: FollowModules,
  applied: AppliedTip,
  from: number | undefined,
): Promise<void> {
  const { chain } = modules;
  const lowest = from ?? (isBehind(chain, applied) ? chain.baseHeight() : applied.height + 1);
  // Blocks that are new to the index may lie below those that were replaced: several changes are followed as one.
  const proofs = await proofsFrom(ws, Math.min(lowest, applied.height + 1));
  const isOnBest = (p: ProofRecord): boolean => chain.hashAt(p.height) === p.blockHash;
  const undone = proofs.filter((proof) => {
    const place = ws.tx(proof.txid)?.place;
    return place?.blockHash === proof.blockHash && place.height === proof.height && !isOnBest(proof);
  });
  await verifyUndone(ws, modules.pool, undone);
  for (const { txid } of undone) unmine(ws, txid);
  for (const { txid, height, index, blockHash } of proofs.filter(isOnBest)) {
    const record = ws.tx(txid);
    if (record === undefined || record.place !== undefined) continue;
    mine(ws, parseTransaction(record.raw), { height, index, blockHash }, undefined);
  }
  decide(ws);
}

async function proofsFrom(ws: Workset, height: number): Promise<ProofRecord[]> {
  const proofs: ProofRecord[] = [];
  const start = Buffer.alloc(5);
  start[0] = PREFIX.proof;
  start.writeUInt32BE(Math.max(0, height), 1);
  for await (const { key, value } of ws.store.database.rows(start, afterPrefix(start.subarray(0, 1)))) {
    proofs.push(decodeProof(key, value));
  }
  return proofs;
}

/** Without its block a transaction stands by its scripts alone; those of a mined one never ran. */
async function verifyUndone(
  ws: Workset,
  pool: FollowModules['pool'],
  undone: readonly ProofRecord[],
): Promise<void> {
  const jobs = undone.flatMap(({ txid }) => jobFor(ws, txid) ?? []);
  const results = await pool.verify(jobs);
  jobs.forEach(({ tx }, i) => {
    if (results[i] === undefined) verify(ws, tx.txid);
  });
}

function jobFor(ws: Workset, txid: string): VerifyJob | undefined {
  const record = ws.tx(txid);
  if (record === undefined || record.verified) return undefined;
  const tx = parseTransaction(record.raw);
  if (isCoinbase(tx)) return undefined;
  const prevouts: Prevout[] = [];
  for (const { prevTxid, prevVout } of tx.inputs) {
    const parent = ws.tx(prevTxid);
    const output = parent === undefined ? undefined : parseTransaction(parent.raw).outputs[prevVout];
    if (output === undefined) return undefined;
    prevouts.push(output);
  }
  return { tx, prevouts };
}
