import { PIECE_BYTES } from '../../protocols/token-sync/constants.ts';
import { TokenSyncError } from '../../protocols/token-sync/errors.ts';
import type { PieceBody } from '../../protocols/token-sync/messages.ts';

/** Puts a large transaction together from its pieces. At most one is under way: 16 MiB. */
export class PieceReader {
  private total = 0;
  private parts: Uint8Array[] = [];
  private held = 0;

  /** Bytes of the transaction that waits for its chunk. */
  get pending(): number {
    return this.held;
  }

  /** @throws TokenSyncError PIECE_WRONG: another total, a short piece before the last, more than the total */
  add({ total, bytes }: PieceBody): void {
    if (this.held === 0) this.total = total;
    const isLast = this.held + bytes.length === this.total;
    const fits = this.held + bytes.length <= this.total && (isLast || bytes.length === PIECE_BYTES);
    if (total !== this.total || !fits || (this.held > 0 && this.held === this.total))
      throw wrong('pieces that do not fit', { total, held: this.held, bytes: bytes.length });
    this.parts.push(bytes);
    this.held += bytes.length;
  }

  /** The whole transaction, for an empty place in a chunk. @throws TokenSyncError PIECE_WRONG */
  take(): Uint8Array {
    if (this.held === 0 || this.held !== this.total)
      throw wrong('an empty place without all its pieces', { total: this.total, held: this.held });
    const whole = Buffer.concat(this.parts);
    this.parts = [];
    this.held = 0;
    this.total = 0;
    return whole;
  }

  /** To be called behind each chunk: none may be left. @throws TokenSyncError PIECE_WRONG */
  finish(): void {
    if (this.held > 0) throw wrong('pieces that no place in the chunk takes', { held: this.held });
  }
}

function wrong(message: string, data: Record<string, number>): TokenSyncError {
  return new TokenSyncError('PIECE_WRONG', message, data);
}
