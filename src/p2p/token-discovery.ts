import type { KadDHT } from '@libp2p/kad-dht';
import { CID } from 'multiformats/cid';
import * as raw from 'multiformats/codecs/raw';
import { sha256 } from 'multiformats/hashes/sha2';
import { P2pError } from './errors.ts';
import { netAddress } from './net-address.ts';
import type { Clock, DialTarget, PeerIdText, RandomFraction } from './types.ts';

/** Records live 48 h at those who keep them. */
const PROVIDE_AGAIN_MS = 12 * 3_600_000;
/** Nobody took the record, or there was nobody. */
const RETRY_MS = 5 * 60_000;
/** The DHT waits for the end of the signal where it knows nobody, so each call has one. */
const CALL_MS = 10_000;
const MAX_PROVIDES = 4;
const MAX_FINDS = 4;
/** Callers that may wait for their turn. */
const MAX_WAITING = 64;
/** Taken of one answer. */
const MAX_TARGETS = 20;
const MAX_ADDRESSES = 8;

export interface TokenDiscoveryOptions {
  readonly dht: Pick<KadDHT, 'provide' | 'findProviders' | 'cancelReprovide'>;
  readonly ownId: PeerIdText;
  readonly clock: Clock;
  readonly random: RandomFraction;
  /** Whether anybody is connected: without, there is nobody to ask or tell. */
  readonly hasPeers: () => boolean;
}

/**
 * Who follows a token, over the DHT: one source of peers more, never the only one, since everybody may put anything
 * into it. What it finds is dialled like any hearsay.
 */
export class TokenDiscovery {
  readonly #opts: TokenDiscoveryOptions;
  /** Token ids that we follow, with the monotonic time at which each is due. */
  readonly #due = new Map<string, number>();
  readonly #providing = new Set<string>();
  readonly #waiting: (() => void)[] = [];
  readonly #stop = new AbortController();
  #finds = 0;
  #cancelTick: () => void = () => {};

  constructor(opts: TokenDiscoveryOptions) {
    this.#opts = opts;
  }

  /** Tells others that we follow these tokens, now and again in time; those of an earlier call that are missing end. */
  provide(tokenIds: readonly string[]): void {
    const wanted = new Set(tokenIds);
    for (const tokenId of [...this.#due.keys()]) {
      if (wanted.has(tokenId)) continue;
      this.#due.delete(tokenId);
      // The DHT would go on by itself; that it fails to forget does no harm.
      void tokenCid(tokenId).then((cid) => this.#opts.dht.cancelReprovide(cid).catch(() => {}));
    }
    const nowMs = this.#opts.clock.monotonicMs();
    for (const tokenId of wanted) if (!this.#due.has(tokenId)) this.#due.set(tokenId, nowMs);
    this.#tick();
  }

  /**
   * Peers that say they follow the token: what was found when the signal ended, or after ten seconds.
   * @throws P2pError STOPPED | CANCELLED | LIMIT_REACHED (too many callers wait already)
   */
  async find(tokenId: string, signal: AbortSignal): Promise<readonly DialTarget[]> {
    await this.#turn(signal);
    try {
      if (!this.#opts.hasPeers()) return [];
      const abort = AbortSignal.any([signal, this.#stop.signal, AbortSignal.timeout(CALL_MS)]);
      return await this.#ask(await tokenCid(tokenId), abort);
    } finally {
      this.#finds--;
      this.#waiting.shift()?.();
    }
  }

  stop(): void {
    this.#stop.abort();
    this.#cancelTick();
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #turn(signal: AbortSignal): Promise<void> {
    if (this.#finds >= MAX_FINDS) {
      if (this.#waiting.length >= MAX_WAITING) {
        throw new P2pError('LIMIT_REACHED', 'too many look-ups wait already', { limit: MAX_WAITING });
      }
      const turn = Promise.withResolvers<void>();
      this.#waiting.push(turn.resolve);
      await turn.promise;
    }
    // Counted even if it fails: who woke us gave its place to us.
    this.#finds++;
    const failure = this.#stop.signal.aborted
      ? new P2pError('STOPPED', 'the discovery is stopped')
      : signal.aborted
        ? new P2pError('CANCELLED', 'was cancelled')
        : undefined;
    if (failure === undefined) return;
    this.#finds--;
    this.#waiting.shift()?.();
    throw failure;
  }

  async #ask(cid: CID, signal: AbortSignal): Promise<readonly DialTarget[]> {
    const found = new Map<PeerIdText, DialTarget>();
    try {
      for await (const event of this.#opts.dht.findProviders(cid, { signal })) {
        if (event.name !== 'PROVIDER') continue;
        for (const { id, multiaddrs } of event.providers) {
          const peerId = id.toString();
          const addresses = new Set(multiaddrs.flatMap((address) => netAddress(address)?.text ?? []));
          if (id.type !== 'Ed25519' || peerId === this.#opts.ownId || addresses.size === 0) continue;
          found.set(peerId, { peerId, addresses: [...addresses].slice(0, MAX_ADDRESSES) });
          if (found.size >= MAX_TARGETS) return [...found.values()];
        }
      }
    } catch {
      // The signal ended, or the table is empty: what was found counts.
    }
    return [...found.values()];
  }

  /** Starts what is due, as many as may run, and comes back for the next. */
  #tick(): void {
    this.#cancelTick();
    if (this.#stop.signal.aborted) return;
    const nowMs = this.#opts.clock.monotonicMs();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [tokenId, dueMs] of this.#due) {
      if (this.#providing.has(tokenId)) continue;
      if (dueMs > nowMs) nextMs = Math.min(nextMs, dueMs);
      else if (this.#providing.size < MAX_PROVIDES) void this.#provideOne(tokenId);
    }
    // One that ends comes back here by itself.
    if (nextMs !== Number.POSITIVE_INFINITY) {
      this.#cancelTick = this.#opts.clock.after(nextMs - nowMs, () => this.#tick());
    }
  }

  async #provideOne(tokenId: string): Promise<void> {
    this.#providing.add(tokenId);
    const isTold = this.#opts.hasPeers() && (await this.#tell(tokenId));
    this.#providing.delete(tokenId);
    if (this.#due.has(tokenId)) {
      const waitMs = (isTold ? PROVIDE_AGAIN_MS : RETRY_MS) * (0.75 + this.#opts.random() / 2);
      this.#due.set(tokenId, this.#opts.clock.monotonicMs() + waitMs);
    }
    this.#tick();
  }

  /** True: somebody has taken the record. */
  async #tell(tokenId: string): Promise<boolean> {
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(CALL_MS)]);
    let isTold = false;
    try {
      for await (const event of this.#opts.dht.provide(await tokenCid(tokenId), { signal })) {
        if (event.name === 'PEER_RESPONSE') isTold = true;
      }
    } catch {
      // Told or not, it is tried again.
    }
    return isTold;
  }
}

/** The key that stands for a token: SHA-256 of its name with our prefix. */
export async function tokenCid(tokenId: string): Promise<CID> {
  const digest = await sha256.digest(new TextEncoder().encode(`btc-federation/token/${tokenId}`));
  return CID.createV1(raw.code, digest);
}
