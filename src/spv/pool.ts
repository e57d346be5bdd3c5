import { availableParallelism } from 'node:os';
import { SpvError } from './errors.ts';
import { Fifo } from './fifo.ts';
import { packedBytes, packJobs, type WorkReply } from './job-codec.ts';
import { PoolThread } from './pool-thread.ts';
import { toSpvError, type VerifyJob } from './verify.ts';

/** Jobs in one request: 32 transactions are 3 ms of work, so posting them costs about 1 %. */
const CHUNK_JOBS = 32;
/** A request also ends here, so that packing never holds the event loop for long. */
const CHUNK_BYTES = 256 * 1024;
/** Requests a thread has at a time: one it works on, one that waits, so that it never idles. */
const CHUNKS_PER_THREAD = 2;
const DEFAULT_TIME_LIMIT_MS = 10_000;
/** Threads that end before they are ready, one after the other, until the pool gives up. */
const MAX_START_FAILURES = 3;

export interface VerifierPoolOptions {
  readonly workers: number;
  /** For one request of standard scripts, and for one transaction that needs the interpreter. */
  readonly timeLimitMs?: number;
  /**
   * Threads are started by the first work, and ended after so long without any: two of them hold 27 MB (measured).
   * Without it they start with the pool and stay.
   */
  readonly idleMs?: number;
  /** Body of the threads; for tests. */
  readonly workerUrl?: URL;
}

export interface VerifierPoolStats {
  /** Jobs accepted and not answered yet. */
  readonly waiting: number;
  /** Threads that ended without being asked to. */
  readonly lostThreads: number;
  /** Threads that run now. */
  readonly threads: number;
  /** Jobs answered, of them by the interpreter. */
  readonly answered: number;
  readonly interpreted: number;
}

/** Threads that fit this machine: one a core, since verification is most of the work. */
export function defaultWorkers(): number {
  return availableParallelism();
}

/** What one verify() call waits for. */
interface Batch {
  readonly jobs: readonly VerifyJob[];
  readonly results: (SpvError | undefined)[];
  open: number;
  readonly resolve: (results: readonly (SpvError | undefined)[]) => void;
}

/** One job of a batch. */
interface Task {
  readonly batch: Batch;
  readonly index: number;
}

interface Chunk {
  readonly id: number;
  readonly tasks: readonly Task[];
  /** One transaction with the interpreter allowed: nothing else is posted to its thread meanwhile. */
  readonly alone: boolean;
}

interface Slot {
  thread: PoolThread | undefined;
  ready: boolean;
  /** Requests posted, in the order of their replies. */
  readonly chunks: Chunk[];
  lastWasAlone: boolean;
}

/**
 * Verifies transactions in threads, so that the calling thread stays free.
 *
 * Standard locks go in chunks to all threads. What needs the interpreter comes back and goes on alone, one transaction
 * a request, and never to the last of several threads: a script that runs until the time limit holds up other
 * unusual scripts, but no ordinary transfer. When a thread dies or exceeds the limit, it is replaced; the transaction
 * it was at alone gets VERIFIER_FAILED, those it had in a chunk are tried one by one. Results keep the order of jobs.
 *
 * Memory: two chunks of 256 KiB a thread are packed at a time, the rest waits as references to the caller's jobs.
 */
export class VerifierPool {
  private readonly timeLimitMs: number;
  private readonly idleMs: number | undefined;
  private readonly workerUrl: URL;
  private idleTimer: NodeJS.Timeout | undefined;
  private ending: Promise<unknown> = Promise.resolve();
  private readonly slots: Slot[] = [];
  private readonly chunked = new Fifo<Task>();
  private readonly alone = new Fifo<Task>();
  private state: 'new' | 'running' | 'closed' = 'new';
  private nextId = 1;
  private startFailures = 0;
  private started: { resolve: () => void; reject: (error: SpvError) => void } | undefined;
  private answered = 0;
  private interpreted = 0;
  private lostThreads = 0;
  private waiting = 0;

  /** `workers`: threads, at least 1. */
  constructor(options: VerifierPoolOptions) {
    this.timeLimitMs = options.timeLimitMs ?? DEFAULT_TIME_LIMIT_MS;
    this.idleMs = options.idleMs;
    this.workerUrl = options.workerUrl ?? workerUrl();
    for (let i = 0; i < Math.max(1, options.workers); i++) {
      this.slots.push({ thread: undefined, ready: false, chunks: [], lastWasAlone: false });
    }
  }

