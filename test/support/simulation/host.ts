import { PROTOCOL_ID as HEADERS } from '../../../protocols/headers/constants.ts';
import { PROTOCOL_ID as TOKEN_SYNC } from '../../../protocols/token-sync/constants.ts';
import { P2pError } from '../../../src/p2p/errors.ts';
import type {
  ConnectedPeer,
  FrameStream,
  Host,
  HostEvents,
  ProtocolOptions,
} from '../../../src/p2p/types.ts';
import type { SimGossip } from './gossip-net.ts';
import type { Link } from './link.ts';
import { type BendFrame, SimStream } from './stream.ts';

type Handler = (stream: FrameStream) => Promise<void>;

/** Bends what goes over one stream of a liar. */
export interface BendStream {
  readonly bend: BendFrame;
  /** What he makes of a frame that came. */
  readonly onRead?: (frame: Uint8Array) => Uint8Array;
}

export interface HostParts {
  readonly peer: (id: string) => SimHost | undefined;
  readonly onFault: (error: unknown) => void;
  readonly gossip: SimGossip;
}

/** One daemon's end of the network, from its start to its end: what src/sync takes of a Host. */
export class SimHost implements Pick<Host, 'connected' | 'peer' | 'openStream' | 'handle' | 'on'> {
  readonly peerId: string;
  readonly links = new Map<string, Link>();
  private readonly met = new Set<string>();
  /** Stopped, or killed: nothing gets in or out. */
  isOver = false;
  /** Of a liar. */
  bendStream: (protocol: string, peerId: string, side: 'asks' | 'answers') => BendStream | undefined = () =>
    undefined;
  private readonly parts: HostParts;
  private readonly handlers = new Map<
    string,
    { readonly handler: Handler; readonly options: ProtocolOptions }
  >();
  private readonly listeners = new Map<string, Set<(...args: never[]) => void>>();
  /** Streams that are not over, by peer, protocol and direction. */
  private readonly counts = new Map<string, number>();
  private readonly openings = new Set<{ readonly peerId: string; readonly fail: (error: Error) => void }>();

  constructor(peerId: string, parts: HostParts) {
    this.peerId = peerId;
    this.parts = parts;
  }

  get gossip(): SimGossip {
    return this.parts.gossip;
  }

  /** Peers that it was ever connected with. */
  get known(): number {
    return this.met.size;
  }

  /** Bytes that came on one stream and are not read, at most. */
  get unread(): number {
    const streams = [...this.links.values()].flatMap((link) => [...link.streams]);
    return Math.max(0, ...streams.filter(({ peerId }) => this.links.has(peerId)).map(({ unread }) => unread));
  }

