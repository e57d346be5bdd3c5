import type { ChainView } from '../../src/chain/difficulty.ts';
import { workOfBits } from '../../src/chain/target.ts';

/** A chain of times and difficulties without hashes: the difficulty rules are tested on it without mining. */
export class ListView implements ChainView {
  readonly baseHeight: number;
  private readonly times: number[] = [];
  private readonly bitsList: number[] = [];
  private readonly works: bigint[] = [];

  constructor(baseHeight: number) {
    this.baseHeight = baseHeight;
  }

  get height(): number {
    return this.baseHeight + this.times.length - 1;
  }

  push(time: number, bits: number): this {
    this.times.push(time);
    this.bitsList.push(bits);
    this.works.push((this.works.at(-1) ?? 0n) + workOfBits(bits));
    return this;
  }

  /** Adds a block `seconds` after the last one. */
  step(seconds: number, bits: number): this {
    return this.push((this.times.at(-1) ?? 0) + seconds, bits);
  }

  time(height: number): number {
    return this.held(this.times, height);
  }

  bits(height: number): number {
    return this.held(this.bitsList, height);
  }

  work(height: number): bigint {
    return this.held(this.works, height);
  }

  private held<T>(list: readonly T[], height: number): T {
    const value = list[height - this.baseHeight];
    if (value === undefined) throw new Error(`the rule looked at height ${height}, which is not held`);
    return value;
  }
}
