import type { ChainView } from './difficulty.ts';
import { bitsOf, timeOf } from './header.ts';
import { workOfBits } from './target.ts';

/** What a branch needs of the chain it leaves. */
export interface Trunk extends ChainView {
  hashBytes(height: number): Uint8Array;
}

/** Headers on top of some height of the best chain: an extension of the tip, or a side branch. */
export class Branch implements ChainView {
  /** Height on the best chain that the first header links to. */
  readonly fork: number;
  readonly baseHeight: number;
  readonly headers: Uint8Array[] = [];
  readonly hashes: Uint8Array[] = [];
  /** How many of the headers are stored as side headers already. */
  stored = 0;
  private readonly trunk: Trunk;
  private readonly forkWork: bigint;
  private readonly forkHash: Uint8Array;
  private readonly times: number[] = [];
  private readonly bitsList: number[] = [];
  private readonly works: bigint[] = [];

  constructor(trunk: Trunk, fork: number) {
    this.trunk = trunk;
    this.fork = fork;
    this.baseHeight = trunk.baseHeight;
    this.forkWork = trunk.work(fork);
    this.forkHash = trunk.hashBytes(fork);
  }

  get height(): number {
    return this.fork + this.headers.length;
  }

  get tipHash(): Uint8Array {
    return this.hashes.at(-1) ?? this.forkHash;
  }

  get tipWork(): bigint {
    return this.works.at(-1) ?? this.forkWork;
  }

  /** How many of the headers are new. */
  get fresh(): number {
    return this.headers.length - this.stored;
  }

  push(raw: Uint8Array, hash: Uint8Array): void {
    const bits = bitsOf(raw);
    this.works.push(this.tipWork + workOfBits(bits));
    this.headers.push(raw);
    this.hashes.push(hash);
    this.times.push(timeOf(raw));
    this.bitsList.push(bits);
  }

  time(height: number): number {
    return height > this.fork ? this.times[height - this.fork - 1]! : this.trunk.time(height);
  }

  bits(height: number): number {
    return height > this.fork ? this.bitsList[height - this.fork - 1]! : this.trunk.bits(height);
  }

  work(height: number): bigint {
    return height > this.fork ? this.works[height - this.fork - 1]! : this.trunk.work(height);
  }
}
