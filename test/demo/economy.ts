import { addressOf } from '../support/corpus/keys.ts';
import { Prng } from '../support/corpus/prng.ts';
import { TestChain } from '../support/corpus/scenario.ts';
import { token as inscription, p2pkh } from '../support/corpus/script.ts';
import type { Coin, TestTx } from '../support/corpus/testtx.ts';
import type { Paid } from './facts.ts';

const SYMBOLS = ['GOLD', 'SILV'];
const SUPPLY = 100_000n;
const OWNERS = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace', 'heidi'];
/** Coins that everybody has of each token at first. */
const FIRST_COINS = 5;
/** Coins of a token beyond which payments join two. */
const MANY_COINS = 60;
/** Unmined transactions that a payment may stand on, one on the other: its BEEF carries them. */
const MAX_DEPTH = 6;

interface TokenCoin {
  readonly coin: Coin;
  readonly owner: string;
  readonly amount: bigint;
  /** Unmined transactions that it stands on. */
  readonly depth: number;
}

export interface Token {
  readonly symbol: string;
  readonly tokenId: string;
}

/** People who pay each other in two tokens on a regtest chain of their own, and what they have. */
export class Economy {
  readonly chain: TestChain;
  readonly tokens: readonly Token[];
  /** What deploys the tokens and gives everybody some, mined. */
  readonly first: readonly TestTx[];
  private readonly prng: Prng;
  private readonly coins = new Map<Token, TokenCoin[]>();
  private readonly transactions = new Map<Token, number>();
  private unmined: TestTx[] = [];

  /** `payments`: as many as will be made at most. */
  constructor(seed: string, payments: number) {
    this.prng = new Prng(`${seed} payments`);
    this.chain = new TestChain(seed, { purseCoins: payments + 8, purseSatoshis: 100 });
    const owner = this.chain.key('alice');
    const deploys = SYMBOLS.map((sym) => this.chain.deployMint(SUPPLY, { owner, sym }));
    this.tokens = deploys.map((tx, i) => ({ symbol: SYMBOLS[i] ?? '', tokenId: tx.tokenId() }));
    const spreads = this.tokens.map((token, i) => this.spread(token, deploys[i]?.coin(0)));
    this.first = [...deploys, ...spreads];
    this.chain.mine(this.first);
    this.unmined = [];
  }

  addressOf(owner: string): string {
    return addressOf(this.chain.key(owner).hash160);
  }

  /** The next payment, as a BEEF; undefined: all coins wait for a block. */
  pay(token: Token): Uint8Array | undefined {
    const from = this.take(token);
    const [first] = from;
    if (first === undefined) return undefined;
    const payer = first.owner;
    const sum = from.reduce((all, { amount }) => all + amount, 0n);
    const payee = this.prng.pick(OWNERS.filter((owner) => owner !== payer));
    const isAll = from.length > 1 || sum < 2n;
    const paid = isAll ? sum : sum / BigInt(this.prng.between(2, 5));
    const shares: [string, bigint][] = [[payee, paid]];
    if (paid < sum) shares.push([payer, sum - paid]);
    const depth = Math.max(...from.map((each) => each.depth)) + 1;
    const coins = from.map(({ coin }) => coin);
    return this.chain.beef(this.transfer(token, { coins, shares, depth }));
  }

  /** Mines all that is unmined; the header of the block, and the BEEFs with the proofs. */
  mine(): { readonly header: Uint8Array; readonly beefs: readonly Uint8Array[] } {
    const { chain, coins } = this;
    const txs = this.unmined.splice(0);
    const { height } = chain.mine(txs);
    for (const [token, held] of coins)
      coins.set(
        token,
        held.map((each) => ({ ...each, depth: 0 })),
      );
    return { header: chain.headerBytes({ from: height }), beefs: txs.map((tx) => chain.beef(tx)) };
  }

  /** What everybody has of a token now, mined or not. */
  paid(token: Token): Paid {
    const balances = new Map<string, bigint>();
    for (const { owner, amount } of this.coins.get(token) ?? []) {
      const address = this.addressOf(owner);
      balances.set(address, (balances.get(address) ?? 0n) + amount);
    }
    return { transactions: this.transactions.get(token) ?? 0, supply: SUPPLY, balances };
  }

  /** What was deployed, in equal coins to all. */
  private spread(token: Token, coin: Coin | undefined): TestTx {
    const owners = Array.from({ length: FIRST_COINS }, () => OWNERS).flat();
    const amount = SUPPLY / BigInt(owners.length);
    const shares = owners.map((owner) => [owner, amount] as const);
    // The deploy counts too.
    this.transactions.set(token, 1);
    return this.transfer(token, { coins: coin === undefined ? [] : [coin], shares, depth: 0 });
  }

  private transfer(
    token: Token,
    payment: {
      readonly coins: readonly Coin[];
      readonly shares: readonly (readonly [owner: string, amount: bigint])[];
      readonly depth: number;
    },
  ): TestTx {
    const { chain } = this;
    const { coins, shares, depth } = payment;
    const tx = chain.build({
      inputs: coins,
      outputs: shares.map(([owner, amount]) => ({
        lock: p2pkh(chain.key(owner)),
        token: inscription.transfer(token.tokenId, amount),
      })),
    });
    const made = shares.map(([owner, amount], vout) => ({ coin: tx.coin(vout), owner, amount, depth }));
    this.coins.set(token, [...(this.coins.get(token) ?? []), ...made]);
    this.transactions.set(token, (this.transactions.get(token) ?? 0) + 1);
    this.unmined.push(tx);
    return tx;
  }

  /** One coin, or two of one owner where there are many: no longer among the token's. */
  private take(token: Token): TokenCoin[] {
    const coins = this.coins.get(token) ?? [];
    const isFree = ({ depth }: TokenCoin): boolean => depth < MAX_DEPTH;
    const free = coins.filter(isFree);
    if (free.length === 0) return [];
    const first = this.prng.pick(free);
    const second = free.find((coin) => coin !== first && coin.owner === first.owner);
    const taken = coins.length > MANY_COINS && second !== undefined ? [first, second] : [first];
    this.coins.set(
      token,
      coins.filter((coin) => !taken.includes(coin)),
    );
    return taken;
  }
}
