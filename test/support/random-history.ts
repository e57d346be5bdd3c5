import { readBeef } from './corpus/beef.ts';
import type { Block } from './corpus/blocks.ts';
import { VALUE_OPS } from './corpus/decode.ts';
import type { Key } from './corpus/keys.ts';
import { TestChain } from './corpus/scenario.ts';
import { anyone, cosign, type LockSpec, p2pkh, token } from './corpus/script.ts';
import type { Coin, OutputSpec, TestTx } from './corpus/testtx.ts';

/** What one step of a made-up history does; `a` to `d` choose among what is there. */
export interface Step {
  readonly kind: (typeof STEPS)[number];
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

export const STEPS = [
  'transfer',
  'transfer',
  'transfer',
  'swap',
  'burn',
  'mint',
  'gone',
  'rival',
  'rival',
  'plain',
  'coinbase',
  'mine',
  'mine',
  'fork',
] as const;

/** A BEEF, and the blocks whose proofs are in it. */
export interface Delivery {
  readonly beef: Buffer;
  readonly proofsOf: readonly Block[];
}

interface TokenCoin extends Coin {
  readonly tokenId: string;
  readonly amt: bigint;
  readonly isAuthority: boolean;
}

const OWNERS = ['alice', 'bob', 'carol'];

/**
 * Transactions over one to three tokens, most of them good, many over-spent, spent twice or of nothing, in the blocks of
 * branches that win and lose. Everything follows from the steps.
 */
export class RandomHistory {
  readonly chain: TestChain;
  readonly tokens: string[] = [];
  readonly txs: TestTx[] = [];
  private readonly coins: TokenCoin[] = [];
  private readonly spent = new Set<string>();
  private readonly byTxid = new Map<string, TestTx>();
  private readonly blocks: Block[] = [];
  private readonly coinbases: ReadonlySet<string>;

  constructor(steps: readonly Step[], tokens: number) {
    this.chain = new TestChain('random history', { purseCoins: 4 + 3 * (steps.length + tokens) });
    for (const tx of this.chain.purse) this.byTxid.set(tx.txid, tx);
    this.blocks.push(this.chain.tip);
    for (let i = 0; i < tokens; i++) {
      const owner = this.owner(i);
      this.add(i === 1 ? this.chain.deployAuth({ owner }) : this.chain.deployMint(100n, { owner }));
      this.tokens.push(this.txs.at(-1)!.tokenId());
    }
    for (const step of steps) this.take(step);
    // One branch wins, whichever was seen first.
    this.blocks.push(this.chain.mineEmpty(1));
    this.coinbases = new Set(this.blocks.map((block) => block.txids[0]!));
  }

  /** Every block above the purse's, in the order in which they were mined. */
  branches(): readonly Block[] {
    return this.blocks;
  }

  /** Ways in which somebody tells of each transaction: alone or with what it needs, and with each proof there is. */
  deliveries(choose: (below: number) => number): Delivery[] {
    return this.txs.flatMap((tx) => {
      const holding = this.blocks.filter((block) => block.txids.includes(tx.txid));
      // A payment without tokens is turned away where its parents come along and are of no interest either.
      const isPlain = tx.outputs.every((o) => o.token === undefined);
      const isWhole = (): boolean => !isPlain && choose(3) === 0;
      const proofs = holding.map((block) => this.delivery(tx, block, isWhole() ? 'all' : 'none', true));
      const parents = isPlain || choose(3) === 0 ? 'none' : 'needed';
      const tip = choose(3) > 0 ? this.chain.tip : this.blocks[choose(this.blocks.length)]!;
      const bare = this.delivery(tx, tip, parents, false);
      return choose(4) === 0 && proofs.length > 0 ? proofs : [bare, ...proofs];
    });
  }

  private delivery(tx: TestTx, tip: Block, parents: 'needed' | 'none' | 'all', proof: boolean): Delivery {
    const beef = this.chain.beef(tx, { parents, tip, proof });
    // A coinbase without its proof would make the BEEF invalid.
    const bad = readBeef(beef).txs.some((each) => each.bump === undefined && this.coinbases.has(each.txid));
    if (bad) return this.delivery(tx, tip, 'none', proof);
    return { beef, proofsOf: parents === 'none' && !proof ? [] : this.chain.blocks.branch(tip) };
  }

  private take(step: Step): void {
    switch (step.kind) {
      case 'mine':
        this.mine(this.chain.tip, step);
        return;
      case 'fork':
        this.fork(step);
        return;
      case 'rival':
        this.rival(step);
        return;
      case 'coinbase':
        this.spend([], step, true);
        return;
      case 'plain':
        this.plain(step);
        return;
      default:
        this.spend([], step, false);
    }
  }

  private owner(i: number): Key {
    return this.chain.key(OWNERS[i % OWNERS.length]!);
  }

  private lock(i: number): LockSpec {
    if (i % 7 === 5) return anyone();
    return i % 5 === 3 ? cosign(this.owner(i), this.chain.key('cosigner')) : p2pkh(this.owner(i));
  }

  /** Mostly coins that nobody has spent yet. */
  private pick(choice: number, wanted: (coin: TokenCoin) => boolean): TokenCoin | undefined {
    const all = this.coins.filter(wanted);
    const free = all.filter((coin) => !this.spent.has(coin.tx.outpoint(coin.vout)));
    const from = free.length > 0 && choice % 8 !== 7 ? free : all;
    return from[choice % Math.max(1, from.length)];
  }

