import { setImmediate } from 'node:timers/promises';
import type { Database } from '../../src/store/database.ts';

type Call = (...args: unknown[]) => unknown;

/** What LevelDB has under way on its threads: a fake clock must not go on meanwhile, or a slow machine makes peers late. */
export class DiskWork {
  private underWay = 0;

  watch(database: Database): void {
    const level = Reflect.get(database, 'level') as Record<string, Call>;
    this.count(level, 'getMany');
    this.countOf(level, 'iterator', 'nextv');
    this.countOf(level, 'batch', 'write');
  }

  /** Resolves when nothing is, nor begins to be within some turns of the event loop. */
  async settled(turns: number): Promise<void> {
    for (let quiet = 0; quiet < turns; quiet++) {
      await setImmediate();
      if (this.underWay > 0) quiet = -1;
    }
  }

  /** What this method makes is watched for calls of the other one. */
  private countOf(level: Record<string, Call>, make: string, method: string): void {
    const original = level[make]!;
    level[make] = (...args) => {
      const made = original.apply(level, args) as Record<string, Call>;
      this.count(made, method);
      return made;
    };
  }

  private count(target: Record<string, Call>, method: string): void {
    const original = target[method]!;
    target[method] = (...args) => {
      this.underWay++;
      return (original.apply(target, args) as Promise<unknown>).finally(() => {
        this.underWay--;
      });
    };
  }
}
