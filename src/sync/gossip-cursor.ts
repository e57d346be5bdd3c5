import type { Database } from '../store/database.ts';
import { miscKey } from '../store/keys.ts';
import { RowReader, RowWriter } from '../store/row-bytes.ts';

const KEY = miscKey('gossip');

/** How far the event log was looked at for gossip: outlives the process, and belongs to that very log. */
export interface GossipCursor {
  /** Undefined: never looked at, or the row is damaged. */
  load(): number | undefined;
  save(sequence: number): Promise<void>;
}

/**
 * A row of its own in the index, not synced to disk: after a power loss it is an older one, and some is told twice.
 * What it is for: a transaction that was answered for, but not told to anybody when the process ended.
 */
export class StoredGossipCursor implements GossipCursor {
  private readonly database: Pick<Database, 'get' | 'write'>;
  private readonly rows = new RowWriter();

  constructor(database: Pick<Database, 'get' | 'write'>) {
    this.database = database;
  }

  load(): number | undefined {
    const value = this.database.get(KEY);
    if (value === undefined) return undefined;
    try {
      const r = RowReader.open(KEY, value);
      const sequence = r.u64();
      r.finish();
      return sequence;
    } catch {
      return undefined;
    }
  }

  /** One at a time. */
  async save(sequence: number): Promise<void> {
    const value = this.rows.reset().begin().u64(sequence).seal(KEY);
    await this.database.write([{ key: KEY, value }], false);
  }
}
