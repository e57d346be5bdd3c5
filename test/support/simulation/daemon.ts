import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROTOCOL_ID } from '../../../protocols/token-sync/constants.ts';
import type { Outcome } from '../../../src/ingest/outcome.ts';
import { EventHub } from '../../../src/node/event-hub.ts';
import { SILENT_LOG } from '../../../src/observe/log.ts';
import type { BanFile, BanRow } from '../../../src/p2p/ban-file.ts';
import { PeerScores } from '../../../src/p2p/peer-scores.ts';
import type { PeerJudge } from '../../../src/p2p/types.ts';
import type { SyncIndex } from '../../../src/sync/client-modules.ts';
import { Commitments } from '../../../src/sync/commitments.ts';
import { Gossip } from '../../../src/sync/gossip.ts';
import { HeadersSync } from '../../../src/sync/headers-sync.ts';
import { SYNC_STREAMS, SyncServer } from '../../../src/sync/serve.ts';
import { TokenSync } from '../../../src/sync/sync.ts';
import { hostTransport } from '../../../src/sync/sync-transport.ts';
import type { Prng } from '../corpus/prng.ts';
import { crashCopy } from '../crash-copy.ts';
import { TestNode } from '../node.ts';
import type { IndexState } from '../node-state.ts';
import { SimGossip } from './gossip-net.ts';
import { SimHost } from './host.ts';
import type { SimNet, Station } from './net.ts';
import { rebuiltState } from './rebuilt.ts';
import { SimClock, type World } from './world.ts';

/** In memory if there is room: a thousand stores are made and removed, and each syncs its marker to the disk. */
function scratchFolder(): string {
  const memory = '/dev/shm';
  try {
    const { bavail, bsize } = statfsSync(memory);
    return bavail * bsize > MIN_MEMORY_BYTES ? memory : tmpdir();
  } catch {
    return tmpdir();
  }
}

const MIN_MEMORY_BYTES = 256 * 1024 * 1024;

/** Parts of a daemon that a planted bug replaces. */
export interface Plant {
  readonly commitments?: new (...args: ConstructorParameters<typeof Commitments>) => Commitments;
  readonly index?: (index: SyncIndex) => SyncIndex;
}

export interface DaemonOptions {
  readonly id: string;
  readonly tokens: readonly string[];
  readonly plant?: Plant;
  /** One who lies: what is said of him is no failure, and his host is bent. */
  readonly isLiar?: boolean;
  /** Called with each life's host before anything is said. */
  readonly onHost?: (host: SimHost) => void;
}

export interface Penalty {
  readonly by: string;
  readonly of: string;
  readonly code: string;
  readonly verdict: 'none' | 'disconnect' | 'ban';
  readonly atMs: number;
}

/** One run of the program, from its start to its end or its being killed: composed as src/node/token-network.ts does. */
export interface Life {
  readonly node: TestNode;
  readonly clock: SimClock;
  readonly host: SimHost;
  readonly gossipNet: SimGossip;
  readonly commitments: Commitments;
  readonly headers: HeadersSync;
  readonly server: SyncServer;
  readonly gossip: Gossip;
  readonly sync: TokenSync;
  readonly scores: PeerScores;
  readonly undo: (() => unknown)[];
}

/** Bans outlive a life. */
class MemoryBans implements BanFile {
  readonly path = 'bans';
  private rows: readonly BanRow[] = [];

  async load(): Promise<readonly BanRow[]> {
    return this.rows;
  }

  async save(rows: readonly BanRow[]): Promise<void> {
    this.rows = rows;
  }
}

export class SimDaemon implements Station {
  readonly id: string;
  readonly isLiar: boolean;
  life: Life | undefined;
  /** Followed; they outlive a life. */
  tokens: readonly string[];
  readonly penalties: Penalty[] = [];
  /** Reports of the sync, and what went wrong inside. */
  readonly reports: string[] = [];
  readonly errors: unknown[] = [];
  /** Blocks that its chain undid. */
  undone = 0;
  /** Lives that are over, until nothing of them is left. */
  readonly endings = new Set<Promise<void>>();
  private readonly net: SimNet;
  private readonly world: World;
  private readonly options: DaemonOptions;
  private readonly bans = new MemoryBans();
  private readonly prng: Prng;
  private folder: string | undefined;
  private lives = 0;

  constructor(net: SimNet, options: DaemonOptions) {
    this.net = net;
    this.world = net.world;
    this.options = options;
    this.id = options.id;
    this.tokens = options.tokens;
    this.isLiar = options.isLiar === true;
    this.prng = net.world.prng(`daemon ${options.id}`);
    net.stations.set(this.id, this);
  }

  get host(): SimHost | undefined {
    return this.life?.host;
  }

  isBanned(peerId: string): boolean {
    return this.life?.scores.isBanned(peerId) === true;
  }

  /** The present life. */
  get now(): Life {
    if (this.life === undefined) throw new Error(`${this.id} is down`);
    return this.life;
  }

