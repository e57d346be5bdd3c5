import { MAX_FORGOTTEN } from './book-limits.ts';
import type { PeerIdText } from './types.ts';

interface Grave {
  readonly atMs: number;
  readonly untilMs: number;
  readonly seq: bigint;
  readonly isByOperator: boolean;
  /** Given up under a flood: then word of others that it lives is worth nothing. */
  readonly isPressed?: boolean;
}

/** Peers that were given up, so that others who have not noticed yet do not bring them back at once. */
export class Forgotten {
  readonly #graves = new Map<PeerIdText, Grave>();

  get size(): number {
    return this.#graves.size;
  }

  add(peerId: PeerIdText, grave: Grave): void {
    this.#graves.delete(peerId);
    this.#graves.set(peerId, grave);
    if (this.#graves.size > MAX_FORGOTTEN) this.#graves.delete(this.#graves.keys().next().value!);
  }

  delete(peerId: PeerIdText): void {
    this.#graves.delete(peerId);
  }

  /** True while the peer is not to be taken. It is on word of its own, a newer signature, or a sign of life since. */
  holds(
    peerId: PeerIdText,
    news: {
      readonly isOwnWord: boolean;
      readonly seq: bigint | undefined;
      readonly seenMs: number | undefined;
    },
    nowMs: number,
  ): boolean {
    const grave = this.#graves.get(peerId);
    if (grave === undefined) return false;
    if (nowMs < grave.untilMs) {
      if (grave.isByOperator) return true;
      const isSeen = grave.isPressed !== true && (news.seenMs ?? Number.NEGATIVE_INFINITY) > grave.atMs;
      const isNews = (news.seq ?? 0n) > grave.seq || isSeen;
      if (!news.isOwnWord && !isNews) return true;
    }
    this.#graves.delete(peerId);
    return false;
  }
}
