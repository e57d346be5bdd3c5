/** First in, first out; taking from the front of a plain array would move all of it. */
export class Fifo<T> {
  private items: T[] = [];
  private head = 0;

  get size(): number {
    return this.items.length - this.head;
  }

  push(item: T): void {
    this.items.push(item);
  }

  /** To the front; rare, so it may cost a copy. */
  putBack(items: readonly T[]): void {
    this.items = [...items, ...this.items.slice(this.head)];
    this.head = 0;
  }

  take(count: number): T[] {
    return this.takeWhile(count, () => true);
  }

  /** Up to `count` items from the front; the first always, the others while `fits` says so. */
  takeWhile(count: number, fits: (item: T) => boolean): T[] {
    const last = Math.min(this.items.length, this.head + count);
    let end = this.head;
    while (end < last && (fits(this.items[end] as T) || end === this.head)) end++;
    const taken = this.items.slice(this.head, end);
    this.head = end;
    // What is taken must not be kept alive by the queue.
    if (this.head * 2 >= this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return taken;
  }

  takeAll(): T[] {
    return this.take(this.size);
  }
}
