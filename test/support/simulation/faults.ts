import type { Prng } from '../corpus/prng.ts';
import type { SimDaemon } from './daemon.ts';
import type { Diary } from './diary.ts';
import type { Counts } from './link.ts';
import type { SimNet } from './net.ts';
import type { Plan, PlannedFault } from './plan.ts';
import type { Wallets } from './wallets.ts';
import type { World } from './world.ts';

/** What cannot happen now is tried again after this. */
const AGAIN_MS = 1_000;

export interface FaultParts {
  readonly plan: Plan;
  readonly world: World;
  readonly net: SimNet;
  readonly counts: Counts;
  readonly diary: Diary;
  readonly wallets: Wallets;
  readonly daemons: readonly SimDaemon[];
  /** Somebody follows other tokens from now on. */
  readonly onFollows: (daemon: SimDaemon) => void;
}

/** Lets the planned faults happen. */
export class Faults {
  private readonly parts: FaultParts;
  private readonly prng: Prng;
  private armed:
    | { readonly daemon: SimDaemon; pieces: number; readonly when: 'before' | 'after' }
    | undefined;

  constructor(parts: FaultParts) {
    this.parts = parts;
    this.prng = parts.world.prng('faults');
    parts.world.disk.onPiece = (owner, isWrite, when) => this.onPiece(owner, isWrite, when);
  }

  plan(): void {
    for (const fault of this.parts.plan.faults)
      this.parts.diary.at(fault.atMs, () => {
        this.parts.world.note(`fault ${fault.fault}`);
        return this.begin(fault);
      });
  }

  /** From now on nothing goes wrong, and what lasts is over. */
  end(): void {
    const { net, world } = this.parts;
    Object.assign(net.weather, { slowness: 1, scatterMs: 0, loss: 0, again: 0 });
    this.armed = undefined;
    world.disk.onPiece = () => undefined;
    net.heal();
  }

  private get honest(): SimDaemon[] {
    return this.parts.daemons.filter(({ isLiar }) => !isLiar);
  }

  private begin(planned: PlannedFault): Promise<void> | void {
    const { diary } = this.parts;
    const living = this.honest.filter(({ life }) => life !== undefined);
    const isDone = living.length > 0 && this.happens(planned, this.prng.pick(living));
    if (isDone === false) diary.in(AGAIN_MS, () => this.begin(planned));
    else if (isDone !== true) return isDone;
  }

  /** False: it cannot, just now. */
  private happens({ fault, forMs }: PlannedFault, victim: SimDaemon): boolean | Promise<void> {
    const { prng } = this;
    const { net, counts } = this.parts;
    switch (fault) {
      case 'reset':
        return net.resetOne();
      case 'cut':
        return this.cut();
      case 'delay':
        return this.weather({ slowness: prng.between(20, 100) }, forMs);
      case 'reorder':
        return this.weather({ scatterMs: prng.between(50, 800) }, forMs);
      case 'gossipLoss':
        return this.weather({ loss: 0.2 + prng.below(80) / 100 }, forMs);
      case 'gossipTwice':
        return this.weather({ again: 0.2 + prng.below(80) / 100 }, forMs);
      case 'partition':
      case 'halfPartition':
        return this.divide(fault === 'partition', forMs);
      case 'crash':
        return this.arm(victim);
      case 'restart':
        return this.restart(victim);
      case 'reorg':
        // It is in the history.
        return true;
      case 'clockJump':
        counts.add('clockJump');
        victim.jump(prng.pick([-1, 1]) * prng.pick([5_000, 120_000, 3_600_000, 86_400_000]));
        return true;
      case 'unfollow':
        return this.refollow();
      case 'identifyTwice':
        counts.add('identifyTwice');
        for (const peerId of victim.now.host.links.keys()) victim.now.host.identifyAgain(peerId);
        return true;
    }
  }

  private cut(): boolean {
    const { net, counts } = this.parts;
    const links = net.living();
    if (links.length === 0) return false;
    const link = this.prng.pick(links);
    counts.add('cut');
    net.cut(link, this.prng.pick(link.ends));
    return true;
  }

  private weather(change: Partial<SimNet['weather']>, forMs: number): boolean {
    const { net, diary } = this.parts;
    const fine = { slowness: 1, scatterMs: 0, loss: 0, again: 0 };
    Object.assign(net.weather, change);
    diary.in(forMs, () => {
      for (const name of Object.keys(change) as (keyof typeof fine)[]) net.weather[name] = fine[name];
    });
    return true;
  }

  private divide(isBothWays: boolean, forMs: number): boolean {
    const { net, daemons, diary } = this.parts;
    const ids = this.prng.shuffle(daemons.map(({ id }) => id));
    const left = new Set(ids.slice(0, Math.max(1, ids.length >> 1)));
    let parted = 0;
    for (const a of left)
      for (const b of net.neighbours(a)) if (!left.has(b) && net.part(a, b, isBothWays)) parted++;
    diary.in(forMs, () => net.heal());
    return parted > 0;
  }

  /** It is killed around a piece of its disk work, or a little later if there is none. */
  private arm(daemon: SimDaemon): boolean {
    if (this.armed !== undefined) return false;
    const armed = { daemon, pieces: this.prng.below(12), when: this.prng.pick(['before', 'after'] as const) };
    this.armed = armed;
    this.parts.diary.in(this.prng.between(500, 6_000), async () => {
      if (this.armed !== armed) return;
      this.armed = undefined;
      await this.kill(daemon, false);
    });
    return true;
  }

  private onPiece(owner: object, isWrite: boolean, when: 'before' | 'after'): Promise<void> | undefined {
    const { armed } = this;
    if (armed === undefined || armed.daemon.owner !== owner || armed.when !== when) return undefined;
    if (--armed.pieces > 0) return undefined;
    this.armed = undefined;
    return this.kill(armed.daemon, isWrite);
  }

  private async kill(daemon: SimDaemon, isInWrite: boolean): Promise<void> {
    const { counts, diary } = this.parts;
    if (daemon.life === undefined) return;
    counts.add('crash');
    if (isInWrite) counts.add('crashInWrite');
    await daemon.kill(this.prng.chance(0.3));
    diary.in(this.prng.between(10, 20_000), () => startAgain(daemon));
  }

  private async restart(daemon: SimDaemon): Promise<void> {
    const { counts, diary, world } = this.parts;
    counts.add('restart');
    await world.complete(daemon.stop());
    diary.in(this.prng.between(10, 10_000), () => startAgain(daemon));
  }

  /** Somebody who may do without tokens changes which he follows. */
  private refollow(): boolean {
    const { counts, plan, world, wallets, onFollows } = this.parts;
    const daemon = this.prng.pick(this.honest.slice(2));
    const { tokens } = plan.history;
    const after =
      daemon.tokens.length === tokens.length ? tokens.slice(0, this.prng.below(tokens.length)) : tokens;
    counts.add('refollow');
    world.note(`${daemon.id} follows ${after.length}`);
    wallets.errand(() => daemon.follow(after));
    onFollows(daemon);
    return true;
  }
}

async function startAgain(daemon: SimDaemon): Promise<void> {
  if (daemon.life === undefined) await daemon.start();
}
