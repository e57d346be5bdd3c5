import { HeaderChain } from '../../../src/chain/header-chain.ts';
import { rebuildStore } from '../../../src/ingest/rebuild.ts';
import { headerDisk } from '../../../src/node/header-disk.ts';
import { TestNode } from '../node.ts';
import { type IndexState, nodeState } from '../node-state.ts';

/** Makes the store in a folder anew from its transactions, proofs and headers, as `btcfed verify --rebuild` does, and reads it. */
export async function rebuiltState(
  folder: string,
  tokens: readonly string[],
  nowMs: () => number,
): Promise<IndexState> {
  const store = {
    ...({ path: folder, network: 'regtest', programVersion: 'test', syncWrites: false } as const),
    ...{ cacheBytes: 1 << 20, writeBufferBytes: 1 << 20, newDatabaseId: () => 'cd'.repeat(16) },
  };
  const signal = new AbortController().signal;
  await rebuildStore(
    { store, follow: tokens, signal, onProgress: () => undefined },
    {
      recoverChain: async (database) => {
        const modules = { disk: headerDisk(database), clock: { nowMs } };
        return (await HeaderChain.recover({ network: 'regtest' }, modules)).chain;
      },
      verifyRoot: () => Promise.resolve('unknown'),
    },
  );
  const node = await TestNode.open({ folder, tokens, nowMs });
  try {
    return await nodeState(node);
  } finally {
    await node.ingest.close();
    await node.store.close();
  }
}
