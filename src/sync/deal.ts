import type { PeerIdText } from '../p2p/types.ts';

/** A part of the history that is to be fetched: blocks from one height to another, both included. */
export interface Unit {
  readonly from: number;
  readonly to: number;
  /** Transactions that it is expected to have. */
  readonly entries: number;
}

/** Units in a row that one peer is fetching. May become shorter meanwhile: its end is given to another. */
export interface Job {
  readonly peerId: PeerIdText;
  readonly from: number;
  readonly to: number;
  readonly entries: number;
  /** Aborted when all of the rest was given to another. */
  readonly taken: AbortSignal;
}

interface OpenJob {
  readonly peerId: PeerIdText;
  units: Unit[];
  /** The last block that is in the index of it. */
  reached: number;
  /** When something came of it, or was taken in. */
  movedMs: number;
  /** Chunks that came and are not in the index yet: it is for us to go on. */
  underWay: number;
  readonly taken: AbortController;
}

/** How a job ended. */
export type JobEnd =
  /** As far as it had not been given to others. */
  | 'done'
  /** The peer gives no more of it, or not all: the rest is for others. */
  | 'dropped';

/**
 * Who fetches what: units are given out from below, in runs that become shorter as less is left, so that all peers end at about
 * the same time. Who finds nothing left takes the upper half of what the slowest still has to do; a peer that has brought
 * nothing for a while loses all of it. Pure bookkeeping.
 */
export class Deal {
  private readonly stallMs: number;
  /** Ascending. */
  private pending: Unit[];
  private readonly jobs = new Map<Job, OpenJob>();
  private readonly dropped = new Set<PeerIdText>();

  constructor(units: readonly Unit[], stallMs: number) {
    this.pending = [...units];
    this.stallMs = stallMs;
  }

  /** Nothing is left to be given out, and nobody fetches. */
  get isDone(): boolean {
    return this.pending.length === 0 && this.jobs.size === 0;
  }

  isDropped(peerId: PeerIdText): boolean {
    return this.dropped.has(peerId);
  }

  /** What a peer is to fetch now, of `workers` that share the work; undefined: nothing for it at the moment. */
  take(peerId: PeerIdText, workers: number, nowMs: number): Job | undefined {
    if (this.dropped.has(peerId)) return undefined;
    if (this.pending.length === 0) return this.steal(peerId, nowMs);
    const entries = this.pending.reduce((sum, unit) => sum + unit.entries, 0);
    const share = workers <= 1 ? entries : entries / (2 * workers);
    const units = [this.pending.shift() as Unit];
    let taken = (units[0] as Unit).entries;
    for (let next = this.pending[0]; next !== undefined; next = this.pending[0]) {
      const isAdjoining = next.from === (units.at(-1) as Unit).to + 1;
      if (!isAdjoining || taken + next.entries > share) break;
      units.push(next);
      taken += next.entries;
      this.pending.shift();
    }
    return this.open(peerId, units, nowMs);
  }

  /** Last height that is still of this job. */
  endOf(job: Job): number {
    return this.jobs.get(job)?.units.at(-1)?.to ?? job.to;
  }

  /** A chunk of it has come. */
  arrived(job: Job, nowMs: number): void {
    const open = this.jobs.get(job);
    if (open === undefined) return;
    open.underWay++;
    open.movedMs = nowMs;
  }

  /** It is in the index, and everything of the job below `height`; undefined: it had no block. */
  committed(job: Job, height: number | undefined, nowMs: number): void {
    const open = this.jobs.get(job);
    if (open === undefined) return;
    open.underWay--;
    open.reached = Math.max(open.reached, height ?? 0);
    open.movedMs = nowMs;
  }

  end(job: Job, how: JobEnd): void {
    const open = this.jobs.get(job);
    if (open === undefined) return;
    this.jobs.delete(job);
    if (how === 'done') return;
    this.dropped.add(job.peerId);
    this.giveBack(open);
  }

  /** What is left of a job: its last block may have come in part, so it is fetched again. */
  private giveBack({ units, reached }: OpenJob): void {
    const left = units
      .filter(({ to }) => to >= reached)
      .map((unit) => ({ ...unit, from: Math.max(unit.from, reached) }));
    this.pending = [...this.pending, ...left].sort((a, b) => a.from - b.from);
  }

  private steal(peerId: PeerIdText, nowMs: number): Job | undefined {
    let best: { readonly job: Job; readonly open: OpenJob; readonly units: readonly Unit[] } | undefined;
    for (const [job, open] of this.jobs) {
      if (job.peerId === peerId) continue;
      if (open.underWay === 0 && nowMs - open.movedMs >= this.stallMs)
        return this.takeOver(job, open, peerId, nowMs);
      // Not the one that it is at.
      const units = open.units.filter(({ from }) => from > open.reached).slice(1);
      if (units.length > (best?.units.length ?? 0)) best = { job, open, units };
    }
    if (best === undefined) return undefined;
    const stolen = best.units.slice(Math.floor(best.units.length / 2));
    best.open.units = best.open.units.filter((unit) => !stolen.includes(unit));
    return this.open(peerId, stolen, nowMs);
  }

  private takeOver(job: Job, open: OpenJob, peerId: PeerIdText, nowMs: number): Job | undefined {
    this.end(job, 'dropped');
    open.taken.abort();
    return this.take(peerId, 1, nowMs);
  }

  private open(peerId: PeerIdText, units: readonly Unit[], nowMs: number): Job {
    const taken = new AbortController();
    const from = (units[0] as Unit).from;
    const open = { peerId, units: [...units], reached: from, movedMs: nowMs, underWay: 0, taken };
    const entries = units.reduce((sum, unit) => sum + unit.entries, 0);
    const job = { peerId, from, to: (units.at(-1) as Unit).to, entries, taken: taken.signal };
    this.jobs.set(job, open);
    return job;
  }
}

/** Joins small units that adjoin, so that a question is worth its round trip. Ascending in, ascending out. */
export function joinUnits(units: readonly Unit[], least: number): Unit[] {
  const joined: Unit[] = [];
  for (const unit of units) {
    const last = joined.at(-1);
    const isAdjoining = last !== undefined && last.to + 1 === unit.from;
    if (isAdjoining && (last.entries < least || unit.entries === 0))
      joined[joined.length - 1] = { from: last.from, to: unit.to, entries: last.entries + unit.entries };
    else joined.push(unit);
  }
  return joined;
}
