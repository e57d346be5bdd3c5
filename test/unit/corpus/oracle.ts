import { Transaction } from '@bsv/sdk';
import type { Header } from '../../support/corpus/headers.ts';

/** The SDK's verdict on a BEEF's subject (named, or the last one), with a chain tracker that knows these headers and nothing else. */
export async function sdkVerifies(
  beef: Uint8Array,
  headers: readonly Header[],
  txid?: string,
): Promise<boolean> {
  const roots = new Map(headers.map((header) => [header.height, header.merkleRoot]));
  const tracker = {
    isValidRootForHeight: async (root: string, height: number): Promise<boolean> =>
      roots.get(height) === root,
    currentHeight: async (): Promise<number> => headers.length - 1,
  };
  return await Transaction.fromBEEF([...beef], txid).verify(tracker);
}
