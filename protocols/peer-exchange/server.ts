import type { Answerer } from './answer.ts';
import { Budgets } from './budget.ts';
import type { RequestBody } from './codec.ts';
import { MAX_BUDGETS, MAX_EXCESS_REQUESTS, REQUEST_BURST, REQUEST_INTERVAL_MS } from './constants.ts';
import { sameBytes } from './digest.ts';
import { ExchangeError, type ExchangeErrorCode } from './errors.ts';
import type { Frames } from './frames.ts';
import type { ExchangeModules, ExchangeStream } from './interfaces.ts';
import type { Link } from './link.ts';
import type { OwnRecord } from './own-record.ts';
import type { PrivateAddresses } from './record.ts';

interface ServerModules extends Pick<ExchangeModules, 'clock' | 'metrics'> {
  readonly answerer: Answerer;
  readonly frames: Frames;
  readonly own: OwnRecord;
  readonly policy: () => PrivateAddresses;
  readonly fault: (link: Link, code: ExchangeErrorCode) => void;
}

/** Answers requests within each peer's budget. */
export class Server {
  readonly #modules: ServerModules;
  readonly #budgets: Budgets;
  readonly #excess: Budgets;

  constructor(modules: ServerModules) {
    this.#modules = modules;
    this.#budgets = new Budgets(modules.clock, REQUEST_INTERVAL_MS, REQUEST_BURST, MAX_BUDGETS);
    this.#excess = new Budgets(modules.clock, REQUEST_INTERVAL_MS, MAX_EXCESS_REQUESTS, MAX_BUDGETS);
  }

  /** @throws ExchangeError REQUEST_EXCESS | REQUEST_FLOOD | BUSY, or what broke the stream */
  async answer(
    link: Link,
    stream: ExchangeStream,
    request: RequestBody,
    correlation: number | undefined,
  ): Promise<void> {
    const { clock, metrics, own, answerer, frames, policy } = this.#modules;
    link.requests++;
    link.tell(request.digest, clock.monotonicMs());
    const ours = own.digest();
    if (sameBytes(request.digest, ours.total) || sameBytes(request.have, ours.total)) {
      metrics.count('requests_unchanged');
      return;
    }
    if (!this.#budgets.take(link.peerId)) throw this.#overBudget(link);
    metrics.count('requests_answered');
    await frames.reply(link, stream, answerer.answer(request, link, ours, policy()), correlation);
  }

  /** The first request of a connection is never held against a peer: honest ones reconnect and ask again. */
  #overBudget(link: Link): ExchangeError {
    if (link.requests === 1) return new ExchangeError('BUSY', 'asked again too soon after a reconnect');
    const isForgiven = this.#excess.take(link.peerId);
    return new ExchangeError(
      isForgiven ? 'REQUEST_EXCESS' : 'REQUEST_FLOOD',
      'more requests than are answered',
    );
  }
}
