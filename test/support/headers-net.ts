import { decodeMessage, encodeMessage } from '../../protocols/headers/codec.ts';
import { PROTOCOL_ID } from '../../protocols/headers/constants.ts';
import type { HeadersBody, MessageBody, StatusBody, Tip } from '../../protocols/headers/messages.ts';
import { headerHash, internalBytes } from '../../src/chain/header.ts';
import type { ChainOptions, HeaderChain } from '../../src/chain/header-chain.ts';
import { HeaderChain as Chain } from '../../src/chain/header-chain.ts';
import { P2pError } from '../../src/p2p/errors.ts';
import type { ConnectedPeer, FrameStream, Host, HostEvents, PeerIdText } from '../../src/p2p/types.ts';
import { HEADERS_STREAMS, PROTOCOL_IDS } from '../../src/sync/headers-modules.ts';
import { HeadersSync } from '../../src/sync/headers-sync.ts';
import { FakeClock, seededRandom, settled } from './fake-clock.ts';
import { type MemoryStream, streamPair } from './frame-pair.ts';
import { MemoryHeaderDisk } from './header-disk.ts';

type UsedHost = Pick<Host, 'connected' | 'peer' | 'openStream' | 'handle' | 'on'>;
type Handler = (stream: FrameStream) => Promise<void>;

/** What a stream and its frames cost around the messages, on the safe side: negotiation, yamux and noise. */
const STREAM_OVERHEAD_BYTES = 400;

/** The end of the network at one node: connections and streams in memory. */
export class MemoryHost implements UsedHost {
  readonly peerId: PeerIdText;
  readonly net: HeadersNet;
  readonly links = new Map<PeerIdText, MemoryHost>();
  handler: Handler | undefined;
  /** Called with each stream that this node opens; it may break it. */
  onOpen: (near: MemoryStream, far: MemoryStream) => void = () => undefined;
  private readonly listeners = new Map<string, Set<(...args: never[]) => void>>();
  private readonly streams = new Set<{ readonly to: PeerIdText; readonly end: MemoryStream }>();

  constructor(peerId: PeerIdText, net: HeadersNet) {
    this.peerId = peerId;
    this.net = net;
  }

  /** Streams of ours or theirs that are not over. */
  get openStreams(): number {
    return this.streams.size;
  }

  get listening(): number {
    return [...this.listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }

  connected(): readonly ConnectedPeer[] {
    return [...this.links.keys()].map((peerId) => connectedPeer(peerId));
  }

  peer(peerId: PeerIdText): ConnectedPeer | undefined {
    return this.links.has(peerId) ? connectedPeer(peerId) : undefined;
  }

  async handle(_ids: readonly string[], handler: Handler): Promise<() => Promise<void>> {
    this.handler = handler;
    return async () => {
      this.handler = undefined;
    };
  }

  on<E extends keyof HostEvents>(event: E, listener: HostEvents[E]): () => void {
    const set = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, set.add(listener));
    return () => set.delete(listener);
  }

  emit<E extends keyof HostEvents>(event: E, ...args: Parameters<HostEvents[E]>): void {
    for (const listener of this.listeners.get(event) ?? []) (listener as (...a: unknown[]) => void)(...args);
  }

  async openStream(peerId: PeerIdText, ids: readonly string[] = PROTOCOL_IDS): Promise<MemoryStream> {
    const other = this.links.get(peerId);
    if (other === undefined) throw new P2pError('NOT_CONNECTED', 'no link');
    if (other.handler === undefined) throw new P2pError('NO_COMMON_PROTOCOL', 'no handler');
    const { a, b } = streamPair({ a: this.peerId, b: peerId }, ids[0] ?? '');
    this.net.streams += 1;
    this.onOpen(a, b);
    this.hold(peerId, a);
    other.hold(this.peerId, b);
    void other.serve(b);
    this.net.pairs.push({ a, b });
    return a;
  }

  /** All streams to that peer break off. */
  cut(peerId: PeerIdText): void {
    for (const held of [...this.streams]) if (held.to === peerId) held.end.abort('CUT');
    this.links.delete(peerId);
    this.emit('disconnected', peerId, 'cut');
  }

  private async serve(stream: MemoryStream): Promise<void> {
    try {
      await this.handler?.(stream);
      await stream.close(AbortSignal.timeout(1_000));
    } catch (error) {
      stream.abort('HANDLER_FAILED');
      this.net.faults.push(error);
    }
  }

  private hold(to: PeerIdText, end: MemoryStream): void {
    const held = { to, end };
    this.streams.add(held);
    const { abort, close } = end;
    const release = (): void => void this.streams.delete(held);
    end.abort = (code) => {
      release();
      abort.call(end, code);
    };
    end.close = async (signal) => {
      release();
      await close.call(end, signal);
    };
  }
}

function connectedPeer(peerId: PeerIdText): ConnectedPeer {
  return {
    ...{ peerId, publicKey: undefined, direction: 'inbound', connections: 1 },
    ...{ remoteAddress: '/ip4/127.0.0.1/tcp/1', isPrivate: true, sinceMs: 0, lastSeenMs: 0, latencyMs: 1 },
    identified: { agent: 'test', protocols: [PROTOCOL_ID], addresses: [], signedRecord: undefined },
  };
}

/** A daemon's part of the protocol. */
export interface NetNode {
  readonly peerId: PeerIdText;
  readonly host: MemoryHost;
  readonly chain: HeaderChain;
  readonly disk: MemoryHeaderDisk;
  readonly sync: HeadersSync;
  /** Codes in the order in which they were given, as `peer code points`. */
  readonly penalties: string[];
  /** Faults of its own. */
  readonly errors: unknown[];
}

