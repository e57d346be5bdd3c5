import type { World } from './world.ts';

type Happening = () => Promise<void> | void;

interface Appointment {
  readonly atMs: number;
  readonly run: Happening;
}

/** What is to happen at which time; of two for one moment the one that was entered first. */
export class Diary {
  private readonly world: World;
  private readonly entries: Appointment[] = [];

  constructor(world: World) {
    this.world = world;
  }

  at(atMs: number, run: Happening): void {
    const { entries } = this;
    const place = entries.findIndex((each) => each.atMs > atMs);
    entries.splice(place < 0 ? entries.length : place, 0, { atMs, run });
  }

  in(ms: number, run: Happening): void {
    this.at(this.world.nowMs + ms, run);
  }

  /** Lets time pass until then, and happen what is entered for it; `onEach` comes after each of them. */
  async live(untilMs: number, onEach: () => void): Promise<void> {
    const { world, entries } = this;
    for (let next = entries[0]; next !== undefined && next.atMs <= untilMs; next = entries[0]) {
      await world.pass(Math.max(0, next.atMs - world.nowMs));
      // Others may have come before it meanwhile.
      await entries.shift()!.run();
      onEach();
    }
    await world.pass(Math.max(0, untilMs - world.nowMs));
  }
}
