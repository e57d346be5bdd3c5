import { bumpOffset, bumpRoot, parseBump } from '../../../src/spv/bump.ts';
import { encodeBeef } from '../corpus/beef.ts';
import type { Block } from '../corpus/blocks.ts';
import type { TestChain } from '../corpus/scenario.ts';
import { TestTx } from '../corpus/testtx.ts';
import { parseTransaction, txidOf } from '../corpus/transaction.ts';

/** Version, count and outpoint of a transaction come before the length of its first unlocking script. */
const SCRIPT_LENGTH_AT = 4 + 1 + 36;
/** Within the first signature. */
const IN_SIGNATURE = 60;
/** A signature and a public key are longer than this; what else unlocks a coin is not. */
const MIN_SIGNED = 100;

/** The same with a signature that is none: another txid, and nothing to believe. Undefined: its first input has none. */
export function brokenSignature(raw: Uint8Array): Buffer | undefined {
  const bytes = Buffer.from(raw);
  if (bytes[SCRIPT_LENGTH_AT]! < MIN_SIGNED || bytes[SCRIPT_LENGTH_AT]! > 0xfc) return undefined;
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
export function brokenBeef(
  chain: TestChain,
  tx: TestTx,
): { readonly beef: Buffer; readonly txid: string } | undefined {
  const raw = brokenSignature(tx.raw);
  if (raw === undefined) return undefined;
  const broken = new TestTx(parseTransaction(raw), tx.outputs, tx.spends);
  return { beef: chain.beef(broken), txid: txidOf(raw) };
}

/** A BEEF of a mined transaction with a proof that proves nothing. */
export function unprovenBeef(block: Block, tx: TestTx): Buffer {
  const bump = Buffer.from(forgedBump(block.bump([tx.txid]), [tx.txid]));
  return encodeBeef({ version: 1, bumps: [bump], entries: [{ raw: tx.raw, bump: 0 }] });
}
