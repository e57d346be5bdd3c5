import type { Store } from '../store/store.ts';
import type { TokenRecord } from '../store/token-row.ts';
import { newToken } from '../store/token-row.ts';

/** Token ids kept for the answer "exists, but is not followed": more are not remembered. */
export const MAX_SEEN_TOKENS = 10_000;

/** Which tokens this node follows, and their numbers in row keys. */
export class TokenBook {
  private readonly store: Store;
  private readonly numbers = new Map<string, number>();
  private nextNo: number;
  /** Changes with the followed tokens. */
  version = 0;

  constructor(store: Store) {
    this.store = store;
    this.nextNo = Math.max(0, ...store.tokens.keys()) + 1;
  }

  /** Number of a followed token, undefined for every other. */
  followed(tokenId: string): number | undefined {
    return this.numbers.get(tokenId);
  }

  followedIds(): string[] {
    return [...this.numbers.keys()];
  }

  /** Followed, and evaluated for every transaction that is held. */
  isComplete(tokenId: string): boolean {
    const no = this.numbers.get(tokenId);
    return no !== undefined && this.store.tokens.get(no)?.tracked === true;
  }

  /** Numbers of the followed tokens whose stored history is still to be evaluated. */
  incomplete(): number[] {
    return [...this.numbers.values()].filter((no) => this.store.tokens.get(no)?.tracked === false);
  }

  isFollowed(tokenNo: number): boolean {
    const token = this.store.tokens.get(tokenNo);
    return token !== undefined && this.numbers.has(token.tokenId);
  }

  /**
   * Sets the followed tokens. Returns the rows to write. Tokens that were seen, or followed, and then not kept up are
   * `incomplete` from then on, until their history in the store was evaluated again.
   */
  follow(tokenIds: Iterable<string>): { readonly rows: readonly TokenRecord[] } {
    const wanted = new Set(tokenIds);
    const rows: TokenRecord[] = [];
    this.version++;
    for (const token of this.store.tokens.values()) {
      if (token.tracked && !wanted.has(token.tokenId)) rows.push({ ...token, tracked: false });
    }
    for (const id of this.numbers.keys()) if (!wanted.has(id)) this.numbers.delete(id);
    for (const id of wanted) {
      const no = this.store.tokenNos.get(id);
      const known = no === undefined ? undefined : this.store.tokens.get(no);
      if (known?.tracked === true) {
        this.numbers.set(id, known.tokenNo);
        continue;
      }
      // A token never seen has nothing in the store, unless the list of seen ones was full.
      const isNew = known === undefined && this.store.tokens.size < MAX_SEEN_TOKENS;
      const token = known ?? newToken(this.nextNo++, id, isNew);
      this.numbers.set(id, token.tokenNo);
      if (known === undefined) rows.push(token);
    }
    return { rows };
  }

  /** Takes back what `follow` changed here, where its rows could not be written. */
  restore(tokenIds: Iterable<string>): void {
    const before = new Set(tokenIds);
    this.version++;
    for (const id of this.numbers.keys()) if (!before.has(id)) this.numbers.delete(id);
    for (const id of before) {
      const no = this.store.tokenNos.get(id);
      if (no !== undefined) this.numbers.set(id, no);
    }
  }

  /** Row for a token that is met but not followed, undefined if it is known or the list is full. */
  seen(tokenId: string): TokenRecord | undefined {
    if (this.store.tokenNos.has(tokenId) || this.store.tokens.size >= MAX_SEEN_TOKENS) return undefined;
    return newToken(this.nextNo++, tokenId, false);
  }
}
