import type { Block } from '../corpus/blocks.ts';
import { Prng } from '../corpus/prng.ts';
import { busy, checkAgreement, checkEnd } from './checks.ts';
import { type DaemonOptions, type Plant, SimDaemon } from './daemon.ts';
import type { Deed } from './history.ts';
import { Liar } from './liars.ts';
import { Counts } from './link.ts';
import { SimNet } from './net.ts';
import { type Plan, type PlannedFault, type PlanOptions, planOf } from './plan.ts';
import { SimClock, World } from './world.ts';

export interface SimulationOptions extends PlanOptions {
  /** A bug in all daemons. */
  readonly plant?: Plant;
}

export interface SimulationResult {
  readonly plan: Plan;
  readonly counts: Counts;
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
/** A wallet tries again after this, elsewhere. */
const RETRY_MS = 1_500;
const MAX_TRIES = 100;

const LIAR = 'liar';
/** Longest time with the liar alone. */
const ALONE_MS = 60_000;

interface Appointment {
  readonly atMs: number;
  readonly run: () => Promise<void> | void;
}

/** One run: a storm of faults in which a history becomes known, then calm, in which all must come to agree. */
export class Simulation {
  readonly plan: Plan;
  readonly world: World;
  readonly counts = new Counts();
  readonly net: SimNet;
  readonly daemons: SimDaemon[] = [];
  private readonly clock: SimClock;
  private readonly prng: Prng;
  private readonly wallets: Prng;
  private readonly options: SimulationOptions;
  private readonly diary: Appointment[] = [];
  /** What wallets and miners are at, until it is answered for. */
  private readonly errands = new Set<Promise<void>>();
  private readonly troubles: unknown[] = [];
  /** What the liar is, if there is one: he is called `liar`. */
  liar: Liar | undefined;
  private alone: { readonly id: string; readonly untilMs: number; readonly meetAll: () => void } | undefined;
  private armed:
    | { readonly daemon: SimDaemon; pieces: number; readonly when: 'before' | 'after' }
    | undefined;

  constructor(seed: number, options: SimulationOptions = {}) {
    this.options = options;
    this.plan = planOf(seed, new Prng(`plan ${seed}`), options);
    this.world = new World(`${seed}`);
    this.net = new SimNet(this.world, this.counts);
    this.clock = new SimClock(this.world);
    this.prng = this.world.prng('faults');
    this.wallets = this.world.prng('wallets');
  }

  get honest(): SimDaemon[] {
    return this.daemons.filter(({ isLiar }) => !isLiar);
  }

  async run(): Promise<SimulationResult> {
    const { world, plan, net } = this;
    this.world.disk.onPiece = (owner, isWrite, when) => this.onPiece(owner, isWrite, when);
    try {
      await this.begin();
      this.planDeeds();
      for (const fault of plan.faults) this.at(fault.atMs, () => this.begins(fault));
      await this.storm();
      await this.calm();
      const startMs = world.nowMs;
      for (;;) {
        this.throwTroubles();
        const isAgreed = this.errands.size === 0 && (await world.complete(checkAgreement(this)));
        if (isAgreed) break;
        if (world.nowMs - startMs > CALM_MS) throw new Error(`no agreement: ${await this.differences()}`);
        await world.pass(LOOK_MS);
      }
      const calmMs = world.nowMs - startMs;
      await this.rests();
      await world.complete(checkEnd(this));
      this.throwTroubles();
      const fingerprint = world.fingerprint();
      net.stop();
      await this.close();
      this.throwTroubles();
      return { plan, counts: this.counts, calmMs, fingerprint, steps: world.steps };
    } finally {
      net.stop();
      await this.close().catch(() => undefined);
    }
  }

  private async begin(): Promise<void> {
    const { plan, net } = this;
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
    this.addLiar(early);
    for (const daemon of [...early, ...this.daemons.filter(({ isLiar }) => isLiar)]) await daemon.start();
    for (const late of this.honest.filter((daemon) => !early.includes(daemon)))
      this.at(this.prng.between(0.3 * plan.stormMs, 0.7 * plan.stormMs), () => this.joins(late, early));
  }

