import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { nodeDisk } from '../../config/disk.ts';
import type { Config } from '../../config/index.ts';
import { parseAddress } from '../../protocols/peer-exchange/address.ts';
import { isAllowed } from '../../protocols/peer-exchange/record.ts';
import { tokenIdBytes } from '../../protocols/peer-exchange/tokens.ts';
import type { NetworkApi } from '../api/modules.ts';
import type { Health } from '../observe/health.ts';
import type { Log, Logs } from '../observe/log.ts';
import { AddressBook } from '../p2p/address-book.ts';
import { DiskBanFile } from '../p2p/ban-file.ts';
import { ConnectionLog } from '../p2p/connection-log.ts';
import { DhtPeers } from '../p2p/dht-peers.ts';
import { AddressResolver } from '../p2p/dns.ts';
import { SystemLookups } from '../p2p/dns-system.ts';
import { PeerExchange } from '../p2p/exchange.ts';
import { type GossipTransport, gossipTransport } from '../p2p/gossip-transport.ts';
import { createHost, type Libp2pHost } from '../p2p/host.ts';
import { PeerKeeper } from '../p2p/keeper.ts';
import { PeerScores } from '../p2p/peer-scores.ts';
import { TokenDiscovery } from '../p2p/token-discovery.ts';
import type { Clock, HostPolicy, PeerIdText, RandomFraction } from '../p2p/types.ts';
import { networkApi } from './network-api.ts';
import { PeerList } from './peer-list.ts';
import { PeerLists } from './peer-lists.ts';

/** What of the configuration the network lives by. */
export type NetworkConfig = Pick<Config, 'node' | 'network' | 'peers' | 'store'>;

/** libp2p services besides those that every host has. */
export type NetworkServices = { gossip: GossipTransport };

export interface NetworkModules {
  readonly clock: Clock;
  readonly random: RandomFraction;
  readonly logs: Logs;
  readonly health: Health;
  readonly version: string;
  /** Ids of the tokens that peers are told we follow. */
  readonly followed: () => readonly string[];
}

/** The peer-to-peer part of a daemon: who it knows, who it is connected to, and what peers tell each other of peers. */
export class Network {
  readonly host: Libp2pHost<NetworkServices>;
  readonly book: AddressBook;
  readonly scores: PeerScores;
  readonly keeper: PeerKeeper;
  readonly exchange: PeerExchange;
  readonly connections: ConnectionLog;
  readonly list: PeerList;
  readonly api: NetworkApi;
  private readonly lists: PeerLists;
  private readonly dht: DhtPeers | undefined;
  private readonly resolver: AddressResolver;
  private readonly log: Log;
  private config: NetworkConfig;
  /** What is started, in this order. */
  private readonly parts: readonly { start(): unknown; stop(): unknown }[];
  private readonly running: { stop(): unknown }[] = [];

  private constructor(config: NetworkConfig, modules: NetworkModules, made: MadeHost) {
    const { clock, random, logs, health } = modules;
    const log = logs.module('p2p');
    this.config = config;
    this.log = log;
    this.host = made.host;
    this.book = made.book;
    this.scores = made.scores;
    this.lists = made.lists;
    this.resolver = made.resolver;
    const { host, book, scores, lists } = this;
    this.connections = new ConnectionLog({ host, clock, log });
    this.keeper = new PeerKeeper(config.peers, {
      host,
      book,
      mayDial: (peerId) => !scores.isBanned(peerId) && lists.bar(peerId) === undefined,
      clock,
      random,
      log,
    });
    this.exchange = new PeerExchange(exchangeOptions(config), {
      host,
      book,
      judge: scores,
      clock,
      random,
      log: logs.module('peers'),
      tokens: () => modules.followed().flatMap((id) => tokenIdBytes(id) ?? []),
    });
    this.list = new PeerList(
      { file: config.peers.file, ownKey: Buffer.from(host.publicKey).toString('base64') },
      {
        book,
        clock,
        health,
        log: logs.module('peers'),
        onOperatorChange: (peerIds) => {
          this.applyPolicy();
          this.keeper.retryNow(peerIds);
        },
      },
    );
    this.api = networkApi({
      host,
      book,
      scores,
      keeper: this.keeper,
      clock,
      maxPeers: () => this.config.peers.maxPeers,
      bar: (peerId) => lists.bar(peerId),
    });
    this.dht = host.dht === undefined ? undefined : this.dhtPeers(host.dht, modules);
    // Peers and bans are known before anybody can connect; a dial needs a host that runs.
    this.parts = [
      ...[scores, this.list, this.connections, this.host, book, this.exchange, this.keeper],
      ...(this.dht === undefined ? [] : [this.dht]),
    ];
    scores.onVerdict((peerId, _verdict, code) => void host.hangUp(peerId, code));
  }

  /** @throws P2pError if the key or an address is not usable */
  static async create(config: NetworkConfig, modules: NetworkModules): Promise<Network> {
    return new Network(config, modules, await makeHost(config, modules));
  }

