import type { Caller } from '../api/client.ts';
import { frameHead } from '../api/frames.ts';
import type { Result } from '../api/methods/index.ts';

/** Pieces on their way at once: the index works on one while the next travels. */
const WINDOW = 3;

export type Counts = Result<'import.write'>;
export type Totals = Result<'import.close'>;

/** Sends BEEFs as one framed stream in pieces that fit into requests; waits where the daemon makes it wait. */
export class ImportSender {
  readonly #caller: Caller;
  readonly #importId: string;
  readonly #onCounts: (counts: Counts) => void;
  readonly maxBeefBytes: number;
  readonly #piece: Buffer;
  #filled = 0;
  readonly #onWay = new Set<Promise<void>>();
  #error: unknown;

  private constructor(caller: Caller, open: Result<'import.open'>, onCounts: (counts: Counts) => void) {
    this.#caller = caller;
    this.#importId = open.importId;
    this.maxBeefBytes = open.maxBeefBytes;
    this.#piece = Buffer.allocUnsafe(open.maxPieceBytes);
    this.#onCounts = onCounts;
  }

  static async open(caller: Caller, onCounts: (counts: Counts) => void): Promise<ImportSender> {
    return new ImportSender(caller, await caller.call('import.open', {}), onCounts);
  }

  async add(beef: Uint8Array): Promise<void> {
    await this.#append(frameHead(beef.length));
    await this.#append(beef);
  }

  /** Waits for every outcome. */
  async finish(): Promise<Totals> {
    await this.#send();
    await Promise.all(this.#onWay);
    if (this.#error !== undefined) throw this.#error;
    return this.#caller.call('import.close', { importId: this.#importId });
  }

  async #append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + this.#piece.length - this.#filled);
      this.#piece.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === this.#piece.length) await this.#send();
    }
  }

  async #send(): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    if (this.#filled === 0) return;
    const data = this.#piece.toString('base64', 0, this.#filled);
    this.#filled = 0;
    const sent = this.#caller
      .call('import.write', { importId: this.#importId, data })
      .then(this.#onCounts, (error) => {
        this.#error ??= error;
      });
    const done = sent.finally(() => this.#onWay.delete(done));
    this.#onWay.add(done);
    if (this.#onWay.size >= WINDOW) await Promise.race(this.#onWay);
  }
}