  /** He knows all that the others know. Whoever is late meets him first, and for a while nobody else. */
  private addLiar(early: readonly SimDaemon[]): void {
    const { lie, history } = this.plan;
    if (lie === undefined) return;
    const liar = new Liar(lie, this.world.prng('liar'), () => this.counts.add('lie'));
    this.liar = liar;
    this.add({
      id: LIAR,
      tokens: history.tokens,
      isLiar: true,
      onHost: (host) => {
        host.bendStream = liar.bendStream;
      },
    });
    for (const { id } of early.slice(0, 2)) this.net.join(LIAR, id);
    if (liar.isGossiper) this.in(5_000, () => this.gossipLies(liar));
  }

  private gossipLies(liar: Liar): void {
    const gossip = this.daemons.find(({ id }) => id === LIAR)?.host?.gossip;
    const isKnown = ({ height, hash }: Block): boolean =>
      this.honest.every(({ life }) => life === undefined || life.node.chain.hashAt(height) === hash);
    const message = liar.gossip(this.plan.history, isKnown);
    if (message !== undefined)
      for (const id of this.net.neighbours(LIAR)) {
        gossip?.send(id, message.topic, message.data);
        liar.liedTo.add(id);
      }
    this.in(this.prng.between(500, 4_000), () => this.gossipLies(liar));
  }

  private async joins(late: SimDaemon, early: readonly SimDaemon[]): Promise<void> {
    this.counts.add('late');
    if (this.liar !== undefined) this.net.lost.add(late.id);
    await late.start();
    const meetAll = (): void => {
      if (this.liar !== undefined && !this.net.lost.delete(late.id)) return;
      for (let i = 0; i < 2; i++) this.net.join(late.id, this.prng.pick(early).id);
      this.joinFollowers(late);
    };
    if (this.liar === undefined) return meetAll();
    this.net.join(LIAR, late.id);
    this.alone = { id: late.id, untilMs: this.world.nowMs + ALONE_MS, meetAll };
    this.in(LOOK_MS, () => this.release());
  }

  /** Who is with the liar alone is so until he was lied to, or for long enough. */
  private release(): void {
    const { alone, liar, world } = this;
    if (alone === undefined) return;
    if (liar?.liedTo.has(alone.id) !== true && world.nowMs < alone.untilMs) {
      this.in(LOOK_MS, () => this.release());
      return;
    }
    this.alone = undefined;
    alone.meetAll();
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

  /** Runs its appointments until the storm is over. */
  private async storm(): Promise<void> {
    const { world, diary, plan } = this;
    for (let next = diary[0]; next !== undefined && next.atMs <= plan.stormMs; next = diary[0]) {
      await world.pass(Math.max(0, next.atMs - world.nowMs));
      // Others may have come before it meanwhile.
      const due = diary.shift()!;
      await due.run();
      this.throwTroubles();
    }
    await world.pass(Math.max(0, plan.stormMs - world.nowMs));
  }

  /** What is under way ends by itself. */
  private async rests(): Promise<void> {
    for (let left = REST_MS; left > 0 && this.honest.some((daemon) => busy(daemon) !== ''); left -= LOOK_MS)
      await this.world.pass(LOOK_MS);
    for (const daemon of this.honest) {
      if (busy(daemon) !== '') throw new Error(`${daemon.id} is not at rest: ${busy(daemon)}`);
    }
  }

  private async calm(): Promise<void> {
    const { weather } = this.net;
    this.world.note('calm');
    Object.assign(weather, { slowness: 1, scatterMs: 0, loss: 0, again: 0 });
    this.armed = undefined;
    this.net.heal();
    for (const daemon of this.daemons) if (daemon.life === undefined) await daemon.start();
    while (this.alone !== undefined) {
      await this.world.pass(LOOK_MS);
      this.release();
    }
  }

  private at(atMs: number, run: Appointment['run']): void {
    const { diary } = this;
    const place = diary.findIndex((each) => each.atMs > atMs);
    diary.splice(place < 0 ? diary.length : place, 0, { atMs, run });
  }

  private in(ms: number, run: Appointment['run']): void {
    this.at(this.world.nowMs + ms, run);
  }

  private planDeeds(): void {
    const { deeds } = this.plan.history;
    const times = deeds.map(() => this.wallets.below(this.plan.stormMs * 0.9)).sort((a, b) => a - b);
    deeds.forEach((deed, i) => this.at(times[i]!, () => this.tell(deed)));
  }

  /** A wallet tells of a transaction, or a miner of a block and then wallets of its proofs. */
  private tell(deed: Deed): void {
    const copies = this.wallets.chance(0.3) ? 2 : 1;
    if (deed.kind === 'tx') {
      for (let i = 0; i < copies; i++) this.errand(() => this.submit(deed.beef));
      if (copies > 1) this.counts.add('toldTwice');
      return;
    }
    for (let i = 0; i < copies; i++) this.errand(() => this.mined(deed.headers));
    for (const proof of deed.proofs) {
      const waitMs = this.wallets.below(4_000);
      this.errand(async () => {
        await this.sleep(waitMs);
        await this.submit(proof);
      });
    }
  }

  private errand(run: () => Promise<void>): void {
    const done = run()
      .catch((error: unknown) => void this.troubles.push(error))
      .finally(() => this.errands.delete(done));
    this.errands.add(done);
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.after(ms, resolve));
  }

