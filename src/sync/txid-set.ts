const START_SLOTS = 1_024;

/**
 * Which txids were met lately, by their first eight bytes (internal order): 16 bytes each where a Set of strings takes 100. It
 * forgets the older half when it is full, so whoever asks must be right without it.
 */
export class TxidSet {
  private readonly limit: number;
  private newer = new PrefixTable();
  private older = new PrefixTable();

  /** Remembers between `limit` and half of it. */
  constructor(limit: number) {
    this.limit = limit;
  }

  add(bytes: Uint8Array, at = 0): void {
    if (2 * this.newer.size >= this.limit) {
      this.older = this.newer;
      this.newer = new PrefixTable();
    }
    this.newer.add(u32At(bytes, at), u32At(bytes, at + 4));
  }

  has(bytes: Uint8Array, at = 0): boolean {
    const low = u32At(bytes, at);
    const high = u32At(bytes, at + 4);
    return this.newer.has(low, high) || this.older.has(low, high);
  }
}

/** Open addressing over pairs of words; txids are as good as random. */
class PrefixTable {
  size = 0;
  private slots = new Uint32Array(2 * START_SLOTS);

  add(low: number, high: number): void {
    if (this.size * 4 >= this.slots.length) this.grow();
    const slot = this.find(low, high);
    if (this.isTaken(slot)) return;
    this.slots[slot] = low;
    this.slots[slot + 1] = high;
    this.size++;
  }

  has(low: number, high: number): boolean {
    return this.isTaken(this.find(low, high));
  }

  private isTaken(slot: number): boolean {
    return this.slots[slot] !== 0 || this.slots[slot + 1] !== 0;
  }

  /** Where it is, or would be. */
  private find(low: number, high: number): number {
    const { slots } = this;
    const mask = slots.length - 1;
    let slot = (low * 2) & mask & ~1;
    while ((slots[slot] !== low || slots[slot + 1] !== high) && this.isTaken(slot)) slot = (slot + 2) & mask;
    return slot;
  }

  private grow(): void {
    const { slots } = this;
    this.slots = new Uint32Array(2 * slots.length);
    this.size = 0;
    for (let i = 0; i < slots.length; i += 2) {
      if (slots[i] !== 0 || slots[i + 1] !== 0) this.add(slots[i] as number, slots[i + 1] as number);
    }
  }
}

function u32At(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}
