import type { EventRecord } from '../store/event-row.ts';
import type { Store } from '../store/store.ts';

/** Tells readers of the event log that there is more of it; they read it from the store, each from where it was. */
export class EventHub {
  private readonly listeners = new Set<() => void>();
  private readonly recordListeners = new Set<(records: readonly EventRecord[]) => void>();
  private latest: number;

  constructor(store: Pick<Store, 'tip'>) {
    this.latest = store.tip().sequence;
  }

  /** After the commit: events from sequence `first` on are durable. */
  publish(first: number, events: readonly EventRecord[]): void {
    this.latest = first + events.length - 1;
    for (const listener of this.recordListeners) listener(events);
    for (const listener of this.listeners) listener();
  }

  /** Sequence of the newest event. */
  newest(): number {
    return this.latest;
  }

  /** With the records themselves, for those that must know of each at once; before the others are told. */
  onRecords(listener: (records: readonly EventRecord[]) => void): () => void {
    this.recordListeners.add(listener);
    return () => this.recordListeners.delete(listener);
  }

  onAppend(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
