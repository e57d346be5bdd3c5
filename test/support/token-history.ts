import type { Key } from './corpus/keys.ts';
import { TestChain } from './corpus/scenario.ts';
import { p2pkh } from './corpus/script.ts';
import type { Coin, TestTx } from './corpus/testtx.ts';

/**
 * A token whose history fills many blocks: a deploy, then transfers, some of which only spend. With `leaves` none of them
 * descends from another, so each can be missing alone.
 */
export class TokenChain {
  readonly chain: TestChain;
  /** In the order in which they were made. */
  readonly txs: TestTx[] = [];
  readonly mined: TestTx[] = [];
  readonly tokenId: string;
  private readonly owners: readonly Key[];
  private readonly isOfLeaves: boolean;
  private coins: Coin[] = [];
  private turn = 0;

  constructor(seed: string, options: { readonly purseCoins?: number; readonly leaves?: number } = {}) {
    this.chain = new TestChain(seed, { purseCoins: options.purseCoins ?? 600 });
    this.owners = ['alice', 'bob', 'carol'].map((name) => this.chain.key(name));
    const deploy = this.chain.deployMint(1_000_000n, { owner: this.owners[0]! });
    this.tokenId = deploy.tokenId();
    const parts = options.leaves ?? 8;
    this.isOfLeaves = options.leaves !== undefined;
    const split = this.chain.transfer({
      from: [deploy.coin(0)],
      to: Array.from({ length: parts }, (_, i) => [this.owners[i % 3]!, 1_000n] as const),
    });
    this.block([deploy, split]);
    this.coins = Array.from({ length: parts }, (_, i) => split.coin(i));
  }

  /** Transfers of what is there, in turn; not in a block yet. Every `losing`-th only spends. */
  transfers(count: number, losing = 0): TestTx[] {
    return Array.from({ length: count }, (_, i) => {
      const coin = this.coins.shift()!;
      this.turn++;
      const to = this.owners[this.turn % 3]!;
      if (losing > 0 && i % losing === losing - 1 && this.coins.length > 1)
        return this.made(this.chain.build({ inputs: [coin], outputs: [{ lock: p2pkh(to), satoshis: 1 }] }));
      const tx = this.chain.transfer({ from: [coin], to: [[to, 1_000n]] });
      if (!this.isOfLeaves) this.coins.push(tx.coin(0));
      return this.made(tx);
    });
  }

  block(txs: readonly TestTx[]): void {
    for (const tx of txs) if (!this.txs.includes(tx)) this.txs.push(tx);
    this.mined.push(...txs);
    this.chain.mine(txs);
  }

  /** Blocks of so many transfers each. */
  blocks(count: number, each: number, losing = 0): void {
    for (let i = 0; i < count; i++) this.block(this.transfers(each, losing));
  }

  beefs(txs: readonly TestTx[] = this.txs): Buffer[] {
    return txs.map((tx) => this.chain.beef(tx));
  }

  headers(): Buffer {
    return this.chain.headerBytes({ from: 1 });
  }

  private made(tx: TestTx): TestTx {
    this.txs.push(tx);
    return tx;
  }
}