  async start(): Promise<void> {
    const life = await this.made();
    this.lives++;
    this.life = life;
    this.world.note(`start ${this.id}`);
    await this.world.complete(this.begin(life));
    this.net.arise(this.id);
  }

  /** What the operator or a wallet does; undefined: it died before it answered. */
  async submit(beef: Uint8Array): Promise<Outcome | undefined> {
    const { life } = this;
    const outcome = await life?.node.ingest.offer(beef, 'rpc');
    return this.life === life ? outcome : undefined;
  }

  /** A block is heard of, from elsewhere. */
  async hearHeaders(bytes: Uint8Array): Promise<void> {
    await this.life?.node.chain.add(bytes);
  }

  /** As a reload of the configuration does. */
  async follow(tokens: readonly string[]): Promise<void> {
    const { life } = this;
    this.tokens = tokens;
    if (life === undefined) return;
    const { complete } = await life.node.ingest.changeFollowed(() => tokens);
    if (this.life !== life) return;
    life.gossip.setTokens(tokens);
    life.server.onFollowed();
    life.sync.setTokens(tokens);
    await complete;
    if (this.life === life) life.server.onFollowed();
  }

  /** Stops in order; the folder stays. */
  async stop(): Promise<void> {
    const { life } = this;
    if (life === undefined) return;
    this.world.note(`stop ${this.id}`);
    this.life = undefined;
    await this.ended(life);
    this.net.die(this.id, false);
    life.host.stop();
    await this.closed(life);
  }

  /** What a kill at this moment leaves is what the next life finds; the rest goes on in a world of its own until it ends. */
  async kill(isSilent: boolean): Promise<void> {
    const { life } = this;
    if (life === undefined) return;
    this.world.note(`kill ${this.id}`);
    this.life = undefined;
    life.host.isOver = true;
    this.net.die(this.id, isSilent);
    for (const link of [...life.host.links.values()]) life.host.part(link);
    life.host.stop();
    const copy = mkdtempSync(join(scratchFolder(), 'btcfed-sim-'));
    await crashCopy(life.node.folder, copy);
    this.folder = copy;
    const ending = this.ended(life)
      .then(() => this.closed(life))
      .catch((error: unknown) => void this.errors.push(error))
      .finally(() => this.endings.delete(ending));
    this.endings.add(ending);
  }

  /** TAC, count and unmined set of a token as the daemon tells them. */
  async digest(tokenId: string): Promise<string> {
    const { tac, entries, unmined, unminedDigest } = await this.now.commitments.tip(tokenId);
    return `${tac?.toString('hex')} ${entries} ${unmined} ${unminedDigest.toString('hex')}`;
  }

  /** Stops for good, with all that is left of former lives. */
  async end(): Promise<void> {
    await this.stop();
    await Promise.all(this.endings);
  }

  /** Its store as it would be if it were made anew. Only when it has ended. */
  rebuilt(): Promise<IndexState> {
    if (this.folder === undefined) throw new Error(`${this.id} never lived`);
    return rebuiltState(this.folder, this.tokens, () => new SimClock(this.world).nowMs());
  }

  /** Nothing of it is left on the disk. */
  remove(): void {
    if (this.folder !== undefined) rmSync(this.folder, { recursive: true, force: true });
  }

