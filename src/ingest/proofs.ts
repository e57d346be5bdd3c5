import { type Bump, bumpOffset, bumpRoot, extractPath } from '../spv/bump.ts';
import { SpvError } from '../spv/errors.ts';
import { isCoinbase, type Transaction } from '../spv/transaction.ts';
import type { ChainView, VerifyRoot } from './chain-view.ts';
import { IngestError } from './errors.ts';
import type { Checked } from './item.ts';

/** Block hash of a root that a header source confirmed without telling the block. */
export const UNTOLD_BLOCK = '0'.repeat(64);

/** A transaction of 64 bytes could be an inner node of the merkle tree in disguise. */
const AMBIGUOUS_TX_BYTES = 64;

/**
 * Holds a proof against the header of its height. Undefined: the proof belongs to a branch that lost, the transaction is
 * to be judged as unmined. Heights below our first header are asked of a configured source.
 */
export async function checkProof(
  chain: ChainView,
  verifyRoot: VerifyRoot,
  tx: Transaction,
  bump: Bump,
): Promise<Checked | undefined> {
  if (tx.raw.length === AMBIGUOUS_TX_BYTES && !isCoinbase(tx)) {
    return refused(
      new IngestError('TX_AMBIGUOUS', 'a transaction of 64 bytes cannot be proven by a merkle path', {}),
    );
  }
  try {
    const { height } = bump;
    const root = bumpRoot(bump);
    const known = chain.rootAt(height);
    if (known === root) return proven(tx, bump, chain.hashAt(height) ?? UNTOLD_BLOCK);
    if (known === undefined) return await checkBeyondHeaders(chain, verifyRoot, tx, bump, root);
    if (chain.sideRoots(height).includes(root)) return undefined;
    return mismatch(height, root, known);
  } catch (error) {
    if (error instanceof SpvError) return refused(error);
    throw error;
  }
}

async function checkBeyondHeaders(
  chain: ChainView,
  verifyRoot: VerifyRoot,
  tx: Transaction,
  bump: Bump,
  root: string,
): Promise<Checked> {
  const { height } = bump;
  if (height < chain.baseHeight()) {
    const verdict = await verifyRoot(height, root);
    if (verdict === 'confirmed') return proven(tx, bump, UNTOLD_BLOCK);
    if (verdict === 'invalid') return mismatch(height, root, 'another root, says the header source');
  }
  return { kind: 'headerUnknown', height, path: extractPath(bump, tx.txid) };
}

function proven(tx: Transaction, bump: Bump, blockHash: string): Checked {
  const index = bumpOffset(bump, tx.txid);
  const path = extractPath(bump, tx.txid);
  return { kind: 'proven', place: { height: bump.height, index: index ?? 0, blockHash }, path };
}

function mismatch(height: number, root: string, expected: string): Checked {
  return refused(
    new IngestError('PROOF_ROOT_MISMATCH', `the proof's merkle root is not that of block ${height}`, {
      height,
      root,
      expected,
    }),
  );
}

function refused(error: SpvError | IngestError): Checked {
  return { kind: 'refused', error };
}
