import type { DiskOperation, HeaderDisk } from '../chain/rows.ts';
import type { Database } from '../store/database.ts';

/** The header chain's rows live in the same database as the index, under their own prefix. */
export function headerDisk(database: Database): HeaderDisk {
  return {
    get: (key) => database.get(buffer(key)),
    keys: async (from, to) => {
      const found: Buffer[] = [];
      for await (const key of database.keys(buffer(from), buffer(to))) found.push(key);
      return found;
    },
    write: (operations: readonly DiskOperation[], sync) => {
      const ops = operations.map(({ key, value }) => ({
        key: buffer(key),
        value: value === undefined ? undefined : buffer(value),
      }));
      return database.write(ops, sync);
    },
  };
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
