import { Worker } from 'node:worker_threads';
import type { WorkerReady, WorkReply, WorkRequest } from './job-codec.ts';

/** Heap of one thread. The interpreter's limits (spend.ts) keep honest and hostile scripts below it. */
const THREAD_HEAP_MB = 320;

export interface ThreadEvents {
  onReady(): void;
  onReply(reply: WorkReply): void;
  /** The thread is gone, for whatever reason; called once, and nothing comes after it. */
  onGone(reason: string): void;
}

/** One verification thread: requests go in, replies come out in the same order, one time limit for each. */
export class PoolThread {
  private readonly worker: Worker;
  private readonly timeLimitMs: number;
  private readonly events: ThreadEvents;
  private readonly pending: number[] = [];
  private timer: NodeJS.Timeout | undefined;
  private goneBecause: string | undefined;
  private gone = false;

  constructor(url: URL, timeLimitMs: number, events: ThreadEvents) {
    this.timeLimitMs = timeLimitMs;
    this.events = events;
    this.worker = new Worker(url, {
      name: 'verifier',
      resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MB },
    });
    this.worker.on('message', (message: WorkReply | WorkerReady) => this.receive(message));
    this.worker.on('error', (error) => {
      this.goneBecause ??= error.message;
    });
    this.worker.on('exit', (code) => this.leave(this.goneBecause ?? `thread ended with code ${code}`));
  }

  post(request: WorkRequest): void {
    this.pending.push(request.id);
    this.worker.postMessage(request, [request.buffer]);
    if (this.pending.length === 1) this.startTimer();
  }

  async terminate(): Promise<void> {
    this.stopTimer();
    await this.worker.terminate();
  }

  private receive(message: WorkReply | WorkerReady): void {
    // A reply that comes while an overdue thread is being ended would be of a request already given up.
    if (this.gone || this.goneBecause !== undefined) return;
    if ('ready' in message) {
      this.events.onReady();
      return;
    }
    this.pending.shift();
    this.stopTimer();
    if (this.pending.length > 0) this.startTimer();
    this.events.onReply(message);
  }

  private startTimer(): void {
    const id = this.pending[0];
    this.timer = setTimeout(() => {
      // If this thread itself was busy that long, the reply may lie waiting: look at messages once more.
      setImmediate(() => {
        if (this.pending[0] === id) this.overdue();
      });
    }, this.timeLimitMs);
  }

  private stopTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private overdue(): void {
    this.goneBecause = `no result within ${this.timeLimitMs} ms`;
    void this.worker.terminate();
  }

  private leave(reason: string): void {
    if (this.gone) return;
    this.gone = true;
    this.stopTimer();
    this.events.onGone(reason);
  }
}
