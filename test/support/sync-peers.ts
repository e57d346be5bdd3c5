import assert from 'node:assert/strict';
import type { TestTx } from './corpus/testtx.ts';
import type { SyncNet, SyncPeer } from './sync-net.ts';
import type { TokenChain } from './token-history.ts';

/**
 * A peer that follows the token, with all headers and these transactions. `lacked`: what it must not have, so mined ones come to
 * it without their parents.
 */
export async function peerWith(
  net: SyncNet,
  id: string,
  at: TokenChain,
  txs: readonly TestTx[] = [],
  lacked: readonly TestTx[] = [],
): Promise<SyncPeer> {
  const peer = await net.add(id, { tokens: [at.tokenId] });
  const { node } = peer.node;
  await node.headers(at.headers());
  if (lacked.length === 0) await node.offerAll(at.beefs(txs));
  else {
    const mined = new Set(at.mined);
    const isAlone = (tx: TestTx): boolean => mined.has(tx);
    await node.offerAll(txs.map((tx) => at.chain.beef(tx, isAlone(tx) ? { parents: 'none' } : {})));
  }
  for (const { txid } of lacked) assert.equal(node.store.tx(txid), undefined, 'it has what it must lack');
  return peer;
}

/** A peer that has all but some. */
export function peerWithout(
  net: SyncNet,
  id: string,
  at: TokenChain,
  isLacked: (i: number) => boolean,
): Promise<SyncPeer> {
  const lacked = at.txs.filter((_, i) => isLacked(i));
  const held = at.txs.filter((_, i) => !isLacked(i));
  return peerWith(net, id, at, held, lacked);
}

/** Equal commitments, counts and unmined sets. */
export async function areEqual(at: TokenChain, ...peers: readonly SyncPeer[]): Promise<boolean> {
  const digests = await Promise.all(peers.map((peer) => peer.digest(at.tokenId)));
  return new Set(digests).size === 1;
}

/** All have the same history and say so, and nobody was blamed; milliseconds that it took. */
export async function agreement(
  net: SyncNet,
  at: TokenChain,
  ...peers: readonly SyncPeer[]
): Promise<number> {
  const ms = await net.until(
    'all agree',
    async () => peers.every((p) => p.state(at.tokenId) === 'synced') && (await areEqual(at, ...peers)),
  );
  for (const { judge } of peers) assert.deepEqual(judge.codes, []);
  return ms;
}
