import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { MAX_ADDRESSES_PER_RECORD } from '../../protocols/peer-exchange/constants.ts';
import type { Identity } from './identity.ts';
import { isPrivateAddress, netAddress } from './net-address.ts';
import type { Clock } from './types.ts';

export interface SelfRecordOptions {
  readonly identity: Identity;
  readonly clock: Clock;
  /** The real addresses, for when the operator announces none. */
  readonly listening: () => readonly string[];
  /** Puts the record where identify takes it from; libp2p then pushes it to all connected peers. */
  readonly publish: (record: Uint8Array, addresses: readonly Multiaddr[]) => Promise<void>;
}

/** What we tell others to dial, and our signature below it. */
export class SelfRecord {
  readonly #opts: SelfRecordOptions;
  #announce: readonly string[];
  #sealed: { readonly of: string; readonly bytes: Promise<Uint8Array> } | undefined;
  #seq = 0;

  constructor(announce: readonly string[], opts: SelfRecordOptions) {
    this.#announce = announce;
    this.#opts = opts;
  }

  /** At most as many as others take of one peer; of the real ones those that most can reach first. */
  addresses(): readonly string[] {
    if (this.#announce.length > 0) return this.#announce;
    const listening = this.#opts.listening();
    if (listening.length <= MAX_ADDRESSES_PER_RECORD) return listening;
    const isPublic = (text: string): boolean => {
      const address = netAddress(text);
      return address !== undefined && !isPrivateAddress(address);
    };
    return [...listening.filter(isPublic), ...listening.filter((text) => !isPublic(text))].slice(
      0,
      MAX_ADDRESSES_PER_RECORD,
    );
  }

  multiaddrs(): Multiaddr[] {
    return this.addresses().map((text) => multiaddr(text));
  }

  async setAnnounce(addresses: readonly string[]): Promise<void> {
    this.#announce = addresses;
    await this.publish();
  }

  /** After the addresses changed. */
  async publish(): Promise<void> {
    await this.#opts.publish(await this.bytes(), this.multiaddrs());
  }

  /** The same bytes while the addresses are the same: others see by the number whether it is news. */
  bytes(): Promise<Uint8Array> {
    const of = this.addresses().join(' ');
    if (this.#sealed?.of !== of) this.#sealed = { of, bytes: this.#seal() };
    return this.#sealed.bytes;
  }

  async #seal(): Promise<Uint8Array> {
    // Rises even where the clock was set back while running.
    this.#seq = Math.max(this.#opts.clock.nowMs(), this.#seq + 1);
    const record = new PeerRecord({
      peerId: this.#opts.identity.peerId,
      multiaddrs: this.multiaddrs(),
      seqNumber: BigInt(this.#seq),
    });
    const envelope = await RecordEnvelope.seal(record, this.#opts.identity.key);
    return envelope.marshal();
  }
}
