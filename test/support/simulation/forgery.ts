import { bumpOffset, bumpRoot, parseBump } from '../../../src/spv/bump.ts';
import { encodeBeef } from '../corpus/beef.ts';
import type { Block } from '../corpus/blocks.ts';
import type { TestChain } from '../corpus/scenario.ts';
import { TestTx } from '../corpus/testtx.ts';
import { parseTransaction, txidOf } from '../corpus/transaction.ts';

/** Within the first signature of a transaction: version, count, outpoint and two lengths come before it. */
const IN_SIGNATURE = 60;

/** The same with a signature that is none: another txid, and nothing to believe. */
export function brokenSignature(raw: Uint8Array): Buffer {
  const bytes = Buffer.from(raw);
  bytes[IN_SIGNATURE]! ^= 1;
  return bytes;
}

/** A BUMP of the same transactions at the same places that leads to another root. */
export function forgedBump(bump: Uint8Array, txids: readonly string[]): Uint8Array {
  const right = parseBump(bump);
  for (let at = bump.length - 1; at > 0; at--) {
    const bytes = Buffer.from(bump);
    bytes[at]! ^= 0x80;
    try {
      const made = parseBump(bytes);
      const isSame = txids.every((txid) => bumpOffset(made, txid) === bumpOffset(right, txid));
      if (isSame && made.height === right.height && bumpRoot(made) !== bumpRoot(right)) return bytes;
    } catch {
      // Not this byte.
    }
  }
  return bump;
}

/** A BEEF of a transaction with a broken signature, and its txid. */
export function brokenBeef(chain: TestChain, tx: TestTx): { readonly beef: Buffer; readonly txid: string } {
  const raw = brokenSignature(tx.raw);
  const broken = new TestTx(parseTransaction(raw), tx.outputs, tx.spends);
  return { beef: chain.beef(broken), txid: txidOf(raw) };
}

/** A BEEF of a mined transaction with a proof that proves nothing. */
export function unprovenBeef(block: Block, tx: TestTx): Buffer {
  const bump = Buffer.from(forgedBump(block.bump([tx.txid]), [tx.txid]));
  return encodeBeef({ version: 1, bumps: [bump], entries: [{ raw: tx.raw, bump: 0 }] });
}
