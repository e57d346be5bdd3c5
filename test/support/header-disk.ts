import type { DiskOperation, HeaderDisk } from '../../src/chain/rows.ts';

/** A HeaderDisk in memory: atomic batches, a log of them, and faults on demand. */
export class MemoryHeaderDisk implements HeaderDisk {
  readonly rows = new Map<string, Uint8Array>();
  /** Every batch written, in order. */
  readonly batches: (readonly DiskOperation[])[] = [];
  readonly syncs: boolean[] = [];
  /** Set: the next write fails with it; `applyFailed` says whether the batch lands all the same. */
  failNext: Error | undefined;
  applyFailed = false;
  /** Number of reads since creation. */
  reads = 0;

  get(key: Uint8Array): Uint8Array | undefined {
    this.reads += 1;
    return this.rows.get(Buffer.from(key).toString('hex'));
  }

  keys(from: Uint8Array, to: Uint8Array): Promise<readonly Uint8Array[]> {
    const low = Buffer.from(from).toString('hex');
    const high = Buffer.from(to).toString('hex');
    const found = [...this.rows.keys()].filter((key) => key >= low && key < high).sort();
    return Promise.resolve(found.map((key) => Buffer.from(key, 'hex')));
  }

  async write(operations: readonly DiskOperation[], sync: boolean): Promise<void> {
    await Promise.resolve();
    const failure = this.failNext;
    this.failNext = undefined;
    if (failure !== undefined && !this.applyFailed) throw failure;
    this.apply(operations);
    this.batches.push(operations.map(({ key, value }) => ({ key: Buffer.from(key), value: copy(value) })));
    this.syncs.push(sync);
    if (failure !== undefined) throw failure;
  }

  apply(operations: readonly DiskOperation[]): void {
    for (const { key, value } of operations) {
      const name = Buffer.from(key).toString('hex');
      if (value === undefined) this.rows.delete(name);
      else this.rows.set(name, Buffer.from(value));
    }
  }

  /** A disk as it was after the first `count` batches. */
  after(count: number): MemoryHeaderDisk {
    const disk = new MemoryHeaderDisk();
    for (const batch of this.batches.slice(0, count)) disk.apply(batch);
    return disk;
  }

  clone(): MemoryHeaderDisk {
    const disk = new MemoryHeaderDisk();
    for (const [key, value] of this.rows) disk.rows.set(key, Buffer.from(value));
    return disk;
  }
}

function copy(value: Uint8Array | undefined): Uint8Array | undefined {
  return value === undefined ? undefined : Buffer.from(value);
}