  /**
   * Starts the threads, unless they come with the first work; resolves when all are ready, rejects with SpvError
   * VERIFIER_FAILED if they do not start.
   */
  async start(): Promise<void> {
    if (this.state !== 'new') throw notRunning(this.state);
    this.state = 'running';
    if (this.idleMs !== undefined) return;
    await new Promise<void>((resolve, reject) => {
      this.started = { resolve, reject };
      for (const slot of this.slots) this.spawn(slot);
    });
  }

  /**
   * Resolves when all jobs are decided: for each, in their order, undefined if valid, else the SpvError of
   * verifyTransaction; VERIFIER_FAILED {txid, reason} where a thread was lost or the pool was closed. Rejects only if
   * the pool is not running. The caller keeps jobs and their bytes unchanged until then. Awaiting it is the
   * back-pressure.
   */
  verify(jobs: readonly VerifyJob[]): Promise<readonly (SpvError | undefined)[]> {
    if (this.state !== 'running') return Promise.reject(notRunning(this.state));
    if (jobs.length === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      const results: (SpvError | undefined)[] = new Array(jobs.length).fill(undefined);
      const batch: Batch = { jobs, results, open: jobs.length, resolve };
      for (let index = 0; index < jobs.length; index++) this.chunked.push({ batch, index });
      this.waiting += jobs.length;
      clearTimeout(this.idleTimer);
      this.reviveAll();
      for (const slot of this.slots) this.feed(slot);
    });
  }

  /** Ends the threads. What is not decided yet gets VERIFIER_FAILED. */
  async close(): Promise<void> {
    this.state = 'closed';
    clearTimeout(this.idleTimer);
    this.failAll('the verifier was closed');
    this.started?.reject(notRunning('closed'));
    await Promise.all([this.ending, ...this.slots.map((slot) => slot.thread?.terminate())]);
  }

  stats(): VerifierPoolStats {
    const { waiting, lostThreads, answered, interpreted } = this;
    const threads = this.slots.filter(({ thread }) => thread !== undefined).length;
    return { waiting, lostThreads, threads, answered, interpreted };
  }

  private spawn(slot: Slot): void {
    slot.ready = false;
    const isOurs = (): boolean => slot.thread === thread;
    const thread: PoolThread = new PoolThread(this.workerUrl, this.timeLimitMs, {
      onReady: () => isOurs() && this.onReady(slot),
      onReply: (reply) => isOurs() && this.onReply(slot, reply),
      onGone: (reason) => isOurs() && this.onGone(slot, reason),
    });
    slot.thread = thread;
  }

  /** Nothing is waited for: the threads may go. */
  private rest(): void {
    const threads = this.slots.map(({ thread }) => thread);
    for (const slot of this.slots) {
      slot.thread = undefined;
      slot.ready = false;
    }
    this.ending = Promise.all(threads.map((thread) => thread?.terminate()));
  }

  /** After the pool gave up on threads that do not start, new work is a new try. */
  private reviveAll(): void {
    for (const slot of this.slots) if (!slot.thread) this.spawn(slot);
  }

  private onReady(slot: Slot): void {
    slot.ready = true;
    this.startFailures = 0;
    this.tellStarted();
    this.feed(slot);
  }

  private tellStarted(): void {
    if (!this.slots.every((slot) => slot.ready || !slot.thread)) return;
    this.started?.resolve();
    this.started = undefined;
  }

  private onReply(slot: Slot, reply: WorkReply): void {
    if (this.state !== 'running') return;
    const chunk = slot.chunks[0];
    if (!chunk || chunk.id !== reply.id) {
      // Cannot be; but a result must never reach another job, so the thread goes and its work is done again.
      void slot.thread?.terminate();
      return;
    }
    slot.chunks.shift();
    const open = new Set(chunk.tasks);
    for (const [index, failure] of reply.failures) {
      const task = chunk.tasks[index] as Task;
      open.delete(task);
      this.settle(task, toSpvError(failure, txidOf(task)));
    }
    for (const index of reply.interpreter) {
      const task = chunk.tasks[index] as Task;
      open.delete(task);
      this.alone.push(task);
    }
    for (const task of open) this.settle(task, undefined);
    if (chunk.alone) this.interpreted++;
    for (const each of reply.interpreter.length > 0 ? this.slots : [slot]) this.feed(each);
  }

  private onGone(slot: Slot, reason: string): void {
    const wasReady = slot.ready;
    slot.thread = undefined;
    slot.ready = false;
    if (this.state !== 'running') return;
    this.lostThreads++;
    const [atWork, ...untouched] = slot.chunks.splice(0);
    for (const chunk of untouched.reverse()) this.chunked.putBack(chunk.tasks);
    if (atWork?.alone) for (const task of atWork.tasks) this.settle(task, lost(txidOf(task), reason));
    else if (atWork) this.alone.putBack(atWork.tasks);
    this.startFailures = wasReady ? 0 : this.startFailures + 1;
    if (this.startFailures < MAX_START_FAILURES) {
      this.spawn(slot);
      return;
    }
    // Nobody may wait for threads that never come.
    if (this.slots.every((each) => !each.thread)) this.giveUp(reason);
    else this.tellStarted();
  }

  private giveUp(reason: string): void {
    this.startFailures = 0;
    this.failAll(`verification threads do not start: ${reason}`);
    this.started?.reject(
      new SpvError('VERIFIER_FAILED', `verification threads do not start: ${reason}`, { reason }),
    );
    this.started = undefined;
  }

  private failAll(reason: string): void {
    const tasks = [...this.chunked.takeAll(), ...this.alone.takeAll()];
    for (const slot of this.slots) for (const chunk of slot.chunks.splice(0)) tasks.push(...chunk.tasks);
    for (const task of tasks) this.settle(task, lost(txidOf(task), reason));
  }

  /** Posts as much as the thread should have. */
  private feed(slot: Slot): void {
    while (slot.ready && slot.chunks.length < CHUNKS_PER_THREAD && !slot.chunks[0]?.alone) {
      const wantsAlone = this.takesAlone(slot);
      if (wantsAlone && slot.chunks.length > 0) return;
      const tasks = wantsAlone ? this.alone.take(1) : this.takeChunk();
      if (tasks.length === 0) return;
      slot.lastWasAlone = wantsAlone;
      this.post(slot, tasks, wantsAlone);
    }
  }

  /** Turn by turn with chunks, so that neither waits for all of the other. */
  private takesAlone(slot: Slot): boolean {
    if (this.alone.size === 0 || (slot.lastWasAlone && this.chunked.size > 0)) return false;
    const living = this.slots.filter((each) => each.thread);
    return living.length === 1 || slot !== living.at(-1);
  }

  private takeChunk(): Task[] {
    let bytes = 0;
    return this.chunked.takeWhile(CHUNK_JOBS, (task) => {
      bytes += packedBytes(jobOf(task));
      return bytes <= CHUNK_BYTES;
    });
  }

  private post(slot: Slot, tasks: readonly Task[], alone: boolean): void {
    const id = this.nextId++;
    slot.chunks.push({ id, tasks, alone });
    slot.thread?.post({ id, buffer: packJobs(tasks.map(jobOf)), interpret: alone });
  }

  private settle(task: Task, result: SpvError | undefined): void {
    const { batch, index } = task;
    this.waiting--;
    if (this.waiting === 0 && this.idleMs !== undefined && this.state === 'running') {
      this.idleTimer = setTimeout(() => this.rest(), this.idleMs).unref();
    }
    this.answered++;
    batch.results[index] = result;
    batch.open--;
    if (batch.open === 0) batch.resolve(batch.results);
  }
}

/** The worker's file beside this one, of the same kind: .ts in a checkout, .js in dist. */
function workerUrl(): URL {
  const extension = import.meta.url.slice(import.meta.url.lastIndexOf('.'));
  return new URL(`./verify-worker${extension}`, import.meta.url);
}

function jobOf(task: Task): VerifyJob {
  return task.batch.jobs[task.index] as VerifyJob;
}

function txidOf(task: Task): string {
  return jobOf(task).tx.txid;
}

function lost(txid: string, reason: string): SpvError {
  return toSpvError({ code: 'VERIFIER_FAILED', message: `not verified: ${reason}`, data: { reason } }, txid);
}

function notRunning(state: string): SpvError {
  return new SpvError('VERIFIER_FAILED', `the verifier is ${state === 'new' ? 'not started' : state}`, {
    state,
  });
}
