import type { FrameWriter } from './frames.ts';
import { addressOf, type Key, makeKey } from './keys.ts';
import { Prng } from './prng.ts';
import { envelope, outputScript, p2pkh, p2pkhScript, token, tokenJson, transferScript } from './script.ts';
import { payKeys, type RawOutput, type Spend } from './transaction.ts';
import { Carrier, type ChainWriter, type Made, splitLevels } from './writer.ts';

export interface BackgroundOptions {
  readonly chain: ChainWriter;
  readonly seed: string;
  /** Unspent token outputs to make. */
  readonly outputs: number;
  readonly owners: number;
  readonly progress?: (text: string) => void;
}

/** What `facts.json` says of the background; the balances are in `background.json`. */
export interface BackgroundFacts {
  readonly tokenId: string;
  readonly supply: string;
  /** Unspent token outputs. */
  readonly outputs: number;
  readonly owners: number;
  readonly frames: number;
  /** The address that owns about a hundredth of the coins: for queries of many pages. */
  readonly busiest: string;
}

const FAN_OUT = 250;
/** A transaction of 250 token outputs is 45 kB: 64 of them are what memory has to hold. */
const BLOCK_TRANSACTIONS = 64;
const MOST_AMOUNT = 1000;
const FEE_SATOSHIS = 100;
const BUSIEST_SHARE = 0.01;

/** Mined fan-out transactions, two signatures for 250 outputs, in blocks on top of the chain: `background.bin` and `background.json`. */
export function writeBackground(options: BackgroundOptions): BackgroundFacts {
  const { chain, outputs } = options;
  const frames = chain.frames('background.bin');
  const run = new BackgroundRun(options, frames);
  run.write();
  frames.close();
  const facts: BackgroundFacts = {
    tokenId: run.tokenId,
    supply: run.supply.toString(),
    outputs,
    owners: run.balances.filter((balance) => balance > 0).length,
    frames: frames.frames,
    busiest: addressOf(run.owners[0]!),
  };
  const held = run.balances.flatMap((sum, i) =>
    sum > 0 ? [[addressOf(run.owners[i]!), `${sum}`] as const] : [],
  );
  chain.writeJson('background.json', { ...facts, balances: Object.fromEntries(held) });
  return facts;
}

class BackgroundRun {
  readonly owners: readonly Buffer[];
  /** By number of the owner. Sums stay below 2^53: at most 1000 an output. */
  readonly balances: number[];
  tokenId = '';
  supply = 0;
  readonly #options: BackgroundOptions;
  readonly #frames: FrameWriter;
  readonly #carrier = new Carrier(false);
  readonly #prng: Prng;
  readonly #treasury: Key;

  constructor(options: BackgroundOptions, frames: FrameWriter) {
    this.#options = options;
    this.#frames = frames;
    this.#prng = new Prng(`${options.seed} background`);
    this.#treasury = makeKey(`${options.seed} background`);
    this.owners = Array.from({ length: options.owners }, () => this.#prng.bytes(20));
    this.balances = Array.from({ length: options.owners }, () => 0);
  }

  /** Planned from the leaves up, so that no coin has a remainder: their amounts come from a generator of its own, which runs twice. */
  write(): void {
    const { outputs } = this.#options;
    const leafSums = this.#leafSums(outputs);
    this.supply = leafSums.reduce((sum, each) => sum + each, 0);
    const funding = this.#fund([1 + FEE_SATOSHIS]);
    const lock = outputScript(
      p2pkh(this.#treasury),
      token.deployMint(BigInt(this.supply), { sym: 'BACK', dec: '2' }),
    );
    const deploy = payKeys(funding, [{ satoshis: 1, script: lock.script }]);
    this.tokenId = `${deploy.txid}_0`;
    this.#record([deploy], [funding]);
    let coins: Spend[] = [
      { txid: deploy.txid, vout: 0, satoshis: 1, scriptCode: lock.scriptCode, key: this.#treasury },
    ];
    for (const level of splitLevels(leafSums, FAN_OUT)) {
      coins = this.#split(coins, level);
    }
    this.#leaves(coins, outputs);
  }

  #fund(satoshis: readonly number[]): readonly Spend[] {
    const funding = this.#options.chain.fund(this.#treasury, satoshis);
    this.#carrier.add(funding.txs);
    return funding.coins;
  }

  /** Mines the transactions, a block at a time, and writes their frames. */
  #record(made: readonly Made[], spends: readonly (readonly Spend[])[]): void {
    for (let at = 0; at < made.length; at += BLOCK_TRANSACTIONS) {
      const mined = this.#options.chain.mine(made.slice(at, at + BLOCK_TRANSACTIONS));
      for (const [i, tx] of mined.entries()) {
        this.#frames.write(this.#carrier.frame(tx, spends[at + i]!));
      }
    }
  }

  /** Amounts come from this generator in the order of the outputs, whenever they are needed. */
  #amounts(): () => number {
    const prng = new Prng(`${this.#options.seed} background amounts`);
    return () => prng.between(1, MOST_AMOUNT);
  }

