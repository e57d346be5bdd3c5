import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { PROTOCOL_ID } from '../../protocols/token-sync/constants.ts';
import { P2pError } from '../../src/p2p/errors.ts';
import type { FrameStream, PeerJudge } from '../../src/p2p/types.ts';
import type { EventRecord } from '../../src/store/event-row.ts';
import type { SyncIndex, SyncTransport, TokenPeers } from '../../src/sync/client-modules.ts';
import { SyncServer } from '../../src/sync/serve.ts';
import { TokenSync } from '../../src/sync/sync.ts';
import { DiskWork } from './disk-work.ts';
import { FakeClock, seededRandom, settled } from './fake-clock.ts';
import { type MemoryStream, streamPair } from './frame-pair.ts';
import type { TestNodeOptions } from './node.ts';
import { SyncNode } from './sync-node.ts';

/** What happens to a stream that one peer opens to another: the end that is served, or a stranger in its place. */
export type Serve = (stream: MemoryStream, from: string) => void;

/** Longest fake time that a condition is waited for. */
const PATIENCE_MS = 120_000;
const STEP_MS = 5;
/** Turns of the event loop in which nothing more is begun. */
const TURNS = 12;

/** Penalties without memory of time: 50 points disconnect, 100 ban. */
export class NetJudge implements PeerJudge {
  readonly codes: string[] = [];
  /** Points that end a connection. */
  disconnectAt = 50;
  private readonly points = new Map<string, number>();
  readonly hangUp: (peerId: string) => void;

  constructor(hangUp: (peerId: string) => void) {
    this.hangUp = hangUp;
  }

  penalise(peerId: string, code: string, weight = 10): 'none' | 'disconnect' | 'ban' {
    const sum = (this.points.get(peerId) ?? 0) + weight;
    this.points.set(peerId, sum);
    this.codes.push(`${peerId} ${code}`);
    if (sum < this.disconnectAt) return 'none';
    this.hangUp(peerId);
    return sum < 100 ? 'disconnect' : 'ban';
  }

  isBanned(peerId: string): boolean {
    return (this.points.get(peerId) ?? 0) >= 100;
  }
}

/** Real indexes with the real client and server of token sync, over streams in memory, on one fake clock. */
export class SyncNet {
  readonly clock = new FakeClock();
  readonly disk = new DiskWork();
  readonly random: () => number;
  readonly peers = new Map<string, SyncPeer>();
  private readonly links = new Set<string>();
  /** Streams that are open or were: by `from>to`. */
  readonly streams: {
    readonly from: string;
    readonly to: string;
    readonly a: MemoryStream;
    readonly b: MemoryStream;
  }[] = [];

  constructor(seed = 1) {
    this.random = seededRandom(seed);
  }

  async add(id: string, options: TestNodeOptions): Promise<SyncPeer> {
    const peer = await SyncPeer.open(this, id, options);
    this.peers.set(id, peer);
    return peer;
  }

  isLinked(a: string, b: string): boolean {
    return this.links.has(`${a}|${b}`);
  }

  connect(a: SyncPeer, b: SyncPeer): void {
    this.links.add(`${a.id}|${b.id}`).add(`${b.id}|${a.id}`);
    a.seen(b.id, 'there');
    b.seen(a.id, 'there');
  }

  disconnect(a: string, b: string): void {
    if (!this.links.delete(`${a}|${b}`)) return;
    this.links.delete(`${b}|${a}`);
    for (const { from, to, a: near } of this.streams) {
      if ((from === a && to === b) || (from === b && to === a)) near.abort('GONE');
    }
    this.peers.get(a)?.seen(b, 'gone');
    this.peers.get(b)?.seen(a, 'gone');
  }

  open(from: string, to: string): FrameStream {
    const other = this.peers.get(to);
    if (!this.isLinked(from, to) || other === undefined) throw new P2pError('NOT_CONNECTED', 'not connected');
    const { a, b } = streamPair({ a: from, b: to }, PROTOCOL_ID);
    this.streams.push({ from, to, a, b });
    other.serve(b, from);
    return a;
  }

  /** Bytes that went between two peers, both ways. */
  bytesBetween(a: string, b: string): number {
    let bytes = 0;
    for (const { from, to, a: near, b: far } of this.streams) {
      if ((from === a && to === b) || (from === b && to === a)) bytes += near.written + far.written;
    }
    return bytes;
  }

