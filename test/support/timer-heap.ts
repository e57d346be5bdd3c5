export interface HeapTimer {
  readonly atMs: number;
  /** Of two at the same time the lower one is first. */
  readonly order: number;
}

/** Timers by time: a binary heap, since simulations have tens of thousands of them. */
export class TimerHeap<T extends HeapTimer> {
  private readonly heap: T[] = [];

  /** The next one. */
  get first(): T | undefined {
    return this.heap[0];
  }

  count(isWanted: (timer: T) => boolean): number {
    return this.heap.filter(isWanted).length;
  }

  push(timer: T): void {
    const { heap } = this;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!isBefore(timer, heap[up]!)) break;
      heap[at] = heap[up]!;
      at = up;
    }
    heap[at] = timer;
  }

  /** Takes the first one out. */
  pop(): void {
    const { heap } = this;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && isBefore(heap[down + 1]!, heap[down]!)) down++;
      if (!isBefore(heap[down]!, last)) break;
      heap[at] = heap[down]!;
      at = down;
    }
    heap[at] = last;
  }
}

function isBefore(a: HeapTimer, b: HeapTimer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