  /** Listens, or fails with P2pError and leaves nothing behind. */
  async start(): Promise<void> {
    try {
      for (const part of this.parts) {
        this.running.push(part);
        await part.start();
      }
      this.applyPolicy();
    } catch (error) {
      await this.stop();
      throw error;
    }
    const { peerId, publicKey } = this.host;
    this.log.event('p2p.started', { peer: peerId, public_key: Buffer.from(publicKey).toString('base64') });
    if (this.book.size === 0) this.log.event('p2p.standalone', { file: this.config.peers.file });
  }

  async stop(): Promise<void> {
    for (let part = this.running.pop(); part !== undefined; part = this.running.pop()) await part.stop();
    this.resolver.close();
  }

  /** Takes limits, lists and intervals into use; addresses are the reload component's. */
  configure(config: NetworkConfig): void {
    this.config = config;
    this.lists.configure(config.peers);
    this.applyPolicy();
    this.keeper.configure(config.peers);
  }

  /** The followed tokens are others than before: peers are told. */
  async tokensChanged(): Promise<void> {
    this.dht?.tokensChanged();
    await this.exchange.selfChanged();
  }

  /** Followers of our tokens are wanted now. */
  readonly seekFollowers = (): void => this.dht?.lookSoon();

  /** All of those who are connected are nearby. */
  private isPrivateNetwork(): boolean {
    const connected = this.host.connected();
    return connected.length > 0 && connected.every((peer) => peer.isPrivate);
  }

  /** Of what the DHT dials by itself: the same as is taken from it. */
  private mayDialTold(text: string): boolean {
    const address = parseAddress(text);
    if (typeof address === 'string') return false;
    return isAllowed(address, this.config.network.allowPrivate, this.isPrivateNetwork());
  }

  private dhtPeers(
    dht: NonNullable<Libp2pHost<NetworkServices>['dht']>,
    { clock, random, logs, followed }: NetworkModules,
  ): DhtPeers {
    const { host, book } = this;
    const hasPeers = (): boolean => host.connected().length > 0;
    return new DhtPeers({
      discovery: new TokenDiscovery({ dht, ownId: host.peerId, clock, random, hasPeers }),
      ...{ book, clock, random, followed, log: logs.module('p2p') },
      privateAddresses: () => this.config.network.allowPrivate,
      isPrivateNetwork: () => this.isPrivateNetwork(),
    });
  }

  private applyPolicy(): void {
    const { scores, lists, book } = this;
    const policy = policyOf(this.config, { scores, lists, book });
    this.host.setPolicy({ ...policy, mayDialTold: (address) => this.mayDialTold(address) });
  }
}

interface MadeHost {
  readonly host: Libp2pHost<NetworkServices>;
  readonly book: AddressBook;
  readonly scores: PeerScores;
  readonly lists: PeerLists;
  readonly resolver: AddressResolver;
}

async function makeHost(config: NetworkConfig, modules: NetworkModules): Promise<MadeHost> {
  const { clock, random, logs, version } = modules;
  const log = logs.module('p2p');
  const resolver = new AddressResolver({ lookups: new SystemLookups(), clock });
  const privateKey = Buffer.from(config.node.privateKey.reveal(), 'base64');
  const bans = new DiskBanFile(join(config.store.path, 'bans.json'), {
    disk: nodeDisk,
    randomBytes,
  });
  const isOperator = (peerId: PeerIdText): boolean => book.isOperator(peerId);
  const lists = new PeerLists(config.peers, isOperator);
  const scores: PeerScores = new PeerScores({
    file: bans,
    isOperator,
    clock,
    log: logs.module('peers'),
  });
  const host = await createHost<NetworkServices>({
    privateKey,
    version,
    listen: config.network.addresses,
    announce: config.network.announce,
    policy: policyOf(config, { scores, lists, book: { isOperator } }),
    resolve: (addresses, signal, options) => resolver.resolve(addresses, signal, options),
    dht: config.network.dht,
    clock,
    random,
    log,
    services: {
      gossip: gossipTransport({ clock, log: logs.module('gossip'), penaltyOf: (id) => scores.penalty(id) }),
    },
  });
  const book: AddressBook = new AddressBook({
    clock,
    self: host.peerId,
    onClockStep: (ms) =>
      logs.module('peers').event('peers.clock_stepped', { seconds: Math.round(ms / 1000) }),
  });
  return { host, book, scores, lists, resolver };
}

function policyOf(
  { peers }: NetworkConfig,
  known: {
    readonly scores: Pick<PeerScores, 'isBanned'>;
    readonly lists: PeerLists;
    readonly book: Pick<AddressBook, 'isOperator'>;
  },
): HostPolicy {
  const { maxPeers, maxPerIp, connectionTimeoutMs, allowOnlyListed } = peers;
  const { scores, lists, book } = known;
  return {
    maxPeers,
    maxPerIp,
    connectionTimeoutMs,
    allowed: allowOnlyListed ? (peerId) => lists.bar(peerId) === undefined : undefined,
    isDenied: (peerId) => scores.isBanned(peerId) || lists.bar(peerId) === 'blocked',
    isPreferred: (peerId) => book.isOperator(peerId),
  };
}

/** What the exchange takes of the configuration. */
export function exchangeOptions({ peers, network }: Pick<NetworkConfig, 'peers' | 'network'>) {
  return { intervalMs: peers.exchangeIntervalMs, privateAddresses: network.allowPrivate };
}
