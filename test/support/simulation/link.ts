import type { Prng } from '../corpus/prng.ts';
import type { Carry, SimStream } from './stream.ts';
import type { SimClock } from './world.ts';

/** What the network of a moment does to what travels. */
export interface Weather {
  /** Latencies are this much longer. */
  slowness: number;
  /** Streams have a random wait of their own of up to so many ms a frame, so that they overtake one another. */
  scatterMs: number;
}

/** What happened, by name: a planned fault that did not happen makes a run worthless. */
export class Counts {
  private readonly counts = new Map<string, number>();

  add(name: string, by = 1): void {
    this.counts.set(name, this.of(name) + by);
  }

  of(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  all(): ReadonlyMap<string, number> {
    return this.counts;
  }
}

const MIN_LATENCY_MS = 0.2;
const MAX_LATENCY_MS = 60;
/** What takes longer than this is a delay worth counting. */
const DELAYED_MS = 500;

/** One connection between two hosts, from its making to its end. */
export class Link {
  readonly ends: readonly [string, string];
  /** Whose sending gets nowhere: it is held, and arrives when that is over. */
  readonly blocked = new Set<string>();
  /** What is under way is lost. */
  isCut = false;
  readonly streams = new Set<SimStream>();
  /** Called when an end notices that the connection is gone, by id. */
  private readonly held: { readonly from: string; readonly send: () => void }[] = [];
  private readonly clock: SimClock;
  private readonly prng: Prng;
  private readonly weather: Weather;
  private readonly counts: Counts;
  private readonly latencyMs: number;
  private readonly sent = new Map<string, number>();
  private readonly arrived = new Map<string, number>();

  constructor(
    ends: readonly [string, string],
    parts: {
      readonly clock: SimClock;
      readonly prng: Prng;
      readonly weather: Weather;
      readonly counts: Counts;
    },
  ) {
    this.ends = ends;
    this.clock = parts.clock;
    this.prng = parts.prng;
    this.weather = parts.weather;
    this.counts = parts.counts;
    this.latencyMs = MIN_LATENCY_MS + this.fraction() ** 2 * MAX_LATENCY_MS;
  }

  otherThan(id: string): string {
    return this.ends[0] === id ? this.ends[1] : this.ends[0];
  }

  /** A way for one stream from one end: in order, each thing after its latency. */
  carrier(from: string): Carry {
    let lastMs = 0;
    const send = (run: () => void): void => {
      if (this.isCut) return;
      if (this.blocked.has(from)) {
        this.counts.add('held');
        this.held.push({ from, send: () => send(run) });
        return;
      }
      const nowMs = this.clock.monotonicMs();
      const latencyMs = this.latency();
      if (latencyMs > DELAYED_MS) this.counts.add('delayed');
      lastMs = Math.max(lastMs, nowMs + latencyMs);
      const number = (this.sent.get(from) ?? 0) + 1;
      this.sent.set(from, number);
      this.clock.after(lastMs - nowMs, () => {
        if (this.isCut) return;
        const before = this.arrived.get(from) ?? 0;
        if (number < before) this.counts.add('overtaken');
        else this.arrived.set(from, number);
        this.clock.world.mark(`${from}>${this.otherThan(from)} ${number}`);
        run();
      });
    };
    return send;
  }

  unblock(): void {
    this.blocked.clear();
    for (const { send } of this.held.splice(0)) send();
  }

  private latency(): number {
    const { slowness, scatterMs } = this.weather;
    return this.latencyMs * (0.5 + this.fraction()) * slowness + this.fraction() * scatterMs;
  }

  private fraction(): number {
    return this.prng.u32() / 2 ** 32;
  }
}
