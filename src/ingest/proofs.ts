import { type Bump, bumpOffset, bumpRoot, extractPath } from '../spv/bump.ts';
import { SpvError } from '../spv/errors.ts';
import { isCoinbase, type Transaction } from '../spv/transaction.ts';
import type { BlockPlace } from '../store/records.ts';
import type { OpenProof } from '../store/waiting-row.ts';
import type { ChainView, VerifyRoot } from './chain-view.ts';
import { IngestError } from './errors.ts';

/** Block hash of a root that a header source confirmed without telling the block. */
export const UNTOLD_BLOCK = '0'.repeat(64);

/** Blocks below the tip within which a branch that lost may still win: proofs on it are kept that long. */
export const REORG_HORIZON = 100;

/** A transaction of 64 bytes could be an inner node of the merkle tree in disguise. */
const AMBIGUOUS_TX_BYTES = 64;

/**
 * A proof held against the headers. `side`: of a known block beside the best chain. Refused with a `proof`: of no block of
 * that height that we know, but perhaps of one that we shall know.
 */
export type ProofVerdict =
  | { readonly kind: 'proven'; readonly place: BlockPlace; readonly path: Uint8Array }
  | { readonly kind: 'side' | 'headerUnknown'; readonly proof: OpenProof }
  | {
      readonly kind: 'refused';
      readonly error: SpvError | IngestError;
      readonly proof?: OpenProof;
    };

/** Heights below our first header are asked of a configured source. */
export async function checkProof(
  chain: ChainView,
  verifyRoot: VerifyRoot,
  tx: Transaction,
  bump: Bump,
): Promise<ProofVerdict> {
  if (tx.raw.length === AMBIGUOUS_TX_BYTES && !isCoinbase(tx)) {
    const message = 'a transaction of 64 bytes cannot be proven by a merkle path';
    return { kind: 'refused', error: new IngestError('TX_AMBIGUOUS', message, {}) };
  }
  try {
    const { height } = bump;
    const root = bumpRoot(bump);
    const known = chain.rootAt(height);
    if (known === root) return proven(tx, bump, chain.hashAt(height) ?? UNTOLD_BLOCK);
    if (known === undefined) return await checkBeyondHeaders(chain, verifyRoot, tx, bump, root);
    if (chain.sideRoots(height).includes(root)) return { kind: 'side', proof: openProof(tx, bump) };
    return mismatch(tx, bump, root, known);
  } catch (error) {
    if (error instanceof SpvError) return { kind: 'refused', error };
    throw error;
  }
}

/** True while the block that a proof claims may still come to the best chain by a reorganisation. */
export function isWithinReorg(chain: ChainView, height: number): boolean {
  return height > chain.tip().height - REORG_HORIZON;
}

async function checkBeyondHeaders(
  chain: ChainView,
  verifyRoot: VerifyRoot,
  tx: Transaction,
  bump: Bump,
  root: string,
): Promise<ProofVerdict> {
  const { height } = bump;
  if (height < chain.baseHeight()) {
    const verdict = await verifyRoot(height, root);
    if (verdict === 'confirmed') return proven(tx, bump, UNTOLD_BLOCK);
    if (verdict === 'invalid') return mismatch(tx, bump, root, 'another root, says the header source');
  }
  return { kind: 'headerUnknown', proof: openProof(tx, bump) };
}

function proven(tx: Transaction, bump: Bump, blockHash: string): ProofVerdict {
  const index = bumpOffset(bump, tx.txid);
  const path = extractPath(bump, tx.txid);
  return { kind: 'proven', place: { height: bump.height, index: index ?? 0, blockHash }, path };
}

function openProof(tx: Transaction, bump: Bump): OpenProof {
  return { height: bump.height, path: extractPath(bump, tx.txid) };
}

function mismatch(tx: Transaction, bump: Bump, root: string, expected: string): ProofVerdict {
  const { height } = bump;
  const message = `the proof's merkle root is not that of block ${height}`;
  return {
    kind: 'refused',
    error: new IngestError('PROOF_ROOT_MISMATCH', message, { height, root, expected }),
    proof: openProof(tx, bump),
  };
}
