import {
  type GossipSub,
  type GossipSubComponents,
  gossipsub,
  type Message,
  StrictSign,
  TopicValidatorResult,
} from '@libp2p/gossipsub';
import { type PeerId, serviceCapabilities, serviceDependencies } from '@libp2p/interface';
import { messageId } from '../../protocols/gossip/message-id.ts';
import type { Log } from '../observe/log.ts';
import { P2pError } from './errors.ts';
import { GOSSIP_LIMITS } from './gossip-limits.ts';
import { GossipStreams, type StreamFacts } from './gossip-streams.ts';
import type { Clock, PeerIdText } from './types.ts';

/** accept: passed on to other peers. reject: whoever sent it is at fault. ignore: neither. */
export type GossipVerdict = 'accept' | 'ignore' | 'reject';

/** Is asked once for each content; takes as long as it wants. */
export type GossipValidator = (peerId: PeerIdText, data: Uint8Array) => Promise<GossipVerdict>;

export interface GossipTransportOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Penalty of a peer as it is now (PeerScores.penalty): who has some is left out of meshes. */
  readonly penaltyOf?: (peerId: PeerIdText) => number;
}

/** From this penalty on a peer is neither in a mesh nor sent anything; it is disconnected at 50 anyway. */
const SHUN_AT = 25;

const RESULTS: Readonly<Record<GossipVerdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
};

/** Thrown at what nobody here listens to: gossipsub drops such a message before it checks its signature. */
const NOT_JOINED = new P2pError('CANCELLED', 'not a topic of ours');

/** What libp2p would start if it were given gossipsub itself. */
type Inner = GossipSub & { start(): Promise<void>; stop(): Promise<void> };

/** A libp2p service for `createHost({ services })`. */
export function gossipTransport(
  options: GossipTransportOptions,
): (components: GossipSubComponents) => GossipTransport {
  return (components) => new GossipTransport(components, options);
}

/**
 * gossipsub 17, narrowed: topics that come and go while it runs, verdicts as words, ids made of content, streams that are
 * repaired.
 *
 * Its option `allowedTopics` is not used: it is copied when gossipsub is made, and it would also hide from us who subscribes
 * to a topic that we join later. Messages of other topics are dropped by the function that makes their fast id instead, and
 * the subscriptions a peer may cost us are bounded by `maxTopicBytesPerPeer`.
 */
export class GossipTransport {
  readonly [Symbol.toStringTag] = 'btc-federation/gossip';
  readonly [serviceCapabilities]: string[] = ['@libp2p/pubsub'];
  readonly [serviceDependencies]: string[] = ['@libp2p/identify'];
  readonly #inner: Inner;
  readonly #streams: GossipStreams;
  readonly #joined = new Map<string, GossipValidator>();
  readonly #listeners = new Set<() => void>();
  /** Ids of data that is being looked at, so that it is hashed once. */
  readonly #ids = new WeakMap<Uint8Array, { readonly topic: string; readonly id: Uint8Array }>();
  #isStarted = false;

  /** Use gossipTransport. */
  constructor(components: GossipSubComponents, options: GossipTransportOptions) {
    const changed = (): void => {
      for (const listener of this.#listeners) listener();
    };
    this.#streams = new GossipStreams(components, { ...options, onGone: changed });
    const { peerId, privateKey, peerStore, connectionManager, logger } = components;
    const registrar = this.#streams.registrar;
    const parts = { peerId, privateKey, peerStore, registrar, connectionManager, logger };
    this.#inner = gossipsub(this.#settings(options))(parts) as Inner;
    this.#inner.addEventListener('subscription-change', changed);
  }

  /** Called by libp2p. */
  async start(): Promise<void> {
    await this.#inner.start();
    this.#isStarted = true;
    for (const topic of this.#joined.keys()) this.#inner.subscribe(topic);
    this.#streams.watch(this.#inner.protocols);
  }

  async stop(): Promise<void> {
    this.#isStarted = false;
    this.#streams.stop();
    await this.#inner.stop();
  }

  /** Messages of the topic are given to `validate` from now on, and passed on to other peers as it says. */
  join(topic: string, validate: GossipValidator): void {
    const isNew = !this.#joined.has(topic);
    this.#joined.set(topic, validate);
    this.#inner.topicValidators.set(topic, (peer, message) => this.#judge(topic, peer, message));
    if (isNew && this.#isStarted) this.#inner.subscribe(topic);
  }

  leave(topic: string): void {
    if (!this.#joined.delete(topic)) return;
    this.#inner.topicValidators.delete(topic);
    if (this.#isStarted) this.#inner.unsubscribe(topic);
  }

  /** Gives the message to those peers that are to have it from us; how many those are. 0: nobody, or the same was here lately. */
  async publish(topic: string, data: Uint8Array): Promise<number> {
    if (!this.#isStarted) return 0;
    const { recipients } = await this.#inner.publish(topic, data);
    return recipients.length;
  }

  /** Connected peers that listen to the topic. */
  subscribers(topic: string): number {
    return this.#isStarted ? this.#inner.getSubscribers(topic).length : 0;
  }

  /** Called when peers begin or end to listen to topics; the result takes it back. */
  onSubscribers(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  streamFacts(): StreamFacts {
    return this.#streams.facts();
  }

  async #judge(topic: string, peer: PeerId, { data }: Message): Promise<TopicValidatorResult> {
    const validate = this.#joined.get(topic);
    return validate === undefined
      ? TopicValidatorResult.Ignore
      : RESULTS[await validate(peer.toString(), data)];
  }

  #idOf(topic: string, data: Uint8Array): Uint8Array {
    const known = this.#ids.get(data);
    if (known?.topic === topic) return known.id;
    const id = messageId(topic, data);
    this.#ids.set(data, { topic, id });
    return id;
  }

  #settings({ penaltyOf = () => 0 }: GossipTransportOptions): Parameters<typeof gossipsub>[0] {
    return {
      globalSignaturePolicy: StrictSign,
      fallbackToFloodsub: false,
      floodPublish: false,
      emitSelf: false,
      doPX: false,
      tagMeshPeers: false,
      batchPublish: true,
      allowPublishToZeroTopicPeers: true,
      ignoreDuplicatePublishError: true,
      seenTTL: GOSSIP_LIMITS.seenTtlMs,
      maxOutboundBufferSize: GOSSIP_LIMITS.outboundBytes,
      maxTopicBytesPerPeer: GOSSIP_LIMITS.topicBytesPerPeer,
      maxInboundStreams: GOSSIP_LIMITS.streams,
      maxOutboundStreams: GOSSIP_LIMITS.streams,
      idontwantMinDataSize: GOSSIP_LIMITS.idontwantBytes,
      // The same as the real id: a copy is known before its signature is checked.
      fastMsgIdFn: ({ topic, data }) => {
        if (!this.#joined.has(topic)) throw NOT_JOINED;
        return textOf(this.#idOf(topic, data ?? NO_BYTES));
      },
      msgIdFn: ({ topic, data }) => this.#idOf(topic, data),
      msgIdToStrFn: textOf,
      scoreParams: {
        IPColocationFactorWeight: 0,
        behaviourPenaltyWeight: 0,
        appSpecificWeight: 1,
        appSpecificScore: (peerId) => {
          const penalty = penaltyOf(peerId);
          return penalty < SHUN_AT ? 0 : -penalty;
        },
      },
    };
  }
}

const NO_BYTES = new Uint8Array(0);

function textOf(id: Uint8Array): string {
  return Buffer.from(id.buffer, id.byteOffset, id.length).toString('latin1');
}
