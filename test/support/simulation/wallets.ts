import type { Prng } from '../corpus/prng.ts';
import type { SimDaemon } from './daemon.ts';
import type { Diary } from './diary.ts';
import type { Deed } from './history.ts';
import type { Counts } from './link.ts';
import type { Plan } from './plan.ts';
import { SimClock, type World } from './world.ts';

/** A wallet tries again after this, elsewhere. */
const RETRY_MS = 1_500;
const MAX_TRIES = 100;
/** Proofs come up to so long after their block. */
const PROOF_MS = 4_000;

export interface WalletParts {
  readonly plan: Plan;
  readonly world: World;
  readonly counts: Counts;
  readonly diary: Diary;
  readonly honest: () => readonly SimDaemon[];
}

/** Wallets and miners: they tell a history to daemons, in its order and until somebody has taken it. */
export class Wallets {
  readonly troubles: unknown[] = [];
  private readonly parts: WalletParts;
  private readonly clock: SimClock;
  private readonly prng: Prng;
  /** What they are at, until it is answered for. */
  private readonly errands = new Set<Promise<void>>();

  constructor(parts: WalletParts) {
    this.parts = parts;
    this.clock = new SimClock(parts.world);
    this.prng = parts.world.prng('wallets');
  }

  get isDone(): boolean {
    return this.errands.size === 0;
  }

  planDeeds(): void {
    const { plan, diary } = this.parts;
    const { deeds } = plan.history;
    const times = deeds.map(() => this.prng.below(plan.stormMs * 0.9)).sort((a, b) => a - b);
    for (const [i, deed] of deeds.entries()) diary.at(times[i]!, () => this.tell(deed));
  }

  /** Something that is under way, and must not fail. */
  errand(run: () => Promise<void>): void {
    const done = run()
      .catch((error: unknown) => void this.troubles.push(error))
      .finally(() => this.errands.delete(done));
    this.errands.add(done);
  }

  /** A wallet tells of a transaction, or a miner of a block and then wallets of its proofs. */
  private tell(deed: Deed): void {
    const copies = this.prng.chance(0.3) ? 2 : 1;
    if (copies > 1) this.parts.counts.add('toldTwice');
    if (deed.kind === 'tx') {
      for (let i = 0; i < copies; i++) this.errand(() => this.submit(deed.beef));
      return;
    }
    for (let i = 0; i < copies; i++) this.errand(() => this.mined(deed.headers));
    for (const proof of deed.proofs) {
      const waitMs = this.prng.below(PROOF_MS);
      this.errand(async () => {
        await this.sleep(waitMs);
        await this.submit(proof);
      });
    }
  }

  /** What was answered for is never told again: a daemon that forgets it is found out. */
  private async submit(beef: Uint8Array): Promise<void> {
    let last: unknown;
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const daemon = this.prng.pick(this.parts.honest().slice(0, 2));
      const outcome = daemon.life === undefined ? undefined : await daemon.submit(beef);
      this.parts.counts.add(`told ${outcome?.status ?? 'nobody'}`);
      if (outcome !== undefined && outcome.status !== 'rejected') return;
      last = outcome;
      await this.sleep(RETRY_MS);
    }
    throw new Error(`never taken: ${JSON.stringify(last)}`);
  }

  private async mined(headers: Uint8Array): Promise<void> {
    for (;;) {
      const daemon = this.prng.pick(this.parts.honest());
      const { life } = daemon;
      if (life !== undefined) {
        await daemon.hearHeaders(headers);
        if (daemon.life === life) return;
      }
      await this.sleep(RETRY_MS);
    }
  }

  private sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.after(ms, resolve));
  }
}
