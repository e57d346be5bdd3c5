import type { ExchangeAddress } from './address.ts';
import { Budgets } from './budget.ts';
import type { WireRecord } from './codec.ts';
import { MAX_BUDGETS, MAX_EXCESS_RECORDS, UNSOLICITED_BURST, UNSOLICITED_INTERVAL_MS } from './constants.ts';
import { codeOf } from './deadline.ts';
import { ExchangeError, type ExchangeErrorCode } from './errors.ts';
import type { ExchangeModules, TakeOutcome } from './interfaces.ts';
import type { Link } from './link.ts';
import {
  type CheckedRecord,
  checkSigned,
  checkUnsigned,
  isAllowed,
  type PrivateAddresses,
  type SignedFacts,
} from './record.ts';

/** Refusals that concern one record and say nothing about who passed it on. */
const RECORD_ONLY: ReadonlySet<ExchangeErrorCode> = new Set([
  'TOO_MANY_ADDRESSES',
  'RECORD_UNREADABLE',
  'RECORD_KEY_TYPE',
  'RECORD_NO_ADDRESS',
]);

type IntakeModules = Pick<ExchangeModules, 'book' | 'clock' | 'metrics' | 'records' | 'hooks'>;

export interface Taken {
  readonly record: CheckedRecord;
  readonly outcome: TakeOutcome;
}

/** Brings records of peers into the book: budget, signature, form and policy, then the book's own caps. */
export class Intake {
  readonly #modules: IntakeModules;
  readonly #unsolicited: Budgets;
  readonly #excess: Budgets;

  constructor(modules: IntakeModules) {
    this.#modules = modules;
    this.#unsolicited = new Budgets(modules.clock, UNSOLICITED_INTERVAL_MS, UNSOLICITED_BURST, MAX_BUDGETS);
    this.#excess = new Budgets(modules.clock, UNSOLICITED_INTERVAL_MS, MAX_EXCESS_RECORDS, MAX_BUDGETS);
  }

  /**
   * How many of the records a peer sent unasked are looked at. At the start of a connection a single record is free,
   * once by identify and once by announcement: a peer that introduces itself after each interruption is honest.
   */
  admit(
    link: Link,
    count: number,
  ): { readonly admitted: number; readonly fault: ExchangeErrorCode | undefined } {
    if (count <= 1 && link.introductions < 2) {
      link.introductions++;
      return { admitted: count, fault: undefined };
    }
    const admitted = Math.min(count, this.#unsolicited.left(link.peerId));
    this.#unsolicited.take(link.peerId, admitted);
    if (admitted === count) return { admitted, fault: undefined };
    const isForgiven = this.#excess.take(link.peerId, count - admitted);
    return { admitted, fault: isForgiven ? 'RECORD_EXCESS' : 'RECORD_FLOOD' };
  }

  /**
   * Takes records one after the other.
   * @throws ExchangeError RECORD_FORGED, at the first such record
   */
  async take(
    link: Link,
    records: readonly WireRecord[],
    policy: PrivateAddresses,
  ): Promise<readonly Taken[]> {
    const { book, metrics, hooks } = this.#modules;
    const taken: Taken[] = [];
    for (const wire of records) {
      try {
        const { envelope } = wire;
        // Nearly all have been verified before: no promise for them.
        const facts =
          envelope && (this.#modules.records.known(envelope) ?? (await this.#modules.records.open(envelope)));
        const record = checked(link, wire, facts, policy);
        const outcome = book.take(record, { source: link.peerId, isPublic: !link.isPrivate });
        metrics.record(outcome);
        hooks.taken?.(link.peerId, record, outcome);
        taken.push({ record, outcome });
      } catch (thrown) {
        const code = codeOf(thrown);
        metrics.record(code);
        hooks.refused?.(link.peerId, code);
        if (!RECORD_ONLY.has(code)) throw thrown;
      }
    }
    return taken;
  }
}

/** The record as the book may take it; without `facts` it is the peer's own unsigned word. */
function checked(
  link: Link,
  { addresses = [], tokenHints, seenS }: WireRecord,
  facts: SignedFacts | undefined,
  policy: PrivateAddresses,
): CheckedRecord {
  const allows = (address: ExchangeAddress) => isAllowed(address, policy, link.isPrivate);
  if (facts !== undefined) return { ...checkSigned(facts, allows), tokenHints, seenS };
  if (link.publicKey === undefined) throw new ExchangeError('RECORD_KEY_TYPE', 'only Ed25519 peers are kept');
  return { ...checkUnsigned(link.peerId, link.publicKey, addresses, allows), tokenHints, seenS };
}
