import { isIPv4, isIPv6 } from 'node:net';
import { P2pError } from './errors.ts';
import { isDialableIp, isPublicIp } from './ip-ranges.ts';
import type { Clock } from './types.ts';

export type IpFamily = 4 | 6;

export interface NameAnswer {
  readonly address: string;
  readonly ttlSeconds: number;
}

/** Whoever knows names; rejects with anything, and may hang for ever. */
export interface NameLookups {
  lookup(name: string, family: IpFamily): Promise<readonly NameAnswer[]>;
}

/** No answer after this: the name counts as failed, whatever the resolver still does. */
export const LOOKUP_TIMEOUT_MS = 5_000;
/** Lookups that may be under way, hanging ones included; more fail at once. */
export const MAX_LOOKUPS = 64;
/** Names (by family) that are remembered; the one unused longest goes first. */
export const MAX_NAMES = 512;
/** Addresses used of one answer. */
export const MAX_ANSWERS = 8;
/** A shorter time to live would turn each dial into a lookup; a longer one outlives a move. */
export const MIN_TTL_MS = 10_000;
export const MAX_TTL_MS = 3_600_000;
/** How long after its end an answer still serves while the resolver fails. */
export const STALE_FOR_MS = 86_400_000;

interface Cached {
  readonly ips: readonly string[];
  /** Monotonic ms. */
  readonly freshUntilMs: number;
}

export interface ResolveOptions {
  /** Leave out answers that are not public: a name learned from others must not lead into our own network. */
  readonly publicOnly?: boolean;
}

interface NamedAddress {
  readonly name: string;
  readonly families: readonly IpFamily[];
  /** What follows the name: `/tcp/N`. */
  readonly rest: string;
}

/**
 * Turns multiaddrs with names into ones with IP addresses, each of the family that it asks for (libp2p itself does
 * not hold /dns6/ to IPv6). Answers are kept for their time to live, and for a day more while the resolver fails.
 */
export class AddressResolver {
  readonly #lookups: NameLookups;
  readonly #clock: Clock;
  /** By name and family; least recently used first. */
  readonly #cache = new Map<string, Cached>();
  readonly #asked = new Map<string, Promise<readonly string[]>>();
  readonly #cancels = new Set<() => void>();
  #underWay = 0;
  #isClosed = false;

  constructor(modules: { readonly lookups: NameLookups; readonly clock: Clock }) {
    this.#lookups = modules.lookups;
    this.#clock = modules.clock;
  }

