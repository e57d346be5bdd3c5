import type { HeadersService, RootVerdict as ServiceVerdict } from '../chain/headers-service.ts';
import type { RootVerdict, VerifyRoot } from '../ingest/chain-view.ts';
import { pause, within } from '../sync/deadline.ts';

/** For so long the writer, and all who wait for it, wait for one root. */
export const ROOT_WAIT_MS = 3_000;
/** Between two looks whether a service that failed is back. */
export const PROBE_MS = 5_000;
/** Between two portions of what waits for a service that is back. */
export const PORTION_MS = 2_000;
/** Roots that a service confirmed, remembered: a block's transactions share one. */
const MAX_CONFIRMED_ROOTS = 10_000;

type Service = Pick<HeadersService, 'verifyRoots' | 'tip'>;

export interface RootSourcesOptions {
  /** A reload may replace them at any time. */
  readonly services: readonly Service[];
  readonly clock: { after(ms: number, run: () => void): () => void };
  /** Ends everything: nobody knows any more. */
  readonly signal: AbortSignal;
  /** Default: ROOT_WAIT_MS. */
  readonly waitMs?: number;
  /** A service that failed answers again; tells how many portions of proofs wait for it, this one among them. */
  readonly onBack?: () => number;
}

/**
 * Asks the configured services about roots below our first header: one after the other until one knows. Whoever asks stands in the way of
 * all ingest, so a service that fails or is slow is asked for no root until a look at it, beside the writer, finds it well: a service
 * that accepted and never answered held up everything for two minutes a transaction (measured).
 */
export class RootSources {
  private readonly options: RootSourcesOptions;
  private readonly confirmed = new Set<string>();
  /** The same root of several transactions is asked for once. */
  private readonly asking = new Map<string, Promise<RootVerdict>>();
  private readonly away = new Set<Service>();

  constructor(options: RootSourcesOptions) {
    this.options = options;
  }

  readonly verify: VerifyRoot = (height, root) => {
    const id = `${height}:${root}`;
    if (this.confirmed.has(id)) return Promise.resolve('confirmed');
    const asked = this.asking.get(id) ?? this.ask(id, { height, root });
    this.asking.set(id, asked);
    return asked;
  };

  private ask(id: string, question: { height: number; root: string }): Promise<RootVerdict> {
    return this.askAll(question)
      .then((verdict) => {
        if (verdict === 'confirmed') this.remember(id);
        return verdict;
      })
      .finally(() => this.asking.delete(id)); // behind `verify`, which keeps it, also where nobody was waited for
  }

  private async askAll(question: { height: number; root: string }): Promise<RootVerdict> {
    for (const service of [...this.options.services]) {
      if (this.away.has(service)) continue;
      const verdict = await this.askOne(service, question);
      if (verdict !== 'unknown') return verdict;
    }
    return 'unknown';
  }

  private async askOne(service: Service, question: { height: number; root: string }): Promise<RootVerdict> {
    const { clock, signal, waitMs = ROOT_WAIT_MS } = this.options;
    try {
      const ask = (own: AbortSignal) => service.verifyRoots([question], own);
      const [answer] = await within(clock, waitMs, signal, ask);
      return verdictOf(answer);
    } catch {
      this.leave(service);
      return 'unknown';
    }
  }

  private remember(id: string): void {
    if (this.confirmed.size >= MAX_CONFIRMED_ROOTS) this.confirmed.clear();
    this.confirmed.add(id);
  }

  private leave(service: Service): void {
    if (this.away.has(service)) return;
    this.away.add(service);
    this.later(PROBE_MS, () => void this.probe(service));
  }

  private async probe(service: Service): Promise<void> {
    if (!this.options.services.includes(service)) {
      this.away.delete(service);
      return;
    }
    try {
      await service.tip(this.options.signal);
    } catch {
      this.later(PROBE_MS, () => void this.probe(service));
      return;
    }
    this.away.delete(service);
    this.portion(this.options.onBack?.() ?? 0);
  }

  /** What waits comes in portions, or it would stand in the way of all else; it ends with the next failure. */
  private portion(left: number): void {
    if (left <= 1) return;
    this.later(PORTION_MS, () => {
      if (this.away.size > 0) return;
      this.options.onBack?.();
      this.portion(left - 1);
    });
  }

  private later(ms: number, run: () => void): void {
    const { clock, signal } = this.options;
    void pause(clock, ms, signal).then(() => {
      if (!signal.aborted) run();
    });
  }
}

function verdictOf(answer: ServiceVerdict | undefined): RootVerdict {
  return answer === 'CONFIRMED' ? 'confirmed' : answer === 'INVALID' ? 'invalid' : 'unknown';
}
