import { type Identify, type IdentifyPush, identify, identifyPush } from '@libp2p/identify';
import type {
  ComponentLogger,
  ConnectionGater,
  Libp2p,
  Logger,
  Transport,
  Upgrader,
} from '@libp2p/interface';
import { FaultTolerance } from '@libp2p/interface';
import type { TransportManager } from '@libp2p/interface-internal';
import { type KadDHT, kadDHT, passthroughMapper } from '@libp2p/kad-dht';
import { noise } from '@libp2p/noise';
import { type Ping, ping } from '@libp2p/ping';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import type { Multiaddr } from '@multiformats/multiaddr';
import { createLibp2p, type Libp2pOptions } from 'libp2p';
import { BoundedDatastore } from './bounded-datastore.ts';
import type { Identity } from './identity.ts';

export const DHT_PROTOCOL = '/btc-federation/kad/1.0.0';

/** libp2p's own limits are out of the way: ours are per peer and place, and change while running. */
const NO_LIMIT = 1_000_000;
const MIB = 1024 * 1024;

/** Services that the composition root adds, such as gossipsub: made by libp2p, given back by name. */
export type ExtraServices = Record<string, unknown>;
export type ServiceFactories<S extends ExtraServices> = {
  readonly [N in keyof S]: NonNullable<NonNullable<Libp2pOptions<S>['services']>[N]>;
};

interface Internals {
  readonly transportManager: TransportManager;
  readonly upgrader: Upgrader;
}

type OwnServices = {
  identify: Identify;
  identifyPush: IdentifyPush;
  ping: Ping;
  internals: Internals;
  dht?: KadDHT;
};

/** What the host uses of libp2p. */
export interface Libp2pNode<S extends ExtraServices> {
  readonly libp2p: Libp2p<OwnServices & S>;
  readonly transport: Transport;
  readonly upgrader: Upgrader;
  readonly dht: KadDHT | undefined;
}

export interface Libp2pNodeOptions<S extends ExtraServices> {
  readonly identity: Identity;
  readonly userAgent: string;
  readonly gater: ConnectionGater;
  /** What identify, pushes and the DHT are to tell; asked each time. */
  readonly announced: () => Multiaddr[];
  readonly handshakeMs: number;
  readonly dht: boolean;
  readonly services: ServiceFactories<S> | undefined;
}

/** libp2p without a listener and not started: TCP, Noise, Yamux; identify and ping under their standard ids. */
export async function createLibp2pNode<S extends ExtraServices>(
  opts: Libp2pNodeOptions<S>,
): Promise<Libp2pNode<S>> {
  const libp2p = (await createLibp2p(libp2pOptions(opts) as unknown as Libp2pOptions)) as unknown as Libp2p<
    OwnServices & S
  >;
  const { transportManager, upgrader } = libp2p.services.internals;
  const [transport] = transportManager.getTransports();
  return { libp2p, transport: transport as Transport, upgrader, dht: libp2p.services.dht };
}

function libp2pOptions<S extends ExtraServices>(opts: Libp2pNodeOptions<S>): Libp2pOptions<OwnServices> {
  return {
    privateKey: opts.identity.key,
    start: false,
    nodeInfo: { userAgent: opts.userAgent },
    logger: SILENT_LOGGER,
    datastore: new BoundedDatastore(),
    // The filter is asked for every identify: the one open place to say what is announced at that moment.
    addresses: { listen: [], announceFilter: opts.announced },
    transports: [tcp({ backlog: 512 })],
    transportManager: { faultTolerance: FaultTolerance.NO_FATAL },
    connectionEncrypters: [noise()],
    streamMuxers: [
      yamux({
        maxInboundStreams: 128,
        maxOutboundStreams: 128,
        // A window must fit into a paused stream's read buffer (4 MiB), or the stream would be reset.
        streamOptions: { maxStreamWindowSize: 2 * MIB, maxWriteBufferLength: 32 * MIB },
      }),
    ],
    connectionGater: opts.gater,
    connectionManager: {
      // The allow list switches off libp2p's counters of 5 inbound connections per second and address, and its pruning.
      allow: ['/ip4/0.0.0.0/ipcidr/0', '/ip6/::/ipcidr/0'],
      maxConnections: NO_LIMIT,
      maxIncomingPendingConnections: NO_LIMIT,
      inboundConnectionThreshold: NO_LIMIT,
      inboundUpgradeTimeout: opts.handshakeMs,
      reconnectRetries: 0,
    },
    // Ours looks at the bytes received as well, and does not ping all peers at one instant.
    connectionMonitor: { enabled: false },
    services: {
      // Run by the host, which must know when it fails.
      identify: identify({ runOnConnectionOpen: false, timeout: opts.handshakeMs }),
      identifyPush: identifyPush({ debounce: 100 }),
      ping: ping(),
      internals: (components: Internals) => ({
        transportManager: components.transportManager,
        upgrader: components.upgrader,
      }),
      ...(opts.dht ? { dht: dht() } : {}),
      ...opts.services,
    } as unknown as NonNullable<Libp2pOptions<OwnServices>['services']>,
  };
}

/**
 * Server mode: every daemon listens, and with `clientMode` unset a federation in a private network would never serve.
 * The default mapper would drop private addresses, so that the routing table stayed empty there (measured).
 */
function dht(): ReturnType<typeof kadDHT> {
  return kadDHT({
    protocol: DHT_PROTOCOL,
    clientMode: false,
    peerInfoMapper: passthroughMapper,
  });
}

const noop = (): void => {};
const SILENT: Logger = Object.assign(() => {}, {
  enabled: false,
  error: noop,
  trace: noop,
  newScope: () => SILENT,
});

/** libp2p's own lines are for its developers; it would also read the environment for what to print. */
const SILENT_LOGGER: ComponentLogger = { forComponent: () => SILENT };
