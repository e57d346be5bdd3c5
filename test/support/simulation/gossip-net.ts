import { messageId } from '../../../protocols/gossip/message-id.ts';
import { GOSSIP_LIMITS } from '../../../src/p2p/gossip-limits.ts';
import type { GossipNet, GossipValidator } from '../../../src/sync/gossip-net.ts';
import type { Prng } from '../corpus/prng.ts';
import type { Counts, Link } from './link.ts';
import type { Carry } from './stream.ts';
import type { SimClock } from './world.ts';

/** What may happen to one message on one connection. */
export interface GossipWeather {
  loss: number;
  /** Told once more, soon or after its id was forgotten. */
  again: number;
}

export interface GossipParts {
  readonly id: string;
  readonly clock: SimClock;
  readonly prng: Prng;
  readonly weather: GossipWeather;
  readonly counts: Counts;
  readonly peer: (id: string) => SimGossip | undefined;
}

/**
 * gossipsub as far as it matters: topics, who listens to them as far as was heard, a memory of ids, and passing on what
 * was accepted to all who listen. Nothing lost comes again by itself: what gossipsub repairs with IHAVE, the sync must.
 */
export class SimGossip implements GossipNet {
  private readonly parts: GossipParts;
  private readonly joined = new Map<string, GossipValidator>();
  private readonly peers = new Map<string, { readonly carry: Carry; topics: ReadonlySet<string> }>();
  private readonly listeners = new Set<() => void>();
  /** Until when an id is known. */
  private readonly seen = new Map<string, number>();
  /** Who is told nothing: of a liar. */
  isMute: (peerId: string) => boolean = () => false;
  /** Left: what comes is for nobody. */
  isOver = false;

  constructor(parts: GossipParts) {
    this.parts = parts;
  }

  join(topic: string, validate: GossipValidator): void {
    this.joined.set(topic, validate);
    this.tellTopics();
  }

  leave(topic: string): void {
    if (this.joined.delete(topic)) this.tellTopics();
  }

  async publish(topic: string, data: Uint8Array): Promise<number> {
    if (this.isOver || !this.remember(topic, data)) return 0;
    return this.spread(topic, data, new Set());
  }

  subscribers(topic: string): number {
    let count = 0;
    for (const { topics } of this.peers.values()) if (topics.has(topic)) count++;
    return count;
  }

  onSubscribers(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Listeners that are left. */
  get listening(): number {
    return this.listeners.size;
  }

  /** A connection is up at our end. */
  meet(link: Link): void {
    const { id } = this.parts;
    const peerId = link.otherThan(id);
    this.peers.set(peerId, { carry: link.carrier(id), topics: new Set() });
    this.tellTopicsTo(peerId);
  }

  part(peerId: string): void {
    if (this.peers.delete(peerId)) this.changed();
  }

  /** To one peer, whatever it is: also for those who lie. */
  send(peerId: string, topic: string, data: Uint8Array): void {
    const { id, prng, weather, counts, clock } = this.parts;
    const to = this.peers.get(peerId);
    if (to === undefined) return;
    const tell = (): void => to.carry(() => this.parts.peer(peerId)?.take(id, topic, data));
    if (prng.chance(weather.loss)) counts.add('gossipLost');
    else tell();
    if (!prng.chance(weather.again)) return;
    counts.add('gossipTwice');
    clock.after(prng.below(2) * (GOSSIP_LIMITS.seenTtlMs + 1_000) + prng.below(1_000), tell);
  }

  private spread(topic: string, data: Uint8Array, except: ReadonlySet<string>): number {
    let count = 0;
    for (const [peerId, { topics }] of this.peers) {
      if (!topics.has(topic) || except.has(peerId) || this.isMute(peerId)) continue;
      this.send(peerId, topic, data);
      count++;
    }
    return count;
  }

  private take(from: string, topic: string, data: Uint8Array): void {
    const validate = this.joined.get(topic);
    if (this.isOver || validate === undefined || !this.peers.has(from) || !this.remember(topic, data)) return;
    void validate(from, data).then((verdict) => {
      this.parts.counts.add(`gossip ${verdict}`);
      if (verdict === 'accept' && !this.isOver) this.spread(topic, data, new Set([from]));
    });
  }

  /** False: it is known. */
  private remember(topic: string, data: Uint8Array): boolean {
    const key = Buffer.from(messageId(topic, data)).toString('latin1');
    const nowMs = this.parts.clock.monotonicMs();
    if ((this.seen.get(key) ?? 0) > nowMs) return false;
    this.seen.delete(key);
    this.seen.set(key, nowMs + GOSSIP_LIMITS.seenTtlMs);
    return true;
  }

  private tellTopics(): void {
    for (const peerId of this.peers.keys()) this.tellTopicsTo(peerId);
  }

  private tellTopicsTo(peerId: string): void {
    const topics = new Set(this.joined.keys());
    this.peers.get(peerId)?.carry(() => this.parts.peer(peerId)?.hear(this.parts.id, topics));
  }

  private hear(from: string, topics: ReadonlySet<string>): void {
    const peer = this.peers.get(from);
    if (peer === undefined) {
      // It knows of the connection before we do.
      this.parts.clock.after(5, () => {
        const later = this.peers.get(from);
        if (later === undefined || later.topics.size > 0) return;
        later.topics = topics;
        this.changed();
      });
      return;
    }
    peer.topics = topics;
    this.changed();
  }

  private changed(): void {
    if (!this.isOver) for (const listener of [...this.listeners]) listener();
  }
}