  /** What can be dialled without asking anybody: IP addresses as they are, and names with a fresh answer. */
  ready(addresses: readonly string[], options: ResolveOptions = {}): readonly string[] {
    return unique(
      addresses.flatMap((address) => {
        const named = nameOf(address);
        if (named === undefined) return [address];
        return named.families.flatMap((family) => {
          const cached = this.#cached(named.name, family);
          if (cached === undefined || cached.freshUntilMs <= this.#clock.monotonicMs()) return [];
          return dialable(cached.ips, family, named.rest, options);
        });
      }),
    );
  }

  /**
   * All that the addresses lead to, in their order. One name that fails does not hinder the others; each takes
   * LOOKUP_TIMEOUT_MS at most, all at once.
   * @throws P2pError DNS_FAILED if names were there, they failed and nothing else is left; NO_ADDRESS if nothing may
   *   be dialled; CANCELLED
   */
  async resolve(
    addresses: readonly string[],
    signal?: AbortSignal,
    options: ResolveOptions = {},
  ): Promise<readonly string[]> {
    const failed: string[] = [];
    const parts = addresses.map(async (address) => {
      const named = nameOf(address);
      if (named === undefined) return [address];
      const answers = await Promise.all(
        named.families.map((family) => this.#ask(named.name, family).catch(() => undefined)),
      );
      // A name with addresses of one family only has not failed.
      if (answers.every((ips) => ips === undefined)) failed.push(named.name);
      return named.families.flatMap((family, i) => dialable(answers[i] ?? [], family, named.rest, options));
    });
    const found = unique((await beforeAbort(Promise.all(parts), signal)).flat());
    if (found.length > 0) return found;
    if (failed.length > 0) {
      throw new P2pError('DNS_FAILED', `no answer for ${failed.join(', ')}`, { names: failed });
    }
    throw new P2pError('NO_ADDRESS', 'no address that may be dialled', { addresses });
  }

  /** Names that are remembered, for tests and figures. */
  get size(): number {
    return this.#cache.size;
  }

  /** Ends all waiting; leaves no timer. Later questions fail. */
  close(): void {
    this.#isClosed = true;
    for (const cancel of [...this.#cancels]) cancel();
  }

  async #ask(name: string, family: IpFamily): Promise<readonly string[]> {
    const cached = this.#cached(name, family);
    const now = this.#clock.monotonicMs();
    if (cached !== undefined && cached.freshUntilMs > now) return cached.ips;
    try {
      return await this.#askOnce(name, family);
    } catch (error) {
      if (cached !== undefined && now - cached.freshUntilMs < STALE_FOR_MS) return cached.ips;
      throw error;
    }
  }

  /** Questions for the same thing at the same time are one question. */
  #askOnce(name: string, family: IpFamily): Promise<readonly string[]> {
    const key = `${family} ${name}`;
    const asked = this.#asked.get(key);
    if (asked !== undefined) return asked;
    if (this.#isClosed || this.#underWay >= MAX_LOOKUPS) {
      return Promise.reject(new P2pError('DNS_FAILED', 'too many lookups are under way', { name }));
    }
    const answer = this.#lookUp(name, family).finally(() => this.#asked.delete(key));
    this.#asked.set(key, answer);
    return answer;
  }

  async #lookUp(name: string, family: IpFamily): Promise<readonly string[]> {
    this.#underWay += 1;
    const answer = this.#lookups
      .lookup(name, family)
      // Too late for this question is not too late for the next one.
      .then((answers) => this.#take(name, family, answers))
      .finally(() => {
        this.#underWay -= 1;
      });
    return this.#inTime(answer, name);
  }

  #take(name: string, family: IpFamily, answers: readonly NameAnswer[]): readonly string[] {
    const right = answers.filter(({ address }) => isOf(address, family)).slice(0, MAX_ANSWERS);
    if (right.length === 0) throw new P2pError('DNS_FAILED', `${name} has no IPv${family} address`, { name });
    const ttlMs = Math.min(...right.map(({ ttlSeconds }) => ttlSeconds)) * 1_000;
    const keptMs = Math.min(Math.max(ttlMs, MIN_TTL_MS), MAX_TTL_MS);
    const ips = right.map(({ address }) => address);
    this.#keep(`${family} ${name}`, { ips, freshUntilMs: this.#clock.monotonicMs() + keptMs });
    return ips;
  }

  #inTime<T>(work: Promise<T>, name: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (message: string): void => {
        end();
        reject(new P2pError('DNS_FAILED', message, { name }));
      };
      const cancelTimer = this.#clock.after(LOOKUP_TIMEOUT_MS, () => fail(`no answer for ${name} in time`));
      const cancel = (): void => fail('stopped');
      const end = (): void => {
        cancelTimer();
        this.#cancels.delete(cancel);
      };
      this.#cancels.add(cancel);
      work.then(resolve, reject).finally(end);
    });
  }

  #cached(name: string, family: IpFamily): Cached | undefined {
    const key = `${family} ${name}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined) this.#keep(key, cached);
    return cached;
  }

  #keep(key: string, cached: Cached): void {
    this.#cache.delete(key);
    this.#cache.set(key, cached);
    if (this.#cache.size <= MAX_NAMES) return;
    const [oldest] = this.#cache.keys();
    if (oldest !== undefined) this.#cache.delete(oldest);
  }
}

function nameOf(address: string): NamedAddress | undefined {
  const [, kind = '', host = '', ...rest] = address.split('/');
  const families: readonly IpFamily[] =
    kind === 'dns4' ? [4] : kind === 'dns6' ? [6] : kind === 'dns' ? [4, 6] : [];
  if (families.length === 0) return undefined;
  return { name: host.toLowerCase(), families, rest: `/${rest.join('/')}` };
}

function isOf(ip: string, family: IpFamily): boolean {
  return family === 4 ? isIPv4(ip) : isIPv6(ip);
}

function dialable(
  ips: readonly string[],
  family: IpFamily,
  rest: string,
  { publicOnly = false }: ResolveOptions,
): readonly string[] {
  return ips
    .filter((ip) => isDialableIp(ip) && (!publicOnly || isPublicIp(ip)))
    .map((ip) => `/ip${family}/${ip}${rest}`);
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}

function beforeAbort<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new P2pError('CANCELLED', 'the lookup was cancelled'));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
