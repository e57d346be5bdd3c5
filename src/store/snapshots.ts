/** What LevelDB gives: `close` resolves when the snapshot is let go, which is after the last read with it. */
interface Closable {
  close(): Promise<void>;
}

/** A state of the database that is read; to be released soon, for the writer waits for it. */
export interface HeldSnapshot<T> {
  readonly snapshot: T;
  release(): void;
}

/**
 * The states of the database that are being read: the newest one, and those that somebody still held when a write made them
 * old. All must be let go before the write after that one begins.
 *
 * LevelDB 1.20 keeps two versions of a row where a snapshot lies between them, may split them over two files of a level, and
 * then moves the newer one alone to a lower level: an overwritten or deleted row comes back (mended in 1.23; 1 of
 * 36,000 rows in 23 s under snapshots held for longer, test/unit/store/snapshots.test.ts). A write goes to files only when a later write
 * switches the memtable. So while no snapshot outlives the second write behind it, no file holds a row that is newer than a
 * snapshot, and compaction never keeps two versions.
 */
export class Snapshots<T extends Closable> {
  private readonly take: () => T;
  private newest: Counted<T>;
  /** Still read, though a write has made them old. */
  private readonly old = new Set<Promise<void>>();

  /** `take`: a snapshot of what is written now. */
  constructor(take: () => T) {
    this.take = take;
    this.newest = new Counted(take());
  }

  /** The state behind the last write; one that is under way is not in it. */
  hold(): HeldSnapshot<T> {
    return this.newest.hold();
  }

  /** To be called behind each write, before the next one. */
  renew(): void {
    const { newest } = this;
    this.newest = new Counted(this.take());
    const gone = newest.retire().then(() => void this.old.delete(gone));
    this.old.add(gone);
  }

  /** To be awaited before each write: nobody reads an older state than that behind the last write any more. */
  async settled(): Promise<void> {
    await Promise.all(this.old);
  }
}

class Counted<T extends Closable> {
  private readonly snapshot: T;
  private readonly gone = Promise.withResolvers<void>();
  private holders = 1;

  constructor(snapshot: T) {
    this.snapshot = snapshot;
  }

  hold(): HeldSnapshot<T> {
    this.holders++;
    let isHeld = true;
    const release = (): void => {
      if (isHeld) this.drop();
      isHeld = false;
    };
    return { snapshot: this.snapshot, release };
  }

  /** Resolves when the last holder is gone. */
  retire(): Promise<void> {
    this.drop();
    return this.gone.promise;
  }

  private drop(): void {
    this.holders--;
    if (this.holders > 0) return;
    // Closing fails only where the database was closed, which lets go of all of them.
    this.gone.resolve(this.snapshot.close().catch(() => undefined));
  }
}
