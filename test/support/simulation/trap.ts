import type { Prng } from '../corpus/prng.ts';
import type { DaemonOptions, SimDaemon } from './daemon.ts';
import type { Diary } from './diary.ts';
import { Liar } from './liars.ts';
import type { Counts } from './link.ts';
import type { SimNet } from './net.ts';
import type { Plan } from './plan.ts';
import type { World } from './world.ts';

export const LIAR = 'liar';
/** Longest time with the liar alone once all is calm: more than the longest waits of a daemon that was disappointed. */
const ALONE_MS = 600_000;
/** The same until he is banned: for silence a daemon is patient. */
const PATIENCE_MS = 3_600_000;
const LOOK_MS = 1_000;

export interface TrapParts {
  readonly plan: Plan;
  readonly world: World;
  readonly net: SimNet;
  readonly counts: Counts;
  readonly diary: Diary;
  readonly add: (options: DaemonOptions) => SimDaemon;
  /** Nobody is let go before he has banned the liar. */
  readonly untilBan: boolean;
}

/** A liar among the daemons: he knows all that the others know. Whoever is late meets him first, and for a while nobody else. */
export class Trap {
  readonly liar: Liar;
  private readonly parts: TrapParts;
  private readonly prng: Prng;
  private readonly daemon: SimDaemon;
  /** Who is alone with him; `leave`: he meets the others. */
  private victim: { readonly daemon: SimDaemon; readonly leave: () => void } | undefined;

  constructor(liar: Liar, parts: TrapParts) {
    const { world, plan, net } = parts;
    this.liar = liar;
    this.parts = parts;
    this.prng = world.prng('trap');
    this.daemon = parts.add({
      ...{ id: LIAR, tokens: plan.history.tokens, isLiar: true },
      onHost: (host) => {
        host.bendStream = liar.bendStream;
        // Who would hear all by gossip would have nothing to ask him.
        host.gossip.isMute = (peerId) => !liar.isGossiper && net.lost.has(peerId);
      },
    });
    if (liar.isGossiper) parts.diary.in(5_000, () => this.gossipLies());
  }

  static of(parts: TrapParts): Trap | undefined {
    const { plan, world, counts } = parts;
    const { lie, history } = plan;
    if (lie === undefined) return undefined;
    const onLie = (peerId: string): void => {
      counts.add('lie');
      world.note(`${LIAR} lies to ${peerId}`);
    };
    return new Trap(new Liar(lie, history, { prng: world.prng('liar'), onLie }), parts);
  }

  /** Somebody is there who has met nobody yet. */
  catch(daemon: SimDaemon, leave: () => void): void {
    const { net, diary } = this.parts;
    net.lost.add(daemon.id);
    net.join(LIAR, daemon.id);
    this.victim = {
      daemon,
      leave: () => {
        net.lost.delete(daemon.id);
        leave();
      },
    };
    diary.in(LOOK_MS, () => this.look());
  }

  /** Until nobody is alone with the liar any more. */
  async open(): Promise<void> {
    const { world } = this.parts;
    while (this.victim !== undefined) {
      await world.pass(LOOK_MS);
      if (this.liar.isGossiper) this.gossipLies(false);
      this.look();
    }
  }

  /** Who is with the liar alone is so until he has found him out; once all is calm, for no longer than it may take. */
  private look(): void {
    const { victim, liar } = this;
    const { world, plan, diary, untilBan } = this.parts;
    if (victim === undefined) return;
    const { penalties } = victim.daemon;
    const caught = penalties.filter(({ of, code }) => of === LIAR && liar.codes.test(code));
    const isOver = caught.some(({ verdict }) => verdict === 'ban' || !untilBan);
    if (!(isOver || liar.mayPass) && world.nowMs < plan.stormMs + (untilBan ? PATIENCE_MS : ALONE_MS)) {
      if (world.nowMs < plan.stormMs) diary.in(LOOK_MS, () => this.look());
      return;
    }
    this.victim = undefined;
    victim.leave();
  }

  private gossipLies(again = true): void {
    const { liar, prng } = this;
    const { net, diary } = this.parts;
    const message = liar.gossip();
    const gossip = this.daemon.host?.gossip;
    if (message !== undefined)
      for (const id of net.neighbours(LIAR)) gossip?.send(id, message.topic, message.data);
    if (again) diary.in(prng.between(500, 4_000), () => this.gossipLies());
  }
}
