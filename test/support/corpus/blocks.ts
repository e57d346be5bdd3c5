import type { Position } from './active.ts';
import { CorpusError } from './errors.ts';
import { type Header, mineHeader, regtestGenesis } from './headers.ts';
import type { Key } from './keys.ts';
import { MerkleTree } from './merkle.ts';
import { p2pkh, push } from './script.ts';
import { TestTx } from './testtx.ts';
import { parseTransaction } from './transaction.ts';
import { COINBASE_SATOSHIS, coinbaseTx } from './writer.ts';

export interface Block {
  readonly header: Header;
  readonly height: number;
  readonly hash: string;
  /** Undefined for genesis, whose transaction is of no use to anybody. */
  readonly parent: Block | undefined;
  /** The coinbase first. */
  readonly txids: readonly string[];
  readonly coinbase: TestTx | undefined;
  /** BUMP for these transactions of the block, compound if there are several. */
  bump(txids: readonly string[]): Buffer;
}

export interface MineOptions {
  /** Block to build on; default the tip. */
  readonly on?: Block;
  readonly timeSeconds?: number;
}

const BLOCK_SECONDS = 600;

/** Blocks and their branches. All have the same difficulty, so the longest branch has most work; of equal ones the first stays the tip. */
export class BlockTree {
  readonly genesis: Block;
  #tip: Block;
  #mined = 0;
  readonly #holding = new Map<string, Block[]>();
  readonly #miner: Key;

  constructor(miner: Key) {
    const header = regtestGenesis();
    this.#miner = miner;
    this.genesis = newBlock(header, undefined, [header.merkleRoot], undefined);
    this.#tip = this.genesis;
  }

  get tip(): Block {
    return this.#tip;
  }

  /** Mines a coinbase and these txids, in this order. */
  mine(txids: readonly string[], options: MineOptions = {}): Block {
    const parent = options.on ?? this.#tip;
    const height = parent.height + 1;
    // The running number makes each coinbase, and so each block of a fork, a different one.
    this.#mined++;
    const made = coinbaseTx(height, this.#miner.hash160, push(Buffer.from(`block ${this.#mined}`)));
    const reward = { lock: p2pkh(this.#miner), satoshis: COINBASE_SATOSHIS };
    const coinbase = new TestTx(parseTransaction(made.raw), [reward], []);
    const all = [coinbase.txid, ...txids];
    const time = options.timeSeconds ?? parent.header.timeSeconds + BLOCK_SECONDS;
    const header = mineHeader(parent.header, new MerkleTree(all).root, time);
    const block = newBlock(header, parent, all, coinbase);
    for (const txid of all) {
      this.#holding.set(txid, [...(this.#holding.get(txid) ?? []), block]);
    }
    if (block.height > this.#tip.height) {
      this.#tip = block;
    }
    return block;
  }

  /** Blocks from genesis to this one. */
  branch(tip: Block = this.#tip): Block[] {
    const blocks: Block[] = [];
    for (let block: Block | undefined = tip; block !== undefined; block = block.parent) {
      blocks.push(block);
    }
    return blocks.reverse();
  }

  /** The block of a branch that holds a transaction. */
  blockOf(txid: string, tip: Block = this.#tip): Block | undefined {
    const holding = this.#holding.get(txid) ?? [];
    return holding.length === 0
      ? undefined
      : holding.find((block) => this.branch(tip)[block.height] === block);
  }

  /** Its height and place in the block, seen from a branch. */
  position(txid: string, tip: Block = this.#tip): Position | undefined {
    const block = this.blockOf(txid, tip);
    return block && { height: block.height, index: block.txids.indexOf(txid) };
  }
}

function newBlock(
  header: Header,
  parent: Block | undefined,
  txids: readonly string[],
  coinbase: TestTx | undefined,
): Block {
  const bump = (wanted: readonly string[]): Buffer => {
    const places = wanted.map((txid) => {
      const place = txids.indexOf(txid);
      if (place < 0) {
        throw new CorpusError('NOT_MINED', `${txid} is not in block ${header.height}`);
      }
      return place;
    });
    return new MerkleTree(txids).bump(header.height, places);
  };
  return { header, height: header.height, hash: header.hash, parent, txids, coinbase, bump };
}
