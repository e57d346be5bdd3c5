import { createHash } from 'node:crypto';
import { BUCKET_BYTES, DIGEST_BUCKETS, DIGEST_BYTES } from './constants.ts';

/**
 * What one peer adds to a digest: SHA-256 over its raw public key and each address of its signed record, in the
 * record's order, as 2 bytes length (big-endian) and binary multiaddr. The sequence number is left out: a record
 * signed anew with the same content is no difference.
 */
export function contentHash(publicKey: Uint8Array, addresses: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256').update(publicKey);
  for (const address of addresses) {
    hash.update(Uint8Array.of(address.length >> 8, address.length & 0xff)).update(address);
  }
  return hash.digest();
}

/** Bucket of a peer. */
export function bucketOf(publicKey: Uint8Array): number {
  return publicKey[0]! % DIGEST_BUCKETS;
}

export interface BookDigest {
  /** 16 bytes. */
  readonly total: Uint8Array;
  /** 32 times 2 bytes. */
  readonly buckets: Uint8Array;
}

/** XOR of what the peers of a set add, kept up to date peer by peer. */
export class DigestSum {
  readonly #total = new Uint8Array(DIGEST_BYTES);
  readonly #buckets = new Uint8Array(DIGEST_BUCKETS * BUCKET_BYTES);

  /** Adds a peer, or takes the same one out again. */
  toggle(publicKey: Uint8Array, content: Uint8Array): void {
    for (let i = 0; i < DIGEST_BYTES; i++) this.#total[i]! ^= content[i]!;
    const at = bucketOf(publicKey) * BUCKET_BYTES;
    for (let i = 0; i < BUCKET_BYTES; i++) this.#buckets[at + i]! ^= content[i]!;
  }

  /** A copy, with one peer more if given. */
  value(more?: { readonly publicKey: Uint8Array; readonly content: Uint8Array }): BookDigest {
    if (more === undefined) return { total: this.#total.slice(), buckets: this.#buckets.slice() };
    this.toggle(more.publicKey, more.content);
    const value = this.value();
    this.toggle(more.publicKey, more.content);
    return value;
  }
}

/** Numbers of the buckets that differ; all of them if none does, since the totals were found to differ. */
export function differingBuckets(ours: Uint8Array, theirs: Uint8Array | undefined): ReadonlySet<number> {
  const all = Array.from({ length: DIGEST_BUCKETS }, (_, bucket) => bucket);
  if (theirs === undefined) return new Set(all);
  const differing = all.filter((bucket) => {
    const at = bucket * BUCKET_BYTES;
    return ours[at] !== theirs[at] || ours[at + 1] !== theirs[at + 1];
  });
  return new Set(differing.length === 0 ? all : differing);
}

export function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && Buffer.compare(a, b) === 0;
}
