import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CliIo, Sink } from '../../src/cli/io.ts';
import { main } from '../../src/cli/main.ts';
import { FakeNode } from './fake-modules.ts';

class FakeSink implements Sink {
  readonly columns = 100;
  readonly isTty: boolean;
  text = '';
  readonly #onWrite: (text: string) => void;

  constructor(isTty: boolean, onWrite: (text: string) => void) {
    this.isTty = isTty;
    this.#onWrite = onWrite;
  }

  write(text: string): void {
    this.text += text;
    this.#onWrite(text);
  }
}

export interface CliRun {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly localOpened: number;
  readonly localClosed: number;
}

export interface CliRunOptions {
  readonly home: string;
  readonly tty?: boolean;
  /** What is typed when a question is asked; without it there is no terminal. */
  readonly answer?: string;
  readonly env?: Record<string, string>;
  readonly stdin?: readonly Uint8Array[];
  /** Serves commands that work without a daemon. */
  readonly local?: FakeNode | Error;
  readonly onOpenLocal?: (repair: boolean) => void;
  readonly abort?: AbortController;
  /** Sees all output as it comes. */
  readonly onOutput?: (text: string) => void;
  /** Time that passes in each sleep; sleeps themselves take no time. */
  readonly onSleep?: (ms: number) => void | Promise<void>;
  readonly runDaemon?: (home: string) => Promise<number>;
}

/** Runs one command line in this process, its surroundings being fakes. */
export async function cli(argv: readonly string[], opts: CliRunOptions): Promise<CliRun> {
  const onOutput = opts.onOutput ?? (() => undefined);
  const stdout = new FakeSink(opts.tty === true, onOutput);
  const stderr = new FakeSink(opts.tty === true, onOutput);
  const abort = opts.abort ?? new AbortController();
  let nowMs = 1_000_000;
  let localOpened = 0;
  let localClosed = 0;
  const io: CliIo = {
    stdout,
    stderr,
    stdin: (async function* () {
      yield* opts.stdin ?? [];
    })(),
    ask: async (question) => {
      if (opts.answer !== undefined) stderr.write(question);
      return opts.answer;
    },
    env: { BTCFED_HOME: opts.home, ...opts.env },
    cwd: opts.home,
    signal: abort.signal,
    nowMs: () => {
      nowMs += 7;
      return nowMs;
    },
    sleep: async (ms) => {
      nowMs += ms;
      await opts.onSleep?.(ms);
      await nextTurn();
    },
    openLocal: async (_home, { repair }) => {
      opts.onOpenLocal?.(repair);
      if (opts.local instanceof Error) throw opts.local;
      localOpened += 1;
      return {
        modules: (opts.local ?? new FakeNode()).modules,
        close: async () => {
          localClosed += 1;
        },
      };
    },
    runDaemon: opts.runDaemon ?? (async () => 0),
  };
  const exit = await main(argv, io);
  return { exit, stdout: stdout.text, stderr: stderr.text, localOpened, localClosed };
}
