import { type BookEntry, isUnproved } from './book-entry.ts';
import { MAX_UNPROVED_PER_SOURCE, MAX_UNPROVED_PER_SUBNET } from './book-limits.ts';

/** How many unproved peers there are of each source and in each subnet, so that nobody can fill the book alone. */
export class BookCaps {
  readonly #bySource = new Map<string, number>();
  readonly #bySubnet = new Map<string, number>();

  /** Counts an entry; take it out with `remove` before it changes. */
  add(entry: BookEntry): void {
    this.#count(entry, 1);
  }

  remove(entry: BookEntry): void {
    this.#count(entry, -1);
  }

  of(source: string): number {
    return this.#bySource.get(source) ?? 0;
  }

  hasRoomOf(source: string): boolean {
    return this.of(source) < MAX_UNPROVED_PER_SOURCE;
  }

  hasRoomIn(subnet: string | undefined): boolean {
    return subnet === undefined || (this.#bySubnet.get(subnet) ?? 0) < MAX_UNPROVED_PER_SUBNET;
  }

  #count(entry: BookEntry, by: 1 | -1): void {
    if (!isUnproved(entry)) return;
    bump(this.#bySource, entry.source, by);
    const subnets = new Set(entry.addresses.map(({ subnet }) => subnet));
    for (const subnet of subnets) if (subnet !== undefined) bump(this.#bySubnet, subnet, by);
  }
}

function bump(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
