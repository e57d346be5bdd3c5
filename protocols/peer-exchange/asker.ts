import { Budgets } from './budget.ts';
import type { ExchangeMessage, ResponseBody } from './codec.ts';
import { ASK_INTERVAL_MS, MAX_ASKS, MAX_BARREN_ANSWERS, MAX_BUDGETS, REQUEST_BURST } from './constants.ts';
import { codeOf } from './deadline.ts';
import { sameBytes } from './digest.ts';
import { ExchangeError, type ExchangeErrorCode } from './errors.ts';
import type { Frames } from './frames.ts';
import type { Intake } from './intake.ts';
import type { ExchangeModules } from './interfaces.ts';
import type { Link } from './link.ts';
import type { OwnRecord } from './own-record.ts';
import type { PrivateAddresses } from './record.ts';

interface AskerModules extends Pick<ExchangeModules, 'clock' | 'metrics' | 'hooks'> {
  readonly frames: Frames;
  readonly own: OwnRecord;
  readonly intake: Intake;
  readonly policy: () => PrivateAddresses;
  readonly fault: (link: Link, code: ExchangeErrorCode) => void;
}

/** Our requests: one at a time per peer, within what an honest peer will answer. */
export class Asker {
  readonly #modules: AskerModules;
  readonly #budgets: Budgets;
  #underWay = 0;

  constructor(modules: AskerModules) {
    this.#modules = modules;
    this.#budgets = new Budgets(modules.clock, ASK_INTERVAL_MS, REQUEST_BURST, MAX_BUDGETS);
  }

  /** Asks a peer for what we lack; its faults are reported, never thrown. */
  async ask(link: Link): Promise<void> {
    const { clock, metrics, own, hooks, frames, fault } = this.#modules;
    if (link.isAsking || this.#underWay >= MAX_ASKS || !this.#budgets.take(link.peerId)) return;
    link.isAsking = true;
    link.askedAtMs = clock.monotonicMs();
    this.#underWay++;
    const { total, buckets } = own.digest();
    try {
      metrics.count('requests_sent');
      const request = { kind: 'request', digest: total, buckets, have: link.have } as const;
      const added = await frames.ask(link, request, (answer) => this.#use(link, answer, total));
      hooks.exchanged?.(link.peerId, added);
    } catch (thrown) {
      metrics.count('requests_failed');
      fault(link, codeOf(thrown));
    } finally {
      link.isAsking = false;
      this.#underWay--;
    }
  }

  /** How many peers the answer added. */
  async #use(link: Link, answer: ExchangeMessage | undefined, asked: Uint8Array): Promise<number> {
    const { clock, metrics } = this.#modules;
    if (answer === undefined) {
      // No word means: nothing for you. It costs the other side nothing, and so no budget.
      this.#budgets.giveBack(link.peerId);
      metrics.count('requests_unchanged');
      if (link.have === undefined) link.tell(asked, clock.monotonicMs());
      return 0;
    }
    const { body } = answer;
    if (body.kind === 'unknown') return 0;
    if (body.kind !== 'response')
      throw new ExchangeError('MESSAGE_UNEXPECTED', `a ${body.kind} for an answer`);
    if (body.records.some(({ envelope }) => envelope === undefined)) {
      throw new ExchangeError('RECORD_NOT_OWN', 'an answer with an unsigned record');
    }
    metrics.count('responses_received');
    const taken = await this.#modules.intake.take(link, body.records, this.#modules.policy());
    const fresh = taken.filter(({ outcome }) => outcome === 'new' || outcome === 'changed').length;
    this.#conclude(link, body, fresh);
    return taken.filter(({ outcome }) => outcome === 'new').length;
  }

  /** What there still is to gain from the peer. */
  #conclude(link: Link, body: ResponseBody, fresh: number): void {
    const { clock, own } = this.#modules;
    link.tell(body.digest, clock.monotonicMs());
    link.barren = fresh === 0 ? link.barren + 1 : 0;
    const isDrained = body.isComplete || link.barren >= MAX_BARREN_ANSWERS;
    // Equal digests speak for themselves; `have` is for books that will never be equal.
    const isEqual = sameBytes(body.digest, own.digest().total);
    link.have = isDrained && !isEqual ? body.digest : undefined;
  }
}
