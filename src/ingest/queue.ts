import type { Offer } from './item.ts';

/**
 * A batch is decoded and verified together: small, so that what decoding leaves behind is collected while it is young. 256
 * took a third more memory and doubled the longest pause of the event loop at the same rate (measured).
 */
const BATCH_OFFERS = 48;
const BATCH_BYTES = 4 * 1024 * 1024;

const MAX_QUEUED_OFFERS = 1024;
const MAX_QUEUED_BYTES = 16 * 1024 * 1024;

const NO_BYTES = new Uint8Array(0);

/**
 * Offers that wait to be decoded. Bounded: who streams awaits `ready`. Waiting transactions to be tried again are beside
 * them, each once: after a start they may be many, and must neither shut out offers nor be held up by them.
 */
export class OfferQueue {
  /** Those before `next` are taken, and let go of: a set may hold a megabyte. */
  private offers: (Offer | undefined)[] = [];
  private next = 0;
  private bytes = 0;
  private readonly retries = new Set<string>();
  private waiters: (() => void)[] = [];

  get length(): number {
    return this.offered + this.retries.size;
  }

  hasRoomFor(bytes: number): boolean {
    const { offered } = this;
    return offered === 0 || (offered < MAX_QUEUED_OFFERS && this.bytes + bytes <= MAX_QUEUED_BYTES);
  }

  retry(txid: string): void {
    this.retries.add(txid);
  }

  push(offer: Offer): void {
    this.offers.push(offer);
    this.bytes += sizeOf(offer);
  }

  /** The next batch, offers in order of arrival; retries take half of it, more if there are no offers. */
  take(): Offer[] {
    const batch = this.takeRetries(this.offered === 0 ? BATCH_OFFERS : BATCH_OFFERS / 2);
    let bytes = 0;
    while (this.next < this.offers.length && batch.length < BATCH_OFFERS) {
      const offer = this.offers[this.next]!;
      if (batch.length > 0 && bytes + sizeOf(offer) > BATCH_BYTES) break;
      batch.push(offer);
      bytes += sizeOf(offer);
      this.offers[this.next++] = undefined;
    }
    this.bytes -= bytes;
    if (this.next > 1024 && this.next * 2 > this.offers.length) {
      this.offers = this.offers.slice(this.next);
      this.next = 0;
    }
    this.release();
    return batch;
  }

  /** Resolves at half the limits, so that a stream fills the queue in large pieces. */
  ready(): Promise<void> {
    if (this.isRoomy()) return Promise.resolve();
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  clear(): Offer[] {
    const rest = this.offers.slice(this.next) as Offer[];
    this.offers = [];
    this.next = 0;
    this.bytes = 0;
    this.retries.clear();
    this.release();
    return rest;
  }

  private get offered(): number {
    return this.offers.length - this.next;
  }

  private takeRetries(limit: number): Offer[] {
    const batch: Offer[] = [];
    for (const retryTxid of this.retries) {
      if (batch.length === limit) break;
      this.retries.delete(retryTxid);
      batch.push(retryOf(retryTxid));
    }
    return batch;
  }

  private isRoomy(): boolean {
    return this.offered < MAX_QUEUED_OFFERS / 2 && this.bytes < MAX_QUEUED_BYTES / 2;
  }

  private release(): void {
    if (!this.isRoomy()) return;
    const waiters = this.waiters;
    this.waiters = [];
    for (const resolve of waiters) resolve();
  }
}

/** A waiting transaction, to be tried again. */
export function retryOf(retryTxid: string): Offer {
  return { source: 'sync', bytes: NO_BYTES, retryTxid, resolve: () => undefined };
}

function sizeOf({ bytes, set }: Offer): number {
  return set?.bytes ?? bytes.length;
}
