import { topicOf } from '../../protocols/gossip/topics.ts';
import type { Offers } from '../ingest/outcome.ts';
import type { Log } from '../observe/log.ts';
import type { Clock, PeerJudge, RandomFraction } from '../p2p/types.ts';
import type { Store } from '../store/store.ts';
import { type GossipCursor, StoredGossipCursor } from './gossip-cursor.ts';
import { GossipInbox, type GossipInboxFacts } from './gossip-inbox.ts';
import type { GossipHooks, GossipNet } from './gossip-net.ts';
import { GossipOutbox, type GossipOutboxFacts, type GossipOutboxModules } from './gossip-outbox.ts';
import { GossipPublisher, type GossipPublisherFacts } from './gossip-publisher.ts';
import type { RoomLimits } from './gossip-room.ts';
import { quietOffers } from './quiet-offers.ts';
import { Told } from './told.ts';

export interface GossipModules {
  readonly net: GossipNet;
  readonly offers: Offers;
  readonly store: Store;
  readonly events: GossipOutboxModules['events'];
  readonly chain: {
    tip(): { readonly height: number };
    /** `undone`: heights of the best chain that were replaced. */
    onChange(
      listener: (update: { readonly undone: { readonly from: number } | undefined }) => void,
    ): () => void;
  };
  readonly judge: PeerJudge;
  /** True for a followed token whose figures are complete (Ingest.follows). */
  readonly isFollowed: (tokenId: string) => boolean;
  readonly hooks: GossipHooks;
  readonly clock: Clock;
  readonly random: RandomFraction;
  readonly log: Log;
  /** Default: a row in the store. */
  readonly cursor?: GossipCursor;
  readonly limits?: RoomLimits;
}

export interface GossipFacts {
  readonly tokens: number;
  readonly inbound: GossipInboxFacts;
  readonly outbound: GossipPublisherFacts & GossipOutboxFacts;
}

/** Gossip of followed tokens: one topic each, live. */
export class Gossip {
  private readonly modules: GossipModules;
  private readonly told = new Told();
  private readonly tokens = new Set<string>();
  private readonly inbox: GossipInbox;
  private readonly publisher: GossipPublisher;
  private readonly outbox: GossipOutbox;
  private heard = false;
  private stoppers: (() => void)[] = [];
  private state: 'new' | 'running' | 'stopped' = 'new';

  constructor(modules: GossipModules) {
    this.modules = modules;
    const { told } = this;
    const cursor = modules.cursor ?? new StoredGossipCursor(modules.store.database);
    const isJoined = (tokenId: string): boolean => this.tokens.has(tokenId);
    this.publisher = new GossipPublisher({ ...modules, told, isJoined });
    this.inbox = new GossipInbox({ ...modules, told, rethink: (states) => this.outbox.later(states) });
    this.outbox = new GossipOutbox({
      ...modules,
      told,
      cursor,
      publisher: this.publisher,
      isHeard: () => this.heard,
      onNews: (txid) => this.inbox.settle(txid),
    });
  }

  /** Joins the topics of the tokens set so far and follows the event log from where the last run left it. */
  start(): void {
    this.state = 'running';
    for (const tokenId of this.tokens) this.join(tokenId);
    const { net, chain } = this.modules;
    this.stoppers = [
      net.onSubscribers(() => this.listen()),
      chain.onChange(({ undone }) => {
        if (undone !== undefined) this.told.reorganised();
      }),
    ];
    this.listen();
    this.outbox.start();
  }

  async stop(): Promise<void> {
    if (this.state !== 'running') return;
    this.state = 'stopped';
    for (const stop of this.stoppers) stop();
    for (const tokenId of this.tokens) this.modules.net.leave(topicOf(tokenId));
    this.inbox.stop();
    await this.outbox.stop();
  }

  /** The followed tokens: joins and leaves topics; no other topic is disturbed. @throws GossipError TOPIC_INVALID */
  setTokens(tokenIds: readonly string[]): void {
    const wanted = new Set(tokenIds);
    for (const tokenId of wanted) topicOf(tokenId);
    for (const tokenId of this.tokens) {
      if (wanted.has(tokenId)) continue;
      this.tokens.delete(tokenId);
      if (this.state === 'running') this.modules.net.leave(topicOf(tokenId));
    }
    for (const tokenId of wanted) {
      if (this.tokens.has(tokenId)) continue;
      this.tokens.add(tokenId);
      if (this.state === 'running') this.join(tokenId);
    }
    this.listen();
  }

  /** What the sync client is to offer to: transactions that it brings are not gossiped by us. */
  quiet(): Offers {
    const { offers, chain } = this.modules;
    return quietOffers(offers, this.told, chain);
  }

  /** Messages came that are not offered yet. */
  isBehind(): boolean {
    return this.inbox.isBehind();
  }

  facts(): GossipFacts {
    return {
      tokens: this.tokens.size,
      inbound: this.inbox.facts(),
      outbound: { ...this.publisher.facts(), ...this.outbox.facts() },
    };
  }

  private join(tokenId: string): void {
    this.modules.net.join(topicOf(tokenId), (peerId, data) => this.inbox.validate(tokenId, peerId, data));
  }

  private listen(): void {
    const { net } = this.modules;
    this.heard = [...this.tokens].some((tokenId) => net.subscribers(topicOf(tokenId)) > 0);
    if (this.state === 'running') this.outbox.look();
  }
}
