import type { Log } from '../observe/log.ts';
import type { ResolveAddresses } from './dialer.ts';
import type { ExtraServices, ServiceFactories } from './libp2p-node.ts';
import type { Clock, HostPolicy, RandomFraction } from './types.ts';

export interface HostOptions<S extends ExtraServices = Record<never, never>> {
  /** 64 bytes, seed and public key, or the seed alone. */
  readonly privateKey: Uint8Array;
  /** Of the daemon, for the user agent `btc-federation/<version>`. */
  readonly version: string;
  /** Multiaddrs to listen on; port 0 lets the system choose. None: dials only. */
  readonly listen: readonly string[];
  /** What others are to dial; empty: the real listen addresses. */
  readonly announce?: readonly string[];
  readonly policy: HostPolicy;
  /** Turns dns4 and dns6 addresses into IP ones (dns.ts); without it names are not dialled. */
  readonly resolve?: ResolveAddresses;
  /** kad-dht under our own protocol id. */
  readonly dht?: boolean;
  /** More libp2p services, such as gossipsub; `host.services` gives them back. */
  readonly services?: ServiceFactories<S>;
  readonly clock?: Clock;
  readonly random?: RandomFraction;
  readonly log?: Log;
  /** A dead connection is noticed within two intervals and a timeout: 24 s by default. */
  readonly pingIntervalMs?: number;
  readonly pingTimeoutMs?: number;
}
