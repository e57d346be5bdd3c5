import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestTx } from '../support/corpus/testtx.ts';
import { seededRandom } from '../support/fake-clock.ts';
import { type SyncPeer, withNet } from '../support/sync-net.ts';
import { areEqual } from '../support/sync-peers.ts';
import { TokenChain } from '../support/token-history.ts';

const SEEDS = 8;
const PEERS = 4;

/**
 * Peers that each begin with some part of a history, whose connections come and go, that are killed, and to whom new
 * transactions and blocks come, reorganisations among them: when that ends, all have the same history, and nobody was blamed.
 */
async function run(seed: number): Promise<void> {
  const random = seededRandom(seed);
  const below = (n: number): number => Math.floor(random() * n);
  await withNet(async (net) => {
    const at = new TokenChain(`sync ${seed}`, {
      purseCoins: 500,
      ...(seed % 2 === 0 ? { leaves: 160 } : {}),
    });
    at.blocks(6 + below(20), 1 + below(4), 5);
    at.transfers(below(6));
    const peers: SyncPeer[] = [];
    for (let i = 0; i < PEERS; i++) {
      const peer = await net.add(`p${i}`, { tokens: [at.tokenId] });
      await peer.node.node.headers(at.headers());
      const share = [0, 0.5, 0.95, 1][i]!;
      await give(
        at,
        peer,
        at.txs.filter(() => random() < share),
      );
      peers.push(peer);
    }
    const pick = (): SyncPeer => peers[below(PEERS)]!;
    for (let step = 0; step < 30; step++) {
      const [a, b] = [pick(), pick()];
      const what = below(10);
      if (what < 5 && a !== b && !net.isLinked(a.id, b.id)) net.connect(a, b);
      else if (what === 5) net.disconnect(a.id, b.id);
      else if (what === 6 && step % 3 === 0) await a.crash();
      else if (what === 7) await give(at, a, at.transfers(1 + below(3)));
      else if (what === 8) await mineSome(at, a, below);
      else if (what === 9 && step > 20) await reorganise(at, peers, below);
      await net.pass(5 * below(200));
    }
    for (const [i, a] of peers.entries()) {
      await a.node.node.headers(at.headers());
      for (const b of peers.slice(i + 1)) if (!net.isLinked(a.id, b.id)) net.connect(a, b);
    }
    await net.until(
      `all agree (seed ${seed})`,
      async () => peers.every((p) => p.state(at.tokenId) === 'synced') && (await areEqual(at, ...peers)),
      600_000,
    );
    const { entries, unmined } = await peers[0]!.node.commitments.tip(at.tokenId);
    const mined = new Set(at.mined).size;
    assert.deepEqual([entries, unmined], [mined, at.txs.length - mined], 'nothing is lost');
    for (const { judge } of peers) assert.deepEqual(judge.codes, []);
    await peers[below(PEERS)]!.node.node.audit();
  }, seed);
}

function give(at: TokenChain, peer: SyncPeer, txs: readonly TestTx[]): Promise<unknown> {
  return peer.node.node.offerAll(at.beefs(txs));
}

/** A block with what is unmined, told to one peer: headers and proofs. */
async function mineSome(at: TokenChain, peer: SyncPeer, below: (n: number) => number): Promise<void> {
  const mined = new Set(at.mined);
  const open = at.txs.filter((tx) => !mined.has(tx)).slice(0, 1 + below(8));
  at.block(open);
  await peer.node.node.headers(at.headers());
  await give(at, peer, open);
}

/** The last blocks are undone, and what was in them is mined again in one block of a longer branch. */
async function reorganise(
  at: TokenChain,
  peers: readonly SyncPeer[],
  below: (n: number) => number,
): Promise<void> {
  const fork = at.chain.blockAt(Math.max(2, at.chain.tip.height - 1 - below(3)));
  const undone = at.mined.filter((tx) => at.chain.blocks.position(tx.txid)!.height > fork.height);
  const branch = at.chain.mine(undone, { on: fork });
  at.chain.makeActive(branch);
  const peer = peers[below(peers.length)]!;
  await peer.node.node.headers(at.headers());
  await give(at, peer, undone);
}

describe('token sync among peers that come and go', () => {
  for (let seed = 1; seed <= SEEDS; seed++) it(`ends in agreement (seed ${seed})`, () => run(seed));
});
