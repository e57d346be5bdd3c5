import { Prng } from '../corpus/prng.ts';
import { Bounds } from './bounds.ts';
import { busy, checkAgreement, checkEnd, checkRebuilt } from './checks.ts';
import { type DaemonOptions, type Plant, SimDaemon } from './daemon.ts';
import { Diary } from './diary.ts';
import { Faults } from './faults.ts';
import { Counts } from './link.ts';
import { SimNet } from './net.ts';
import { type Plan, type PlanOptions, planOf, TRACES } from './plan.ts';
import { Trap } from './trap.ts';
import { Wallets } from './wallets.ts';
import { World } from './world.ts';

export interface SimulationOptions extends PlanOptions {
  /** A bug in all daemons. */
  readonly plant?: Plant;
  /** Who meets a liar first stays with him until he has banned him, not only found him out. */
  readonly untilBan?: boolean;
}

export interface SimulationResult {
  readonly plan: Plan;
  readonly counts: Counts;
  /** Highest number of whatever is bounded, by name. */
  readonly peaks: ReadonlyMap<string, number>;
  /** Ms from the end of the faults to agreement. */
  readonly calmMs: number;
  readonly fingerprint: string;
  readonly steps: number;
}

/** All honest ones agree within this after the last fault: two of the longest waits of the protocols. */
export const CALM_MS = 700_000;
const LOOK_MS = 1_000;
/** Queues and streams are empty within this once all agree. */
const REST_MS = 60_000;

/** One run: a storm of faults in which a history becomes known, then calm, in which all must come to agree. */
export class Simulation {
  readonly plan: Plan;
  readonly world: World;
  readonly counts = new Counts();
  readonly net: SimNet;
  readonly daemons: SimDaemon[] = [];
  trap: Trap | undefined;
  private readonly prng: Prng;
  private readonly options: SimulationOptions;
  private readonly diary: Diary;
  private readonly wallets: Wallets;
  private readonly faults: Faults;
  private readonly bounds: Bounds;
  private readonly troubles: unknown[] = [];
  private isOver = false;

  constructor(seed: number, options: SimulationOptions = {}) {
    this.options = options;
    this.plan = planOf(seed, new Prng(`plan ${seed}`), options);
    this.world = new World(`${seed}`);
    this.net = new SimNet(this.world, this.counts);
    this.prng = this.world.prng('company');
    this.diary = new Diary(this.world);
    this.bounds = new Bounds(this.plan.history);
    const { plan, world, counts, net, diary, daemons } = this;
    this.wallets = new Wallets({ plan, world, counts, diary, honest: () => this.honest });
    const onFollows = (daemon: SimDaemon): void => this.joinFollowers(daemon);
    this.faults = new Faults({ plan, world, counts, net, diary, daemons, wallets: this.wallets, onFollows });
  }

  get honest(): SimDaemon[] {
    return this.daemons.filter(({ isLiar }) => !isLiar);
  }

  async run(): Promise<SimulationResult> {
    const { world, plan, counts } = this;
    try {
      await this.begin();
      this.wallets.planDeeds();
      this.faults.plan();
      this.watch();
      await this.diary.live(plan.stormMs, () => this.throwTroubles());
      await this.calm();
      const calmMs = await this.agreement();
      this.countFaults();
      await this.rest();
      await world.complete(checkEnd(this));
      this.throwTroubles();
      const fingerprint = world.fingerprint();
      await this.stop();
      this.throwTroubles();
      await checkRebuilt(this, this.prng.pick(this.honest));
      return { plan, counts, peaks: this.bounds.peaks, calmMs, fingerprint, steps: world.steps };
    } finally {
      await this.stop().catch(() => undefined);
      for (const daemon of this.daemons) daemon.remove();
    }
  }

  private async begin(): Promise<void> {
    const { plan, net, world, counts, diary } = this;
    const { tokens } = plan.history;
    for (let i = 0; i < plan.daemons; i++) {
      // The first two follow all, always: what is told to them is never lost.
      const followed = i < 2 || this.prng.chance(0.6) ? tokens : tokens.slice(0, 1);
      this.add({ id: `d${i}`, tokens: followed });
    }
    const early = this.daemons.slice(0, Math.max(2, plan.daemons - 1));
    early.forEach((daemon, i) => {
      net.join(daemon.id, early[(i + 1) % early.length]!.id);
      if (early.length > 3 && this.prng.chance(0.4)) net.join(daemon.id, this.prng.pick(early).id);
    });
    for (const daemon of early.slice(2)) this.joinFollowers(daemon);
    const untilBan = this.options.untilBan === true;
    this.trap = Trap.of({ plan, net, world, counts, diary, untilBan, add: (options) => this.add(options) });
    const liars = this.daemons.filter(({ isLiar }) => isLiar);
    for (const { id } of liars) for (const one of early.slice(0, 2)) net.join(id, one.id);
    for (const daemon of [...early, ...liars]) await daemon.start();
    for (const late of this.honest.filter((daemon) => !early.includes(daemon)))
      diary.at(this.prng.between(0.3 * plan.stormMs, 0.7 * plan.stormMs), () => this.joins(late, early));
  }

