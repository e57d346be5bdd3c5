import type { Store } from '../../../src/store/store.ts';

type Work<T> = () => Promise<T>;

interface Piece {
  readonly owner: object;
  readonly isWrite: boolean;
  readonly run: () => Promise<void>;
}

/** What of LevelDB runs on threads; the rest is done at once. */
interface Level {
  _iterator(options: unknown): { _nextv(size: number, options: unknown): Promise<unknown> };
  _chainedBatch(): { _write(options: unknown): Promise<void> };
  _getMany(keys: unknown, options: unknown): Promise<unknown>;
  _close(): Promise<void>;
}

/**
 * Work of all disks in one line: the real LevelDB does it, but one piece at a time, in the order in which it was asked for,
 * and nobody hears the end of a piece before `step` says so.
 */
export class DiskLine {
  private readonly line: Piece[] = [];
  /** Called before and after each piece: a crash may come there. Answers when it is done. */
  onPiece: (owner: object, isWrite: boolean, when: 'before' | 'after') => Promise<void> | undefined = () =>
    undefined;

  get length(): number {
    return this.line.length;
  }

  /** From now on this store's threads work in the line; `owner` is named to `onPiece`. */
  join(store: Store, owner: object): void {
    const { level } = store.database as unknown as { readonly level: Level };
    const take = <T>(isWrite: boolean, work: Work<T>): Promise<T> => this.take(owner, isWrite, work);
    const { _iterator: iterator, _chainedBatch: batch, _getMany: many, _close: close } = level;
    level._iterator = (options) => {
      const made = iterator.call(level, options);
      const { _nextv: next } = made;
      made._nextv = (size, opts) => take(false, () => next.call(made, size, opts));
      return made;
    };
    level._chainedBatch = () => {
      const made = batch.call(level);
      const { _write: write } = made;
      made._write = (options) => take(true, () => write.call(made, options));
      return made;
    };
    level._getMany = (keys, options) => take(false, () => many.call(level, keys, options));
    level._close = () => take(false, () => close.call(level));
  }

  /** Does the piece that is first in the line; false: there is none. */
  async step(): Promise<boolean> {
    const piece = this.line.shift();
    if (piece === undefined) return false;
    await this.onPiece(piece.owner, piece.isWrite, 'before');
    await piece.run();
    return true;
  }

  private take<T>(owner: object, isWrite: boolean, work: Work<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const run = async (): Promise<void> => {
        const end = await work().then(
          (value) => () => resolve(value),
          (error: unknown) => () => reject(error),
        );
        // Done, and nobody knows yet.
        await this.onPiece(owner, isWrite, 'after');
        end();
      };
      this.line.push({ owner, isWrite, run });
    });
  }
}