  /** Lets time pass until it is so; fails when it never is. Milliseconds that passed. */
  async until(
    what: string,
    isSo: () => boolean | Promise<boolean>,
    patienceMs = PATIENCE_MS,
  ): Promise<number> {
    const startMs = this.clock.monotonicMs();
    while (!(await isSo())) {
      const passedMs = this.clock.monotonicMs() - startMs;
      if (passedMs >= patienceMs) assert.fail(`not in ${patienceMs} ms: ${what}\n${this.story()}`);
      await this.pass(STEP_MS);
    }
    return this.clock.monotonicMs() - startMs;
  }

  /** Lets time pass, in steps; between them all that does not wait for time goes on, to its end. */
  async pass(ms: number, stepMs = STEP_MS): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      await this.disk.settled(TURNS);
      for (const { node } of this.peers.values()) await node.node.ingest.drained();
      await this.clock.advance(Math.min(left, stepMs));
    }
  }

  /** What happened last at each peer, for who has to find out why. */
  private story(): string {
    return [...this.peers.values()]
      .flatMap(({ id, reports, traces, judge, client, tokens }) => [
        `${id}: ${tokens.map((tokenId) => JSON.stringify(client.status(tokenId))).join()}`,
        ...[...reports.slice(-5), ...traces.slice(-8), ...judge.codes.slice(-5)].map((line) => `  ${line}`),
      ])
      .join('\n');
  }

  async close(): Promise<void> {
    for (const peer of this.peers.values()) await peer.close();
    this.peers.clear();
    // Everything has an end: what is left now would keep a daemon from stopping.
    await settled();
    assert.equal(this.clock.waiting, 0, 'timers are left');
  }
}

/** One daemon as far as token sync sees it. */
export class SyncPeer implements SyncTransport {
  readonly id: string;
  readonly net: SyncNet;
  node!: SyncNode;
  server!: SyncServer;
  client!: TokenSync;
  readonly judge: NetJudge;
  readonly reports: string[] = [];
  readonly traces: string[] = [];
  readonly errors: unknown[] = [];
  /** Tokens that discovery was asked for. */
  readonly sought: string[] = [];
  /** Peers whose headers were wanted. */
  readonly poked: string[] = [];
  /** Who asks for headers gets them. */
  givesHeaders = true;
  /** Their headers are ahead, and on their way. */
  readonly takesHeadersOf = new Set<string>();
  /** Gossip has messages that are not taken in yet. */
  isArriving = false;
  /** Txids that its rules do not count, whatever anybody says. */
  readonly refuses = new Set<string>();
  /** Followed; `follow` changes them. */
  tokens: readonly string[];
  network = 'regtest';
  /** What serves a stream; a test may put a liar in its place. */
  serve: Serve = (stream) => void this.server.handle(stream);
  private readonly listeners = new Set<(peerId: string, is: 'there' | 'gone') => void>();

  private constructor(net: SyncNet, id: string, options: TestNodeOptions) {
    this.net = net;
    this.id = id;
    this.tokens = options.tokens ?? [];
    this.judge = new NetJudge((peerId) => net.disconnect(id, peerId));
  }

  static async open(net: SyncNet, id: string, options: TestNodeOptions): Promise<SyncPeer> {
    const peer = new SyncPeer(net, id, options);
    peer.node = await SyncNode.open({ ...options, onEvents: (_, events) => peer.told(events) });
    peer.net.disk.watch(peer.node.node.store.database);
    peer.compose();
    return peer;
  }

  peers(): readonly string[] {
    return [...this.net.peers.keys()].filter((other) => this.net.isLinked(this.id, other));
  }

