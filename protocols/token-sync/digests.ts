import { createHash, hash } from 'node:crypto';
import { BUCKET_SUM_BYTES, DIGEST_BYTES, HASH_BYTES, SHORT_ID_BYTES, UNMINED_BUCKETS } from './constants.ts';

/** How a token is named in the hello of a stream: it tells only who follows it too, and only him it was made for. */
export function tokenDigest(salt: Uint8Array, asker: string, answerer: string, tokenId: string): Buffer {
  const digest = createHash('sha256').update(salt).update(asker).update(answerer).update(tokenId).digest();
  return digest.subarray(0, DIGEST_BYTES);
}

/** Short form of a txid (32 bytes, internal order) within one question. */
export function shortId(salt: Uint8Array, txid: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([salt, txid]), 'buffer').subarray(0, SHORT_ID_BYTES);
}

const LANES = BUCKET_SUM_BYTES / 4;

/** Sums of the txids of an unmined set by bucket: the same whatever order they were added in. */
export class BucketSums {
  /** Little-endian lanes of 32 bits, bucket after bucket. */
  private readonly lanes = new Uint32Array(UNMINED_BUCKETS * LANES);

  /** `txid`: 32 bytes, internal order. */
  add(txid: Uint8Array): void {
    let carry = 0;
    const first = bucketOf(txid) * LANES;
    for (let i = 0; i < LANES; i++) {
      const sum = (this.lanes[first + i] as number) + laneAt(txid, i) + carry;
      this.lanes[first + i] = sum;
      carry = sum > 0xffff_ffff ? 1 : 0;
    }
  }

  remove(txid: Uint8Array): void {
    let borrow = 0;
    const first = bucketOf(txid) * LANES;
    for (let i = 0; i < LANES; i++) {
      const difference = (this.lanes[first + i] as number) - laneAt(txid, i) - borrow;
      this.lanes[first + i] = difference;
      borrow = difference < 0 ? 1 : 0;
    }
  }

  /** 16 bytes a bucket, little-endian. */
  bytes(): Buffer {
    const out = Buffer.alloc(UNMINED_BUCKETS * BUCKET_SUM_BYTES);
    this.lanes.forEach((lane, i) => {
      out.writeUInt32LE(lane, 4 * i);
    });
    return out;
  }

  digest(): Buffer {
    return unminedDigest(this.bytes());
  }
}

/** Digest of an unmined set from the sums of its buckets. */
export function unminedDigest(sums: Uint8Array): Buffer {
  return hash('sha256', sums, 'buffer');
}

export function bucketOf(txid: Uint8Array): number {
  return txid[0] as number;
}

/** Buckets whose sums differ, ascending. */
export function differingBuckets(ours: Uint8Array, theirs: Uint8Array): number[] {
  const buckets: number[] = [];
  for (let bucket = 0; bucket < UNMINED_BUCKETS; bucket++) {
    const at = bucket * BUCKET_SUM_BYTES;
    for (let i = at; i < at + BUCKET_SUM_BYTES; i++) {
      if (ours[i] === theirs[i]) continue;
      buckets.push(bucket);
      break;
    }
  }
  return buckets;
}

/** The 32 bytes in internal order of a hash in display order. */
export function hashBytes(hex: string): Buffer {
  return Buffer.from(hex, 'hex').reverse();
}

/** Display order, lower-case hex. */
export function hashHex(bytes: Uint8Array, at = 0): string {
  return Buffer.from(bytes.subarray(at, at + HASH_BYTES))
    .reverse()
    .toString('hex');
}

function laneAt(txid: Uint8Array, lane: number): number {
  const at = 4 * lane;
  return (
    ((txid[at] as number) |
      ((txid[at + 1] as number) << 8) |
      ((txid[at + 2] as number) << 16) |
      ((txid[at + 3] as number) << 24)) >>>
    0
  );
}
