import { decodeEvents, EVENTS_PER_ROW, type EventRecord } from '../store/event-row.ts';
import { afterPrefix, eventKey, PREFIX, txKey } from '../store/keys.ts';
import { decodeTx, type TxRecord } from '../store/records.ts';
import { RecordsAt } from '../store/records-at.ts';
import { RowReader, RowWriter } from '../store/row-bytes.ts';
import type { Store } from '../store/store.ts';
import type { EventType } from '../store/view.ts';
import type { TellableState } from './told.ts';

const END = afterPrefix(Buffer.of(PREFIX.event));

/** What an event can be told of: undefined for those that a peer finds out itself (a block undone, a conflict lost). */
const NEWS: Readonly<Partial<Record<EventType, { readonly isNew: boolean; readonly bySpender: boolean }>>> = {
  created: { isNew: true, bySpender: false },
  createdMined: { isNew: false, bySpender: false },
  spent: { isNew: true, bySpender: true },
  spentMined: { isNew: false, bySpender: true },
};

/** A transaction that came or was mined. */
export interface Change extends TellableState {
  /** False: it was in the index before, and is mined now. */
  readonly isNew: boolean;
}

/** One that is wanted, with the transaction as it was at the last commit. */
export interface News {
  readonly change: Change;
  readonly record: TxRecord;
}

/** Reads the event log in pages: what of it is news, each state once a page. */
export class ChangeLog {
  private readonly store: Store;
  private readonly keys = new RowWriter();

  constructor(store: Store) {
    this.store = store;
  }

  /** Events behind `after` up to `head`, about `most` of them; all up to `upTo` were looked at. @throws StoreError */
  async read(
    { after, head, most }: { readonly after: number; readonly head: number; readonly most: number },
    isWanted: (change: Change) => boolean,
  ): Promise<{ readonly news: readonly News[]; readonly upTo: number }> {
    const point = this.store.read();
    try {
      const { database } = this.store;
      const { snapshot } = point;
      const records = new RecordsAt(database, snapshot);
      const changes = new Map<string, Change>();
      const from = Buffer.from(eventKey(this.keys.reset(), Math.max(1, after + 2 - EVENTS_PER_ROW)));
      let upTo = after;
      for await (const { key, value } of database.rows(from, END, { snapshot })) {
        const first = RowReader.ofKey(key).u64();
        if (first > head || upTo >= after + most) break;
        const events = decodeEvents(key, value);
        const end = Math.min(head + 1 - first, events.length);
        for (let i = Math.max(0, after + 1 - first); i < end; i++)
          addChange(changes, events[i] as EventRecord);
        upTo = Math.max(upTo, first + end - 1);
      }
      const wanted = [...changes.values()].filter(isWanted);
      return { news: wanted.map((change) => ({ change, record: records.get(change.arrival) })), upTo };
    } finally {
      point.release();
    }
  }

  /** A transaction as it is now; undefined if it is gone. @throws StoreError */
  record(arrival: number): TxRecord | undefined {
    const key = txKey(this.keys.reset(), arrival);
    const value = this.store.database.get(key);
    return value === undefined ? undefined : decodeTx(key, value);
  }
}

function addChange(changes: Map<string, Change>, event: EventRecord): void {
  const news = NEWS[event.type];
  const arrival = news?.bySpender === true ? event.spender : event.created;
  if (news === undefined || arrival === undefined) return;
  const { tokenNo, position } = event;
  const id = `${tokenNo}/${arrival}/${position?.height ?? ''}`;
  if (!changes.has(id)) changes.set(id, { tokenNo, arrival, height: position?.height, isNew: news.isNew });
}
