import type { DialBook, DialCandidate } from './dial-book.ts';
import type { P2pErrorCode } from './errors.ts';
import { ANCHORS } from './keeper-limits.ts';
import type { PeerIdText, RandomFraction } from './types.ts';

/**
 * In the order of their dials. likely: proved, circuit closed; unproved: only heard of; away: proved once, circuit
 * open.
 */
export type DialRank = 'anchors' | 'operators' | 'likely' | 'unproved' | 'away';

/** Codes that show that the network around us works, even if nobody is connected. */
export const FROM_THE_PEER: ReadonlySet<P2pErrorCode> = new Set([
  'REFUSED',
  'RESET_IN_HANDSHAKE',
  'WRONG_IDENTITY',
  'NO_COMMON_PROTOCOL',
  'CLOSED_AFTER_HANDSHAKE',
  'BAD_FRAME',
  'SELF',
  'NO_ADDRESS',
  'ADDRESS_INVALID',
]);

/** Only heard of: nothing shows that there is anybody, and whoever told of it may want us to dial there. */
export function isUnproved({ origin, isProved }: DialCandidate): boolean {
  return origin === 'learned' && !isProved;
}

/**
 * Index of the unproved peer to be dialled next. First by lot who told of it, so that telling of many buys nobody more
 * of our dials; then of two of his peers the one that is said to have been alive later.
 */
export function drawUnproved(waiting: readonly DialCandidate[], random: RandomFraction): number {
  const bySource = new Map<string | undefined, number[]>();
  waiting.forEach(({ source }, index) => {
    const told = bySource.get(source);
    if (told === undefined) bySource.set(source, [index]);
    else told.push(index);
  });
  const draw = <T>(items: readonly T[]): T | undefined => items[Math.floor(random() * items.length)];
  const told = draw([...bySource.values()]) ?? [];
  const [one = 0, other = one] = [draw(told), draw(told)];
  const seenMs = (index: number): number => waiting[index]?.seenMs ?? Number.NEGATIVE_INFINITY;
  return seenMs(other) > seenMs(one) ? other : one;
}

/** The learned peers that were proved last; the operator's are dialled anyway. */
export function anchorsOf(book: DialBook): readonly PeerIdText[] {
  return [...book.candidates()]
    .filter(({ origin, isProved }) => origin === 'learned' && isProved)
    .sort((a, b) => (b.lastProvedMs ?? 0) - (a.lastProvedMs ?? 0))
    .slice(0, ANCHORS)
    .map(({ peerId }) => peerId);
}

/** Notices operator peers that are new or have other addresses than before. */
export class OperatorNews {
  readonly #addresses = new Map<PeerIdText, string>();

  /** True once for each change. */
  isNews({ peerId, origin, addresses }: DialCandidate): boolean {
    if (origin !== 'operator') {
      this.#addresses.delete(peerId);
      return false;
    }
    const text = addresses.join(' ');
    if (text === this.#addresses.get(peerId)) return false;
    this.#addresses.set(peerId, text);
    return true;
  }

  prune(known: ReadonlySet<PeerIdText>): void {
    for (const peerId of this.#addresses.keys()) if (!known.has(peerId)) this.#addresses.delete(peerId);
  }
}
