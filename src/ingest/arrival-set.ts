const PAGE_BITS = 1 << 16;

/** A set of arrivals: numbers from 0 that lie close together, so that a bit each is enough. */
export class ArrivalSet {
  private readonly pages = new Map<number, Uint8Array>();

  has(arrival: number): boolean {
    const page = this.pages.get(Math.floor(arrival / PAGE_BITS));
    const bit = arrival % PAGE_BITS;
    return page !== undefined && (page[bit >> 3]! & (1 << (bit & 7))) !== 0;
  }

  /** False if it was there already. */
  add(arrival: number): boolean {
    const number = Math.floor(arrival / PAGE_BITS);
    let page = this.pages.get(number);
    if (page === undefined) {
      page = new Uint8Array(PAGE_BITS / 8);
      this.pages.set(number, page);
    }
    const bit = arrival % PAGE_BITS;
    const mask = 1 << (bit & 7);
    if ((page[bit >> 3]! & mask) !== 0) return false;
    page[bit >> 3]! |= mask;
    return true;
  }
}