/** Nodes in memory, their time in the hands of the test. */
export class HeadersNet {
  readonly clock = new FakeClock();
  readonly random = seededRandom(1);
  readonly nodes: NetNode[] = [];
  /** Errors that a handler let out: none, ever. */
  readonly faults: unknown[] = [];
  /** Streams opened. */
  streams = 0;
  readonly pairs: { readonly a: MemoryStream; readonly b: MemoryStream }[] = [];
  private hosts = 0;

  /** Bytes on the wire so far, overhead included. */
  get bytes(): number {
    const written = this.pairs.reduce((sum, { a, b }) => sum + a.written + b.written, 0);
    return written + this.streams * STREAM_OVERHEAD_BYTES;
  }

  async add(headers?: Uint8Array, options: Partial<ChainOptions> = {}): Promise<NetNode> {
    const disk = new MemoryHeaderDisk();
    const chain = await Chain.open({ network: 'regtest', ...options }, { disk, clock: this.clock });
    if (headers !== undefined) await chain.add(headers);
    return this.addWith(chain, disk, options.network ?? 'regtest');
  }

  async addWith(chain: HeaderChain, disk: MemoryHeaderDisk, network = 'regtest'): Promise<NetNode> {
    const host = this.host();
    const penalties: string[] = [];
    const errors: unknown[] = [];
    const sync = new HeadersSync({
      ...{ network, chain, host, clock: this.clock, random: this.random },
      judge: {
        penalise: (peerId, code, weight) => {
          penalties.push(`${peerId} ${code} ${weight}`);
          return 'none';
        },
      },
      log: { event: () => undefined, debug: () => undefined },
      onError: (error) => errors.push(error),
    });
    const node = { peerId: host.peerId, host, chain, disk, sync, penalties, errors };
    this.nodes.push(node);
    await sync.start();
    sync.source.start();
    return node;
  }

  /** A host without a daemon: a test speaks through it. */
  host(): MemoryHost {
    return new MemoryHost(`peer${++this.hosts}`, this);
  }

  connect(
    a: { readonly host: MemoryHost } | MemoryHost,
    b: { readonly host: MemoryHost } | MemoryHost,
  ): void {
    const [x, y] = ['host' in a ? a.host : a, 'host' in b ? b.host : b];
    x.links.set(y.peerId, y);
    y.links.set(x.peerId, x);
    x.emit('identified', connectedPeer(y.peerId));
    y.emit('identified', connectedPeer(x.peerId));
  }

  disconnect(a: NetNode, b: NetNode | MemoryHost): void {
    const other = 'host' in b ? b.host : b;
    a.host.cut(other.peerId);
    other.cut(a.peerId);
  }

  /** Lets time pass until the condition holds; fails after so much of it. */
  async until(condition: () => boolean, maxMs = 5_000): Promise<void> {
    for (let passed = 0, step = 10; ; passed += step) {
      for (let i = 0; i < 20; i++) {
        if (condition()) return;
        await settled();
      }
      if (passed >= maxMs) throw new Error(`not so after ${maxMs} ms`);
      // What takes longer waits for a deadline.
      step = passed < 500 ? 10 : 100;
      await this.clock.advance(step);
    }
  }

  /** Lets so much time pass. */
  async pass(ms: number, stepMs = 100): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      await this.clock.advance(Math.min(stepMs, ms - passed));
      await settled();
    }
  }

  /** Stops all nodes; nothing of them is left. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map(({ sync }) => sync.stop()));
    await settled();
    const left = this.nodes.map(({ host }) => host.openStreams + host.listening);
    const errors = [...this.faults, ...this.nodes.flatMap((node) => node.errors)];
    if (left.some((n) => n > 0) || this.clock.waiting > 0 || errors.length > 0) {
      throw new Error(`left: ${left}, timers: ${this.clock.waiting}, errors: ${errors.map(String)}`);
    }
  }
}

/** The tip of a chain given as bytes, with the work that its peer claims. */
export function tipOf(headers: Uint8Array, work: bigint, height = headers.length / 80): Tip {
  return { height, hash: headerHash(headers.subarray(-80)), work };
}

export function statusOf(tip: Tip, base = 0, network = 'regtest'): StatusBody {
  return { kind: 'status', network, base, tip };
}

/** Work of a regtest chain of that height. */
export function regtestWork(height: number): bigint {
  return 2n * BigInt(height + 1);
}

export function chainTip(chain: HeaderChain): Tip {
  const { height, hash, chainWork } = chain.tip();
  return { height, hash: internalBytes(hash), work: chainWork };
}

export async function send(stream: FrameStream, body: MessageBody): Promise<void> {
  await stream.write(encodeMessage(body), AbortSignal.timeout(5_000));
}

export async function receive(stream: FrameStream): Promise<MessageBody> {
  return decodeMessage(await stream.read(AbortSignal.timeout(5_000)));
}

/** A peer that answers with what `answer` says; undefined: it keeps silent for good. */
export function scripted(
  status: () => StatusBody,
  answer: (locator: Uint8Array, count: number) => HeadersBody | undefined,
): Handler {
  return async (stream) => {
    const never = new AbortController().signal;
    try {
      await stream.read(never);
      await send(stream, status());
      for (;;) {
        const body = decodeMessage(await stream.read(never));
        if (body.kind !== 'getHeaders') continue;
        const reply = answer(body.locator, body.count);
        if (reply === undefined) continue;
        await send(stream, reply);
      }
    } catch {
      // The other side has ended it.
    }
  };
}

export { HEADERS_STREAMS };
