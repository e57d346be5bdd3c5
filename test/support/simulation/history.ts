import type { ChainView } from '../corpus/active.ts';
import type { Block } from '../corpus/blocks.ts';
import type { Header } from '../corpus/headers.ts';
import type { Key } from '../corpus/keys.ts';
import { Prng } from '../corpus/prng.ts';
import { TestChain } from '../corpus/scenario.ts';
import { anyone, type LockSpec, p2pkh, token } from '../corpus/script.ts';
import type { Coin, OutputSpec, TestTx } from '../corpus/testtx.ts';

/** Something that becomes known to somebody. */
export type Deed =
  | { readonly kind: 'tx'; readonly tx: TestTx; readonly beef: Buffer }
  | {
      readonly kind: 'block';
      readonly block: Block;
      /** Headers from its branch's fork on, n x 80 bytes. */
      readonly headers: Buffer;
      /** BEEFs with the proofs of what is in the blocks that are of the best chain from now on. */
      readonly proofs: readonly Buffer[];
      /** Blocks that it undoes. */
      readonly undoes: number;
    };

export interface HistorySize {
  readonly steps: number;
  readonly tokens: number;
  readonly forks: number;
}

interface TokenCoin extends Coin {
  readonly tokenId: string;
  readonly amt: bigint;
  readonly isAuthority: boolean;
}

const OWNERS = ['alice', 'bob', 'carol', 'dave'];

/**
 * A small history of one to three tokens, in the order in which it happened: transfers, mints, burns, over-spends,
 * pure spends, rivals; blocks, and branches that win. What is undecided between rivals is decided by a block in the end, so that
 * all who know all of it must agree; the last transactions are not mined.
 */
export class SimHistory {
  readonly chain: TestChain;
  readonly tokens: string[] = [];
  readonly txs: TestTx[] = [];
  readonly deeds: Deed[] = [];
  /** What a rebuild from nothing knows. */
  readonly view: ChainView;
  readonly headers: readonly Header[];
  private coins: TokenCoin[] = [];
  private readonly spent = new Set<string>();
  /** With a rival, or from one with a rival. */
  private readonly contested = new Set<TestTx>();
  private readonly byTxid = new Map<string, TestTx>();
  private readonly prng: Prng;

  constructor(seed: string, { steps, tokens, forks }: HistorySize) {
    this.prng = new Prng(`history ${seed}`);
    this.chain = new TestChain(`simulated ${seed}`, { purseCoins: 16 + 3 * (steps + tokens) });
    for (const tx of this.chain.purse) this.byTxid.set(tx.txid, tx);
    this.tell(this.chain.tip, this.chain.tip);
    for (let i = 0; i < tokens; i++) this.deploy(i);
    this.mine();
    const forkAt = new Set(
      Array.from({ length: forks }, (_, i) => Math.floor(((i + 1) * steps) / (forks + 1))),
    );
    for (let i = 0; i < steps; i++) {
      if (forkAt.has(i)) this.fork();
      this.step();
    }
    this.mine(true);
    this.coins = this.coins.filter(({ tx }) => this.chain.blocks.position(tx.txid) !== undefined);
    for (let i = 0; i < 3; i++) this.move();
    this.headers = this.chain.headers();
    this.view = this.chain.view(this.txs);
  }

  private deploy(i: number): void {
    const owner = this.owner();
    this.add(i === 1 ? this.chain.deployAuth({ owner }) : this.chain.deployMint(1_000n, { owner }));
    this.tokens.push(this.txs.at(-1)!.tokenId());
  }

  private step(): void {
    const chance = this.prng.below(100);
    if (chance < 18) this.mine();
    else if (chance < 66) this.move();
    else if (chance < 74) this.mint();
    else if (chance < 80) this.burn();
    else if (chance < 86) this.overspend();
    else if (chance < 90) this.gone();
    else this.rival();
  }

  private owner(): Key {
    return this.chain.key(this.prng.pick(OWNERS));
  }