  private async made(): Promise<Life> {
    const { world, options, net } = this;
    const clock = new SimClock(world);
    clock.offMs = this.offMs;
    let hub: EventHub | undefined;
    const node = await TestNode.open({
      tokens: this.tokens,
      nowMs: () => clock.nowMs(),
      onEvents: (first, events) => hub?.publish(first, events),
      folder: this.folder ?? mkdtempSync(join(scratchFolder(), 'btcfed-sim-')),
    });
    await node.settled();
    this.folder = node.folder;
    hub = new EventHub(node.store);
    const events = hub;
    const { store, chain, ingest } = node;
    const owner = {};
    world.disk.join(store, owner);
    this.owner = owner;
    const gossipNet = new SimGossip({
      id: this.id,
      // Not its own: what is under way is not in its hands.
      clock: net.clock,
      prng: world.prng(`gossip ${this.id} ${this.lives}`),
      weather: net.weather,
      counts: net.counts,
      peer: (id) => net.stations.get(id)?.host?.gossip,
    });
    const host = new SimHost(this.id, {
      peer: (id) => net.stations.get(id)?.host,
      onFault: (error) => this.errors.push(error),
      gossip: gossipNet,
    });
    options.onHost?.(host);
    const scores = new PeerScores({ file: this.bans, isOperator: () => false, clock, log: SILENT_LOG });
    scores.onVerdict((peerId) => net.hangUp(this.id, peerId));
    const judge: PeerJudge = {
      penalise: (peerId, code, weight) => {
        const verdict = scores.penalise(peerId, code, weight);
        this.penalties.push({ by: this.id, of: peerId, code, verdict, atMs: world.nowMs });
        world.note(`${this.id} penalises ${peerId} ${code} ${verdict}`);
        return verdict;
      },
      isBanned: (peerId) => scores.isBanned(peerId),
    };
    const random = (): number => this.prng.u32() / 2 ** 32;
    const onError = (error: unknown): void => void this.errors.push(error);
    const tokens = {
      followed: () => ingest.followed(),
      isComplete: (tokenId: string) => ingest.follows(tokenId),
    };
    const hashAt = (height: number): string | undefined => chain.hashAt(height);
    const commitments = new (options.plant?.commitments ?? Commitments)({ store, chain });
    const network = 'regtest';
    const log = SILENT_LOG;
    const headers = new HeadersSync({ network, chain, host, judge, clock, random, onError, log });
    const server = new SyncServer({
      ...{ store, commitments, hashAt, selfId: this.id, tokens, clock, onError, network },
      onFault: (peerId, code, points) => void judge.penalise(peerId, code, points),
    });
    const gossip: Gossip = new Gossip({
      ...{ net: gossipNet, offers: ingest, store, chain, judge, clock, random, events, log },
      isFollowed: (tokenId) => ingest.follows(tokenId),
      hooks: {
        fetchMissing: (peerId, tokenId, txid, why) => {
          if (why === 'header') void headers.poke(peerId);
          else void sync.fetchMissing(peerId, tokenId, txid);
        },
        compareSoon: (tokenId) => sync.compareSoon(tokenId),
      },
    });
    const index: SyncIndex = { store, commitments, ingest: gossip.quiet(), tokens };
    let salts = 0;
    const life = this.lives;
    const sync: TokenSync = new TokenSync({
      selfId: this.id,
      network,
      index: options.plant?.index?.(index) ?? index,
      headers: {
        hashAt,
        rootAt: (height) => chain.rootAt(height),
        poke: (peerId) => void headers.poke(peerId),
      },
      transport: hostTransport(host),
      peers: {
        follows: (peerId, tokenId) => net.follows(peerId, tokenId),
        seek: (tokenId) => net.seek(this.id, tokenId),
      },
      ...{ judge, clock, random },
      randomBytes: (length) =>
        createHash('sha512')
          .update(`${world.seed} ${this.id} ${life} ${salts++}`)
          .digest()
          .subarray(0, length),
      report: (event, fields) => {
        this.reports.push(`${Math.round(world.nowMs)} ${event} ${JSON.stringify(fields)}`);
        world.note(`${this.id} ${event}`);
        if (event === 'sync.fault') onError(new Error(JSON.stringify(fields)));
      },
      trace: (message, fields) => {
        this.reports.push(`${Math.round(world.nowMs)} ${message} ${JSON.stringify(fields)}`);
      },
    });
    const undo = [
      events.onRecords((records) => {
        commitments.onEvents(records);
        server.onEvents(records);
        sync.onEvents(records);
      }),
      chain.onChange(({ undone }) => {
        if (undone !== undefined) this.undone++;
        commitments.onChain(undone);
        server.onChain(undone);
        sync.onChain(undone);
      }),
    ];
    return { node, clock, host, gossipNet, commitments, headers, server, gossip, sync, scores, undo };
  }

  /** Whose disk work is whose. */
  owner: object = {};
  /** By how much the wall clock is wrong; it stays so over lives. */
  private offMs = 0;

  jump(ms: number): void {
    this.offMs += ms;
    if (this.life !== undefined) this.life.clock.offMs = this.offMs;
  }

  private async begin({ node, host, headers, server, gossip, sync, scores, undo }: Life): Promise<void> {
    undo.push(await host.handle([PROTOCOL_ID], (stream) => server.handle(stream), SYNC_STREAMS));
    await scores.start();
    await headers.start();
    headers.source.start();
    gossip.setTokens(node.ingest.followed());
    gossip.start();
    sync.start();
  }

  private async ended({ headers, server, gossip, sync, scores, undo }: Life): Promise<void> {
    await sync.stop();
    await gossip.stop();
    await headers.stop();
    for (let one = undo.pop(); one !== undefined; one = undo.pop()) await one();
    await server.stop();
    await scores.stop();
  }

  private async closed(life: Life): Promise<void> {
    await life.node.settled();
    await life.node.ingest.close();
    await life.node.store.close();
    // At once: nothing but the line of disks may take its time.
    if (life.node.folder !== this.folder) rmSync(life.node.folder, { recursive: true, force: true });
    this.checkLeft(life);
  }

  /** Timers, streams, listeners and handlers are as before it was started: none. */
  private checkLeft({ clock, host, sync }: Life): void {
    const { streams, handlers, listeners } = host.left();
    const { lanes } = sync.facts();
    const left = { timers: clock.waiting, streams, handlers, listeners, lanes };
    if (Object.values(left).some((count) => count !== 0))
      this.errors.push(new Error(`${this.id} left ${JSON.stringify(left)}`));
  }
}
