import { setImmediate } from 'node:timers/promises';
import { errorFields, type Log } from '../observe/log.ts';
import type { Clock, RandomFraction } from '../p2p/types.ts';
import type { Store } from '../store/store.ts';
import { choiceOf } from './gossip-choice.ts';
import type { GossipCursor } from './gossip-cursor.ts';
import { GOSSIP_LIMITS } from './gossip-limits.ts';
import { type Change, ChangeLog, type News } from './gossip-log.ts';
import type { GossipPublisher } from './gossip-publisher.ts';
import type { TellableState, Told } from './told.ts';

export interface GossipOutboxModules {
  readonly store: Store;
  /** Tells that there are more events; src/node/event-hub.ts. */
  readonly events: { newest(): number; onAppend(listener: () => void): () => void };
  readonly chain: { tip(): { readonly height: number } };
  readonly told: Told;
  readonly publisher: Pick<GossipPublisher, 'add' | 'flush' | 'pauseMs'>;
  readonly cursor: GossipCursor;
  /** True if any peer listens to any of our topics. */
  readonly isHeard: () => boolean;
  /** Each transaction whose state changed and that was not told yet. */
  readonly onNews: (txid: string) => void;
  readonly clock: Clock;
  readonly random: RandomFraction;
  readonly log: Log;
}

export interface GossipOutboxFacts {
  /** Events up to this sequence were looked at. */
  readonly cursor: number;
  /** Events that nobody looked at any more. */
  readonly skipped: number;
  /** Told later: now. */
  readonly paused: number;
}

/**
 * Follows the event log and has published what is news. The log is the queue: nothing is kept in memory but a page of it,
 * and those that are told after a pause. While nobody listens it stands still.
 */
export class GossipOutbox {
  private readonly modules: GossipOutboxModules;
  private readonly changes: ChangeLog;
  private at = 0;
  private saved = 0;
  private savedAtMs: number;
  private skipped = 0;
  /** Events up to here were written while nobody listened. */
  private staleUpTo = 0;
  private wasHeard = false;
  private readonly paused = new Map<() => void, readonly TellableState[]>();
  private pausedStates = 0;
  private due: TellableState[] = [];
  private isStopped = false;
  private wake: () => void = () => undefined;
  private wakeFromSleep: () => void = () => undefined;
  private loop: Promise<void> = Promise.resolve();
  private stopListening: () => void = () => undefined;

  constructor(modules: GossipOutboxModules) {
    this.modules = modules;
    this.changes = new ChangeLog(modules.store);
    this.savedAtMs = modules.clock.monotonicMs();
  }

  start(): void {
    const { events, cursor } = this.modules;
    const newest = events.newest();
    this.at = Math.min(cursor.load() ?? newest, newest);
    this.saved = this.at;
    this.stopListening = events.onAppend(() => this.wake());
    this.loop = this.run();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.stopListening();
    for (const cancel of this.paused.keys()) cancel();
    this.paused.clear();
    this.wake();
    this.wakeFromSleep();
    await this.loop;
    await this.save();
  }

  /** Listeners or topics changed. */
  look(): void {
    this.wake();
  }

  /** To be told after a pause, unless somebody else does meanwhile. */
  later(states: readonly TellableState[]): void {
    if (this.isStopped || this.pausedStates + states.length > GOSSIP_LIMITS.pausedEntries) {
      this.skipped += states.length;
      return;
    }
    const { clock, random } = this.modules;
    const { pauseFromMs, pauseToMs } = GOSSIP_LIMITS;
    this.pausedStates += states.length;
    const cancel = clock.after(pauseFromMs + random() * (pauseToMs - pauseFromMs), () => {
      this.paused.delete(cancel);
      this.due.push(...states);
      this.wake();
    });
    this.paused.set(cancel, states);
  }

  facts(): GossipOutboxFacts {
    return { cursor: this.at, skipped: this.skipped, paused: this.pausedStates };
  }

