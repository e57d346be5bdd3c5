import type { ApiModules } from '../api/modules.ts';

/** A stream of the process, as commands see it. */
export interface Sink {
  write(text: string): void;
  readonly isTty: boolean;
  readonly columns: number;
}

/** The parts of a node that work on a data directory without a daemon. */
export interface LocalNode {
  readonly modules: ApiModules;
  close(): Promise<void>;
}

export interface OpenLocalOptions {
  /** The store is to be rebuilt from its transactions: it may be damaged, and must open nevertheless. */
  readonly repair: boolean;
  /** False: a home without conf.yaml is an error, and nothing is written there. */
  readonly create: boolean;
}

/** All that a command can touch outside itself; the composition root and the tests give it. */
export interface CliIo {
  /** Data only. */
  readonly stdout: Sink;
  /** Everything else. */
  readonly stderr: Sink;
  readonly stdin: AsyncIterable<Uint8Array>;
  /** The line that a person types; undefined where no terminal is. Empty at the end of input and at Ctrl-C. */
  ask(question: string): Promise<string | undefined>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  nowMs(): number;
  /** Resolves after the time, or at once when the signal is aborted. */
  sleep(ms: number): Promise<void>;
  /** Opens the data directory of a home for this process; refused while a daemon has it. */
  openLocal(home: string, opts: OpenLocalOptions): Promise<LocalNode>;
  /** Runs the daemon until it is stopped; its exit code. */
  runDaemon(home: string): Promise<number>;
}
