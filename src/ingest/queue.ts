import type { Offer } from './item.ts';

/** A batch is written as one commit: large enough that an fsync a batch costs little, small enough to answer soon. */
const BATCH_OFFERS = 256;
const BATCH_BYTES = 4 * 1024 * 1024;

const MAX_QUEUED_OFFERS = 1024;
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;

/** Offers that wait to be decoded. Bounded: who streams awaits `ready`. */
export class OfferQueue {
  private offers: Offer[] = [];
  private next = 0;
  private bytes = 0;
  private waiters: (() => void)[] = [];

  get length(): number {
    return this.offers.length - this.next;
  }

  hasRoomFor(bytes: number): boolean {
    return this.length === 0 || (this.length < MAX_QUEUED_OFFERS && this.bytes + bytes <= MAX_QUEUED_BYTES);
  }

  push(offer: Offer): void {
    this.offers.push(offer);
    this.bytes += offer.bytes.length;
  }

  /** The next batch, in order of arrival. */
  take(): Offer[] {
    const batch: Offer[] = [];
    let bytes = 0;
    while (this.next < this.offers.length && batch.length < BATCH_OFFERS) {
      const offer = this.offers[this.next]!;
      if (batch.length > 0 && bytes + offer.bytes.length > BATCH_BYTES) break;
      batch.push(offer);
      bytes += offer.bytes.length;
      this.next++;
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
    const rest = this.offers.slice(this.next);
    this.offers = [];
    this.next = 0;
    this.bytes = 0;
    this.release();
    return rest;
  }

  private isRoomy(): boolean {
    return this.length < MAX_QUEUED_OFFERS / 2 && this.bytes < MAX_QUEUED_BYTES / 2;
  }

  private release(): void {
    if (!this.isRoomy()) return;
    const waiters = this.waiters;
    this.waiters = [];
    for (const resolve of waiters) resolve();
  }
}
