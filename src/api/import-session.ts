import { setTimeout as delay } from 'node:timers/promises';
import type { Offers, Outcome } from '../ingest/outcome.ts';
import { ApiError } from './errors.ts';
import { type FrameFault, FrameReader } from './frames.ts';
import { MAX_SAMPLE_GROUPS, MAX_SAMPLES_PER_GROUP } from './limits.ts';
import { shownOutcome } from './present.ts';

/** How long the end of an import waits for what is still being tried. */
const SETTLE_MS = 30_000;
const PENDING = 'PENDING_';

export interface ImportCounts {
  /** Bytes of the stream taken so far. */
  bytes: number;
  /** BEEFs offered, and how many of them have their outcome. */
  offered: number;
  done: number;
  admitted: number;
  known: number;
  pending: number;
  conflict: number;
  rejected: number;
  /** Not looked at, and so not refused either: to be offered again. */
  unavailable: number;
}

export type ImportSample = ReturnType<typeof shownOutcome> & {
  /** Number of the BEEF in the stream, from 0. */
  readonly index: number;
};

export interface ImportTotals extends ImportCounts {
  /** Rejections, `UNAVAILABLE` among them, by code; pending by what is missing as `PENDING_PARENTS`, `PENDING_HEADER`, `PENDING_HISTORY`. */
  readonly byCode: Record<string, number>;
  /** The first few of every group. */
  readonly samples: readonly ImportSample[];
  readonly damage?: FrameFault;
}

/** A transaction that was pending: the number of its first BEEF, and how many more of it were. */
interface Waited {
  readonly index: number;
  again: number;
  /** By a later BEEF, which is counted so. */
  isAdmitted: boolean;
}

