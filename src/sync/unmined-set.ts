import { BucketSums } from '../../protocols/token-sync/digests.ts';

/**
 * The unmined history transactions of one token, by order of arrival, and the sums of their txids. Txids themselves stay in
 * the store. Here they are in internal order.
 */
export class UnminedSet {
  private readonly arrivals = new Set<number>();
  private readonly sums = new BucketSums();
  private known: { readonly sums: Buffer; readonly digest: Buffer } | undefined;

  get size(): number {
    return this.arrivals.size;
  }

  get bytes(): number {
    return 4_096 + 32 * this.arrivals.size;
  }

  has(arrival: number): boolean {
    return this.arrivals.has(arrival);
  }

  add(arrival: number, txid: Uint8Array): void {
    if (this.arrivals.has(arrival)) return;
    this.arrivals.add(arrival);
    this.sums.add(txid);
    this.known = undefined;
  }

  remove(arrival: number, txid: Uint8Array): void {
    if (!this.arrivals.delete(arrival)) return;
    this.sums.remove(txid);
    this.known = undefined;
  }

  /** Sums of the buckets, and the digest of the set. */
  facts(): { readonly sums: Buffer; readonly digest: Buffer } {
    this.known ??= { sums: this.sums.bytes(), digest: this.sums.digest() };
    return this.known;
  }
}
