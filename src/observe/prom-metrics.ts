import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import {
  type CounterName,
  type GaugeName,
  type HistogramName,
  type LabelsOf,
  METRIC_PREFIX,
  METRICS,
  type MetricRow,
  maxSeries,
} from './metric-table.ts';
import type { Metrics } from './metrics.ts';

export interface MetricsOptions {
  /** Values of the labels of `build_info`. */
  readonly build: Readonly<Record<(typeof METRICS)['build_info']['facts'][number], string>>;
}

export interface MetricsModules {
  /** A collector failed; the others are read all the same. */
  readonly onCollectFailure: (error: unknown) => void;
}

/** A labelled counter of at most so many series shows them all from the start, at 0: a rate needs a beginning. */
const MAX_ZEROS = 16;

/** Metrics in a registry of their own. */
export class PromMetrics implements Metrics {
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();
  /** What `total` told last, by counter and labels: Prometheus counters can only be added to. */
  readonly #totals = new Map<string, number>();
  readonly #collectors = new Set<() => void | Promise<void>>();
  readonly #modules: MetricsModules;

  constructor(opts: MetricsOptions, modules: MetricsModules) {
    this.#modules = modules;
    for (const [name, row] of Object.entries<MetricRow>(METRICS)) this.#register(name, row, opts);
  }

  inc<N extends CounterName>(name: N, labels: LabelsOf<N>, by = 1): void {
    this.#counters.get(name)?.inc(labels, by);
  }

  total<N extends CounterName>(name: N, labels: LabelsOf<N>, value: number): void {
    const id = `${name} ${JSON.stringify(labels)}`;
    const more = value - (this.#totals.get(id) ?? 0);
    if (more <= 0) return;
    this.#totals.set(id, value);
    this.#counters.get(name)?.inc(labels, more);
  }

  set<N extends GaugeName>(name: N, labels: LabelsOf<N>, value: number): void {
    this.#gauges.get(name)?.set(labels, value);
  }

  observe<N extends HistogramName>(name: N, labels: LabelsOf<N>, value: number): void {
    this.#histograms.get(name)?.observe(labels, value);
  }

  reset(name: GaugeName): void {
    this.#gauges.get(name)?.reset();
  }

  onRead(collect: () => void | Promise<void>): () => void {
    this.#collectors.add(collect);
    return () => this.#collectors.delete(collect);
  }

  async text(): Promise<string> {
    for (const collect of this.#collectors) {
      try {
        await collect();
      } catch (error) {
        this.#modules.onCollectFailure(error);
      }
    }
    return this.#registry.metrics();
  }

  #register(name: string, row: MetricRow, opts: MetricsOptions): void {
    const labelNames = row.kind === 'info' ? [...row.facts] : Object.keys(row.labels);
    const of = { name: METRIC_PREFIX + name, help: row.help, labelNames, registers: [this.#registry] };
    switch (row.kind) {
      case 'counter':
        this.#counters.set(name, new Counter(of));
        if (maxSeries(row) <= MAX_ZEROS) this.#zero(name, row);
        break;
      case 'gauge':
        this.#gauges.set(name, new Gauge(of));
        break;
      case 'histogram':
        this.#histograms.set(name, new Histogram({ ...of, buckets: [...row.buckets] }));
        break;
      case 'info':
        new Gauge(of).set({ ...opts.build }, 1);
    }
  }

  #zero(name: string, { labels }: MetricRow): void {
    let all: Record<string, string>[] = [{}];
    for (const [label, values] of Object.entries<readonly string[]>(labels)) {
      all = all.flatMap((rest) => values.map((value) => ({ ...rest, [label]: value })));
    }
    for (const combination of all) this.#counters.get(name)?.inc(combination, 0);
  }
}