/** One stream of framed BEEFs on its way into the index. Writes are taken in the order in which they came. */
export class ImportSession {
  readonly #offers: Offers;
  readonly #frames: FrameReader;
  readonly #signal: AbortSignal;
  readonly #counts: ImportCounts = {
    bytes: 0,
    offered: 0,
    done: 0,
    admitted: 0,
    known: 0,
    pending: 0,
    conflict: 0,
    rejected: 0,
    unavailable: 0,
  };
  readonly #byCode = new Map<string, number>();
  readonly #samples = new Map<string, ImportSample[]>();
  /** BEEFs that were pending when they were answered, by txid. The pending set bounds them. */
  readonly #pending = new Map<string, Waited>();
  #turn: Promise<void> = Promise.resolve();
  #idle: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;
  #fault: unknown;

  constructor(opts: { maxBeefBytes: number }, modules: { offers: Offers; signal: AbortSignal }) {
    this.#offers = modules.offers;
    this.#signal = modules.signal;
    this.#frames = new FrameReader(opts.maxBeefBytes);
  }

  /**
   * Takes the next bytes of the stream and resolves when the index has room for more: the answer is the
   * sender's back-pressure.
   *
   * @throws ApiError IMPORT_FRAME_INVALID once the stream is damaged; what came before is still imported
   */
  async write(piece: Uint8Array): Promise<ImportCounts> {
    const before = this.#turn;
    const turn = before.then(() => this.#take(piece));
    // The next write waits for this one, whether or not it failed.
    this.#turn = turn.catch(() => undefined);
    await turn;
    return { ...this.#counts };
  }

  /** Waits for all outcomes. A frame that is cut off at the end is reported as damage. */
  async close(): Promise<ImportTotals> {
    await this.#turn;
    while (this.#counts.done < this.#counts.offered) {
      this.#idle ??= Promise.withResolvers<void>();
      await this.#idle.promise;
    }
    if (this.#fault !== undefined) throw this.#fault;
    await this.#recount();
    const damage = this.#frames.end();
    return {
      ...this.#counts,
      byCode: Object.fromEntries(this.#byCode),
      samples: [...this.#samples.values()].flat().sort((a, b) => a.index - b.index),
      ...(damage === undefined ? {} : { damage }),
    };
  }

  /** What waited for a later BEEF of the same import is decided by now: the totals tell how it ended. */
  async #recount(): Promise<void> {
    if (this.#pending.size === 0) return;
    await Promise.race([this.#offers.drained(), delay(SETTLE_MS, undefined, { ref: false })]);
    this.#counts.pending = 0;
    for (const group of [...this.#byCode.keys(), ...this.#samples.keys()]) {
      if (!group.startsWith(PENDING)) continue;
      this.#byCode.delete(group);
      this.#samples.delete(group);
    }
    for (const [txid, { index, again, isAdmitted }] of this.#pending) {
      const outcome = this.#offers.outcome(txid) ?? letGo(txid);
      // It is admitted once; whatever else became of it became of every BEEF.
      const others: Outcome = outcome.status === 'admitted' ? { status: 'known', txid } : outcome;
      this.#count(index, isAdmitted ? others : outcome);
      this.#add(others, again);
    }
  }

  async #take(piece: Uint8Array): Promise<void> {
    if (this.#fault !== undefined) throw this.#fault;
    this.#frames.push(piece);
    this.#counts.bytes += piece.length;
    for (let frame = this.#frames.next(); frame !== undefined; frame = this.#frames.next()) {
      await this.#offers.ready();
      if (this.#signal.aborted) return;
      this.#offer(frame);
    }
    const fault = this.#frames.fault;
    if (fault !== undefined) {
      throw new ApiError('IMPORT_FRAME_INVALID', { reason: fault.code, offset: fault.offset }, fault.text);
    }
  }

  #offer(frame: Uint8Array): void {
    const index = this.#counts.offered;
    this.#counts.offered += 1;
    this.#offers.offer(frame, 'import').then(
      (outcome) => this.#tally(index, outcome),
      (error: unknown) => {
        // Not bad input, which is an outcome, but a store that cannot write: the import cannot go on.
        this.#fault ??= error;
        this.#finishOne();
      },
    );
  }

  #tally(index: number, outcome: Outcome): void {
    if (outcome.status === 'pending' || outcome.status === 'admitted') this.#remember(index, outcome);
    this.#count(index, outcome);
    this.#finishOne();
  }

  #remember(index: number, { status, txid }: Extract<Outcome, { status: 'pending' | 'admitted' }>): void {
    const waited = this.#pending.get(txid);
    if (waited === undefined) {
      if (status === 'pending') this.#pending.set(txid, { index, again: 0, isAdmitted: false });
    } else if (status === 'pending') waited.again += 1;
    else waited.isAdmitted = true;
  }

  #add(outcome: Outcome, times: number): void {
    const isUnavailable = outcome.status === 'rejected' && outcome.code === 'UNAVAILABLE';
    this.#counts[isUnavailable ? 'unavailable' : outcome.status] += times;
    if (times === 0 || (outcome.status !== 'rejected' && outcome.status !== 'pending')) return;
    const group = groupOf(outcome);
    this.#byCode.set(group, (this.#byCode.get(group) ?? 0) + times);
  }

  #count(index: number, outcome: Outcome): void {
    this.#add(outcome, 1);
    const group = groupOf(outcome);
    const samples = this.#samples.get(group) ?? [];
    if (samples.length === 0 && this.#samples.size < MAX_SAMPLE_GROUPS) this.#samples.set(group, samples);
    if (samples.length < MAX_SAMPLES_PER_GROUP) samples.push({ index, ...shownOutcome(outcome) });
  }

  #finishOne(): void {
    this.#counts.done += 1;
    if (this.#counts.done < this.#counts.offered) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}

/** It waited, and was refused when what it waited for came. */
function letGo(txid: string): Outcome {
  const message = 'it waited, and was refused when what it waited for came';
  return { status: 'rejected', txid, code: 'REFUSED_LATER', data: { message } };
}

function groupOf(outcome: Outcome): string {
  if (outcome.status === 'rejected') return outcome.code;
  if (outcome.status === 'pending') return `${PENDING}${outcome.waitingFor.toUpperCase()}`;
  return outcome.status;
}
