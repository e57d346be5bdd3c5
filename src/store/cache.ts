/** Commits that an entry survives at least: longer than any batch of the ingest pipeline lives. */
const MIN_COMMITS_A_GENERATION = 8;

/**
 * Decoded rows in two generations: what was used in neither of the last two is dropped.
 *
 * `undefined` from `get` means not cached, `null` cached as absent. An entry put by a commit stays for at least
 * MIN_COMMITS_A_GENERATION commits, so that a read begun before the commit can never bring the older row back (`fill`).
 */
export class RowCache<T> {
  private young = new Map<string, T | null>();
  private old = new Map<string, T | null>();
  private commits = 0;
  private readonly maxEntries: number;

  constructor(maxEntries: number) {
    this.maxEntries = maxEntries;
  }

  get(key: string): T | null | undefined {
    const young = this.young.get(key);
    if (young !== undefined) return young;
    const old = this.old.get(key);
    if (old !== undefined) this.young.set(key, old);
    return old;
  }

  /** A row as committed. */
  put(key: string, value: T | null): void {
    this.young.set(key, value);
  }

  /** A row as read: ignored if the cache knows the row already, since that is never older. */
  fill(key: string, value: T | null): void {
    if (this.get(key) === undefined) this.young.set(key, value);
  }

  afterCommit(): void {
    this.commits++;
    if (this.young.size < this.maxEntries || this.commits < MIN_COMMITS_A_GENERATION) return;
    this.old = this.young;
    this.young = new Map();
    this.commits = 0;
  }

  clear(): void {
    this.young.clear();
    this.old.clear();
  }
}
