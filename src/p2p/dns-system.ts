import { lookup, Resolver } from 'node:dns/promises';
import type { IpFamily, NameAnswer, NameLookups } from './dns.ts';

/** Of a try; there are two, the second one twice as long. */
const TRY_MS = 1_000;
const TRIES = 2;
/** The system's own lookup does not tell a time to live. */
const LOOKUP_TTL_SECONDS = 60;

type SystemResolver = Pick<Resolver, 'resolve4' | 'resolve6' | 'cancel'>;
type SystemLookup = (
  name: string,
  options: { readonly family: IpFamily; readonly all: true },
) => Promise<readonly { readonly address: string }[]>;

/**
 * Asks the name servers of this machine, and for names that they do not know the system's own lookup, which
 * reads /etc/hosts. That one runs on a thread of the pool that all file access shares and cannot be interrupted, so
 * there is never more than one of them: a resolver that hangs must not stop the store.
 */
export class SystemLookups implements NameLookups {
  readonly #resolver: SystemResolver;
  readonly #lookup: SystemLookup;
  #last: Promise<unknown> = Promise.resolve();
  readonly #stop = new AbortController();

  /** The name servers and the lookup of this machine, unless others are given. */
  constructor({ resolver, lookup: own }: { resolver?: SystemResolver; lookup?: SystemLookup } = {}) {
    this.#resolver = resolver ?? new Resolver({ timeout: TRY_MS, tries: TRIES });
    this.#lookup = own ?? lookup;
  }

  async lookup(name: string, family: IpFamily): Promise<readonly NameAnswer[]> {
    if (name === 'localhost' || name.endsWith('.localhost')) {
      // RFC 6761: never asked of a server.
      return [{ address: family === 4 ? '127.0.0.1' : '::1', ttlSeconds: LOOKUP_TTL_SECONDS }];
    }
    const ways = [() => this.#ask(name, family), () => this.#lookupInTurn(name, family)];
    // A name of one label is of this machine or its network rather than of the world.
    if (!name.includes('.')) ways.reverse();
    const [first, second] = ways as [() => Promise<NameAnswer[]>, () => Promise<NameAnswer[]>];
    const found = await first().catch(() => []);
    return found.length > 0 ? found : second();
  }

  /** Ends what can be ended. */
  close(): void {
    this.#stop.abort();
    this.#resolver.cancel();
  }

  async #ask(name: string, family: IpFamily): Promise<NameAnswer[]> {
    const records =
      family === 4
        ? await this.#resolver.resolve4(name, { ttl: true })
        : await this.#resolver.resolve6(name, { ttl: true });
    return records.map(({ address, ttl }) => ({ address, ttlSeconds: ttl }));
  }

  #lookupInTurn(name: string, family: IpFamily): Promise<NameAnswer[]> {
    const turn = this.#last.then(async () => {
      this.#stop.signal.throwIfAborted();
      const found = await this.#lookup(name, { family, all: true });
      return found.map(({ address }) => ({ address, ttlSeconds: LOOKUP_TTL_SECONDS }));
    });
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
