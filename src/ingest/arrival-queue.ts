interface Entry<T> {
  readonly arrival: number;
  readonly value: T;
}

/** Gives back the earliest arrival first: a binary heap. */
export class ArrivalQueue<T> {
  private readonly heap: Entry<T>[] = [];

  push(arrival: number, value: T): void {
    const { heap } = this;
    let at = heap.push({ arrival, value }) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (heap[above]!.arrival <= heap[at]!.arrival) return;
      [heap[above], heap[at]] = [heap[at]!, heap[above]!];
      at = above;
    }
  }

  pop(): T | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first?.value;
    heap[0] = last;
    for (let at = 0; ; ) {
      const left = 2 * at + 1;
      const right = left + 1;
      let least = at;
      if (left < heap.length && heap[left]!.arrival < heap[least]!.arrival) least = left;
      if (right < heap.length && heap[right]!.arrival < heap[least]!.arrival) least = right;
      if (least === at) return first.value;
      [heap[least], heap[at]] = [heap[at]!, heap[least]!];
      at = least;
    }
  }
}
