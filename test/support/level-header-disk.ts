import { ClassicLevel } from 'classic-level';
import type { DiskOperation, HeaderDisk } from '../../src/chain/rows.ts';

/** A HeaderDisk on a LevelDB of its own, for figures; the daemon's shares the index's. */
export class LevelHeaderDisk implements HeaderDisk {
  private readonly db: ClassicLevel<Uint8Array, Uint8Array>;

  private constructor(db: ClassicLevel<Uint8Array, Uint8Array>) {
    this.db = db;
  }

  static async open(path: string): Promise<LevelHeaderDisk> {
    const db = new ClassicLevel<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view' });
    await db.open();
    return new LevelHeaderDisk(db);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.db.getSync(key);
  }

  keys(from: Uint8Array, to: Uint8Array): Promise<readonly Uint8Array[]> {
    return this.db.keys({ gte: from, lt: to }).all();
  }

  async write(operations: readonly DiskOperation[], sync: boolean): Promise<void> {
    const batch = operations.map(({ key, value }) =>
      value === undefined ? ({ type: 'del', key } as const) : ({ type: 'put', key, value } as const),
    );
    await this.db.batch(batch, { sync });
  }

  close(): Promise<void> {
    return this.db.close();
  }
}