  private lock(): LockSpec {
    return this.prng.chance(0.1) ? anyone() : p2pkh(this.owner());
  }

  private free(isFit: (coin: TokenCoin) => boolean): TokenCoin[] {
    return this.coins.filter((coin) => isFit(coin) && !this.spent.has(coin.tx.outpoint(coin.vout)));
  }

  /**
   * One or two coins to two owners each; sometimes of two tokens. But who follows one of two tokens is not told which rival
   * among transactions of the other has won, so what is contested moves one token alone.
   */
  private move(): void {
    const free = this.free(({ amt }) => amt > 0n);
    if (free.length === 0) return;
    const first = this.prng.pick(free);
    const rest = free.filter(
      (coin) =>
        coin !== first &&
        (coin.tokenId === first.tokenId || !(this.contested.has(coin.tx) || this.contested.has(first.tx))),
    );
    const more = rest.length > 0 && this.prng.chance(0.3) ? [this.prng.pick(rest)] : [];
    this.spend([first, ...more], (_, sum) => [sum / 3n, sum - sum / 3n]);
  }

  private spend(coins: readonly TokenCoin[], parts: (tokenId: string, sum: bigint) => bigint[]): void {
    const outputs: OutputSpec[] = [];
    for (const tokenId of new Set(coins.map((coin) => coin.tokenId))) {
      const sum = coins.reduce((total, coin) => total + (coin.tokenId === tokenId ? coin.amt : 0n), 0n);
      for (const amt of parts(tokenId, sum))
        if (amt > 0n) outputs.push({ lock: this.lock(), token: token.transfer(tokenId, amt) });
    }
    this.add(this.chain.build({ inputs: coins, outputs }));
  }

  private mint(): void {
    const [coin] = this.free(({ isAuthority }) => isAuthority);
    if (coin === undefined) {
      this.move();
      return;
    }
    const outputs: OutputSpec[] = [
      { lock: this.lock(), token: token.mint(coin.tokenId, BigInt(1 + this.prng.below(500))) },
      { lock: this.lock(), token: token.auth(coin.tokenId) },
    ];
    this.add(this.chain.build({ inputs: [coin], outputs }));
  }

  private burn(): void {
    const coin = this.free(({ amt }) => amt > 3n)[0];
    if (coin === undefined) return;
    const outputs: OutputSpec[] = [
      { lock: this.lock(), token: token.burn(coin.tokenId, coin.amt / 2n) },
      { lock: this.lock(), token: token.transfer(coin.tokenId, coin.amt - coin.amt / 2n) },
    ];
    this.add(this.chain.build({ inputs: [coin], outputs }));
  }

  /** More than there is: it spends, and makes nothing. What it would have made is not spent on. */
  private overspend(): void {
    const free = this.free(({ amt }) => amt > 0n);
    if (free.length < 3) {
      this.move();
      return;
    }
    const coin = this.prng.pick(free);
    const outputs = [{ lock: this.lock(), token: token.transfer(coin.tokenId, coin.amt + 1n) }];
    this.add(this.chain.build({ inputs: [coin], outputs }), false);
  }

  private gone(): void {
    const free = this.free(({ amt }) => amt > 0n);
    if (free.length < 3) {
      this.move();
      return;
    }
    this.add(this.chain.build({ inputs: [this.prng.pick(free)], outputs: [{ lock: this.lock() }] }));
  }

  /** Another spend of what one that is not mined spends. */
  private rival(): void {
    const open = this.txs.filter(
      (tx) => tx.spends.length > 0 && tx.outputs.every((o) => o.token?.op.startsWith('deploy') !== true),
    );
    const recent = open
      .slice(-4)
      .filter((tx) => this.chain.blocks.position(tx.txid) === undefined && this.tokensFrom(tx).size === 1);
    if (recent.length === 0) {
      this.move();
      return;
    }
    const tx = this.prng.pick(recent);
    this.contested.add(tx);
    for (const child of this.txs)
      if (child.parents.some((each) => this.contested.has(each))) this.contested.add(child);
    this.add(this.chain.doubleSpend(tx, { to: this.lock() }), false);
  }

