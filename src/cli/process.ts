import { EXIT } from './errors.ts';
import type { Interrupt } from './interrupt.ts';
import type { CliIo, LocalNode, OpenLocalOptions, Sink } from './io.ts';
import { main } from './main.ts';

/** What the composition root gives: the daemon, and a data directory without one. */
export interface CliParts {
  openLocal(home: string, opts: OpenLocalOptions): Promise<LocalNode>;
  /** What runs the daemon, and takes over the signals at once. */
  loadDaemon(): Promise<(home: string) => Promise<number>>;
}

/** Runs this process's command line and sets its exit code; output that is still buffered goes out. */
export async function runProcess(parts: CliParts, interrupt: Interrupt): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', endWithoutReader);
  process.exitCode = await main(process.argv.slice(2), processIo(parts, interrupt));
  interrupt.release();
}

/** Who reads us went away (`| head`): nothing is left to say, and that is no fault. */
function endWithoutReader(error: NodeJS.ErrnoException): void {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
}

/** A daemon that was told to stop ends the process, whatever a part that missed its deadline still waits for. */
async function runDaemon(parts: CliParts, interrupt: Interrupt, home: string): Promise<never> {
  const run = await parts.loadDaemon();
  // A signal that came while all this was loaded is told when the event loop turns.
  await new Promise((resolve) => setImmediate(resolve));
  if (interrupt.signal.aborted) process.exit(EXIT.ok);
  const ended = run(home);
  // Only now: with no handler at all in between, a signal would kill it, or be lost.
  interrupt.release();
  // Its work goes on when nobody takes its log any more.
  for (const stream of [process.stdout, process.stderr]) {
    stream.off('error', endWithoutReader);
    stream.on('error', () => undefined);
  }
  process.exit(await ended);
}

function processIo(parts: CliParts, interrupt: Interrupt): CliIo {
  const { signal } = interrupt;
  return {
    stdout: sink(process.stdout),
    stderr: sink(process.stderr),
    stdin: process.stdin,
    ask: (question) => ask(question, signal),
    env: process.env,
    cwd: process.cwd(),
    signal,
    nowMs: () => Date.now(),
    sleep: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(done, ms);
        signal.addEventListener('abort', done, { once: true });
        function done() {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        }
      }),
    openLocal: (home, opts) => parts.openLocal(home, opts),
    runDaemon: (home) => runDaemon(parts, interrupt, home),
  };
}

async function ask(question: string, signal: AbortSignal): Promise<string | undefined> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY || !stderr.isTTY) return undefined;
  const { createInterface } = await import('node:readline');
  // Not in raw mode: Ctrl-C is to stay a signal.
  const lines = createInterface({ input: stdin, terminal: false, signal });
  stderr.write(question);
  const answer = await new Promise<string>((resolve) => {
    lines.once('line', resolve).once('close', () => resolve(''));
  });
  lines.close();
  return answer;
}

function sink(stream: NodeJS.WriteStream): Sink {
  return {
    write: (text) => void stream.write(text),
    isTty: stream.isTTY === true,
    get columns() {
      return stream.columns ?? 100;
    },
  };
}
