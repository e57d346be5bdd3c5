import { setImmediate } from 'node:timers/promises';

/** Lets others run after every so many steps of a long piece of work. */
export class Turns {
  private readonly every: number;
  private steps = 0;

  constructor(every: number) {
    this.every = every;
  }

  async next(): Promise<void> {
    this.steps++;
    if (this.steps % this.every === 0) await setImmediate();
  }
}
