import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type BackgroundFacts, writeBackground } from './background.ts';
import { CorpusError } from './errors.ts';
import type { FrameWriter } from './frames.ts';
import { addressOf, type Key, makeKey } from './keys.ts';
import { Prng } from './prng.ts';
import { outputScript, p2pkh, p2pkhScript, token, transferScript } from './script.ts';
import { payKeys, type RawOutput, type Spend } from './transaction.ts';
import { beefOf, Carrier, ChainWriter, type Made, type Mined, splitLevels } from './writer.ts';

export interface CorpusOptions {
  readonly directory: string;
  readonly seed: string;
  /** Number of transfers, all tokens together. */
  readonly transfers: number;
  /** Distinct owner addresses. */
  readonly owners: number;
  /** Distinct tokens, transfers dealt out in turn; default 1. */
  readonly tokens?: number;
  /** Share of the transfers that are mined too, 0 to 1; default 0. */
  readonly minedShare?: number;
  /** Every history frame brings its (mined) parents, as in the shared corpus; default false: only parents that no frame brought before. */
  readonly carryParents?: boolean;
  /** Most transactions in a block; default 4096. */
  readonly blockTransactions?: number;
  /** Token outputs in `background.bin`, a token of its own; default 0, no such file. */
  readonly background?: number;
  /** Distinct owners of those; default a hundredth of the outputs. */
  readonly backgroundOwners?: number;
  readonly progress?: (text: string) => void;
}

export interface TokenFacts {
  readonly tokenId: string;
  readonly supply: string;
  readonly transfers: number;
  /** What the coins made by the transfers come to, per address. */
  readonly balances: Readonly<Record<string, string>>;
  /** The part of it that is mined. */
  readonly confirmed: Readonly<Record<string, string>>;
}

/** `facts.json`: the keys of the shared corpus for the first token, and what it has no place for. */
export interface CorpusFacts extends TokenFacts {
  readonly history: number;
  readonly tipHeight: number;
  readonly tokens: readonly TokenFacts[];
  readonly seed: string;
  readonly background?: BackgroundFacts;
}

/** 23 x 23 parents carry the 500 transfers of the shared corpus. */
const PARENTS_A_SPLIT = 23;
const SPLIT_FAN_OUT = 100;
const PARENT_AMOUNT = 1000;
const PARENT_FUNDING = 900;
/** What a parent and a split leave to the miner. */
const FEE_SATOSHIS = 100;
/** Owners that sign; the others only receive, so they need no key. */
const SENDERS = 64;

interface TokenChain {
  readonly tokenId: string;
  /** For each transfer its token coin and its funding, both made by a last split. */
  readonly coins: Iterator<readonly [Spend, Spend], undefined>;
  readonly balances: Map<string, bigint>;
  readonly confirmed: Map<string, bigint>;
}

/** Writes headers.bin, history.bin, transfers.bin and facts.json (and background.bin, background.json) to a directory. Same options, same bytes. */
export function generateCorpus(options: CorpusOptions): CorpusFacts {
  checkOptions(options);
  mkdirSync(options.directory, { recursive: true });
  for (const name of ['background.bin', 'background.json']) {
    rmSync(join(options.directory, name), { force: true }); // of an earlier run: it would not fit the new headers
  }
  const run = new CorpusRun(options);
  const facts = run.write();
  options.progress?.(
    `done: ${facts.history} history frames, ${options.transfers} transfers, tip ${facts.tipHeight}`,
  );
  return facts;
}

function checkOptions(options: CorpusOptions): void {
  const counts = { transfers: options.transfers, owners: options.owners, tokens: options.tokens ?? 1 };
  for (const [name, value] of Object.entries(counts)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new CorpusError('BAD_OPTION', `${name} must be a whole number from 1 on, not ${value}`);
    }
  }
  if (counts.tokens > counts.transfers) {
    throw new CorpusError('BAD_OPTION', `${counts.tokens} tokens need at least as many transfers`);
  }
}

