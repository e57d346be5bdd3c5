import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parseGossip } from '../../protocols/gossip/parse.ts';
import type { Outcome } from '../../src/ingest/outcome.ts';
import type { Core } from '../../src/node/core.ts';
import { SILENT_LOG } from '../../src/observe/log.ts';
import { type GossipTransport, gossipTransport } from '../../src/p2p/gossip-transport.ts';
import type { Libp2pHost } from '../../src/p2p/host.ts';
import { HOST_CLOCK } from '../../src/p2p/host-clock.ts';
import type { PeerIdText, PeerJudge } from '../../src/p2p/types.ts';
import { decodeBeef } from '../../src/spv/beef.ts';
import { Gossip, type GossipModules } from '../../src/sync/gossip.ts';
import type { GossipNet, GossipValidator, GossipVerdict, MissingReason } from '../../src/sync/gossip-net.ts';
import { openTestCore } from './core.ts';
import type { TestChain } from './corpus/scenario.ts';
import { settled } from './fake-clock.ts';
import { makeHost } from './p2p.ts';

/** Notes what peers are penalised for. */
export class NotingJudge implements PeerJudge {
  readonly penalties: { readonly peerId: PeerIdText; readonly code: string }[] = [];
  readonly banned = new Set<PeerIdText>();

  penalise(peerId: PeerIdText, code: string): 'none' {
    this.penalties.push({ peerId, code });
    return 'none';
  }

  isBanned(peerId: PeerIdText): boolean {
    return this.banned.has(peerId);
  }

  get codes(): string[] {
    return this.penalties.map(({ code }) => code);
  }
}

export interface Missing {
  readonly peerId: PeerIdText;
  readonly tokenId: string;
  readonly txid: string;
  readonly why: MissingReason;
}

/** A network of nobody: what is published is noted, and the test speaks for the peers. */
export class FakeNet implements GossipNet {
  readonly published: { readonly topic: string; readonly data: Uint8Array }[] = [];
  readonly validators = new Map<string, GossipValidator>();
  /** Peers that listen to each topic. */
  listening = 1;
  private readonly listeners = new Set<() => void>();
  private readonly watchers = new Set<() => void>();

  join(topic: string, validate: GossipValidator): void {
    this.validators.set(topic, validate);
  }

  leave(topic: string): void {
    this.validators.delete(topic);
  }

  publish(topic: string, data: Uint8Array): Promise<number> {
    this.published.push({ topic, data });
    for (const watcher of this.watchers) watcher();
    return Promise.resolve(this.listening);
  }

  /** Resolves when all these transactions were published, on whatever topic. */
  untilPublished(...txids: readonly string[]): Promise<void> {
    return this.until(() => new Set(this.txids()), txids);
  }

  untilPublishedOn(topic: string, ...txids: readonly string[]): Promise<void> {
    return this.until(() => new Set(this.txids(topic)), txids);
  }

  private async until(all: () => ReadonlySet<string>, txids: readonly string[]): Promise<void> {
    const isSo = (): boolean => txids.every((txid) => all().has(txid));
    if (isSo()) return;
    await new Promise<void>((resolve) => {
      const watcher = (): void => {
        if (!isSo()) return;
        this.watchers.delete(watcher);
        resolve();
      };
      this.watchers.add(watcher);
    });
    // Whoever published it knows by then that he did.
    await settled();
  }

  subscribers(): number {
    return this.listening;
  }

