import { GOSSIP_LIMITS } from './gossip-limits.ts';
import { RecentKeys } from './recent-keys.ts';

/** A state of a transaction that can be told to peers: unmined, or mined in a block of that height. */
export interface TellableState {
  readonly tokenNo: number;
  readonly arrival: number;
  readonly height: number | undefined;
}

/**
 * What our peers have from us or through us, so that nothing is gossiped twice: a state counts as told on a topic once a
 * message with it was published by us or passed on. Forgetting some costs traffic, not correctness.
 */
export class Told {
  private readonly states = new RecentKeys<string>(GOSSIP_LIMITS.told);
  private readonly heard = new RecentKeys<number>(GOSSIP_LIMITS.told);
  private readonly quiet = new RecentKeys<string>(GOSSIP_LIMITS.told);
  private branches = 0;

  has(state: TellableState): boolean {
    return this.states.has(this.keyOf(state));
  }

  add(state: TellableState): void {
    this.states.add(this.keyOf(state));
  }

  delete(state: TellableState): void {
    this.states.delete(this.keyOf(state));
  }

  /** A gossip message with it came, of whatever token: others hear of it as well. */
  hear(arrival: number): void {
    this.heard.add(arrival);
  }

  isHeard(arrival: number): boolean {
    return this.heard.has(arrival);
  }

  /** The sync brought it: peers that lack it will find that out the same way. */
  hush(txid: string, height: number | undefined): void {
    this.quiet.add(`${txid}/${height ?? ''}`);
  }

  isHushed(txid: string, height: number | undefined): boolean {
    return this.quiet.has(`${txid}/${height ?? ''}`);
  }

  /** Blocks were replaced: another block at the same height is another proof. */
  reorganised(): void {
    this.branches++;
  }

  private keyOf({ tokenNo, arrival, height }: TellableState): string {
    return height === undefined
      ? `${tokenNo}/${arrival}`
      : `${tokenNo}/${arrival}/${height}/${this.branches}`;
  }
}
