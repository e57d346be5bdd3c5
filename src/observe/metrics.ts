import type { CounterName, GaugeName, HistogramName, LabelsOf } from './metric-table.ts';

/** The labels of a metric; a metric without any takes no argument for them. */
type Labels<N extends CounterName | GaugeName | HistogramName> = LabelsOf<N>;

/**
 * Counts and measures, by the names and closed label sets of METRICS. Whoever has figures of its own anyway (queue lengths,
 * sizes, states) is asked when the metrics are read: `onRead`. There are two forms of one type, so that no caller asks
 * whether metrics are on.
 */
export interface Metrics {
  /** Adds to a counter; `by` is 1 unless given. */
  inc<N extends CounterName>(name: N, labels: Labels<N>, by?: number): void;
  /** Tells a counter the total that its owner has counted itself, since the start of the process. */
  total<N extends CounterName>(name: N, labels: Labels<N>, value: number): void;
  set<N extends GaugeName>(name: N, labels: Labels<N>, value: number): void;
  /** Base units: seconds, bytes. */
  observe<N extends HistogramName>(name: N, labels: Labels<N>, value: number): void;
  /** Takes all series of a gauge away, before its states are told anew. */
  reset(name: GaugeName): void;
  /** Called before each reading, to tell gauges and totals; the result takes it back. */
  onRead(collect: () => void | Promise<void>): () => void;
  /** The text form of Prometheus. */
  text(): Promise<string>;
}

/** Media type of `text()`. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** For tests, and for commands that no one measures. */
export const NO_METRICS: Metrics = {
  inc() {},
  total() {},
  set() {},
  observe() {},
  reset() {},
  onRead: () => () => undefined,
  text: () => Promise.resolve(''),
};
