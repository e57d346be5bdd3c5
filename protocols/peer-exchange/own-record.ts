import type { WireRecord } from './codec.ts';
import type { BookDigest } from './digest.ts';
import { contentHash, sameBytes } from './digest.ts';
import type { ExchangeModules } from './interfaces.ts';

/** Our own signed record, and the digest of the book with it. */
export class OwnRecord {
  readonly #modules: Pick<ExchangeModules, 'self' | 'records' | 'book'>;
  #envelope: Uint8Array | undefined;
  #content: Uint8Array | undefined;

  constructor(modules: Pick<ExchangeModules, 'self' | 'records' | 'book'>) {
    this.#modules = modules;
  }

  /** Looks whether our record has changed; true if it has. */
  async refresh(): Promise<boolean> {
    const { self, records } = this.#modules;
    const envelope = await self.record();
    if (envelope === this.#envelope || sameBytes(envelope, this.#envelope)) return false;
    const facts = envelope === undefined ? undefined : await records.open(envelope);
    this.#envelope = envelope;
    this.#content = facts === undefined ? undefined : contentHash(self.publicKey, facts.addresses);
    return true;
  }

  wire(): WireRecord | undefined {
    return this.#envelope === undefined ? undefined : { envelope: this.#envelope, seenS: 0 };
  }

  /** True if somebody with that digest lacks nothing but ourselves, whom we have introduced. */
  isAllButSelf(theirs: Uint8Array | undefined): boolean {
    return sameBytes(theirs, this.#modules.book.digest().total);
  }

  /** Over all that we would share, ourselves included. */
  digest(): BookDigest {
    const { self, book } = this.#modules;
    return book.digest(
      this.#content === undefined ? undefined : { publicKey: self.publicKey, content: this.#content },
    );
  }
}