  onPeer(listener: (peerId: string, is: 'there' | 'gone') => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  async open(peerId: string, _signal: AbortSignal): Promise<FrameStream> {
    return this.net.open(this.id, peerId);
  }

  seen(peerId: string, is: 'there' | 'gone'): void {
    for (const listener of this.listeners) listener(peerId, is);
  }

  /** Changes what is followed, while running. */
  async follow(tokens: readonly string[]): Promise<void> {
    this.tokens = tokens;
    await this.node.node.ingest.follow(tokens);
    this.server.onFollowed();
    this.client.setTokens(tokens);
  }

  /** The same index after a kill: nothing in memory is left. */
  async crash(): Promise<void> {
    const others = this.peers();
    for (const other of others) this.net.disconnect(this.id, other);
    await this.client.stop();
    await this.server.stop();
    this.node.replace(await this.node.node.crash());
    this.compose();
    for (const other of others) this.net.connect(this, this.net.peers.get(other)!);
  }

  state(tokenId: string): string | undefined {
    return this.client.status(tokenId)?.state;
  }

  /** TAC, count and unmined digest, as text. */
  async digest(tokenId: string): Promise<string> {
    const { tac, entries, unmined, unminedDigest } = await this.node.commitments.tip(tokenId);
    return `${tac?.toString('hex')} ${entries} ${unmined} ${unminedDigest.toString('hex')}`;
  }

  async close(): Promise<void> {
    for (const other of this.peers()) this.net.disconnect(this.id, other);
    await this.client.stop();
    await this.server.stop();
    await this.node.close();
    assert.deepEqual(this.errors, []);
    const faults = this.reports.filter((line) => line.startsWith('sync.fault'));
    assert.deepEqual(faults, []);
    assert.equal(this.client.facts().lanes, 0);
    assert.equal(this.listeners.size, 0);
  }

  private told(events: readonly EventRecord[]): void {
    this.server?.onEvents(events);
    this.client?.onEvents(events);
  }

  private compose(): void {
    const { node, commitments } = this.node;
    const { clock, random } = this.net;
    const { store, chain, ingest } = node;
    const tokens = {
      followed: () => this.tokens,
      isComplete: (tokenId: string) => ingest.follows(tokenId),
    };
    const hashAt = (height: number): string | undefined => chain.hashAt(height);
    this.server = new SyncServer({
      store,
      commitments,
      hashAt,
      selfId: this.id,
      network: this.network,
      tokens,
      clock,
      onFault: (peerId, code, points) => this.judge.penalise(peerId, code, points),
      onError: (error) => this.errors.push(error),
    });
    let salts = 0;
    const peers: TokenPeers = {
      follows: (peerId, tokenId) => this.net.peers.get(peerId)?.tokens.includes(tokenId) === true,
      seek: (tokenId) => this.sought.push(tokenId),
    };
    this.client = new TokenSync({
      selfId: this.id,
      network: this.network,
      index: { store, commitments, ingest: this.picky(ingest), tokens },
      headers: {
        hashAt,
        rootAt: (height) => chain.rootAt(height),
        poke: (peerId) => this.poke(peerId),
        isTaking: (peerId) => this.takesHeadersOf.has(peerId),
      },
      transport: this,
      judge: this.judge,
      clock,
      random,
      randomBytes: (length) =>
        createHash('sha512').update(`${this.id} ${salts++}`).digest().subarray(0, length),
      peers,
      isArriving: () => this.isArriving,
      report: (event, fields) => this.reports.push(`${event} ${JSON.stringify(fields)}`),
      trace: (message, fields) => this.traces.push(`${message} ${JSON.stringify(fields)}`),
    });
    chain.onChange((update) => {
      this.server.onChain(update.undone);
      this.client.onChain(update.undone);
    });
    this.client.start();
  }

  private picky(ingest: SyncIndex['ingest']): SyncIndex['ingest'] {
    return {
      ready: () => ingest.ready(),
      offerSet: (set, source) => {
        const txs = set.txs.filter(({ tx }) => !this.refuses.has(tx.txid));
        return ingest.offerSet({ ...set, txs }, source);
      },
    };
  }

  /** Another protocol brings headers. */
  private poke(peerId: string): void {
    this.poked.push(peerId);
    const other = this.net.peers.get(peerId);
    if (other === undefined || !other.givesHeaders || !this.givesHeaders) return;
    const { chain } = other.node.node;
    const { headers } = chain.headersAfter(this.node.node.chain.locator(), 2_000);
    void this.node.node.headers(headers).catch(() => undefined);
  }
}

/** Runs a test on a net that is taken down after it, whatever happens. */
export async function withNet(run: (net: SyncNet) => Promise<void>, seed = 1): Promise<void> {
  const net = new SyncNet(seed);
  let failure: unknown;
  try {
    await run(net);
  } catch (error) {
    failure = error ?? new Error('thrown');
  }
  try {
    await net.close();
  } catch (error) {
    failure ??= error;
  }
  if (failure !== undefined) throw failure;
}
