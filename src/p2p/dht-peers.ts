import { type ExchangeAddress, parseAddress } from '../../protocols/peer-exchange/address.ts';
import { isAllowed, type PrivateAddresses } from '../../protocols/peer-exchange/record.ts';
import type { Log } from '../observe/log.ts';
import type { AddressBook } from './address-book.ts';
import { parsePeerId, rawPublicKey } from './identity.ts';
import type { TokenDiscovery } from './token-discovery.ts';
import type { Clock, DialTarget, PeerIdText, RandomFraction } from './types.ts';

/** Between two rounds of looking for followers of our tokens; the first comes sooner. */
const LOOK_EVERY_MS = 10 * 60_000;
const FIRST_LOOK_MS = 10_000;

/** How the book tells where a peer came from. */
const SOURCE = 'dht';

export interface DhtPeersModules {
  readonly discovery: Pick<TokenDiscovery, 'provide' | 'find' | 'stop'>;
  readonly book: AddressBook;
  readonly clock: Clock;
  readonly random: RandomFraction;
  readonly log: Log;
  readonly followed: () => readonly string[];
  readonly privateAddresses: () => PrivateAddresses;
  /** True while everybody we are connected to is nearby: a network of its own. */
  readonly isPrivateNetwork: () => boolean;
}

/** Tells the DHT which tokens we follow, and takes whom it names for them into the book, as hearsay like any other. */
export class DhtPeers {
  readonly #modules: DhtPeersModules;
  readonly #stop = new AbortController();
  #cancel: () => void = () => {};
  #round: Promise<void> = Promise.resolve();

  constructor(modules: DhtPeersModules) {
    this.#modules = modules;
  }

  start(): void {
    this.tokensChanged();
  }

  /** The followed tokens are others than before: they are provided, and their followers looked for soon. */
  tokensChanged(): void {
    const { discovery, followed } = this.#modules;
    discovery.provide(followed());
    this.#lookIn(FIRST_LOOK_MS);
  }

  /** Followers are wanted now. */
  lookSoon(): void {
    this.#lookIn(0);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#cancel();
    this.#modules.discovery.stop();
    await this.#round;
  }

  #lookIn(ms: number): void {
    if (this.#stop.signal.aborted) return;
    this.#cancel();
    const { clock, random } = this.#modules;
    this.#cancel = clock.after(ms * (0.75 + random() / 2), () => {
      this.#round = this.#look().finally(() => this.#lookIn(LOOK_EVERY_MS));
    });
  }

  /** One token after the other: each look-up asks many peers. */
  async #look(): Promise<void> {
    const { discovery, followed, log } = this.#modules;
    for (const tokenId of followed()) {
      if (this.#stop.signal.aborted) return;
      const found = await discovery.find(tokenId, this.#stop.signal).catch(() => []);
      const added = found.filter((target) => this.#take(target)).length;
      log.debug('dht found followers', { found: found.length, added });
    }
  }

  #take({ peerId, addresses }: DialTarget): boolean {
    const publicKey = keyOf(peerId);
    const usable = addresses.flatMap((text) => this.#usable(text));
    if (publicKey === undefined || usable.length === 0) return false;
    const record = { peerId, publicKey, addresses: usable };
    const isPublic = !this.#modules.isPrivateNetwork();
    return this.#modules.book.take(record, { source: SOURCE, isPublic }) === 'new';
  }

  /** Whoever answered may be any of our peers: under `auto` addresses nearby are taken if all of them are nearby. */
  #usable(text: string): ExchangeAddress[] {
    const address = parseAddress(text);
    if (typeof address === 'string') return [];
    const { privateAddresses, isPrivateNetwork } = this.#modules;
    return isAllowed(address, privateAddresses(), isPrivateNetwork()) ? [address] : [];
  }
}

function keyOf(peerId: PeerIdText): Uint8Array | undefined {
  try {
    return rawPublicKey(parsePeerId(peerId));
  } catch {
    return undefined;
  }
}