  /** Streams, handlers and listeners: none is left after a stop. */
  left(): { readonly streams: number; readonly handlers: number; readonly listeners: number } {
    const sum = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => a + b, 0);
    return {
      streams: sum(this.counts.values()) + this.openings.size,
      handlers: this.handlers.size,
      listeners: sum([...this.listeners.values()].map(({ size }) => size)) + this.parts.gossip.listening,
    };
  }

  connected(): readonly ConnectedPeer[] {
    return [...this.links.keys()].map(connectedPeer);
  }

  peer(peerId: string): ConnectedPeer | undefined {
    return this.links.has(peerId) ? connectedPeer(peerId) : undefined;
  }

  async handle(
    ids: readonly string[],
    handler: Handler,
    options: ProtocolOptions,
  ): Promise<() => Promise<void>> {
    for (const id of ids) this.handlers.set(id, { handler, options });
    return async () => {
      for (const id of ids) this.handlers.delete(id);
    };
  }

  on<E extends keyof HostEvents>(event: E, listener: HostEvents[E]): () => void {
    const set = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, set.add(listener));
    return () => set.delete(listener);
  }

  /** The connection is there, as we see it. */
  meet(link: Link): void {
    if (this.isOver) return;
    const peerId = link.otherThan(this.peerId);
    this.links.set(peerId, link);
    this.met.add(peerId);
    this.parts.gossip.meet(link);
    this.emit('connected', connectedPeer(peerId));
    this.emit('identified', connectedPeer(peerId));
  }

  /** Identify was done again, as after a change of addresses. */
  identifyAgain(peerId: string): void {
    if (this.links.has(peerId)) this.emit('identified', connectedPeer(peerId));
  }

  /** We notice that the connection is gone. */
  part(link: Link): void {
    const peerId = link.otherThan(this.peerId);
    if (this.links.get(peerId) !== link) return;
    this.links.delete(peerId);
    for (const opening of [...this.openings])
      if (opening.peerId === peerId) opening.fail(new P2pError('STREAM_RESET', 'the connection is gone'));
    for (const stream of [...link.streams]) if (stream.peerId === peerId) stream.breakOff();
    this.parts.gossip.part(peerId);
    if (!this.isOver) this.emit('disconnected', peerId, 'gone');
  }

  async openStream(
    peerId: string,
    protocols: readonly string[],
    options: ProtocolOptions,
    signal: AbortSignal,
  ): Promise<FrameStream> {
    const link = this.links.get(peerId);
    const [protocol = ''] = protocols;
    if (link === undefined || link.isCut || this.isOver)
      throw new P2pError('NOT_CONNECTED', 'the peer is not connected');
    const key = `${peerId} ${protocol} out`;
    if ((this.counts.get(key) ?? 0) >= options.maxOutboundStreams)
      throw new P2pError('LIMIT_REACHED', 'too many streams to that peer at once');
    this.count(key, 1);
    const there = link.carrier(this.peerId);
    const back = link.carrier(peerId);
    return new Promise<FrameStream>((resolve, reject) => {
      let near: SimStream | undefined;
      const end = (): boolean => {
        signal.removeEventListener('abort', abort);
        return this.openings.delete(opening);
      };
      const opening = {
        peerId,
        fail: (error: Error): void => {
          if (!end()) return;
          // Once there is a stream, it is that which is counted.
          if (near === undefined) this.count(key, -1);
          else near.abort('CANCELLED');
          reject(error);
        },
      };
      const abort = (): void => opening.fail(new P2pError('CANCELLED', 'the signal ended it'));
      this.openings.add(opening);
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort, { once: true });
      there(() => {
        if (!this.openings.has(opening)) return;
        const other = this.parts.peer(peerId);
        const taken = other?.handlers.get(protocol);
        if (other === undefined || taken === undefined || other.links.get(this.peerId) !== link) {
          const code = other === undefined || taken !== undefined ? 'STREAM_RESET' : 'NO_COMMON_PROTOCOL';
          back(() => opening.fail(new P2pError(code, 'refused')));
          return;
        }
        const [mine, theirs] = this.pair(link, other, protocol, options, { there, back, key });
        near = mine;
        other.serve(theirs, taken.handler, taken.options, protocol);
        back(() => {
          if (end()) resolve(mine);
        });
      });
    });
  }

  /** Everything breaks off at once, here and, as far as that is told, elsewhere. */
  stop(): void {
    this.isOver = true;
    this.parts.gossip.isOver = true;
    for (const link of [...this.links.values()]) this.part(link);
  }

  private pair(
    link: Link,
    other: SimHost,
    protocol: string,
    { maxFrameBytes }: ProtocolOptions,
    ways: { readonly there: SimWay; readonly back: SimWay; readonly key: string },
  ): [SimStream, SimStream] {
    const release = (stream: () => SimStream): void => void link.streams.delete(stream());
    const [near, far]: [SimStream, SimStream] = SimStream.pair(
      {
        ...{ peerId: other.peerId, protocol, maxFrameBytes, carry: ways.there },
        onOver: () => {
          release(() => near);
          this.count(ways.key, -1);
        },
      },
      {
        ...{ peerId: this.peerId, protocol, maxFrameBytes, carry: ways.back },
        onOver: () => release(() => far),
      },
    );
    link.streams.add(near).add(far);
    bendWith(near, this.bendStream(protocol, other.peerId, 'asks'));
    bendWith(far, other.bendStream(protocol, this.peerId, 'answers'));
    return [near, far];
  }

  private serve(stream: SimStream, handler: Handler, options: ProtocolOptions, protocol: string): void {
    const key = `${stream.peerId} ${protocol} in`;
    if ((this.counts.get(key) ?? 0) >= options.maxInboundStreams) {
      stream.abort('TOO_MANY_STREAMS');
      return;
    }
    this.count(key, 1);
    const never = new AbortController().signal;
    void handler(stream)
      .then(() => stream.close(never))
      .catch((error: unknown) => {
        stream.abort('HANDLER_FAILED');
        if (!(error instanceof P2pError)) this.parts.onFault(error);
      })
      .finally(() => this.count(key, -1));
  }

  private count(key: string, by: number): void {
    const count = (this.counts.get(key) ?? 0) + by;
    if (count === 0) this.counts.delete(key);
    else this.counts.set(key, count);
  }

  private emit<E extends keyof HostEvents>(event: E, ...args: Parameters<HostEvents[E]>): void {
    for (const listener of [...(this.listeners.get(event) ?? [])])
      (listener as (...all: unknown[]) => void)(...args);
  }
}

type SimWay = (run: () => void) => void;

function bendWith(stream: SimStream, bent: BendStream | undefined): void {
  if (bent === undefined) return;
  stream.bend = bent.bend;
  if (bent.onRead !== undefined) stream.onRead = bent.onRead;
}

function connectedPeer(peerId: string): ConnectedPeer {
  return {
    ...{ peerId, publicKey: undefined, direction: 'inbound', connections: 1 },
    ...{ remoteAddress: '/ip4/127.0.0.1/tcp/1', isPrivate: true, sinceMs: 0, lastSeenMs: 0, latencyMs: 1 },
    identified: {
      agent: 'simulated',
      protocols: [TOKEN_SYNC, HEADERS],
      addresses: [],
      signedRecord: undefined,
    },
  };
}