  private async joins(late: SimDaemon, early: readonly SimDaemon[]): Promise<void> {
    this.counts.add('late');
    const meetAll = (): void => {
      for (let i = 0; i < 2; i++) this.net.join(late.id, this.prng.pick(early).id);
      this.joinFollowers(late);
    };
    this.trap?.catch(late, meetAll);
    await late.start();
    if (this.trap === undefined) meetAll();
  }

  /** Those who follow a token hang together: in a federation they find one another (src/p2p/token-discovery.ts). */
  private joinFollowers(daemon: SimDaemon): void {
    if (daemon.tokens.length > 1) this.net.join(daemon.id, this.prng.pick(this.daemons.slice(0, 2)).id);
  }

  private add(options: DaemonOptions): SimDaemon {
    const { plant } = this.options;
    const daemon = new SimDaemon(this.net, { ...options, ...(plant === undefined ? {} : { plant }) });
    this.daemons.push(daemon);
    return daemon;
  }

  /** Now and then, whatever happens, nothing is larger than it may be. */
  private watch(): void {
    this.world.onGlance = () => {
      if (this.isOver || this.troubles.length > 0) return;
      try {
        for (const daemon of this.honest) this.bounds.look(daemon);
      } catch (error) {
        this.troubles.push(error);
      }
    };
  }

  private async calm(): Promise<void> {
    this.world.note('calm');
    this.faults.end();
    for (const daemon of this.daemons) if (daemon.life === undefined) await daemon.start();
    await this.trap?.open();
  }

  /** Ms until all agree. */
  private async agreement(): Promise<number> {
    const { world } = this;
    const startMs = world.nowMs;
    for (;;) {
      this.throwTroubles();
      if (this.wallets.isDone && (await world.complete(checkAgreement(this)))) return world.nowMs - startMs;
      if (world.nowMs - startMs > CALM_MS) throw new Error(`no agreement: ${await this.differences()}`);
      await world.pass(LOOK_MS);
    }
  }

  /** What was planned, and what of it did not happen. */
  private countFaults(): void {
    const { counts, plan } = this;
    const undone = this.honest.reduce((sum, daemon) => sum + daemon.undone, 0);
    if (undone > 0) counts.add('undone', undone);
    for (const fault of new Set(plan.faults.map((each) => each.fault))) {
      counts.add(`planned ${fault}`);
      if (counts.of(TRACES[fault]) === 0) counts.add(`missed ${fault}`);
    }
  }

  /** What is under way ends by itself. */
  private async rest(): Promise<void> {
    for (let left = REST_MS; left > 0 && this.honest.some((daemon) => busy(daemon) !== ''); left -= LOOK_MS)
      await this.world.pass(LOOK_MS);
    for (const daemon of this.honest) {
      if (busy(daemon) !== '') throw new Error(`${daemon.id} is not at rest: ${busy(daemon)}`);
    }
  }

  private async stop(): Promise<void> {
    this.isOver = true;
    this.faults.end();
    this.net.stop();
    for (const daemon of this.daemons) await this.world.complete(daemon.end());
  }

  private throwTroubles(): void {
    const errors = [
      ...this.troubles,
      ...this.wallets.troubles,
      ...this.daemons.flatMap((daemon) => daemon.errors),
    ];
    if (errors.length === 0) return;
    throw new AggregateError(errors, `${errors.map(messageOf).slice(0, 5).join('\n')}`);
  }

  /** For who has to find out why. */
  private async differences(): Promise<string> {
    const lines: string[] = [];
    for (const daemon of this.honest) {
      const { id, life, tokens } = daemon;
      lines.push(`${id} ${life?.node.chain.tip().height ?? 'down'}`);
      for (const tokenId of life === undefined ? [] : tokens) {
        const status = life?.sync.status(tokenId);
        const digest = await this.world.complete(daemon.digest(tokenId)).catch(messageOf);
        lines.push(`  ${tokenId.slice(0, 6)} ${digest} ${status?.state} ${status?.agree.join()}`);
      }
    }
    return `${lines.join('\n')}\n${this.world.story.slice(-40).join('\n')}`;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** @throws with all that one needs to run it again */
export async function simulate(seed: number, options: SimulationOptions = {}): Promise<SimulationResult> {
  const simulation = new Simulation(seed, options);
  try {
    return await simulation.run();
  } catch (error) {
    const { daemons, lie, faults } = simulation.plan;
    const what = [...new Set(faults.map(({ fault }) => fault))].join();
    throw new Error(
      `seed ${seed} (${daemons} daemons, lie ${lie ?? '-'}, faults ${what}; BTCFED_SIM_SEED=${seed} runs it again): ${messageOf(error)}`,
      { cause: error },
    );
  }
}