class CorpusRun {
  readonly #options: CorpusOptions;
  readonly #chain: ChainWriter;
  readonly #prng: Prng;
  readonly #treasury: Key;
  readonly #senders: readonly Key[];
  readonly #owners: readonly Buffer[];
  readonly #blockTransactions: number;
  readonly #carrier: Carrier;

  constructor(options: CorpusOptions) {
    this.#options = options;
    this.#carrier = new Carrier(options.carryParents === true);
    this.#chain = new ChainWriter(options.seed, options.directory);
    this.#prng = new Prng(`${options.seed} transfers`);
    this.#treasury = makeKey(`${options.seed} treasury`);
    const signing = Math.min(options.owners, SENDERS);
    this.#senders = Array.from({ length: signing }, (_, i) => makeKey(`${options.seed} sender ${i}`));
    const others = Array.from({ length: options.owners - signing }, () => this.#prng.bytes(20));
    this.#owners = [...this.#senders.map((key) => key.hash160), ...others];
    this.#blockTransactions = options.blockTransactions ?? 4096;
  }

  write(): CorpusFacts {
    const { transfers, tokens = 1, seed, background = 0 } = this.#options;
    const history = this.#chain.frames('history.bin');
    const chains: TokenChain[] = [];
    for (let i = 0; i < tokens; i++) {
      chains.push(this.#tokenChain(i, Math.ceil((transfers - i) / tokens), history));
    }
    this.#transfers(chains, history);
    history.close();
    const extra = background === 0 ? {} : { background: this.#background(background) };
    const all = chains.map((chain) => factsOf(chain));
    const facts: CorpusFacts = {
      ...all[0]!,
      history: history.frames,
      transfers,
      tipHeight: this.#chain.tipHeight,
      seed,
      tokens: all,
      ...extra,
    };
    this.#chain.writeHeaders();
    this.#chain.writeJson('facts.json', facts);
    return facts;
  }

  #background(outputs: number): BackgroundFacts {
    return writeBackground({
      chain: this.#chain,
      seed: this.#options.seed,
      outputs,
      owners: this.#options.backgroundOwners ?? Math.max(1, Math.ceil(outputs / 100)),
      ...(this.#options.progress === undefined ? {} : { progress: this.#options.progress }),
    });
  }

  #mine(txs: readonly Made[]): Mined[] {
    const mined: Mined[] = [];
    for (let at = 0; at < txs.length; at += this.#blockTransactions) {
      mined.push(...this.#chain.mine(txs.slice(at, at + this.#blockTransactions)));
    }
    return mined;
  }

  #fund(satoshis: readonly number[]): readonly Spend[] {
    const funding = this.#chain.fund(this.#treasury, satoshis);
    this.#carrier.add(funding.txs);
    return funding.coins;
  }

  /** Deploy, then splits level by level until each transfer has its coin of 1000 and its funding. */
  #tokenChain(number: number, transfers: number, history: FrameWriter): TokenChain {
    const leaves = Array.from({ length: Math.ceil(transfers / PARENTS_A_SPLIT) }, (_, i) =>
      Math.min(PARENTS_A_SPLIT, transfers - i * PARENTS_A_SPLIT),
    );
    const levels = splitLevels(leaves, SPLIT_FAN_OUT);
    const deployFunding = this.#fund([1 + FEE_SATOSHIS]);
    const supply = BigInt(transfers * PARENT_AMOUNT);
    const deployLock = outputScript(
      p2pkh(this.#treasury),
      token.deployMint(supply, { sym: number === 0 ? 'BENCH' : `BENCH${number}`, dec: '2' }),
    );
    const deploy = payKeys(deployFunding, [{ satoshis: 1, script: deployLock.script }]);
    const tokenId = `${deploy.txid}_0`;
    this.#recordMined([deploy], [deployFunding], history);
    let coins = [this.#coin(deploy.txid, 0, 1, deployLock.scriptCode, this.#treasury)];
    for (const level of levels) {
      coins = this.#splitLevel(tokenId, coins, level, history);
    }
    return {
      tokenId,
      coins: this.#lastSplits(tokenId, coins, leaves, history),
      balances: new Map(),
      confirmed: new Map(),
    };
  }

  #coin(txid: string, vout: number, satoshis: number, scriptCode: Buffer, key: Key): Spend {
    return { txid, vout, satoshis, scriptCode, key };
  }

  #recordMined(made: readonly Made[], spends: readonly (readonly Spend[])[], history: FrameWriter): void {
    const mined = this.#mine(made);
    for (const [i, tx] of mined.entries()) {
      history.write(this.#carrier.frame(tx, spends[i]!));
    }
  }

  /** `level[i]` lists, for coin i, the numbers of transfers that each coin split off it must feed. */
  #splitLevel(
    tokenId: string,
    coins: readonly Spend[],
    level: readonly number[][],
    history: FrameWriter,
  ): Spend[] {
    const funding = this.#fund(level.map((parts) => parts.length + FEE_SATOSHIS));
    const made: Made[] = [];
    const spends: Spend[][] = [];
    const next: Spend[] = [];
    for (const [i, parts] of level.entries()) {
      const locks = parts.map((part) =>
        transferScript(tokenId, part * PARENT_AMOUNT, this.#treasury.hash160),
      );
      const inputs = [coins[i]!, funding[i]!];
      const tx = payKeys(
        inputs,
        locks.map((lock) => ({ satoshis: 1, script: lock })),
      );
      made.push(tx);
      spends.push(inputs);
      next.push(...locks.map((lock, vout) => this.#coin(tx.txid, vout, 1, lock, this.#treasury)));
    }
    this.#recordMined(made, spends, history);
    return next;
  }

  /** Each splits its coin in coins of 1000, and its funding in as many. */
  #lastSplits(
    tokenId: string,
    coins: readonly Spend[],
    leaves: readonly number[],
    history: FrameWriter,
  ): TokenChain['coins'] {
    const perParent = PARENT_FUNDING + FEE_SATOSHIS + 1;
    const funding = this.#fund(leaves.map((parents) => parents * perParent + FEE_SATOSHIS));
    const tokenLock = transferScript(tokenId, PARENT_AMOUNT, this.#treasury.hash160);
    const fundingLock = p2pkhScript(this.#treasury.hash160);
    const spends = leaves.map((_, i) => [coins[i]!, funding[i]!]);
    const made = leaves.map((parents, i) =>
      payKeys(spends[i]!, [
        ...Array.from({ length: parents }, () => ({ satoshis: 1, script: tokenLock })),
        ...Array.from({ length: parents }, () => ({
          satoshis: perParent - 1,
          script: fundingLock,
        })),
      ]),
    );
    this.#recordMined(made, spends, history);
    const txids = made.map((tx) => tx.txid);
    return this.#parentCoins(txids, leaves, tokenLock, fundingLock);
  }

  /** Made as they are needed: a million transfers have two million of them. */
  *#parentCoins(
    txids: readonly string[],
    leaves: readonly number[],
    tokenLock: Buffer,
    fundingLock: Buffer,
  ): Generator<readonly [Spend, Spend], undefined> {
    for (const [i, parents] of leaves.entries()) {
      for (let vout = 0; vout < parents; vout++) {
        yield [
          this.#coin(txids[i]!, vout, 1, tokenLock, this.#treasury),
          this.#coin(txids[i]!, parents + vout, PARENT_FUNDING + FEE_SATOSHIS, fundingLock, this.#treasury),
        ];
      }
    }
  }

  /** A block of parents at a time, so that memory holds one block's worth whatever the number of transfers. */
  #transfers(chains: readonly TokenChain[], history: FrameWriter): void {
    const { transfers, progress, minedShare = 0 } = this.#options;
    const frames = this.#chain.frames('transfers.bin');
    for (let at = 0; at < transfers; at += this.#blockTransactions) {
      const count = Math.min(this.#blockTransactions, transfers - at);
      const parents = Array.from({ length: count }, (_, i) =>
        this.#parent(chains[(at + i) % chains.length]!),
      );
      const spends = parents.map((parent) => parent.spends);
      const mined = this.#chain.mine(parents.map((parent) => parent.tx));
      for (const [i, tx] of mined.entries()) {
        history.write(this.#carrier.frame(tx, spends[i]!));
      }
      const subjects = parents.map((parent) => this.#subject(parent));
      const chosen = subjects.filter(() => this.#prng.chance(minedShare));
      const proven = new Map(
        (chosen.length > 0 ? this.#chain.mine(chosen.map((s) => s.tx)) : []).map((tx) => [tx.txid, tx]),
      );
      for (const [i, subject] of subjects.entries()) {
        const proof = proven.get(subject.tx.txid);
        subject.count(proof !== undefined);
        frames.write(proof === undefined ? beefOf([mined[i]!], [subject.tx]) : beefOf([mined[i]!, proof]));
      }
      progress?.(`transfers ${at + count} of ${transfers}, height ${this.#chain.tipHeight}`);
    }
    frames.close();
  }

  /** The mined parent: one coin of 1000 and a funding coin, both of the sender. */
  #parent(chain: TokenChain): Parent {
    const sender = this.#prng.pick(this.#senders);
    const tokenLock = transferScript(chain.tokenId, PARENT_AMOUNT, sender.hash160);
    const fundingLock = p2pkhScript(sender.hash160);
    const spends = chain.coins.next().value!;
    const tx = payKeys(spends, [
      { satoshis: 1, script: tokenLock },
      { satoshis: PARENT_FUNDING, script: fundingLock },
    ]);
    return { chain, sender, tx, spends, tokenLock, fundingLock };
  }

  /** The transfer itself: a part of the 1000 to somebody, the rest and the change back. */
  #subject(parent: Parent): { readonly tx: Made; readonly count: (mined: boolean) => void } {
    const { chain, sender } = parent;
    const receiver = this.#prng.pick(this.#owners);
    const amount = this.#prng.between(1, PARENT_AMOUNT - 1);
    const outputs: RawOutput[] = [
      { satoshis: 1, script: transferScript(chain.tokenId, amount, receiver) },
      { satoshis: 1, script: transferScript(chain.tokenId, PARENT_AMOUNT - amount, sender.hash160) },
      { satoshis: PARENT_FUNDING - FEE_SATOSHIS, script: parent.fundingLock },
    ];
    const tx = payKeys(
      [
        this.#coin(parent.tx.txid, 0, 1, parent.tokenLock, sender),
        this.#coin(parent.tx.txid, 1, PARENT_FUNDING, parent.fundingLock, sender),
      ],
      outputs,
    );
    const count = (mined: boolean): void => {
      for (const balances of mined ? [chain.balances, chain.confirmed] : [chain.balances]) {
        credit(balances, receiver, amount);
        credit(balances, sender.hash160, PARENT_AMOUNT - amount);
      }
    };
    return { tx, count };
  }
}

interface Parent {
  readonly chain: TokenChain;
  readonly sender: Key;
  readonly tx: Made;
  readonly spends: readonly Spend[];
  readonly tokenLock: Buffer;
  readonly fundingLock: Buffer;
}

function credit(balances: Map<string, bigint>, owner: Buffer, amount: number): void {
  const key = owner.toString('hex');
  balances.set(key, (balances.get(key) ?? 0n) + BigInt(amount));
}

function factsOf(chain: TokenChain): TokenFacts {
  const text = (balances: Map<string, bigint>): Record<string, string> =>
    Object.fromEntries(
      [...balances].map(([owner, sum]) => [addressOf(Buffer.from(owner, 'hex')), sum.toString()]),
    );
  const supply = [...chain.balances.values()].reduce((sum, each) => sum + each, 0n);
  const transfers = Number(supply / BigInt(PARENT_AMOUNT));
  return {
    tokenId: chain.tokenId,
    supply: supply.toString(),
    transfers,
    balances: text(chain.balances),
    confirmed: text(chain.confirmed),
  };
}
