import { type ChildProcess, spawn } from 'node:child_process';
import type { Prng } from './corpus/prng.ts';

/** Where in the life of a child its kill fell. */
export type Phase = 'start' | 'opening' | 'import' | 'closing' | 'ended';

export interface Killed {
  readonly phase: Phase;
  /** Milliseconds from the beginning of the phase to the kill. */
  readonly afterMs: number;
  /** Everything that the child said before it died, as the parent read it. */
  readonly lines: readonly string[];
  readonly stderr: string;
  /** True if it died of the kill. */
  readonly wasKilled: boolean;
  readonly exitCode: number | null;
}

/** When to kill: so long after the child began a phase. Undefined: never. */
export interface KillPlan {
  readonly phase: Exclude<Phase, 'ended'>;
  readonly afterMs: number;
}

export interface Lines {
  /** The phase that a line begins; undefined for lines that begin none. */
  readonly phaseOf: (line: string) => Phase | undefined;
  readonly from: 'stdout' | 'stderr';
}

/** Runs a child and kills it with SIGKILL at the planned moment, or a little later if it is in no hurry to get there. */
export function runAndKill(
  command: readonly string[],
  lines: Lines,
  plan: KillPlan | undefined,
): Promise<Killed> {
  const [file, ...args] = command as [string, ...string[]];
  const child: ChildProcess = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const said: string[] = [];
  const texts = { stdout: '', stderr: '' };
  let phase: Phase = 'start';
  let since = performance.now();
  let killed: Pick<Killed, 'phase' | 'afterMs'> | undefined;
  let timer: NodeJS.Timeout | undefined;
  const kill = (): void => {
    if (!child.kill('SIGKILL')) return;
    killed ??= { phase, afterMs: performance.now() - since };
  };
  const enter = (next: Phase): void => {
    phase = next;
    since = performance.now();
    if (plan?.phase !== next) return;
    clearTimeout(timer);
    if (plan.afterMs <= 0) kill();
    else timer = setTimeout(kill, plan.afterMs);
  };
  const read = (name: 'stdout' | 'stderr') => (chunk: Buffer) => {
    texts[name] += chunk.toString();
    if (name !== lines.from) return;
    const parts = texts[name].split('\n');
    texts[name] = parts.pop()!;
    for (const line of parts) {
      said.push(line);
      const next = lines.phaseOf(line);
      if (next !== undefined) enter(next);
    }
  };
  child.stdout!.on('data', read('stdout'));
  child.stderr!.on('data', read('stderr'));
  enter('start');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, signal) => {
      clearTimeout(timer);
      const wasKilled = signal === 'SIGKILL';
      const where = wasKilled && killed !== undefined ? killed : { phase: 'ended' as const, afterMs: 0 };
      resolve({ ...where, lines: said, stderr: texts.stderr, wasKilled, exitCode });
    });
  });
}

/** Counts by name, printed with bars. */
export class Histogram {
  readonly #counts = new Map<string, number>();

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  total(prefix = ''): number {
    let sum = 0;
    for (const [name, count] of this.#counts) if (name.startsWith(prefix)) sum += count;
    return sum;
  }

  lines(): string[] {
    const rows = [...this.#counts].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
    return rows.map(
      ([name, count]) => `${name.padEnd(24)} ${String(count).padStart(4)} ${'#'.repeat(Math.min(60, count))}`,
    );
  }
}

export function pickWeighted<T>(prng: Prng, choices: readonly (readonly [T, number])[]): T {
  let at = prng.below(choices.reduce((sum, [, weight]) => sum + weight, 0));
  for (const [choice, weight] of choices) {
    if (at < weight) return choice;
    at -= weight;
  }
  throw new Error('no choice');
}
