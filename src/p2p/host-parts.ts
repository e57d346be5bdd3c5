import { randomBytes } from 'node:crypto';
import type { PeerId } from '@libp2p/interface';
import type { Multiaddr } from '@multiformats/multiaddr';
import { errorFields, type Log, SILENT_LOG } from '../observe/log.ts';
import { Admission } from './admission.ts';
import { ConnectionTable } from './connection-table.ts';
import { Connector } from './connector.ts';
import { Dialer } from './dialer.ts';
import { Emitter } from './emitter.ts';
import { P2pError } from './errors.ts';
import { Gater } from './gater.ts';
import { HOST_CLOCK } from './host-clock.ts';
import type { HostOptions } from './host-options.ts';
import { type Identity, identityOf } from './identity.ts';
import { KeyTwins } from './key-twins.ts';
import { createLibp2pNode, type ExtraServices, type Libp2pNode } from './libp2p-node.ts';
import { Links } from './links.ts';
import { Listeners } from './listeners.ts';
import { Liveness } from './liveness.ts';
import { SelfRecord } from './self-record.ts';
import { Sockets } from './sockets.ts';
import type { Clock, HostEvents } from './types.ts';

const PING_INTERVAL_MS = 8_000;
const PING_TIMEOUT_MS = 8_000;
/** An inbound handshake must be done in it; a dial's own limit is the connection timeout. */
const HANDSHAKE_MS = 10_000;

/** All parts of a host, joined. */
export interface HostParts<S extends ExtraServices> {
  readonly identity: Identity;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Emitter<HostEvents>;
  readonly table: ConnectionTable;
  readonly gater: Gater;
  readonly admission: Admission;
  readonly liveness: Liveness;
  readonly twins: KeyTwins;
  readonly links: Links;
  readonly node: Libp2pNode<S>;
  readonly sockets: Sockets;
  readonly listeners: Listeners;
  readonly dialer: Dialer;
  readonly self: SelfRecord;
  readonly fault: (error: unknown) => void;
}

/** @throws P2pError KEY_INVALID */
export async function joinParts<S extends ExtraServices>(opts: HostOptions<S>): Promise<HostParts<S>> {
  const identity = await identityOf(opts.privateKey);
  const clock = opts.clock ?? HOST_CLOCK;
  const log = opts.log ?? SILENT_LOG;
  const resolve = opts.resolve ?? withoutNames;
  const fault = (error: unknown): void => log.event('p2p.fault', errorFields(error, true));
  const events = new Emitter<HostEvents>(fault);
  const table: ConnectionTable = new ConnectionTable(clock, {
    state: (peerId) => links.changed(peerId),
    connected: (peer) => events.emit('connected', peer),
    identified: (peer) => events.emit('identified', peer),
    disconnected: (peerId, reason) => events.emit('disconnected', peerId, reason),
  });
  const gater = new Gater(opts.policy, table, identity.text);
  const admission = new Admission(clock, () => gater.policy.maxPerIp);
  const node = await createLibp2pNode<S>({
    identity,
    userAgent: `btc-federation/${opts.version}`,
    gater,
    announced: () => self.multiaddrs(),
    handshakeMs: HANDSHAKE_MS,
    dht: opts.dht ?? false,
    services: opts.services,
  });
  const { libp2p, transport } = node;
  const liveness = new Liveness({
    clock,
    random: opts.random ?? Math.random,
    intervalMs: opts.pingIntervalMs ?? PING_INTERVAL_MS,
    timeoutMs: opts.pingTimeoutMs ?? PING_TIMEOUT_MS,
    randomBytes,
  });
  const twins = new KeyTwins({ clock, links: (peerId) => table.links(peerId), log });
  const links: Links = new Links({
    clock,
    table,
    gater,
    liveness,
    twins,
    identify: (connection, signal) => libp2p.services.identify.identify(connection, { signal }),
    storedRecord: (peerId) => storedRecord(node, peerId),
  });
  const sockets = new Sockets(node.upgrader);
  const listeners = new Listeners({
    transport,
    upgrader: sockets.upgrader,
    admission,
    resolve,
    onNoIpv6: (address) => log.event('p2p.no_ipv6', { address }),
    onLost: (address, code) => log.event('p2p.listen_lost', { address, code }),
  });
  const self: SelfRecord = new SelfRecord(opts.announce ?? [], {
    identity,
    clock,
    listening: () => listeners.dialable(),
    publish: (record, addresses) => publish(node, identity, record, addresses),
  });
  const connector = new Connector({ transport, sockets, gater, links });
  const dialer = new Dialer({
    ownId: identity.text,
    clock,
    resolve,
    connectionTimeoutMs: () => gater.policy.connectionTimeoutMs,
    connect: (...args) => connector.connect(...args),
    started: (peerId) => table.dialStarted(peerId),
    ended: (peerId, hasFailed) => table.dialEnded(peerId, hasFailed),
  });
  libp2p.addEventListener('connection:open', ({ detail }) => links.opened(detail));
  libp2p.addEventListener('connection:close', ({ detail }) => links.closed(detail));
  libp2p.addEventListener('peer:identify', ({ detail }) => void links.told(detail).catch(fault));
  const parts = { identity, clock, log, events, table, gater, admission, liveness, twins };
  return { ...parts, links, node, sockets, listeners, dialer, self, fault };
}

async function withoutNames(): Promise<never> {
  throw new P2pError('DNS_FAILED', 'this host resolves no names');
}

async function storedRecord<S extends ExtraServices>(
  { libp2p }: Libp2pNode<S>,
  peerId: PeerId,
): Promise<Uint8Array | undefined> {
  try {
    return (await libp2p.peerStore.get(peerId)).peerRecordEnvelope;
  } catch {
    return undefined;
  }
}

/** Identify answers with this record from now on; the change of our own entry makes libp2p push it. */
async function publish<S extends ExtraServices>(
  { libp2p }: Libp2pNode<S>,
  identity: Identity,
  peerRecordEnvelope: Uint8Array,
  multiaddrs: readonly Multiaddr[],
): Promise<void> {
  await libp2p.peerStore.patch(identity.peerId, { multiaddrs: [...multiaddrs], peerRecordEnvelope });
  await libp2p.services.identifyPush.push();
}
