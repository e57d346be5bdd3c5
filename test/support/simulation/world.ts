import { createHash } from 'node:crypto';
import type { Clock } from '../../../src/p2p/types.ts';
import { Prng } from '../corpus/prng.ts';
import { type HeapTimer, TimerHeap } from '../timer-heap.ts';
import { DiskLine } from './disk-line.ts';

interface Timer extends HeapTimer {
  readonly run: () => void;
  readonly owner: SimClock;
  isCancelled: boolean;
}

/** Longest run of work without any timer: beyond it something turns in circles. */
const MAX_STEPS = 200_000;
const GLANCE_STEPS = 16;

/**
 * Time, chance and disk of one simulation. Time stands still while anything is left to do: promises and immediates go on by
 * themselves, work of the disks is done one piece after the other in the order in which it was asked for, and only then
 * the next timer runs. So what happens is decided by the seed, not by how fast the machine is.
 */
export class World {
  readonly seed: string;
  readonly disk = new DiskLine();
  /** Monotonic ms. */
  nowMs = 0;
  readonly startWallMs: number = Date.UTC(2033, 4, 18);
  private readonly timers = new TimerHeap<Timer>();
  private order = 0;
  private readonly digest = createHash('sha256');
  /** Steps so far: timers run, and pieces of disk work. */
  steps = 0;
  /** Called now and then, also in the middle of what happens at one moment. */
  onGlance: () => void = () => undefined;
  /** The last of what happened, for who has to find out why. */
  readonly story: string[] = [];

  constructor(seed: string) {
    this.seed = seed;
  }

  /** Chance for one purpose: more draws for it leave the others as they are. */
  prng(purpose: string): Prng {
    return new Prng(`${this.seed} ${purpose}`);
  }

  /** Goes into the digest of the run: two runs of a seed must give the same. */
  note(line: string): void {
    const text = `${this.nowMs.toFixed(3)} ${line}`;
    this.digest.update(`${text}\n`);
    this.story.push(text);
    if (this.story.length > 4_000) this.story.splice(0, 2_000);
  }

  /** The same without a line of the story. */
  mark(line: string): void {
    this.digest.update(`${this.nowMs} ${line}\n`);
  }

  /** Of all that was noted. */
  fingerprint(): string {
    return this.digest.copy().digest('hex').slice(0, 16);
  }

  after(ms: number, run: () => void, owner: SimClock): () => void {
    const timer: Timer = {
      atMs: this.nowMs + Math.max(0, ms),
      order: this.order++,
      run,
      owner,
      isCancelled: false,
    };
    this.timers.push(timer);
    owner.waiting++;
    return () => {
      if (timer.isCancelled) return;
      timer.isCancelled = true;
      owner.waiting--;
    };
  }

  /** Everything is done that can be done at this moment. */
  async settle(): Promise<void> {
    for (let steps = 0; ; steps++) {
      if (steps > MAX_STEPS)
        throw new Error(`no end at ${this.nowMs} ms:\n${this.story.slice(-30).join('\n')}`);
      await turn();
      if (this.disk.length > 0 && steps % GLANCE_STEPS === 1) this.onGlance();
      if (!(await this.disk.step())) return;
      this.steps++;
    }
  }

  /** Runs what is due within this time. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.nowMs + ms;
    await this.settle();
    while (await this.next(untilMs));
    this.nowMs = untilMs;
  }

  /** Lets things go on, time too if need be, until the promise is settled. */
  async complete<T>(promise: Promise<T>, patienceMs = 600_000): Promise<T> {
    let isDone = false;
    const end = (): void => {
      isDone = true;
    };
    promise.then(end, end);
    const untilMs = this.nowMs + patienceMs;
    await this.settle();
    while (!isDone && (await this.next(untilMs)));
    if (!isDone) throw new Error(`not done within ${patienceMs} ms`);
    return promise;
  }

  /** Runs the next timer and all that follows from it; false: none is due by then. */
  private async next(untilMs: number): Promise<boolean> {
    let timer = this.timers.first;
    while (timer?.isCancelled === true) {
      this.timers.pop();
      timer = this.timers.first;
    }
    if (timer === undefined || timer.atMs > untilMs) return false;
    this.timers.pop();
    timer.isCancelled = true;
    timer.owner.waiting--;
    this.nowMs = timer.atMs;
    this.steps++;
    timer.run();
    await this.settle();
    return true;
  }
}

/** The clock of one daemon, or of the world around: its wall may be wrong, and its timers are counted. */
export class SimClock implements Clock {
  readonly world: World;
  /** Timers that wait. */
  waiting = 0;
  /** By how much the wall clock is wrong. */
  offMs = 0;

  constructor(world: World) {
    this.world = world;
  }

  nowMs(): number {
    return this.world.startWallMs + Math.floor(this.world.nowMs) + this.offMs;
  }

  monotonicMs(): number {
    return this.world.nowMs;
  }

  after(ms: number, run: () => void): () => void {
    return this.world.after(ms, run, this);
  }
}

/** All promises and immediates that are there have gone on, and those that they led to. */
async function turn(): Promise<void> {
  do {
    await new Promise<void>((resolve) => setImmediate(resolve));
  } while (process.getActiveResourcesInfo().includes('Immediate'));
}