  onSubscribers(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  setListening(count: number): void {
    this.listening = count;
    for (const listener of this.listeners) listener();
  }

  deliver(topic: string, peerId: PeerIdText, data: Uint8Array): Promise<GossipVerdict> {
    const validate = this.validators.get(topic);
    if (validate === undefined) throw new Error(`nobody is in ${topic}`);
    return validate(peerId, data);
  }

  /** Txids of the subjects that were published on a topic, in order; of announcements with `?` before. */
  txids(topic?: string): string[] {
    return this.published.flatMap((each) =>
      topic === undefined || topic === each.topic ? txidsOf(each.data) : [],
    );
  }
}

/** Txids of the subjects of a message. */
export function txidsOf(data: Uint8Array): string[] {
  const message = parseGossip(data);
  if (message.kind === 'beefs') return message.beefs.map((beef) => decodeBeef(beef).subjectTxid);
  return message.announcements.map(({ txid }) => `?${txid}`);
}

/** An index with gossip over some network; gone when the test ends. */
export interface GossipNode<N extends GossipNet> {
  readonly core: Core;
  readonly gossip: Gossip;
  readonly net: N;
  readonly judge: NotingJudge;
  readonly missing: Missing[];
  readonly compared: string[];
  readonly path: string;
  /** Offers as the operator does. */
  submit(beef: Uint8Array): Promise<Outcome>;
  /** The next that is handed to be fetched. */
  nextMissing(): Promise<Missing>;
  /** Resolves when the transaction is in the index and the condition holds for it. */
  until(isSo: () => boolean): Promise<void>;
  close(): Promise<void>;
}

export interface GossipNodeOptions
  extends Partial<Pick<GossipModules, 'clock' | 'random' | 'cursor' | 'limits'>> {
  readonly tokens: readonly string[];
  readonly path?: string;
  /** Tokens whose topics are joined at once; default: all. */
  readonly topics?: readonly string[];
  /** Default: all headers of the chain, if there is one. */
  readonly chain?: TestChain;
  readonly judge?: NotingJudge;
}

export async function openGossipNode<N extends GossipNet>(
  t: Pick<TestContext, 'after'>,
  net: N,
  options: GossipNodeOptions,
): Promise<GossipNode<N>> {
  const path = options.path ?? mkdtempSync(join(tmpdir(), 'btcfed-gossip-'));
  const core = await openTestCore({ path, follow: options.tokens });
  const judge = options.judge ?? new NotingJudge();
  const missing: Missing[] = [];
  const awaited = new Set<(missing: Missing) => void>();
  const nextMissing = (): Promise<Missing> => new Promise((resolve) => awaited.add(resolve));
  const compared: string[] = [];
  const { limits, cursor } = options;
  const gossip = new Gossip({
    net,
    offers: core.ingest,
    store: core.store,
    events: core.events,
    chain: core.chain,
    judge,
    isFollowed: (tokenId) => core.ingest.follows(tokenId),
    hooks: {
      fetchMissing: (peerId, tokenId, txid, why) => {
        const one = { peerId, tokenId, txid, why };
        missing.push(one);
        for (const resolve of awaited) resolve(one);
        awaited.clear();
      },
      compareSoon: (tokenId) => compared.push(tokenId),
    },
    clock: options.clock ?? HOST_CLOCK,
    random: options.random ?? Math.random,
    log: SILENT_LOG,
    ...(limits === undefined ? {} : { limits }),
    ...(cursor === undefined ? {} : { cursor }),
  });
  let isClosed = false;
  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    await gossip.stop();
    await core.close();
  };
  t.after(async () => {
    await close();
    rmSync(path, { recursive: true, force: true });
  });
  if (options.chain !== undefined) await core.chain.add(options.chain.headerBytes({ from: 1 }));
  await core.chainSettled();
  gossip.setTokens(options.topics ?? options.tokens);
  gossip.start();
  const until = (isSo: () => boolean): Promise<void> => untilEvent(core, isSo);
  const submit = (beef: Uint8Array): Promise<Outcome> => core.ingest.offer(beef, 'rpc');
  return { core, gossip, net, judge, missing, nextMissing, compared, path, submit, until, close };
}

/** Resolves when it is so, looked at after every commit. */
function untilEvent({ events }: Core, isSo: () => boolean): Promise<void> {
  if (isSo()) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = events.onAppend(() => {
      if (!isSo()) return;
      stop();
      resolve();
    });
  });
}

type Services = { gossip: GossipTransport };

/** A node on a host of its own on loopback. */
export interface HostNode extends GossipNode<GossipTransport> {
  readonly host: Libp2pHost<Services>;
}

export async function openHostNode(t: TestContext, options: GossipNodeOptions): Promise<HostNode> {
  const host = await makeHost<Services>(t, {
    services: { gossip: gossipTransport({ clock: HOST_CLOCK, log: SILENT_LOG }) },
  });
  const node = await openGossipNode(t, host.services.gossip, options);
  return { ...node, host };
}

/** Resolves when each has so many peers in the topic. */
export async function untilListening(
  nodes: readonly (readonly [node: HostNode, peers: number])[],
  topic: string,
): Promise<void> {
  for (const [{ net }, peers] of nodes) {
    if (net.subscribers(topic) >= peers) continue;
    await new Promise<void>((resolve) => {
      const stop = net.onSubscribers(() => {
        if (net.subscribers(topic) < peers) return;
        stop();
        resolve();
      });
    });
  }
}

/** A transaction that spends nothing: no parent of it is missing. */
export const BARE_TX: Uint8Array = Buffer.from('01000000' + '00' + '00' + '00000000', 'hex');