  private async submit(beef: Uint8Array): Promise<void> {
    let last: unknown;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const daemon = this.wallets.pick(this.daemons.slice(0, 2));
      const outcome = daemon.life === undefined ? undefined : await daemon.submit(beef);
      this.counts.add(`told ${outcome?.status ?? 'nobody'}`);
      if (outcome !== undefined && outcome.status !== 'rejected') return;
      last = outcome;
      await this.sleep(RETRY_MS);
    }
    throw new Error(`never taken: ${JSON.stringify(last)}`);
  }

  private async mined(headers: Uint8Array): Promise<void> {
    for (;;) {
      const daemon = this.wallets.pick(this.honest);
      const { life } = daemon;
      if (life !== undefined) {
        await daemon.hearHeaders(headers);
        if (daemon.life === life) return;
      }
      await this.sleep(RETRY_MS);
    }
  }

  private begins({ fault, forMs }: PlannedFault): Promise<void> | void {
    const { net, counts, prng, honest } = this;
    const { weather } = net;
    this.world.note(`fault ${fault}`);
    const victim = prng.pick(honest);
    switch (fault) {
      case 'reset':
        if (net.resetOne()) counts.add('reset');
        else this.in(1_000, () => this.begins({ fault, atMs: 0, forMs }));
        return;
      case 'cut': {
        const links = net.living();
        const link = links[prng.below(Math.max(1, links.length))];
        if (link === undefined) return;
        counts.add('cut');
        net.cut(link, prng.pick(link.ends));
        return;
      }
      case 'delay':
        weather.slowness = prng.between(20, 100);
        return this.ends(forMs, () => Object.assign(weather, { slowness: 1 }));
      case 'reorder':
        weather.scatterMs = prng.between(50, 800);
        return this.ends(forMs, () => Object.assign(weather, { scatterMs: 0 }));
      case 'gossipLoss':
        weather.loss = 0.2 + prng.below(80) / 100;
        return this.ends(forMs, () => Object.assign(weather, { loss: 0 }));
      case 'gossipTwice':
        weather.again = 0.2 + prng.below(80) / 100;
        return this.ends(forMs, () => Object.assign(weather, { again: 0 }));
      case 'partition':
      case 'halfPartition':
        this.divide(fault === 'partition');
        return this.ends(forMs, () => net.heal());
      case 'crash':
        this.arm(victim);
        return;
      case 'restart':
        return this.restart(victim);
      case 'reorg':
        // It is in the history.
        return;
      case 'clockJump':
        counts.add('clockJump');
        victim.jump(prng.pick([-1, 1]) * prng.pick([5_000, 120_000, 3_600_000, 86_400_000]));
        return;
      case 'unfollow':
        this.refollow();
        return;
      case 'identifyTwice': {
        const { life } = victim;
        if (life === undefined) return;
        counts.add('identifyTwice');
        for (const peerId of life.host.links.keys()) life.host.identifyAgain(peerId);
      }
    }
  }