  private async run(): Promise<void> {
    while (!this.isStopped) {
      if (!this.hasWork()) {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
        this.wake = () => undefined;
        if (!this.hasWork()) continue;
        await this.sleep(GOSSIP_LIMITS.batchMs);
      }
      if (this.isStopped) return;
      // Answers of ingest to the commits so far have reached the inbox then, so it is known what came by gossip.
      await setImmediate();
      try {
        await this.pass();
      } catch (error) {
        this.modules.log.event('gossip.fault', errorFields(error, true));
        this.skipTo(this.modules.events.newest());
        await this.sleep(GOSSIP_LIMITS.faultMs);
      }
    }
  }

  private hasWork(): boolean {
    const { events, isHeard } = this.modules;
    const heard = isHeard();
    if (heard && !this.wasHeard) this.staleUpTo = events.newest();
    this.wasHeard = heard;
    if (!heard) this.letGo();
    return this.isStopped || (heard && (this.at < events.newest() || this.due.length > 0));
  }

  /** One page of the log, and what is due. */
  private async pass(): Promise<void> {
    const { events, publisher, told, onNews } = this.modules;
    const { lagEvents, eventsAtOnce } = GOSSIP_LIMITS;
    this.skipTo(events.newest() - lagEvents);
    const isStale = this.at < this.staleUpTo;
    const head = isStale ? this.staleUpTo : events.newest();
    await this.tellDue();
    const ask = { after: this.at, head, most: eventsAtOnce };
    const { news, upTo } = await this.changes.read(ask, (change) => !told.has(change));
    for (const { record } of news) onNews(record.txid);
    await this.tell(news, isStale);
    await publisher.flush();
    // A log that gives nothing up to its head is damaged: the index says so where it is read for answers.
    this.at = upTo > this.at ? upTo : head;
    if (this.modules.clock.monotonicMs() - this.savedAtMs >= GOSSIP_LIMITS.saveMs) await this.save();
    const pauseMs = publisher.pauseMs();
    if (pauseMs > 0) await this.sleep(pauseMs);
  }

  private async tell(news: readonly News[], isStale: boolean): Promise<void> {
    const { told, chain, clock, publisher } = this.modules;
    const tipHeight = chain.tip().height;
    const nowMs = clock.nowMs();
    const later: Change[] = [];
    for (const { change, record } of news) {
      const choice = choiceOf(change, record, told, { nowMs, tipHeight, isStale });
      if (choice === 'now') await publisher.add(change, record);
      else if (choice === 'later') later.push(change);
    }
    if (later.length > 0) this.later(later);
  }

  private async tellDue(): Promise<void> {
    const { told, publisher } = this.modules;
    const due = this.due.splice(0);
    this.pausedStates -= due.length;
    for (const state of due) {
      if (told.has(state)) continue;
      const record = this.changes.record(state.arrival);
      // Its state changed: there is another event for that.
      if (record?.status !== 'active' || record.place?.height !== state.height) continue;
      await publisher.add(state, record);
    }
  }

  /** What is due when nobody listens is not kept for later. */
  private letGo(): void {
    this.pausedStates -= this.due.length;
    this.due = [];
  }

  private skipTo(sequence: number): void {
    if (sequence <= this.at) return;
    this.skipped += sequence - this.at;
    this.modules.log.event('gossip.skipped', { events: sequence - this.at });
    this.at = sequence;
  }

  private async save(): Promise<void> {
    this.savedAtMs = this.modules.clock.monotonicMs();
    if (this.saved === this.at) return;
    this.saved = this.at;
    // The index tells of a disk that cannot be written.
    await this.modules.cursor.save(this.at).catch(() => undefined);
  }

  /** Ends at a stop, whatever the clock says. */
  private async sleep(ms: number): Promise<void> {
    if (this.isStopped) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.wakeFromSleep = resolve;
    const cancel = this.modules.clock.after(ms, resolve);
    await promise;
    cancel();
  }
}