  #leafSums(outputs: number): number[] {
    const amount = this.#amounts();
    const sums: number[] = [];
    for (let at = 0; at < outputs; at++) {
      const leaf = Math.floor(at / FAN_OUT);
      sums[leaf] = (sums[leaf] ?? 0) + amount();
    }
    return sums;
  }

  #split(coins: readonly Spend[], level: readonly number[][]): Spend[] {
    const key = this.#treasury;
    const funding = this.#fund(level.map((parts) => parts.length + FEE_SATOSHIS));
    const spends = coins.map((coin, i) => [coin, funding[i]!]);
    const next: Spend[] = [];
    const made = level.map((parts, i) => {
      const locks = parts.map((part) => transferScript(this.tokenId, part, key.hash160));
      const tx = payKeys(
        spends[i]!,
        locks.map((script) => ({ satoshis: 1, script })),
      );
      next.push(...locks.map((scriptCode, vout) => ({ txid: tx.txid, vout, satoshis: 1, scriptCode, key })));
      return tx;
    });
    this.#record(made, spends);
    return next;
  }

  /** The last transactions, a block's worth at a time: made, mined, written, forgotten. */
  #leaves(coins: readonly Spend[], outputs: number): void {
    const { progress } = this.#options;
    const amount = this.#amounts();
    const envelopes = new Map<number, Buffer>();
    for (let at = 0; at < coins.length; at += BLOCK_TRANSACTIONS) {
      const part = coins.slice(at, at + BLOCK_TRANSACTIONS);
      const sizes = part.map((_, i) => Math.min(FAN_OUT, outputs - (at + i) * FAN_OUT));
      const funding = this.#fund(sizes.map((size) => size + FEE_SATOSHIS));
      const spends = part.map((coin, i) => [coin, funding[i]!]);
      const made = spends.map((inputs, i) => {
        const paid = Array.from({ length: sizes[i]! }, () => this.#pay(amount(), envelopes));
        return payKeys(inputs, paid);
      });
      this.#record(made, spends);
      progress?.(`background ${Math.min(outputs, (at + part.length) * FAN_OUT)} of ${outputs} outputs`);
    }
  }

  #pay(amount: number, envelopes: Map<number, Buffer>): RawOutput {
    const owner = this.#prng.chance(BUSIEST_SHARE) ? 0 : this.#prng.below(this.owners.length);
    this.balances[owner]! += amount;
    // At most 1000 different amounts: the envelopes are made once each.
    let head = envelopes.get(amount);
    if (head === undefined) {
      head = envelope(tokenJson(token.transfer(this.tokenId, BigInt(amount))));
      envelopes.set(amount, head);
    }
    return { satoshis: 1, script: Buffer.concat([head, p2pkhScript(this.owners[owner]!)]) };
  }
}
