/** A set that forgets its oldest members. */
export class RecentKeys<K> {
  private readonly limit: number;
  private readonly keys = new Set<K>();

  constructor(limit: number) {
    this.limit = limit;
  }

  get size(): number {
    return this.keys.size;
  }

  has(key: K): boolean {
    return this.keys.has(key);
  }

  add(key: K): void {
    this.keys.add(key);
    if (this.keys.size <= this.limit) return;
    for (const oldest of this.keys) {
      this.keys.delete(oldest);
      return;
    }
  }

  delete(key: K): void {
    this.keys.delete(key);
  }
}
