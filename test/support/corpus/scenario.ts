import type { ChainView } from './active.ts';
import { type Block, BlockTree, type MineOptions } from './blocks.ts';
import { sha256 } from './bytes.ts';
import { CorpusError } from './errors.ts';
import type { Header } from './headers.ts';
import { type Key, makeKey } from './keys.ts';
import { type BeefOptions, packBeef } from './packing.ts';
import { Prng } from './prng.ts';
import { type LockSpec, p2pkh, token } from './script.ts';
import {
  type Coin,
  coinSatoshis,
  type OutputSpec,
  rawOutput,
  type SignOptions,
  satoshisOf,
  signedTx,
  TestTx,
} from './testtx.ts';
import { parseTransaction } from './transaction.ts';
import { outsideTx } from './writer.ts';

export interface BuildOptions extends SignOptions {
  readonly inputs?: readonly Coin[];
  readonly outputs: readonly OutputSpec[];
  /** Add purse coins (last inputs) until a fee is paid, and a change output (last); default true. False: exactly what is given, even if it does not add up. */
  readonly funding?: boolean;
}

/** A key stands for its P2PKH lock. */
export type Owner = Key | LockSpec;

export interface DeployOptions {
  readonly owner: Owner;
  readonly sym?: string;
  readonly dec?: string;
  readonly icon?: string;
}

export interface MoveOptions {
  readonly from: readonly Coin[];
  /** Amounts to owners, one output each. */
  readonly to: readonly (readonly [Owner, bigint])[];
  /** Default: the token of the first coin. */
  readonly tokenId?: string;
}

export interface TestChainOptions {
  /** Coins for fees and outputs, mined in block 1; default 64. */
  readonly purseCoins?: number;
  readonly purseSatoshis?: number;
}

const FEE_SATOSHIS = 50;
const PURSE_FAN_OUT = 8;

/**
 * A regtest chain in memory for correctness tests: keys, token transactions with real signatures, blocks, forks, BEEFs. Everything follows
 * from the seed and the order of calls. Transactions are not in a block until `mine` puts them there.
 *
 * @example
 * const chain = new TestChain('seed');
 * const deploy = chain.deployMint(100n, { owner: chain.key('alice'), sym: 'GOLD' });
 * chain.mine([deploy]);
 * const pay = chain.transfer({ from: [deploy.coin(0)], to: [[chain.key('bob'), 30n], [chain.key('alice'), 70n]] });
 * const beef = chain.beef(pay);
 * referenceState(chain.view([deploy, pay])).tokens.get(deploy.tokenId())
 */
export class TestChain {
  readonly blocks: BlockTree;
  readonly prng: Prng;
  /** The mined transactions that all fees come from: a view that is to be complete must have them. */
  readonly purse: readonly TestTx[];
  readonly #seed: string;
  readonly #keys = new Map<string, Key>();
  readonly #purse: Coin[] = [];
  readonly #adopted = new Map<string, TestTx>();
  #thieves = 0;

  constructor(seed: string, options: TestChainOptions = {}) {
    this.#seed = seed;
    this.prng = new Prng(`${seed} scenario`);
    this.blocks = new BlockTree(this.key('miner'));
    const { purseCoins = 64, purseSatoshis = 10_000 } = options;
    const txs: TestTx[] = [];
    for (let at = 0; at < purseCoins; at += PURSE_FAN_OUT) {
      const count = Math.min(PURSE_FAN_OUT, purseCoins - at);
      const output = { lock: p2pkh(this.key('purse')), satoshis: purseSatoshis };
      const tx = this.outside(Array.from({ length: count }, () => output));
      txs.push(tx);
      this.#purse.push(...tx.outputs.map((_, vout) => tx.coin(vout)));
    }
    this.purse = txs;
    this.mine(txs);
  }

  /** The key of this name; the same name gives the same key. */
  key(name: string): Key {
    let key = this.#keys.get(name);
    if (key === undefined) {
      key = makeKey(`${this.#seed} ${name}`);
      this.#keys.set(name, key);
    }
    return key;
  }

  /** A mined coin that nothing here has spent yet. */
  purseCoin(): Coin {
    const coin = this.#purse.shift();
    if (coin === undefined) {
      throw new CorpusError('PURSE_EMPTY', 'all purse coins are spent; give TestChain a larger purseCoins');
    }
    return coin;
  }

