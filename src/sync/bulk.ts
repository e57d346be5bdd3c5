import type { Clock, PeerIdText } from '../p2p/types.ts';
import { STALL_MS } from './client-limits.ts';
import { Deal, type Job, type Unit } from './deal.ts';
import type { Session } from './session.ts';
import type { Transfers } from './transfer.ts';

/** Time to another look for work, for a peer that had nothing to do. */
const LOOK_MS = 500;

export interface BulkModules {
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly transfers: Transfers;
}

export interface BulkPlan {
  readonly tokenId: string;
  readonly units: readonly Unit[];
  /** Those that have it by their commitment, now: they come and go. */
  readonly peers: () => readonly Session[];
}

/**
 * Fetches large parts of a token's history from several peers at once. Everything they give is verified as from a
 * stranger, so it does not matter who gives what; that all of it came shows when commitments are compared again.
 */
export class Bulk {
  private readonly modules: BulkModules;
  private readonly plan: BulkPlan;
  private readonly deal: Deal;
  private readonly working = new Map<PeerIdText, Promise<void>>();
  private wake: (() => void) | undefined;

  constructor(modules: BulkModules, plan: BulkPlan) {
    this.modules = modules;
    this.plan = plan;
    this.deal = new Deal(plan.units, STALL_MS);
  }

  /** Until all is fetched or no peer is left that gives it. @throws the reason of the signal, when nothing is under way */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!this.deal.isDone) {
        signal.throwIfAborted();
        this.employ(signal);
        if (this.working.size === 0 && (this.modules.transfers.hasRoom || this.isDeserted())) break;
        await this.changed(signal);
      }
    } finally {
      await Promise.all(this.working.values());
    }
    signal.throwIfAborted();
  }

  private employ(signal: AbortSignal): void {
    const peers = this.plan.peers().filter(({ peerId }) => !this.deal.isDropped(peerId));
    const nowMs = this.modules.clock.monotonicMs();
    for (const session of peers) {
      const { peerId } = session;
      // A job that had to wait for its turn would look like a peer that gives nothing.
      const isFree = session.hasLane && session.restMs() === 0 && this.modules.transfers.hasRoom;
      if (this.working.has(peerId) || !isFree) continue;
      const job = this.deal.take(peerId, peers.length, nowMs);
      if (job === undefined) continue;
      const done = this.work(session, job, signal).finally(() => {
        this.working.delete(peerId);
        this.wake?.();
      });
      this.working.set(peerId, done);
    }
  }

  /** Nobody is left that could do anything, now or later. */
  private isDeserted(): boolean {
    return this.plan.peers().every(({ peerId }) => this.deal.isDropped(peerId));
  }

  private async work(session: Session, job: Job, signal: AbortSignal): Promise<void> {
    const { transfers, clock } = this.modules;
    const { deal } = this;
    const own = AbortSignal.any([signal, job.taken]);
    try {
      const { announced, entries, isCut } = await transfers.range(
        session,
        this.plan.tokenId,
        job,
        {
          to: () => deal.endOf(job),
          onArrived: () => deal.arrived(job, clock.monotonicMs()),
          onCommitted: ({ upTo }) => deal.committed(job, upTo?.height, clock.monotonicMs()),
        },
        own,
      );
      // It gave less than it said or than it should have: somebody else may have the rest.
      const isShort = !isCut && entries < Math.min(announced, job.entries);
      deal.end(job, isShort ? 'dropped' : 'done');
    } catch (error) {
      deal.end(job, 'dropped');
      // What it did wrong its session has told.
      if (!own.aborted) restAfter(session, error);
    }
  }

  private changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        this.wake = undefined;
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = this.modules.clock.after(LOOK_MS, done);
      this.wake = done;
      signal.addEventListener('abort', done, { once: true });
    });
  }
}

/** A peer that is busy, or is about to change, is left alone as long as it asks for. */
export function restAfter(session: Session, error: unknown): void {
  const { code, data } = (error ?? {}) as { readonly code?: unknown; readonly data?: unknown };
  if (code !== 'BUSY' && code !== 'NOT_READY' && code !== 'UNAVAILABLE') return;
  const { retryAfterMs } = (data ?? {}) as { readonly retryAfterMs?: unknown };
  session.rest(typeof retryAfterMs === 'number' ? Math.min(retryAfterMs, 60_000) : 1_000);
}
