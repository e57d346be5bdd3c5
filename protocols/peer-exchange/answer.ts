import { type RequestBody, type ResponseBody, recordCost, type WireRecord } from './codec.ts';
import {
  ANSWER_CACHE_MS,
  MAX_PROVED_FIRST,
  MAX_RECORDS_PER_RESPONSE,
  MAX_RESPONSE_BYTES,
} from './constants.ts';
import { type BookDigest, bucketOf, differingBuckets } from './digest.ts';
import type { ExchangeModules, SharedRecord } from './interfaces.ts';
import type { Link } from './link.ts';
import type { PrivateAddresses } from './record.ts';

type AnswerModules = Pick<ExchangeModules, 'book' | 'clock' | 'random'>;

/** Picks what a requester is told. */
export class Answerer {
  readonly #modules: AnswerModules;
  /** Above the size of an answer: one random order for all requesters, so that many identities learn no more than one. */
  #order: readonly string[] = [];
  #orderedAtMs = Number.NEGATIVE_INFINITY;

  constructor(modules: AnswerModules) {
    this.#modules = modules;
  }

  answer(request: RequestBody, link: Link, own: BookDigest, policy: PrivateAddresses): ResponseBody {
    const buckets = differingBuckets(own.buckets, request.buckets);
    const nowMs = this.#modules.clock.monotonicMs();
    const records: WireRecord[] = [];
    let bytes = 0;
    for (const shared of this.#candidates(nowMs)) {
      if (shared.peerId === link.peerId || !buckets.has(bucketOf(shared.publicKey))) continue;
      if (!shared.isUsefulTo(link.isPrivate, policy)) continue;
      const record = wireRecord(shared.envelope, shared.tokenHints(), shared.seenMs(), nowMs);
      bytes += recordCost(record);
      if (records.length === MAX_RECORDS_PER_RESPONSE || bytes > MAX_RESPONSE_BYTES) {
        return { kind: 'response', digest: own.total, isComplete: false, records };
      }
      records.push(record);
    }
    return { kind: 'response', digest: own.total, isComplete: true, records };
  }

  *#candidates(nowMs: number): Iterable<SharedRecord> {
    const { book } = this.#modules;
    if (book.shareableCount <= MAX_RECORDS_PER_RESPONSE) {
      yield* book.shareable();
      return;
    }
    if (nowMs - this.#orderedAtMs >= ANSWER_CACHE_MS) {
      const all = shuffled([...book.shareable()], this.#modules.random);
      // Some that are known to be there come first, whatever else the book was told.
      const proved = new Set(all.filter((shared) => shared.isProved()).slice(0, MAX_PROVED_FIRST));
      this.#order = [...proved, ...all.filter((shared) => !proved.has(shared))].map(({ peerId }) => peerId);
      this.#orderedAtMs = nowMs;
    }
    for (const peerId of this.#order) {
      const shared = book.shared(peerId);
      if (shared !== undefined) yield shared;
    }
    const ordered = new Set(this.#order);
    for (const shared of book.shareable()) if (!ordered.has(shared.peerId)) yield shared;
  }
}

/** As it travels, with the age of its last sign of life. */
export function wireRecord(
  envelope: Uint8Array,
  tokenHints: Uint8Array | undefined,
  seenMs: number | undefined,
  nowMs: number,
): WireRecord {
  const seenS = seenMs === undefined ? undefined : Math.max(0, Math.floor((nowMs - seenMs) / 1_000));
  return { envelope, tokenHints, seenS };
}

/** A new array in random order (Fisher and Yates); only the first `count` are drawn. */
export function shuffled<T>(items: readonly T[], random: () => number, count = items.length): T[] {
  const copy = [...items];
  const drawn = Math.min(count, copy.length);
  for (let i = 0; i < drawn; i++) {
    const j = i + Math.floor(random() * (copy.length - i));
    [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  }
  return copy.slice(0, drawn);
}