  private ends(forMs: number, run: () => void): void {
    this.in(forMs, run);
  }

  private divide(isBothWays: boolean): void {
    const ids = this.prng.shuffle(this.daemons.map(({ id }) => id));
    const left = new Set(ids.slice(0, Math.max(1, ids.length >> 1)));
    this.counts.add(isBothWays ? 'partition' : 'halfPartition');
    for (const a of left)
      for (const b of this.net.neighbours(a)) if (!left.has(b)) this.net.part(a, b, isBothWays);
  }

  /** It is killed around a piece of its disk work, or a little later if there is none. */
  private arm(daemon: SimDaemon): void {
    if (daemon.life === undefined || this.armed !== undefined) {
      this.in(1_000, () => this.arm(this.prng.pick(this.honest)));
      return;
    }
    const armed = { daemon, pieces: this.prng.below(12), when: this.prng.pick(['before', 'after'] as const) };
    this.armed = armed;
    this.in(this.prng.between(500, 6_000), async () => {
      if (this.armed !== armed) return;
      this.armed = undefined;
      await this.kill(daemon, false);
    });
  }

  private onPiece(owner: object, isWrite: boolean, when: 'before' | 'after'): Promise<void> | undefined {
    const { armed } = this;
    if (armed === undefined || armed.daemon.owner !== owner || armed.when !== when) return undefined;
    if (--armed.pieces > 0) return undefined;
    this.armed = undefined;
    return this.kill(armed.daemon, isWrite);
  }

  private async kill(daemon: SimDaemon, isInWrite: boolean): Promise<void> {
    if (daemon.life === undefined) return;
    this.counts.add('crash');
    if (isInWrite) this.counts.add('crashInWrite');
    await daemon.kill(this.prng.chance(0.3));
    this.in(this.prng.between(10, 20_000), () => this.starts(daemon));
  }

  private async restart(daemon: SimDaemon): Promise<void> {
    if (daemon.life === undefined) return;
    this.counts.add('restart');
    await this.world.complete(daemon.stop());
    this.in(this.prng.between(10, 10_000), () => this.starts(daemon));
  }

  private async starts(daemon: SimDaemon): Promise<void> {
    if (daemon.life === undefined) await daemon.start();
  }

  /** Somebody who may do without tokens changes which he follows. */
  private refollow(): void {
    const daemon = this.prng.pick(this.honest.slice(2));
    const { tokens } = this.plan.history;
    const after =
      daemon.tokens.length === tokens.length ? tokens.slice(0, this.prng.below(tokens.length)) : tokens;
    this.counts.add(after.length < daemon.tokens.length ? 'unfollow' : 'follow');
    this.world.note(`${daemon.id} follows ${after.length}`);
    this.errand(() => daemon.follow(after));
    this.joinFollowers(daemon);
  }

  private async close(): Promise<void> {
    this.world.disk.onPiece = () => undefined;
    for (const daemon of this.daemons) await this.world.complete(daemon.close());
  }

  private throwTroubles(): void {
    const errors = [...this.troubles, ...this.daemons.flatMap((daemon) => daemon.errors)];
    if (errors.length === 0) return;
    throw new AggregateError(errors, `${errors.map(messageOf).slice(0, 5).join('\n')}`);
  }

  /** For who has to find out why. */
  async differences(): Promise<string> {
    const lines: string[] = [];
    for (const { id, life, tokens } of this.honest) {
      lines.push(`${id} ${life === undefined ? 'down' : JSON.stringify(life.node.chain.tip().height)}`);
      for (const tokenId of life === undefined ? [] : tokens) {
        const status = life!.sync.status(tokenId);
        const digest = await this.world.complete(this.daemons.find((d) => d.id === id)!.digest(tokenId));
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
      `seed ${seed} (${daemons} daemons, lie ${lie ?? '-'}, faults ${what}): ${messageOf(error)}`,
      { cause: error },
    );
  }
}
