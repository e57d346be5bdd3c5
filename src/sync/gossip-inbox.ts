import { GossipError } from '../../protocols/gossip/errors.ts';
import type { Announcement, GossipMessage } from '../../protocols/gossip/message.ts';
import { parseGossip } from '../../protocols/gossip/parse.ts';
import type { Offers, Outcome } from '../ingest/outcome.ts';
import type { Log } from '../observe/log.ts';
import type { Clock, PeerIdText, PeerJudge } from '../p2p/types.ts';
import { displayHexAt } from '../spv/bytes.ts';
import { layoutOf } from '../spv/layout.ts';
import { MAX_BEEF_BYTES } from '../spv/limits.ts';
import type { TxRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { DelayQueue } from './delay-queue.ts';
import { gossipFaultOf } from './gossip-faults.ts';
import { InboundMessage } from './gossip-inbound.ts';
import { GOSSIP_LIMITS } from './gossip-limits.ts';
import type { GossipHooks, GossipVerdict, MissingReason } from './gossip-net.ts';
import { GossipRoom, type RoomLimits } from './gossip-room.ts';
import { PeerQueues } from './peer-queues.ts';
import type { TellableState, Told } from './told.ts';

export interface GossipInboxModules {
  readonly offers: Pick<Offers, 'offer' | 'outcome' | 'ready'>;
  readonly store: Pick<Store, 'tx' | 'tokenNos'>;
  readonly chain: { tip(): { readonly height: number } };
  readonly judge: PeerJudge;
  /** True for a followed token whose figures are complete: only then can a transaction be none of it. */
  readonly isFollowed: (tokenId: string) => boolean;
  readonly hooks: GossipHooks;
  readonly told: Told;
  /** States that came in a message which is not passed on: others may still have to hear of them. */
  readonly rethink: (states: readonly TellableState[]) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: RoomLimits;
}

export interface GossipInboxFacts {
  readonly accepted: number;
  readonly ignored: number;
  readonly rejected: number;
  /** Not looked at: no room, or too many. */
  readonly dropped: number;
  /** Transactions by what became of them. */
  readonly admitted: number;
  readonly known: number;
  readonly undecided: number;
  readonly conflicts: number;
  readonly refused: number;
  /** Now. */
  readonly queued: number;
  readonly held: number;
  readonly bytes: number;
}

interface Missing {
  readonly message: InboundMessage;
  readonly txid: string;
  readonly why: MissingReason;
}

const NO_BYTES = new Uint8Array(0);
const NONE: readonly Uint8Array[] = [];

/**
 * Messages from peers: each is given to ingest, and its verdict says whether gossipsub passes it on.
 *
 * States of a message: queued -> offered -> decided, or -> held (undecided) -> decided or too late. It is passed on if all
 * of it is valid and something of it is news on its topic.
 */
export class GossipInbox {
  private readonly modules: GossipInboxModules;
  private readonly room: GossipRoom;
  private readonly queue = new PeerQueues<InboundMessage>();
  /** Undecided transactions, and the messages that wait for them. */
  private readonly waiting = new Map<string, Set<InboundMessage>>();
  private readonly late: DelayQueue<InboundMessage>;
  private readonly missing: DelayQueue<Missing>;
  private readonly counts = {
    ...{ accepted: 0, ignored: 0, rejected: 0, dropped: 0 },
    ...{ admitted: 0, known: 0, undecided: 0, conflicts: 0, refused: 0 },
  };
  private isWorking = false;
  private isStopped = false;

  constructor(modules: GossipInboxModules) {
    this.modules = modules;
    const { clock } = modules;
    this.room = new GossipRoom(clock, modules.limits);
    this.late = new DelayQueue(clock, GOSSIP_LIMITS.holdMs, (message) => this.conclude(message, true));
    this.missing = new DelayQueue(clock, GOSSIP_LIMITS.fetchAfterMs, (missing) => this.fetch(missing));
  }

  /** Never rejects. */
  validate(tokenId: string, peerId: PeerIdText, data: Uint8Array): Promise<GossipVerdict> {
    if (this.isStopped) return Promise.resolve('ignore');
    const rate = this.room.message(peerId);
    if (rate !== 'ok') {
      if (rate === 'flood') this.modules.judge.penalise(peerId, 'GOSSIP_FLOOD');
      return this.drop(tokenId, peerId);
    }
    const parsed = this.parse(peerId, data);
    if (typeof parsed === 'string') {
      this.count(parsed);
      return Promise.resolve(parsed);
    }
    const beefs = parsed.kind === 'beefs' ? parsed.beefs : [];
    const announcements = parsed.kind === 'announcements' ? parsed.announcements : [];
    const txs = beefs.length + announcements.length;
    if (!this.room.take(peerId, data, txs)) return this.drop(tokenId, peerId);
    return new Promise((resolve) => {
      const message = new InboundMessage(peerId, tokenId, data, { beefs, txs }, resolve);
      if (parsed.kind === 'beefs') {
        this.queue.push(peerId, message);
        void this.work();
      } else this.announced(message, announcements);
    });
  }

  /** Messages came that are not offered yet. */
  isBehind(): boolean {
    return this.queue.size > 0;
  }

  /** A state of this transaction changed: after the commit. */
  settle(txid: string): void {
    for (const message of this.waiting.get(txid) ?? []) {
      const outcome = this.modules.offers.outcome(txid);
      if (outcome === undefined || outcome.status === 'pending') continue;
      this.noLonger(message, txid);
      this.took(message, outcome);
      this.conclude(message, false);
    }
  }

  /** Everything undecided is let go. */
  stop(): void {
    this.isStopped = true;
    this.missing.clear();
    for (const message of this.late.clear()) this.conclude(message, true);
    for (let next = this.queue.next(); next !== undefined; next = this.queue.next()) this.letGo(next);
  }

  facts(): GossipInboxFacts {
    const { bytes } = this.room;
    return { ...this.counts, queued: this.queue.size, held: this.late.size, bytes };
  }

  private parse(peerId: PeerIdText, data: Uint8Array): GossipMessage | GossipVerdict {
    try {
      return parseGossip(data);
    } catch (error) {
      if (!(error instanceof GossipError)) throw error;
      // A later version of the protocol is no fault.
      if (error.code === 'GOSSIP_VERSION') return 'ignore';
      this.modules.judge.penalise(peerId, error.code);
      return 'reject';
    }
  }

  private drop(tokenId: string, peerId: PeerIdText): Promise<GossipVerdict> {
    this.counts.dropped++;
    this.modules.log.event('gossip.full', { peer: peerId, messages: this.counts.dropped });
    this.modules.hooks.compareSoon(tokenId);
    return Promise.resolve('ignore');
  }

  private async work(): Promise<void> {
    if (this.isWorking) return;
    this.isWorking = true;
    try {
      while (this.queue.size > 0) {
        await this.modules.offers.ready();
        const message = this.queue.next();
        if (message !== undefined) this.offer(message);
      }
    } finally {
      this.isWorking = false;
    }
  }

  private offer(message: InboundMessage): void {
    if (this.isStopped || this.modules.judge.isBanned(message.peerId)) {
      this.letGo(message);
      return;
    }
    const { beefs } = message;
    message.beefs = NONE;
    message.open = beefs.length;
    for (const beef of beefs) {
      void this.modules.offers.offer(beef, 'gossip').then((outcome) => {
        message.open--;
        if (this.isStopped) {
          if (!message.isDone) this.letGo(message);
          return;
        }
        this.took(message, outcome);
        this.conclude(message, false);
      });
    }
  }

  private took(message: InboundMessage, outcome: Outcome): void {
    switch (outcome.status) {
      case 'admitted':
      case 'known':
        this.counts[outcome.status]++;
        this.have(message, this.modules.store.tx(outcome.txid));
        this.settle(outcome.txid);
        return;
      case 'pending':
        this.counts.undecided++;
        this.await(message, outcome.txid, outcome.waitingFor);
        return;
      case 'conflict':
        this.counts.conflicts++;
        message.isSpoiled = true;
        this.modules.judge.penalise(message.peerId, 'GOSSIP_CONFLICT');
        return;
      case 'rejected':
        this.counts.refused++;
        this.refuse(message, gossipFaultOf(outcome, this.modules.chain.tip().height));
    }
  }

  /** An indexed transaction: news on this topic, told there already, or none of this token. */
  private have(message: InboundMessage, record: TxRecord | undefined): void {
    if (record === undefined) return;
    const { told, store } = this.modules;
    told.hear(record.arrival);
    const tokenNo = store.tokenNos.get(message.tokenId);
    const isOfToken = record.tokens.some((part) => part.tokenNo === tokenNo);
    if (tokenNo === undefined || !isOfToken) {
      // What it spends may be of the token all the same: then the sync finds it.
      if (this.lacksParent(record)) message.isSpoiled = true;
      else this.refuse(message, 'TX_FOREIGN');
      return;
    }
    if (record.status !== 'active') {
      message.isSpoiled = true;
      return;
    }
    const state = { tokenNo, arrival: record.arrival, height: record.place?.height };
    if (told.has(state)) return;
    // At once, so that it is not published by us as well; taken back if the message is not passed on.
    told.add(state);
    message.fresh.push(state);
  }

  private lacksParent({ raw }: TxRecord): boolean {
    const layout = layoutOf(raw);
    return layout.outpointAt.some((at) => this.modules.store.tx(displayHexAt(layout.raw, at)) === undefined);
  }

  private refuse(message: InboundMessage, fault: string | undefined): void {
    const { isFollowed } = this.modules;
    if (fault !== 'TX_FOREIGN' || isFollowed(message.tokenId)) message.fault ??= fault;
    message.isSpoiled = true;
  }

  private await(message: InboundMessage, txid: string, why: MissingReason): void {
    message.waiting.add(txid);
    const messages = this.waiting.get(txid);
    if (messages === undefined) this.waiting.set(txid, new Set([message]));
    else messages.add(message);
    if (why === 'announced') this.fetch({ message, txid, why });
    else this.missing.add({ message, txid, why });
  }

  private announced(message: InboundMessage, announcements: readonly Announcement[]): void {
    for (const { txid, size = 0, height } of announcements) {
      const record = this.modules.store.tx(txid);
      const isHeld = record !== undefined && (height === undefined || record.place !== undefined);
      if (isHeld) this.have(message, record);
      else if (size <= MAX_BEEF_BYTES) this.await(message, txid, 'announced');
      else message.isSpoiled = true;
    }
    this.conclude(message, false);
  }

  private fetch({ message, txid, why }: Missing): void {
    if (message.isDone && !this.isWanted(txid)) return;
    this.modules.hooks.fetchMissing(message.peerId, message.tokenId, txid, why);
  }

  /** Undecided in ingest, whatever became of the message. */
  private isWanted(txid: string): boolean {
    return this.modules.offers.outcome(txid)?.status === 'pending';
  }

  private conclude(message: InboundMessage, isLate: boolean): void {
    const verdict = message.isDone ? undefined : message.verdict(isLate);
    if (verdict !== undefined) this.end(message, verdict);
    else if (!message.isDone && message.open === 0 && !isLate) this.hold(message);
  }

  private hold(message: InboundMessage): void {
    if (message.isHeld) return;
    message.isHeld = true;
    this.late.add(message);
  }

  private letGo(message: InboundMessage): void {
    message.isSpoiled = true;
    this.end(message, 'ignore');
  }

  private end(message: InboundMessage, verdict: GossipVerdict): void {
    message.isDone = true;
    for (const txid of [...message.waiting]) this.noLonger(message, txid);
    this.room.give(message.peerId, message.data, message.txs);
    message.data = NO_BYTES;
    message.beefs = NONE;
    this.count(verdict);
    if (message.fault !== undefined) this.modules.judge.penalise(message.peerId, message.fault);
    if (verdict !== 'accept' && message.fresh.length > 0) {
      for (const state of message.fresh) this.modules.told.delete(state);
      this.modules.rethink(message.fresh);
    }
    message.resolve(verdict);
  }

  private noLonger(message: InboundMessage, txid: string): void {
    message.waiting.delete(txid);
    const messages = this.waiting.get(txid);
    messages?.delete(message);
    if (messages?.size === 0) this.waiting.delete(txid);
  }

  private count(verdict: GossipVerdict): void {
    const names = { accept: 'accepted', ignore: 'ignored', reject: 'rejected' } as const;
    this.counts[names[verdict]]++;
  }
}