  /** Tokens that a transaction and all that comes from it move. */
  private tokensFrom(first: TestTx): Set<string> {
    const from = new Set([first]);
    for (const tx of this.txs) if (tx.parents.some((parent) => from.has(parent))) from.add(tx);
    return new Set([...from].flatMap((tx) => tokensOf(tx)));
  }

  private add(tx: TestTx, isToBeSpent = true): void {
    this.txs.push(tx);
    this.byTxid.set(tx.txid, tx);
    if (tx.parents.some((parent) => this.contested.has(parent))) this.contested.add(tx);
    for (const { tx: parent, vout } of tx.spends) this.spent.add(parent.outpoint(vout));
    if (isToBeSpent)
      tx.outputs.forEach(({ token: spec }, vout) => {
        if (spec === undefined || spec.op === 'burn') return;
        const isAuthority = spec.op.endsWith('auth');
        const amt = isAuthority ? 0n : BigInt(spec.amt ?? 0n);
        this.coins.push({ tx, vout, tokenId: tx.tokenId(vout), amt, isAuthority });
      });
    this.deeds.push({ kind: 'tx', tx, beef: this.chain.beef(tx) });
  }

  /** A branch from a little below the tip that becomes longer. */
  private fork(): void {
    const { chain } = this;
    const depth = 1 + this.prng.below(Math.min(3, chain.tip.height - 1));
    const before = chain.tip;
    let block = chain.blockAt(before.height - depth);
    while (block.height <= before.height) block = this.mineOn(block, false);
  }

  private mine(isAll = false): void {
    this.mineOn(this.chain.tip, isAll);
  }

  /** What can stand together on that branch, most of it. */
  private mineOn(on: Block, isAll: boolean): Block {
    const { chain } = this;
    const mined = new Set(chain.blocks.branch(on).flatMap((block) => block.txids));
    const taken = new Set<string>();
    for (const txid of mined)
      for (const coin of this.byTxid.get(txid)?.spends ?? []) taken.add(outpointOf(coin));
    const chosen: TestTx[] = [];
    for (const tx of this.txs) {
      if (mined.has(tx.txid) || (!isAll && this.prng.chance(0.25))) continue;
      if (tx.spends.some((coin) => !mined.has(coin.tx.txid) || taken.has(outpointOf(coin)))) continue;
      chosen.push(tx);
      mined.add(tx.txid);
      for (const coin of tx.spends) taken.add(outpointOf(coin));
    }
    const before = chain.tip;
    const block = chain.mine(chosen, { on });
    this.tell(block, before);
    return block;
  }

  private tell(block: Block, before: Block): void {
    const { chain } = this;
    const branch = chain.blocks.branch(block);
    const old = new Set(block === before ? [] : chain.blocks.branch(before));
    const fork = branch.findLastIndex((each) => old.has(each));
    const fresh = chain.tip === block ? branch.slice(fork + 1) : [];
    const proofs = fresh.flatMap(({ txids }) =>
      txids.flatMap((txid) => {
        const tx = this.byTxid.get(txid);
        return tx === undefined || chain.purse.includes(tx) ? [] : [chain.beef(tx, { tip: block })];
      }),
    );
    this.deeds.push({
      kind: 'block',
      block,
      headers: chain.headerBytes({ tip: block, from: 1 }),
      proofs,
      undoes: fresh.length === 0 || block === before ? 0 : before.height - (branch[fork]?.height ?? 0),
    });
  }
}

/** Of what it spends and what it makes. */
function tokensOf(tx: TestTx): string[] {
  const coins = [...tx.spends, ...tx.outputs.map((_, vout) => ({ tx, vout }))];
  return coins.flatMap((coin) =>
    coin.tx.outputs[coin.vout]?.token === undefined ? [] : [coin.tx.tokenId(coin.vout)],
  );
}

function outpointOf({ tx, vout }: Coin): string {
  return tx.outpoint(vout);
}
