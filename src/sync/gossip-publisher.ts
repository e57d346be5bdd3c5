import { setImmediate } from 'node:timers/promises';
import { topicOf } from '../../protocols/gossip/topics.ts';
import type { Clock } from '../p2p/types.ts';
import type { TxRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { GossipBatch, type OutboundMessage } from './gossip-batch.ts';
import { GossipBeefs } from './gossip-beefs.ts';
import { GOSSIP_LIMITS } from './gossip-limits.ts';
import type { GossipNet } from './gossip-net.ts';
import type { TellableState, Told } from './told.ts';

export interface GossipPublisherModules {
  readonly store: Pick<Store, 'tx' | 'database' | 'tokens'>;
  readonly net: Pick<GossipNet, 'publish' | 'subscribers'>;
  readonly told: Told;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  /** True for a token whose topic we are in. */
  readonly isJoined: (tokenId: string) => boolean;
}

export interface GossipPublisherFacts {
  readonly messages: number;
  readonly bytes: number;
  /** Transactions as BEEFs. */
  readonly txs: number;
  /** Transactions whose txid alone was told. */
  readonly announced: number;
  /** Transactions of which nobody heard: no peer listens to the topic. */
  readonly unheard: number;
}

/** Publications of one content, under another id each. */
const TRIES = 3;

/** Publishes transactions by topic, in batches, without ever keeping the event loop long. */
export class GossipPublisher {
  private readonly modules: GossipPublisherModules;
  private readonly beefs: GossipBeefs;
  private readonly batches = new Map<string, GossipBatch>();
  private readonly counts = { messages: 0, bytes: 0, txs: 0, announced: 0, unheard: 0 };
  private built = 0;
  /** Transactions that may go out at once; a bucket. */
  private allowance: number = GOSSIP_LIMITS.txsPerSecond;
  private allowedAtMs: number;

  constructor(modules: GossipPublisherModules) {
    this.modules = modules;
    this.beefs = new GossipBeefs(modules.store, modules.told);
    this.allowedAtMs = modules.clock.monotonicMs();
  }

  facts(): GossipPublisherFacts {
    return { ...this.counts };
  }

  /** Sent with others of its topic, by `flush` at the latest. @throws StoreError */
  async add(state: TellableState, record: TxRecord): Promise<void> {
    const { store, told, net, isJoined } = this.modules;
    const tokenId = store.tokens.get(state.tokenNo)?.tokenId;
    if (tokenId === undefined || !isJoined(tokenId) || told.has(state)) return;
    const topic = topicOf(tokenId);
    if (net.subscribers(topic) === 0) {
      this.counts.unheard++;
      return;
    }
    const batch = this.batches.get(topic) ?? new GossipBatch();
    this.batches.set(topic, batch);
    for (const parcel of this.beefs.parcels(record, state.tokenNo)) {
      for (const each of parcel.states) told.add(each);
      const full = batch.add(parcel);
      if (full !== undefined) await this.publish(topic, full);
      this.allowance--;
      this.built++;
      if (this.built % GOSSIP_LIMITS.beefsATurn === 0) await setImmediate();
    }
  }

  async flush(): Promise<void> {
    for (const [topic, batch] of this.batches) {
      for (const message of batch.take()) await this.publish(topic, message);
    }
    this.batches.clear();
  }

  /** How long to wait before more is to go out. */
  pauseMs(): number {
    const nowMs = this.modules.clock.monotonicMs();
    const { txsPerSecond } = GOSSIP_LIMITS;
    const grown = this.allowance + ((nowMs - this.allowedAtMs) / 1_000) * txsPerSecond;
    this.allowance = Math.min(txsPerSecond, grown);
    this.allowedAtMs = nowMs;
    return this.allowance >= 0 ? 0 : Math.ceil((-this.allowance / txsPerSecond) * 1_000);
  }

  private async publish(topic: string, message: OutboundMessage): Promise<void> {
    const { net, told } = this.modules;
    // Nobody is given what has the id of a message that came here and was not passed on (yet): the next one is another.
    for (let again = 0; again < TRIES && net.subscribers(topic) > 0; again++) {
      const data = message.encode(again);
      const heard = await net.publish(topic, data).catch(() => 0);
      if (heard === 0) continue;
      this.counts.messages++;
      this.counts.bytes += data.length;
      this.counts[message.isAnnouncement ? 'announced' : 'txs'] += message.txs;
      return;
    }
    for (const state of message.states) told.delete(state);
    this.counts.unheard += message.txs;
  }
}
