import { shuffled, wireRecord } from './answer.ts';
import { Budgets } from './budget.ts';
import type { WireRecord } from './codec.ts';
import {
  MAX_BUDGETS,
  MAX_RECORDS_PER_ANNOUNCEMENT,
  MAX_RELAY_QUEUE,
  MAX_SEEN,
  RELAY_BATCH_MS,
  RELAY_BURST,
  RELAY_FANOUT,
  RELAY_INTERVAL_MS,
  RELAY_MAX_AGE_S,
} from './constants.ts';
import type { ExchangeModules } from './interfaces.ts';
import type { Link } from './link.ts';
import { type CheckedRecord, isAllowed, type PrivateAddresses } from './record.ts';

interface Waiting {
  readonly records: Map<string, CheckedRecord & { readonly seenMs: number }>;
  readonly cancel: () => void;
}

type RelayModules = Pick<ExchangeModules, 'clock' | 'random' | 'metrics'>;

/** Passes on what was new to us: to a few random peers, each record once, within what they will take. */
export class Relay {
  readonly #modules: RelayModules;
  readonly #send: (link: Link, records: readonly WireRecord[]) => void;
  /** `<peer> <seq>`, oldest first. */
  readonly #seen = new Set<string>();
  readonly #waiting = new Map<Link, Waiting>();
  readonly #budgets: Budgets;

  constructor(modules: RelayModules, send: (link: Link, records: readonly WireRecord[]) => void) {
    this.#modules = modules;
    this.#send = send;
    this.#budgets = new Budgets(modules.clock, RELAY_INTERVAL_MS, RELAY_BURST, MAX_BUDGETS);
  }

  get seenCount(): number {
    return this.#seen.size;
  }

  /** Queues a record for up to 8 of the links, neither its source nor its subject among them. */
  offer(record: CheckedRecord, source: Link, links: Iterable<Link>, policy: PrivateAddresses): void {
    const { signed, seenS } = record;
    if (signed === undefined || seenS === undefined || seenS > RELAY_MAX_AGE_S) return;
    if (!this.#isFirst(`${record.peerId} ${signed.seq}`)) return;
    const seenMs = this.#modules.clock.monotonicMs() - seenS * 1_000;
    const able = [...links].filter(
      (link) =>
        link !== source &&
        link.peerId !== record.peerId &&
        record.addresses.some((address) => isAllowed(address, policy, link.isPrivate)),
    );
    for (const link of shuffled(able, this.#modules.random, RELAY_FANOUT))
      this.#queue(link, { ...record, seenMs });
  }

  /** Forgets what waits for a link. */
  drop(link: Link): void {
    this.#waiting.get(link)?.cancel();
    this.#waiting.delete(link);
  }

  stop(): void {
    for (const link of [...this.#waiting.keys()]) this.drop(link);
  }

  #isFirst(key: string): boolean {
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    if (this.#seen.size > MAX_SEEN) this.#seen.delete(this.#seen.keys().next().value!);
    return true;
  }

  #queue(link: Link, record: CheckedRecord & { readonly seenMs: number }): void {
    let waiting = this.#waiting.get(link);
    if (waiting === undefined) {
      const cancel = this.#modules.clock.after(RELAY_BATCH_MS, () => this.#flush(link));
      waiting = { records: new Map(), cancel };
      this.#waiting.set(link, waiting);
    }
    const { records } = waiting;
    records.set(record.peerId, record);
    if (records.size > MAX_RELAY_QUEUE) {
      records.delete(records.keys().next().value!);
      this.#modules.metrics.count('relays_dropped');
    }
  }

  #flush(link: Link): void {
    const records = [...(this.#waiting.get(link)?.records.values() ?? [])];
    this.#waiting.delete(link);
    const affordable = Math.min(records.length, this.#budgets.left(link.peerId));
    if (affordable < records.length) {
      this.#modules.metrics.count('relays_dropped', records.length - affordable);
    }
    if (affordable === 0) return;
    this.#budgets.take(link.peerId, affordable);
    const nowMs = this.#modules.clock.monotonicMs();
    const wire = records
      .slice(0, affordable)
      .map(({ signed, tokenHints, seenMs }) => wireRecord(signed!.envelope, tokenHints, seenMs, nowMs));
    for (let at = 0; at < wire.length; at += MAX_RECORDS_PER_ANNOUNCEMENT) {
      this.#send(link, wire.slice(at, at + MAX_RECORDS_PER_ANNOUNCEMENT));
    }
  }
}
