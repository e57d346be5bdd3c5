import type { Core } from '../../src/node/core.ts';
import { importAll } from './core.ts';
import { TestChain } from './corpus/scenario.ts';
import { p2pkh, token } from './corpus/script.ts';
import type { TestTx } from './corpus/testtx.ts';

/** A node's life in short: every kind of row, every standing of a transaction. */
export interface RichChain {
  readonly chain: TestChain;
  readonly follow: readonly string[];
  /** BEEFs of what is mined before the fork. */
  readonly early: readonly Uint8Array[];
  /** A transaction mined on the branch that lost, and again on the one that won. */
  readonly movedTxid: string;
  /** Feeds a node, in order; `pause` is awaited between the steps, to close and open it for instance. */
  readonly feed: (core: () => Core, pause: () => Promise<void>) => Promise<void>;
}

/** Owners whose coins move once, early, and rest from then on. */
const CROWD = 20;

/** Outputs of this many bytes ride along: zeros, which compress, or noise. */
export function richChain(seed: string, filler: 'none' | 'zeros' | 'noise' = 'none'): RichChain {
  const chain = new TestChain(seed, { purseCoins: 200 });
  const key = (name: string) => chain.key(name);
  const ballast = (bytes: number) => {
    if (filler === 'none') return [];
    const data = filler === 'zeros' ? Buffer.alloc(bytes) : chain.prng.bytes(bytes);
    const rawScript = Buffer.concat([Buffer.from([0x00, 0x6a, 0x4d, bytes & 0xff, bytes >> 8]), data]);
    return [{ lock: p2pkh(key('nobody')), satoshis: 0, rawScript }];
  };
  const pay = (from: TestTx, vout: number, to: readonly (readonly [string, bigint])[]): TestTx => {
    const id = from.tokenId(vout);
    const outputs = to.map(([name, amt]) => ({ lock: p2pkh(key(name)), token: token.transfer(id, amt) }));
    return chain.build({ inputs: [from.coin(vout)], outputs: [...outputs, ...ballast(1500)] });
  };

  const gold = chain.deployMint(2n ** 64n - 1n, { owner: key('alice'), sym: 'GOLD', dec: '2' });
  const silver = chain.deployAuth({ owner: key('issuer'), sym: 'SILV' });
  const tin = chain.deployMint(1000n, { owner: key('tinker'), sym: 'TIN' });
  chain.mine([gold, silver, tin]);
  const mint = chain.mint({ from: [silver.coin(0)], to: [[key('bob'), 5000n]], heir: key('issuer') });
  const crowd = Array.from({ length: CROWD }, (_, i) => `owner ${i}`);
  const spread = pay(gold, 0, [
    ['bob', 2n ** 63n],
    ['carol', 1000n],
    ['dave', 500n],
    ...crowd.map((name) => [name, 10n] as const),
    ['alice', 2n ** 63n - 1501n - 10n * BigInt(CROWD)],
  ]);
  chain.mine([mint, spread]);
  const crowded = crowd.map((name, i) => pay(spread, 3 + i, [[`${name} heir`, 10n]]));
  chain.mine(crowded);
  const trunk = chain.tip;
  const early = [gold, silver, tin, mint, spread, ...crowded].map((tx) => chain.beef(tx));

  // A fork: `moved` is mined on both branches, `undone` on the one that loses, `rival` only on the one that wins.
  const moved = pay(spread, 1, [['erin', 1000n]]);
  const undone = pay(mint, 0, [
    ['frank', 4000n],
    ['bob', 1000n],
  ]);
  const robbed = pay(spread, 2, [['grace', 500n]]);
  const rival = chain.doubleSpend(robbed, { to: key('thief') });
  const lostBlock = chain.mine([moved, undone, robbed], { on: trunk });
  const bounty = chain.build({
    inputs: [lostBlock.coinbase!.coin(0)],
    outputs: [{ lock: p2pkh(key('miner')), token: token.deployMint(7n, { sym: 'DEAD' }) }],
  });
  const lostTip = chain.mine([], { on: lostBlock });
  const lostBeefs = [moved, undone, robbed, bounty].map((tx) => chain.beef(tx, { tip: lostTip }));
  const wonBlock = chain.mine([rival, moved], { on: trunk });
  const wonTip = chain.mineEmpty(2, wonBlock);

  // Unmined: a chain of three, a conflict, a burn, and one that gives away too much.
  const hops = chain.transferChain(moved.coin(0), [key('h1'), key('h2'), key('h3')]);
  const first = pay(undone, 0, [['ivan', 4000n]]);
  const second = chain.doubleSpend(first, { to: key('judy') });
  const burn = chain.burn(300n, { from: [undone.coin(1)], to: [[key('bob'), 700n]] });
  const greedy = pay(spread, 0, [['mallory', 2n ** 63n + 1n]]);
  // Waiting for a parent, and for a header.
  const unknown = pay(hops[2]!, 0, [['ken', 1000n]]);
  const orphan = pay(unknown, 0, [['liam', 1000n]]);
  const ahead = pay(burn, 1, [['bob', 700n]]);
  const farTip = chain.mine([ahead], { on: chain.mine([], { on: wonTip }) });

  const feed: RichChain['feed'] = async (core, pause) => {
    const offer = async (...beefs: Uint8Array[]): Promise<void> => {
      await importAll(core(), beefs);
      await core().ingest.drained();
    };
    await core().chain.add(chain.headerBytes({ tip: trunk, from: 1 }));
    await offer(...early);
    await pause();
    await core().chain.add(chain.headerBytes({ tip: lostTip, from: trunk.height + 1 }));
    await offer(...lostBeefs);
    await pause();
    await core().chain.add(chain.headerBytes({ tip: wonTip, from: trunk.height + 1 }));
    await core().chainSettled();
    await offer(chain.beef(rival, { tip: wonTip }), chain.beef(moved, { tip: wonTip }));
    await offer(...hops.map((tx) => chain.beef(tx, { tip: wonTip })));
    await offer(chain.beef(first, { tip: wonTip }));
    await pause();
    await offer(chain.beef(second, { tip: wonTip }), chain.beef(burn, { tip: wonTip }));
    await offer(chain.beef(greedy, { tip: wonTip }), chain.beef(orphan, { tip: wonTip, parents: 'none' }));
    await offer(chain.beef(ahead, { tip: farTip }));
    await pause();
  };
  return {
    chain,
    follow: [gold.tokenId(), silver.tokenId(), bounty.tokenId()],
    early,
    movedTxid: moved.txid,
    feed,
  };
}