  private spend(more: readonly Coin[], { kind, a, b, c, d }: Step, withCoinbase: boolean): void {
    const first = this.pick(a, (coin) => kind !== 'mint' || coin.isAuthority || d % 4 === 0);
    if (first === undefined) return;
    const second =
      b % 3 === 0 ? this.pick(b, (coin) => kind === 'swap' || coin.tokenId === first.tokenId) : undefined;
    const coins = [first, ...(second === undefined || same(first, second) ? [] : [second])];
    const base = withCoinbase ? this.blocks[c % this.blocks.length]!.coinbase! : undefined;
    const inputs: Coin[] = [...coins, ...more, ...(base === undefined ? [] : [base.coin(0)])];
    const outputs = kind === 'gone' ? [] : this.outputs(coins, kind, c, d);
    this.add(this.chain.build({ inputs, outputs: outputs.length > 0 ? outputs : [{ lock: this.lock(d) }] }));
    if (base !== undefined) this.byTxid.set(base.txid, base);
  }

  private outputs(coins: readonly TokenCoin[], kind: Step['kind'], c: number, d: number): OutputSpec[] {
    const outputs: OutputSpec[] = [];
    for (const tokenId of new Set(coins.map((coin) => coin.tokenId))) {
      const sum = coins.reduce((total, coin) => total + (coin.tokenId === tokenId ? coin.amt : 0n), 0n);
      // Exact, mostly; else one too little, one too much, or nothing.
      const total = [sum, sum, sum, sum, sum - 1n, sum + 1n, 0n][c % 7]!;
      const amount = total < 0n ? 0n : total;
      const part = amount / 3n;
      if (kind === 'mint') {
        outputs.push({ lock: this.lock(d), token: token.mint(tokenId, BigInt(c + 1)) });
        if (d % 3 > 0) outputs.push({ lock: this.lock(c), token: token.auth(tokenId) });
      }
      if (kind === 'burn') outputs.push({ lock: this.lock(c), token: token.burn(tokenId, part) });
      else if (part > 0n) outputs.push({ lock: this.lock(c), token: token.transfer(tokenId, part) });
      if (kind !== 'mint')
        outputs.push({ lock: this.lock(d), token: token.transfer(tokenId, amount - part) });
    }
    return outputs;
  }

  /** Another spend of what is spent: of all of it, of one coin, of the funding alone. */
  private rival({ a, b }: Step): void {
    const tx = this.txs[a % this.txs.length]!;
    if (tx.spends.length === 0) return;
    const coins = b % 3 === 0 ? tx.spends : b % 3 === 1 ? tx.spends.slice(0, 1) : tx.spends.slice(-1);
    if (tx.outputs.some((output) => output.token?.op.startsWith('deploy'))) {
      // Another deploy would be another token, which the node does not follow.
      const moved = token.transfer(this.tokens[b % this.tokens.length]!, 0n);
      this.add(this.chain.build({ inputs: coins, outputs: [{ lock: this.lock(b), token: moved }] }));
    } else this.add(this.chain.doubleSpend(tx, { coins, to: this.lock(b) }));
  }

  /** A payment of the change of some transaction. */
  private plain({ a, d }: Step): void {
    const tx = this.txs[a % this.txs.length]!;
    const vout = tx.outputs.findLastIndex((o) => o.token === undefined);
    if (vout < 0) return;
    this.add(this.chain.build({ inputs: [tx.coin(vout)], outputs: [{ lock: this.lock(d), satoshis: 200 }] }));
  }

  private add(tx: TestTx): void {
    this.txs.push(tx);
    this.byTxid.set(tx.txid, tx);
    for (const { tx: parent, vout } of tx.spends) this.spent.add(parent.outpoint(vout));
    tx.outputs.forEach(({ token: spec }, vout) => {
      if (spec === undefined) return;
      const isAuthority = spec.op.endsWith('auth');
      const amt = VALUE_OPS.includes(spec.op) ? BigInt(spec.amt ?? 0n) : 0n;
      this.coins.push({ tx, vout, tokenId: tx.tokenId(vout), amt, isAuthority });
    });
  }

  private fork({ a, b, c, d }: Step): void {
    const depth = 1 + (a % 3);
    const from = this.chain.blockAt(Math.max(1, this.chain.tip.height - depth));
    let block = this.mine(from, { kind: 'fork', a: b, b: c, c: d, d: a });
    // Longer than the other branch, as long, or shorter.
    for (let i = depth - 1 + (d % 3) - 1; i > 0; i--)
      block = this.mine(block, { kind: 'fork', a: c, b: d, c: a, d: b });
  }

  /** A block of transactions that can stand in it together, chosen by the bits of a number. */
  private mine(on: Block, { a, b }: Step): Block {
    const branch = this.chain.blocks.branch(on);
    const mined = new Set(branch.flatMap((block) => block.txids));
    const taken = new Set<string>();
    for (const txid of mined)
      for (const coin of this.byTxid.get(txid)?.spends ?? []) taken.add(outpointOf(coin));
    const chosen: TestTx[] = [];
    this.txs.forEach((tx, i) => {
      if (mined.has(tx.txid) || (a * 31 + b * 17 + i * 7) % 5 === 0) return;
      if (tx.spends.some((coin) => !mined.has(coin.tx.txid) || taken.has(outpointOf(coin)))) return;
      chosen.push(tx);
      mined.add(tx.txid);
      for (const coin of tx.spends) taken.add(outpointOf(coin));
    });
    const block = this.chain.mine(chosen, { on });
    this.blocks.push(block);
    return block;
  }
}

function outpointOf({ tx, vout }: Coin): string {
  return tx.outpoint(vout);
}

function same(a: Coin, b: Coin): boolean {
  return outpointOf(a) === outpointOf(b);
}