  /** A transaction whose input nobody here knows: believed only with a proof. Funding from nowhere. */
  outside(outputs: readonly OutputSpec[]): TestTx {
    const made = outsideTx(this.prng, outputs.map(rawOutput));
    return new TestTx(parseTransaction(made.raw), outputs, []);
  }

  /** A transaction from elsewhere, to be mined and packed; its outputs cannot be spent by `build`. Parents adopted before it are found. */
  adopt(raw: Uint8Array): TestTx {
    const tx = parseTransaction(raw);
    const outputs = tx.outputs.map(({ satoshis, script }) => {
      const lock: LockSpec = { kind: 'script', script, unlock: Buffer.alloc(0) };
      return { lock, satoshis, rawScript: script };
    });
    const spends = tx.inputs.flatMap((input) => {
      const parent = this.#adopted.get(input.prevTxid);
      return parent === undefined ? [] : [parent.coin(input.prevVout)];
    });
    const adopted = new TestTx(tx, outputs, spends);
    this.#adopted.set(adopted.txid, adopted);
    return adopted;
  }

  build(options: BuildOptions): TestTx {
    const inputs = [...(options.inputs ?? [])];
    const outputs = [...options.outputs];
    if (options.funding !== false) {
      const wanted = outputs.reduce((sum, output) => sum + satoshisOf(output), 0) + FEE_SATOSHIS;
      let given = inputs.reduce((sum, coin) => sum + coinSatoshis(coin), 0);
      while (given < wanted) {
        const coin = this.purseCoin();
        inputs.push(coin);
        given += coinSatoshis(coin);
      }
      if (given > wanted) {
        outputs.push({ lock: p2pkh(this.key('change')), satoshis: given - wanted });
      }
    }
    return signedTx(inputs, outputs, options);
  }

  /** Output 0 deploys and mints. */
  deployMint(amt: bigint, options: DeployOptions): TestTx {
    const { owner, ...display } = options;
    return this.build({ outputs: [{ lock: lockOf(owner), token: token.deployMint(amt, display) }] });
  }

  /** Output 0 deploys with an authority. */
  deployAuth(options: DeployOptions): TestTx {
    const { owner, ...display } = options;
    return this.build({ outputs: [{ lock: lockOf(owner), token: token.deployAuth(display) }] });
  }

  /** Outputs 0 and on mint; the last one hands the authority on if an heir is named. */
  mint(options: MoveOptions & { readonly heir?: Owner }): TestTx {
    const id = tokenOf(options);
    const outputs = options.to.map(([owner, amt]) => ({ lock: lockOf(owner), token: token.mint(id, amt) }));
    const heir = options.heir === undefined ? [] : [{ lock: lockOf(options.heir), token: token.auth(id) }];
    return this.build({ inputs: options.from, outputs: [...outputs, ...heir] });
  }

  /** One authority output an owner. */
  auth(options: {
    readonly from: readonly Coin[];
    readonly to: readonly Owner[];
    readonly tokenId?: string;
  }): TestTx {
    const id = tokenOf(options);
    const outputs = options.to.map((owner) => ({ lock: lockOf(owner), token: token.auth(id) }));
    return this.build({ inputs: options.from, outputs });
  }

  transfer(options: MoveOptions): TestTx {
    const id = tokenOf(options);
    const outputs = options.to.map(([owner, amt]) => ({
      lock: lockOf(owner),
      token: token.transfer(id, amt),
    }));
    return this.build({ inputs: options.from, outputs });
  }

  /** Output 0 burns; the others are transfers. */
  burn(amt: bigint, options: MoveOptions): TestTx {
    const id = tokenOf(options);
    const burnt = { lock: p2pkh(this.key('burnt')), token: token.burn(id, amt) };
    const outputs = options.to.map(([owner, each]) => ({
      lock: lockOf(owner),
      token: token.transfer(id, each),
    }));
    return this.build({ inputs: options.from, outputs: [burnt, ...outputs] });
  }

