import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeBeef } from './beef.ts';
import { sha256 } from './bytes.ts';
import { FrameWriter } from './frames.ts';
import { type Header, mineHeader, regtestGenesis } from './headers.ts';
import type { Key } from './keys.ts';
import { MerkleTree } from './merkle.ts';
import { Prng } from './prng.ts';
import { p2pkhScript, push } from './script.ts';
import { FINAL_SEQUENCE, NO_TXID, type RawOutput, type Spend, serialize, txidOf } from './transaction.ts';

/** A made transaction that the writer may put in a block or a frame. */
export interface Made {
  readonly raw: Buffer;
  readonly txid: string;
}

/** The same, mined: `bump` proves it alone. */
export interface Mined extends Made {
  readonly bump: Buffer;
}

export interface FundingCoins {
  readonly txs: readonly Mined[];
  readonly coins: readonly Spend[];
}

const BLOCK_SECONDS = 600;
export const COINBASE_SATOSHIS = 50 * 100_000_000;
/** A funding transaction of 100 outputs is 3.4 kB: it may have to travel with each that spends it. */
const FUNDING_FAN_OUT = 100;

/** One regtest chain without forks that grows block by block while files are written; only headers stay in memory. */
export class ChainWriter {
  readonly prng: Prng;
  readonly headers: Header[] = [regtestGenesis()];
  readonly #directory: string;

  constructor(seed: string, directory: string) {
    this.prng = new Prng(`${seed} chain`);
    this.#directory = directory;
  }

  get tipHeight(): number {
    return this.headers.length - 1;
  }

  frames(name: string): FrameWriter {
    return new FrameWriter(join(this.#directory, name));
  }

  writeHeaders(): void {
    writeFileSync(join(this.#directory, 'headers.bin'), Buffer.concat(this.headers.map((h) => h.bytes)));
  }

  writeJson(name: string, value: unknown): void {
    writeFileSync(join(this.#directory, name), `${JSON.stringify(value, undefined, 1)}\n`);
  }

  /** Mines a coinbase and these transactions, in this order, on the tip. */
  mine(txs: readonly Made[]): Mined[] {
    const prev = this.headers.at(-1)!;
    const height = prev.height + 1;
    const coinbase = coinbaseTx(height, this.prng.bytes(20));
    const tree = new MerkleTree([coinbase.txid, ...txs.map((tx) => tx.txid)]);
    const time = prev.timeSeconds + BLOCK_SECONDS + this.prng.between(-60, 60);
    this.headers.push(mineHeader(prev, tree.root, time));
    return txs.map((tx, i) => ({ ...tx, bump: tree.bump(height, [i + 1]) }));
  }

  /**
   * A block of mined P2PKH coins, one for each amount. They come out of transactions whose inputs are outside of this chain: being proven,
   * these need no parents, and no coinbase has to mature.
   */
  fund(key: Key, satoshis: readonly number[]): FundingCoins {
    const scriptCode = p2pkhScript(key.hash160);
    const made: Made[] = [];
    const coins: Spend[] = [];
    for (let at = 0; at < satoshis.length; at += FUNDING_FAN_OUT) {
      const part = satoshis.slice(at, at + FUNDING_FAN_OUT);
      const outputs = part.map((amount) => ({ satoshis: amount, script: scriptCode }));
      const tx = outsideTx(this.prng, outputs);
      made.push(tx);
      coins.push(...part.map((amount, vout) => ({ txid: tx.txid, vout, satoshis: amount, scriptCode, key })));
    }
    return { txs: this.mine(made), coins };
  }
}

/** A frame of mined transactions, each with its own BUMP, then unmined ones. */
export function beefOf(mined: readonly Mined[], unmined: readonly Made[] = []): Buffer {
  return encodeBeef({
    version: 1,
    bumps: mined.map((tx) => tx.bump),
    entries: [...mined.map((tx, bump) => ({ raw: tx.raw, bump })), ...unmined.map((tx) => ({ raw: tx.raw }))],
  });
}

/** Makes frames that bring along the mined parents that no frame brought before; or, `always`, each time whatever the transaction spends. */
export class Carrier {
  readonly #always: boolean;
  readonly #parents = new Map<string, Mined>();

  constructor(always: boolean) {
    this.#always = always;
  }

  /** Transactions that get no frame of their own. */
  add(txs: readonly Mined[]): void {
    for (const tx of txs) {
      this.#parents.set(tx.txid, tx);
    }
  }

  frame(tx: Mined, spends: readonly Spend[]): Buffer {
    const parents = new Set(spends.flatMap((spend) => this.#parents.get(spend.txid) ?? []));
    if (this.#always) {
      this.#parents.set(tx.txid, tx);
    } else {
      for (const parent of parents) {
        this.#parents.delete(parent.txid);
      }
    }
    return beefOf([...parents, tx]);
  }
}

/** A coinbase with the height in front of its script (BIP34), unique by its height and its owner. */
export function coinbaseTx(height: number, ownerHash: Buffer, extra: Buffer = Buffer.alloc(0)): Made {
  const heightBytes = Buffer.alloc(4);
  heightBytes.writeUInt32LE(height);
  const raw = serialize({
    version: 1,
    inputs: [
      {
        prevTxid: NO_TXID,
        prevVout: 0xffff_ffff,
        script: Buffer.concat([push(heightBytes.subarray(0, 3)), push(Buffer.from('corpus')), extra]),
        sequence: FINAL_SEQUENCE,
      },
    ],
    outputs: [{ satoshis: COINBASE_SATOSHIS, script: p2pkhScript(ownerHash) }],
    lockTime: 0,
  });
  return { raw, txid: txidOf(raw) };
}

/** A transaction that spends a coin nobody here knows; only a proof can make it believed. */
export function outsideTx(prng: Prng, outputs: readonly RawOutput[]): Made {
  const raw = serialize({
    version: 1,
    inputs: [
      {
        prevTxid: sha256(prng.bytes(32)).toString('hex'),
        prevVout: 0,
        script: push(prng.bytes(71)),
        sequence: FINAL_SEQUENCE,
      },
    ],
    outputs,
    lockTime: 0,
  });
  return { raw, txid: txidOf(raw) };
}

/** The splits that lead to coins of these amounts, top level first: for each coin of a level the amounts of the coins made of it. */
export function splitLevels(leaves: readonly number[], fanOut: number): number[][][] {
  const levels: number[][][] = [];
  let amounts = [...leaves];
  while (amounts.length > 1) {
    const level: number[][] = [];
    for (let at = 0; at < amounts.length; at += fanOut) {
      level.push(amounts.slice(at, at + fanOut));
    }
    levels.unshift(level);
    amounts = level.map((parts) => parts.reduce((sum, part) => sum + part, 0));
  }
  return levels;
}
