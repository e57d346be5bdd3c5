import type { Prng } from '../corpus/prng.ts';
import type { GossipWeather } from './gossip-net.ts';
import type { SimHost } from './host.ts';
import { type Counts, Link, type Weather } from './link.ts';
import { SimClock, type World } from './world.ts';

/** A daemon as the network knows it: its present life, if it has one. */
export interface Station {
  readonly id: string;
  readonly host: SimHost | undefined;
  readonly tokens: readonly string[];
  isBanned(peerId: string): boolean;
}

/** A keeper dials again after up to this. */
const REDIAL_MS = 4_000;
/** A connection without a sign of life for so long is given up; each end notices by itself. */
const LIVENESS_MS = 25_000;

const pairOf = (a: string, b: string): string => (a < b ? `${a}|${b}` : `${b}|${a}`);

/** Who is to be connected with whom, who is, and what goes wrong between them. */
export class SimNet {
  readonly world: World;
  readonly clock: SimClock;
  readonly counts: Counts;
  readonly weather: Weather & GossipWeather = { slowness: 1, scatterMs: 0, loss: 0, again: 0 };
  readonly stations = new Map<string, Station>();
  private readonly prng: Prng;
  private readonly edges = new Map<string, readonly [string, string]>();
  private readonly links = new Map<string, Link>();
  /** Nothing can be dialled between these. */
  private readonly parted = new Set<string>();
  private readonly dialling = new Set<string>();
  private isOver = false;

  constructor(world: World, counts: Counts) {
    this.world = world;
    this.counts = counts;
    this.clock = new SimClock(world);
    this.prng = world.prng('net');
  }

  /** From now on these two are kept connected. */
  join(a: string, b: string): void {
    const pair = pairOf(a, b);
    if (a === b || this.edges.has(pair)) return;
    this.edges.set(pair, [a, b]);
    this.dialSoon(pair, 200);
  }

  follows(id: string, tokenId: string): boolean {
    return this.stations.get(id)?.tokens.includes(tokenId) === true;
  }

  /** Those for whom discovery finds nobody. */
  readonly lost = new Set<string>();

  /** Discovery: somebody who follows the token is found, and stays a neighbour. */
  seek(id: string, tokenId: string): void {
    if (this.lost.has(id)) return;
    const near = new Set([id, ...this.neighbours(id)]);
    const found = [...this.stations.values()].filter(
      (station) =>
        station.host !== undefined &&
        !this.lost.has(station.id) &&
        !near.has(station.id) &&
        station.tokens.includes(tokenId),
    );
    if (found.length === 0) return;
    this.counts.add('sought');
    this.join(id, this.prng.pick(found).id);
  }

  neighbours(id: string): string[] {
    return [...this.edges.values()].flatMap(([a, b]) => (a === id ? [b] : b === id ? [a] : []));
  }

  living(): Link[] {
    return [...this.links.values()];
  }

  /** One end hangs up; the other notices a little later. */
  cut(link: Link, by: string, noticeMs = 5 + this.prng.below(100)): void {
    if (link.isCut) return;
    link.isCut = true;
    const pair = pairOf(...link.ends);
    this.links.delete(pair);
    this.world.note(`cut ${link.ends.join()} by ${by}`);
    const other = link.otherThan(by);
    this.stations.get(by)?.host?.part(link);
    this.clock.after(noticeMs, () => this.stations.get(other)?.host?.part(link));
    this.dialSoon(pair);
  }

  hangUp(from: string, to: string): void {
    const link = this.links.get(pairOf(from, to));
    if (link !== undefined) this.cut(link, from);
  }

  /** All connections of one that dies: the others hear of it at once, or, if its machine is gone too, much later. */
  die(id: string, isSilent: boolean): void {
    for (const link of this.living()) {
      if (!link.ends.includes(id)) continue;
      this.cut(link, id, isSilent ? LIVENESS_MS / 2 + this.prng.below(LIVENESS_MS) : undefined);
    }
  }

  /** A new life: it is dialled, and dials. */
  arise(id: string): void {
    for (const [pair, ends] of this.edges) if (ends.includes(id)) this.dialSoon(pair, 1_000);
  }

  /**
   * Nothing gets from one to the other, or, with both ways, between them; connections die of it after a while. False: they
   * were not connected, and will not be.
   */
  part(from: string, to: string, isBothWays: boolean): boolean {
    const pair = pairOf(from, to);
    this.parted.add(pair);
    const link = this.links.get(pair);
    if (link === undefined) return false;
    this.counts.add(isBothWays ? 'parted' : 'halfParted');
    link.blocked.add(from);
    if (isBothWays) link.blocked.add(to);
    this.clock.after(LIVENESS_MS * (0.5 + this.prng.below(1_000) / 1_000), () => {
      if (link.blocked.size === 0 || link.isCut) return;
      this.counts.add('givenUp');
      this.cut(link, this.prng.pick(link.ends), this.prng.below(10_000));
    });
    return true;
  }

  /** All is joined again. */
  heal(): void {
    for (const pair of [...this.parted]) {
      this.parted.delete(pair);
      this.links.get(pair)?.unblock();
      if (this.edges.has(pair)) this.dialSoon(pair);
    }
  }

  /** Resets one open stream, any of those that there are. */
  resetOne(): boolean {
    const streams = this.living().flatMap(({ streams: each }) => [...each]);
    if (streams.length === 0) return false;
    const stream = this.prng.pick(streams);
    this.counts.add('reset');
    this.world.note(`reset ${stream.protocol} to ${stream.peerId}`);
    stream.abort('SIMULATED');
    return true;
  }

  /** Nobody dials any more. */
  stop(): void {
    this.isOver = true;
  }

  private dialSoon(pair: string, withinMs = REDIAL_MS): void {
    if (this.isOver || this.dialling.has(pair)) return;
    this.dialling.add(pair);
    this.clock.after(1 + this.prng.below(withinMs), () => {
      this.dialling.delete(pair);
      this.dial(pair);
    });
  }

  private dial(pair: string): void {
    const ends = this.edges.get(pair);
    if (this.isOver || ends === undefined || this.links.has(pair) || this.parted.has(pair)) return;
    const [a, b] = ends.map((id) => this.stations.get(id));
    // Who is down comes back with `arise`.
    if (a?.host === undefined || b?.host === undefined) return;
    if (a.isBanned(b.id) || b.isBanned(a.id)) {
      this.clock.after(60_000, () => this.dialSoon(pair));
      return;
    }
    const { clock, counts, weather } = this;
    const link = new Link(ends, { clock, counts, weather, prng: this.world.prng(`link ${this.prng.u32()}`) });
    this.links.set(pair, link);
    this.world.note(`link ${ends.join()}`);
    for (const [host, otherId] of [
      [a.host, b.id],
      [b.host, a.id],
    ] as const) {
      // An old one that only this end believes in.
      const old = host.links.get(otherId);
      if (old !== undefined) host.part(old);
    }
    a.host.meet(link);
    b.host.meet(link);
  }
}