  /** The coin and all it is worth handed from owner to owner, each transaction spending output 0 of the one before. */
  transferChain(coin: Coin, owners: readonly Owner[]): TestTx[] {
    const amount = BigInt(coin.tx.outputs[coin.vout]?.token?.amt ?? 0n);
    const txs: TestTx[] = [];
    let from = coin;
    for (const owner of owners) {
      const tx = this.transfer({ from: [from], to: [[owner, amount]] });
      txs.push(tx);
      from = tx.coin(0);
    }
    return txs;
  }

  /** Another transaction on the same coins (all of them, or some) with the same amounts to other owners. */
  doubleSpend(tx: TestTx, options: { readonly coins?: readonly Coin[]; readonly to?: Owner } = {}): TestTx {
    this.#thieves++;
    const to = lockOf(options.to ?? this.key(`thief ${this.#thieves}`));
    const outputs = tx.outputs
      .filter((output) => output.token !== undefined)
      .map((output) => ({ ...output, lock: to }));
    const plain = outputs.length === 0 ? [{ lock: to, satoshis: 1 }] : outputs;
    return this.build({ inputs: options.coins ?? tx.spends, outputs: plain });
  }

  /** Puts these transactions in a block, in this order, behind a coinbase. */
  mine(txs: readonly TestTx[] = [], options: MineOptions = {}): Block {
    return this.blocks.mine(
      txs.map((tx) => tx.txid),
      options,
    );
  }

  /** Mines empty blocks on a block. */
  mineEmpty(count: number, on: Block = this.tip): Block {
    let block = on;
    for (let i = 0; i < count; i++) {
      block = this.mine([], { on: block });
    }
    return block;
  }

  /** Mines empty blocks on a block, if it is not the tip, until it or they have most work; the new tip. */
  makeActive(branch: Block): Block {
    return branch === this.tip
      ? branch
      : this.mineEmpty(Math.max(0, this.tip.height + 1 - branch.height), branch);
  }

  get tip(): Block {
    return this.blocks.tip;
  }

  /** The block of the active branch at a height. */
  blockAt(height: number): Block {
    const block = this.blocks.branch()[height];
    if (block === undefined) {
      throw new CorpusError('NOT_FOUND', `no block at height ${height}, the tip is ${this.tip.height}`);
    }
    return block;
  }

  /** Headers of a branch from genesis on. */
  headers(tip: Block = this.tip): Header[] {
    return this.blocks.branch(tip).map((block) => block.header);
  }

  /** The same as bytes, from a height on. */
  headerBytes(options: { readonly tip?: Block; readonly from?: number } = {}): Buffer {
    const headers = this.headers(options.tip).slice(options.from ?? 0);
    return Buffer.concat(headers.map((header) => header.bytes));
  }

  beef(subjects: TestTx | readonly TestTx[], options: BeefOptions = {}): Buffer {
    return packBeef(this.blocks, subjects instanceof TestTx ? [subjects] : subjects, options);
  }

  /**
   * What somebody knows to whom these transactions came in this order, with the proofs of this branch but for the unproven ones. The
   * purse, which BEEFs carry as needed, came first (`purse: false`: not at all, and then no unmined transaction can stand).
   */
  view(
    arrived: readonly TestTx[],
    options: { readonly tip?: Block; readonly unproven?: readonly TestTx[]; readonly purse?: boolean } = {},
  ): ChainView {
    const unproven = new Set(options.unproven ?? []);
    const all = options.purse === false ? arrived : [...this.purse, ...arrived];
    return {
      txs: all.map((tx) => ({
        raw: tx.raw,
        position: unproven.has(tx) ? undefined : this.blocks.position(tx.txid, options.tip),
      })),
    };
  }

  /** A preimage and its SHA-256, for hash locks. */
  secret(): { readonly preimage: Buffer; readonly digest: Buffer } {
    const preimage = this.prng.bytes(32);
    return { preimage, digest: sha256(preimage) };
  }
}

function lockOf(owner: Owner): LockSpec {
  return 'kind' in owner ? owner : p2pkh(owner);
}

function tokenOf(options: { readonly from: readonly Coin[]; readonly tokenId?: string }): string {
  const coin = options.from[0];
  if (options.tokenId === undefined && coin === undefined) {
    throw new CorpusError('BAD_OPTION', 'with no coin to spend, tokenId must be given');
  }
  return options.tokenId ?? coin!.tx.tokenId(coin!.vout);
}
