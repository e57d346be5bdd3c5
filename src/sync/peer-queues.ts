import type { PeerIdText } from '../p2p/types.ts';

/** A queue for each peer; they take turns, so that who sends much holds up himself. */
export class PeerQueues<T> {
  private readonly queues = new Map<PeerIdText, T[]>();
  private count = 0;

  get size(): number {
    return this.count;
  }

  push(peerId: PeerIdText, item: T): void {
    const queue = this.queues.get(peerId);
    if (queue === undefined) this.queues.set(peerId, [item]);
    else queue.push(item);
    this.count++;
  }

  next(): T | undefined {
    for (const [peerId, queue] of this.queues) {
      const item = queue.shift();
      this.queues.delete(peerId);
      if (queue.length > 0) this.queues.set(peerId, queue);
      if (item === undefined) continue;
      this.count--;
      return item;
    }
    return undefined;
  }
}
